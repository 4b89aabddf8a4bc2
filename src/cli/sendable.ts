import { hash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { isObject, type JsonObject, objectAt, textAt } from '../sources/fhir/json.ts'
import { splitBatch } from '../sources/hl7v2/batch.ts'
import { withoutFrames } from '../sources/hl7v2/unframe.ts'

/** One thing to send: a message of a file, a FHIR request, an extract file. `ordinal`: its place in the file, from 1. */
export type Sendable = {
  readonly file: string
  readonly ordinal: number
  readonly bytes: Buffer
  /** Of the bytes: what a resend knows it by. */
  readonly sha256: string
} & (
  | { readonly kind: 'hl7v2' }
  | { readonly kind: 'fhir'; readonly method: string; readonly path: string; readonly contentType: string }
  | { readonly kind: 'extract'; readonly contentType: string }
)

const extractTypes: Readonly<Record<string, string>> = {
  '.csv': 'text/csv',
  '.txt': 'text/csv',
  '.ndjson': 'application/x-ndjson',
  '.zip': 'application/zip',
}

/** What a file holds, by its name and first bytes; `as` overrules them. */
export async function sendablesOf(file: string, as?: 'hl7v2' | 'fhir' | 'extract'): Promise<Sendable[]> {
  const bytes = await readFile(file)
  const extension = path.extname(file).toLowerCase()
  const kind = as ?? (extension === '.json' ? 'fhir' : extension in extractTypes ? 'extract' : 'hl7v2')
  if (kind === 'fhir') return [fhirRequest(file, bytes)]
  if (kind === 'extract')
    return [{ ...itemOf(file, 1, bytes), kind, contentType: extractTypes[extension] ?? 'application/octet-stream' }]
  return splitBatch(withoutFrames(bytes)).messages.map((message, index) => ({
    ...itemOf(file, index + 1, message),
    kind,
  }))
}

function itemOf(file: string, ordinal: number, bytes: Buffer) {
  return { file, ordinal, bytes, sha256: hash('sha256', bytes, 'hex') }
}

function fhirRequest(file: string, sent: Buffer): Sendable {
  const request = requestIn(sent)
  const bytes = request?.bytes ?? sent
  const type = textAt(jsonOf(bytes), 'resourceType')
  return {
    ...itemOf(file, 1, bytes),
    kind: 'fhir',
    method: request?.method ?? 'POST',
    path: request?.path ?? (type === 'Bundle' || type === undefined ? '' : `/${type}`),
    contentType: request?.contentType ?? 'application/fhir+json',
  }
}

/** A file of `samples/fhir` holds a whole request: `request` beside `body`, or `text` where the body is to be no JSON. */
export function requestIn(
  bytes: Buffer,
):
  | { readonly method: string; readonly path: string; readonly contentType?: string; readonly bytes: Buffer }
  | undefined {
  const json = jsonOf(bytes)
  const request = objectAt(json, 'request')
  if (!json || !request || textAt(json, 'resourceType') !== undefined) return undefined
  const contentType = textAt(request, 'contentType')
  return {
    method: textAt(request, 'method') ?? 'POST',
    path: textAt(request, 'path') ?? '',
    ...(contentType === undefined ? {} : { contentType }),
    bytes: Buffer.from(textAt(json, 'text') ?? JSON.stringify(json['body'] ?? {})),
  }
}

/** Undefined for anything but a JSON object: the service tells what is wrong with it. */
function jsonOf(bytes: Buffer): JsonObject | undefined {
  try {
    const parsed: unknown = JSON.parse(bytes.toString('utf8'))
    return isObject(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}
