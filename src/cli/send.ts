import { readFile } from 'node:fs/promises'
import { readDemoIdentities } from '../access/demo-file.ts'
import { splitBatch } from '../sources/hl7v2/batch.ts'
import { sendMessages } from '../sources/hl7v2/send.ts'

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
    headers: { authorization: `Bearer ${await tokenFor(demoFile, client)}`, 'content-type': 'application/fhir+json' },
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

/** A token of a demo client, by default the first hospital's. */
async function tokenFor(demoFile: string, clientId: string | undefined): Promise<string> {
  const identities = await readDemoIdentities(demoFile)
  const client = identities?.clients.find(one =>
    clientId === undefined ? one.role === 'hospital' && one.clientSecret !== '' : one.clientId === clientId,
  )
  const described = JSON.parse(await readFile(demoFile, 'utf8')) as { tokenUrl: string; audience: string }
  if (!client) throw new Error(`No client ${clientId ?? 'of a hospital'} in ${demoFile}. Name one with --client.`)
  const answer = await fetch(described.tokenUrl, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${client.clientId}:${client.clientSecret}`).toString('base64')}`,
      'content-type': 'application/x-www-form-urlencoded',
    },
    body: new URLSearchParams({ grant_type: 'client_credentials', scope: client.scope, resource: described.audience }),
  })
  const body: unknown = await answer.json()
  if (typeof body === 'object' && body !== null && 'access_token' in body && typeof body.access_token === 'string')
    return body.access_token
  throw new Error(`The identity provider gave no token (${answer.status}).`)
}
