import { createReadStream } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rename, stat } from 'node:fs/promises'
import path from 'node:path'
import { limits } from '../config.ts'
import { batchReader } from '../sources/hl7v2/batch.ts'
import { type SendResult, sendMessages } from '../sources/hl7v2/send.ts'
import { unframed } from '../sources/hl7v2/unframe.ts'

export type ImportCommand = {
  readonly host: string
  readonly port: number
  /** Leave finished files where they are. */
  readonly keep?: boolean
  readonly json?: boolean
}

/** What became of one file. `differing`: BTS-1 or FTS-1 that count otherwise; nothing is lost by it. */
type Delivered = {
  file: string
  messages: number
  before: number
  acknowledged: number
  refused: number
  differing: readonly string[]
}

/**
 * `flsdb import FOLDER|FILE`: sends files of HL7 v2 messages (single, FHS/BHS batches, bare lists, MLLP frames; any length) through the MLLP door, as if
 * they had come singly. Beside each file `<file>.acknowledged` grows with every positive answer; run again after whatever stopped it, it goes on
 * where it was. Finished files go to `done/` beside them; one with refused messages stays. Exit code 1 when one was not taken.
 */
export async function importCommand(place: string, options: ImportCommand): Promise<void> {
  for (const file of await filesIn(place)) {
    const delivered = await deliverFile(file, options)
    const { messages, before, acknowledged, refused, differing } = delivered
    const isDone = before + acknowledged === messages
    if (!isDone) process.exitCode = 1
    else if (!options.keep) await moveAway(file)
    if (options.json) console.log(JSON.stringify(delivered))
    else {
      const counts = differing.length > 0 ? `; ${differing.join(' and ')} counts otherwise, all were sent` : ''
      console.log(
        `${file}: ${messages} messages, ${before} acknowledged before, ${acknowledged} now, ${refused} refused${counts}${isDone ? '' : ' (stays: run again when it is mended)'}`,
      )
    }
  }
}

async function filesIn(place: string): Promise<string[]> {
  if (!(await stat(place)).isDirectory()) return [place]
  const found = await readdir(place, { withFileTypes: true })
  return found
    .filter(entry => entry.isFile() && !entry.name.startsWith('.') && !entry.name.endsWith('.acknowledged'))
    .map(entry => path.join(place, entry.name))
    .sort()
}

async function deliverFile(file: string, { host, port }: ImportCommand): Promise<Delivered> {
  const journal = await openJournal(file)
  const found = messagesOf(file)
  const delivered: Delivered = { file, messages: 0, before: 0, acknowledged: 0, refused: 0, differing: [] }
  let last: SendResult | undefined
  async function* due(): AsyncGenerator<Buffer> {
    for await (const message of found.messages) {
      delivered.messages += 1
      if (journal.known.has(delivered.messages)) {
        delivered.before += 1
        continue
      }
      for (let attempt = 1; ; attempt++) {
        yield message
        if (last?.kind === 'answered') break
        if (attempt === mostAttempts)
          throw new Error(`${file}, message ${delivered.messages}: no answer. Run again to go on from here.`)
        await new Promise(resolve => setTimeout(resolve, 500 * 2 ** attempt))
      }
    }
  }
  await sendMessages({
    host,
    port,
    messages: due(),
    onAck: async result => {
      last = result
      if (result.code === 'AA' || result.code === 'CA') {
        await journal.add(delivered.messages)
        delivered.acknowledged += 1
      } else if (result.kind === 'answered') delivered.refused += 1
    },
  })
  return { ...delivered, differing: found.differing() }
}

const mostAttempts = 5

/** Ordinals acknowledged of this very file; a file that has changed since starts anew, which the inbox absorbs. */
async function openJournal(
  file: string,
): Promise<{ known: ReadonlySet<number>; add: (ordinal: number) => Promise<void> }> {
  const { size, mtimeMs } = await stat(file)
  const version = `${size} ${Math.round(mtimeMs)}`
  const journal = journalOf(file)
  const [first, ...lines] = (await readFile(journal, 'utf8').catch(() => '')).split('\n')
  if (first !== version) await appendFile(journal, `${version}\n`, { flag: 'w' })
  // The last line may have been cut off in the middle of its number.
  const known = first === version ? lines.slice(0, -1).map(Number) : []
  return { known: new Set(known), add: ordinal => appendFile(journal, `${ordinal}\n`) }
}

async function moveAway(file: string): Promise<void> {
  const done = path.join(path.dirname(file), 'done')
  await mkdir(done, { recursive: true })
  for (const one of [file, journalOf(file)]) await rename(one, path.join(done, path.basename(one)))
}

function journalOf(file: string): string {
  return `${file}.acknowledged`
}

function messagesOf(file: string): { messages: AsyncIterable<Buffer>; differing: () => readonly string[] } {
  const reader = batchReader()
  async function* cut(): AsyncGenerator<Buffer> {
    for await (const chunk of unframed(createReadStream(file))) {
      yield* reader.push(chunk)
      if (reader.heldBytes() > 2 * limits.mllpMessage)
        throw new Error(
          `${file}: no message begins for ${limits.mllpMessage} bytes. Is this a file of HL7 v2 messages?`,
        )
    }
    yield* reader.end()
  }
  return { messages: cut(), differing: () => reader.issues.map(found => found.where) }
}
