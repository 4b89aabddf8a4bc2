import { readFile } from 'node:fs/promises'
import { splitBatch } from '../sources/hl7v2/batch.ts'
import { sendMessages } from '../sources/hl7v2/send.ts'
import { demoToken } from './token.ts'

export type SendCommand = {
  readonly mllp?: boolean
  readonly fhir?: boolean
  readonly host: string
  readonly port: number
  readonly url: string
  readonly client?: string
  readonly demoFile: string
  readonly json?: boolean
}

/** `flsdb send`: pushes files to a running service and prints what the door answered, one line a message. Exit code 1 when one was not taken. */
export async function sendCommand(files: readonly string[], options: SendCommand): Promise<void> {
  let refused = 0
  for (const file of files) {
    const bytes = await readFile(file)
    refused +=
      options.fhir || /\.json$/i.test(file) ? await sendFhir(file, bytes, options) : await sendHl7(file, bytes, options)
  }
  if (refused > 0) process.exitCode = 1
}

async function sendHl7(file: string, bytes: Buffer, { host, port, json }: SendCommand): Promise<number> {
  const { messages } = splitBatch(bytes)
  let refused = 0
  await sendMessages({
    host,
    port,
    messages,
    onAck: ({ controlId, kind, code, texts, ms }) => {
      if (code !== 'AA' && code !== 'CA') refused++
      console.log(
        json
          ? JSON.stringify({ file, controlId, kind, code, texts, ms: Math.round(ms) })
          : `${code || kind}  ${controlId}  ${file}  ${Math.round(ms)} ms${texts.length > 0 ? `  ${texts.join('; ')}` : ''}`,
      )
    },
  })
  return refused
}

async function sendFhir(file: string, bytes: Buffer, { url, client, demoFile, json }: SendCommand): Promise<number> {
  const type = resourceTypeOf(bytes)
  const answer = await fetch(`${url}/fhir${type === 'Bundle' || type === undefined ? '' : `/${type}`}`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await demoToken(demoFile, client ?? 'hospital')}`,
      'content-type': 'application/fhir+json',
    },
    body: new Uint8Array(bytes),
  })
  const text = await answer.text()
  console.log(
    json
      ? JSON.stringify({ file, status: answer.status, body: text })
      : `${answer.status}  ${file}${answer.ok ? '' : `\n${text}`}`,
  )
  return answer.ok ? 0 : 1
}

function resourceTypeOf(bytes: Buffer): string | undefined {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof parsed === 'object' &&
      parsed !== null &&
      'resourceType' in parsed &&
      typeof parsed.resourceType === 'string'
      ? parsed.resourceType
      : undefined
  } catch {
    // The service answers unreadable JSON with an OperationOutcome; that answer is what the user wants to see.
    return undefined
  }
}
