import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { instantOf } from '../fls/dates.ts'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import { describeIssue, type Issue, issue } from '../fls/issue.ts'
import { Refusal } from '../http/refusal.ts'
import { type ReadingTables, readEntry } from '../mapping/read.ts'
import { loadTables } from '../open-river.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { operationOutcome } from '../sources/fhir/operation-outcome.ts'
import { splitBatch } from '../sources/hl7v2/batch.ts'
import { parseMessage } from '../sources/hl7v2/message.ts'
import { withoutFrames } from '../sources/hl7v2/unframe.ts'
import { checkExtract } from './check-extract.ts'
import { checkFhir } from './check-fhir.ts'
import { requestIn } from './sendable.ts'

export type CheckCommand = {
  readonly questionnaire?: string
  readonly feed?: string
  readonly practice?: string
  readonly json?: boolean
}

/** `flsdb check FILE…`: what the server would say of these files, offline and by the same code. Nothing is sent or kept. Exit code 1 on errors. */
export async function checkCommand(files: readonly string[], options: CheckCommand): Promise<void> {
  const tables = loadTables({ acceptTestNumbers: true })
  for (const file of files) {
    const issues = await checkFile(file, await readFile(file), options, tables)
    tell(file, issues, options.json ?? false)
    if (issues.some(found => found.severity === 'error')) process.exitCode = 1
  }
}

/** The issues of one file, its format told from its bytes and name. Errors: none for what the file holds; a file of `options` that cannot be read. */
export async function checkFile(
  file: string,
  bytes: Buffer,
  options: CheckCommand,
  tables: ReadingTables,
): Promise<readonly Issue[]> {
  try {
    if (options.questionnaire)
      return await checkFhir(bytes, tables, { questionnaire: await readFile(options.questionnaire) })
    const start = bytes.subarray(0, 200).toString('latin1').trimStart()
    if (/^(MSH|FHS|BHS)/.test(start.startsWith('\v') ? start.slice(1) : start) || /\.hl7$/i.test(file))
      return checkHl7(bytes, options.feed, tables)
    if (options.practice || /\.(ndjson|csv|zip|txt)$/i.test(file))
      return await checkExtract(file, tables, options.practice)
    if (start.startsWith('{')) return await checkFhir(requestIn(bytes)?.bytes ?? bytes, tables, { feed: options.feed })
    return await checkExtract(file, tables, options.practice)
  } catch (cause) {
    if (cause instanceof Refusal) return cause.issues
    throw cause
  }
}

function checkHl7(bytes: Buffer, feed: string | undefined, tables: ReadingTables): Issue[] {
  const { messages, issues } = splitBatch(withoutFrames(bytes))
  const found = messages.flatMap(message => {
    const header = parseMessage(message)?.header
    if (!header) return [issue('message-unreadable', 'MSH')]
    const place = messages.length > 1 ? `${header.controlId}: ` : ''
    const read = readEntry(
      entryOf(`${header.type}^${header.trigger}`, message, header.controlId, feed),
      tables,
      new Map(),
    )
    return read.issues.map(one => ({ ...one, where: `${place}${one.where}` }))
  })
  return [...issues, ...found]
}

function entryOf(type: string, bytes: Buffer, controlId: string, feed: string | undefined): InboxEntry {
  return {
    id: '0'.repeat(64) as InboxId,
    sender: feed ?? 'check',
    organisation: 'ZZZ' as OdsCode,
    side: 'hospital',
    protocol: 'hl7v2',
    controlId,
    type,
    bytes,
    sha256: '',
    receivedAt: instantOf(new Date()),
    ...(feed ? { meta: { mapping: feed } } : {}),
  }
}

function tell(file: string, issues: readonly Issue[], isJson: boolean): void {
  if (isJson) {
    console.log(JSON.stringify(operationOutcome(issues)))
    return
  }
  const errors = issues.filter(found => found.severity === 'error').length
  console.log(
    `${path.basename(file)}: ${errors === 0 ? 'good' : `${errors} error${errors === 1 ? '' : 's'}`}${issues.length > errors ? `, ${issues.length - errors} remarks` : ''}`,
  )
  for (const found of issues.map(describeIssue))
    console.log(`  ${found.severity.padEnd(11)} ${found.where}: ${found.text} ${found.fix} [${found.code}]`)
}
