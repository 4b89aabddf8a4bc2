import type { Readable } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import type { Request } from 'express'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'

const jsonTypes: ReadonlySet<string> = new Set([
  'application/fhir+json',
  'application/json',
  'application/json+fhir',
  'text/json',
  'json',
])

function refuseMedia(status: 406 | 415, where: string, hint?: string): never {
  throw new Refusal(status, [issue('media-type-not-supported', where, hint ? { hint } : {})])
}

/** R4 JSON only: other types, other charsets and `fhirVersion` 3.0 or 5.0 are 415 (fhir.md 1.1). */
export function checkContentType(header: string | undefined): void {
  const { type, parameters } = mediaType(header ?? '')
  if (!jsonTypes.has(type)) refuseMedia(415, 'Content-Type')
  const charset = parameters.get('charset')?.toLowerCase()
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8')
    refuseMedia(415, 'Content-Type', 'charset utf-8')
  if (!isR4(parameters.get('fhirversion'))) refuseMedia(415, 'Content-Type', 'fhirVersion 4.0')
}

/** `_format` beats `Accept`; JSON in any of its names and wildcards are answered, everything else is 406. */
export function checkAccept(accept: string | undefined, format: string | null): void {
  // A blank stands for the plus sign of an unescaped `_format=application/fhir+json`.
  const wanted = format === null ? (accept ?? '*/*') : format.replace(/^(application\/\w+) (\w+)/, '$1+$2')
  if (wanted.trim() === '') return
  const isServed = wanted.split(',').some(one => {
    const { type, parameters } = mediaType(one)
    const isJson = jsonTypes.has(type) || type === '*/*' || type === 'application/*' || type === 'text/*'
    return isJson && Number(parameters.get('q') ?? 1) > 0 && isR4(parameters.get('fhirversion'))
  })
  if (!isServed) refuseMedia(406, format === null ? 'Accept' : '_format')
}

function mediaType(text: string): { type: string; parameters: ReadonlyMap<string, string> } {
  const [type = '', ...rest] = text.split(';')
  const parameters = new Map(
    rest.map(part => {
      const [name = '', value = ''] = part.split('=', 2)
      return [name.trim().toLowerCase(), value.trim().replace(/^"|"$/g, '')]
    }),
  )
  return { type: type.trim().toLowerCase(), parameters }
}

function isR4(version: string | undefined): boolean {
  return version === undefined || /^4\.0(\.\d)?$/.test(version)
}

/** The whole body, unpacked, at most `limit` bytes before and after unpacking; 413 beyond it, 400 for broken compression, 415 for others. */
export async function readBody(request: Request, limit: number): Promise<Buffer> {
  const declared = Number(request.headers['content-length'] ?? 0)
  if (declared > limit) throw tooLarge()
  const packed = await collect(request, limit)
  const encoding = request.headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding === 'identity' || encoding === '') return packed
  if (encoding !== 'gzip' && encoding !== 'x-gzip' && encoding !== 'deflate') refuseMedia(415, 'Content-Encoding')
  const unpacking = encoding === 'deflate' ? createInflate() : createGunzip()
  unpacking.end(packed)
  try {
    return await collect(unpacking, limit)
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal(400, [issue('json-invalid', 'body', { hint: 'broken compression' })])
  }
}

async function collect(stream: Readable, limit: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let size = 0
  for await (const piece of stream) {
    const bytes = Buffer.from(piece)
    size += bytes.length
    if (size > limit) throw tooLarge()
    pieces.push(bytes)
  }
  return Buffer.concat(pieces, size)
}

/** The rest of the body is not read, so the connection cannot serve another request. */
function tooLarge(): Refusal {
  return new Refusal(413, [issue('payload-too-large', 'body')], { Connection: 'close' })
}
