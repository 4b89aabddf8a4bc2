import { createHash, randomUUID } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, open, rm } from 'node:fs/promises'
import path from 'node:path'
import { PassThrough, type Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import busboy from 'busboy'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'

/** One file of an upload on our disk under a name of our own. `name`: what the sender called it, without path. */
export type SpooledFile = {
  readonly name: string
  readonly path: string
  readonly bytes: number
  readonly sha256: string
}

/** A folder that lives as long as one upload. */
export type Spool = { readonly folder: string; remove(): Promise<void> }

export async function openSpool(dataFolder: string): Promise<Spool> {
  const folder = path.join(dataFolder, 'spool', randomUUID())
  await mkdir(folder, { recursive: true, mode: 0o700 })
  return { folder, remove: () => rm(folder, { recursive: true, force: true }) }
}

/** At start, before any upload: what a stopped process left behind. */
export async function clearSpool(dataFolder: string): Promise<void> {
  await rm(path.join(dataFolder, 'spool'), { recursive: true, force: true })
}

/** Streams into a new spool file, counting and hashing; beyond `mostBytes` it stops with 413. */
export async function spoolStream(
  spool: Spool,
  name: string,
  source: Readable,
  mostBytes: number,
): Promise<SpooledFile> {
  const target = path.join(spool.folder, randomUUID())
  const hash = createHash('sha256')
  let bytes = 0
  const meter = new Transform({
    transform(piece: Buffer, _encoding, done) {
      bytes += piece.length
      if (bytes > mostBytes)
        return done(new Refusal(413, [issue('payload-too-large', plainName(name))], { Connection: 'close' }))
      hash.update(piece)
      done(null, piece)
    },
  })
  await pipeline(source, meter, createWriteStream(target, { mode: 0o600 }))
  return { name: baseName(name), path: target, bytes, sha256: hash.digest('hex') }
}

/** Everything one request carries: the parts of a multipart body, or the body itself. At most `mostBytes` together. */
export async function spoolRequest(
  spool: Spool,
  request: Readable & { headers: Record<string, string | string[] | undefined> },
  mostBytes: number,
): Promise<readonly SpooledFile[]> {
  const type = String(request.headers['content-type'] ?? '')
  if (request.headers['content-encoding'] && request.headers['content-encoding'] !== 'identity')
    throw new Refusal(415, [issue('media-type-not-supported', 'Content-Encoding')])
  if (Number(request.headers['content-length'] ?? 0) > mostBytes + multipartOverhead)
    throw new Refusal(413, [issue('payload-too-large', 'body')], { Connection: 'close' })
  const body = withoutDestroying(request)
  if (!/^multipart\/form-data/i.test(type))
    return [await spoolStream(spool, sentName(request.headers), body, mostBytes)]
  const files: Promise<SpooledFile>[] = []
  const parser = busboy({
    headers: { 'content-type': type },
    limits: { files: 1_000, fields: 0 },
    defParamCharset: 'utf8',
  })
  let left = mostBytes
  parser.on('file', (_field, stream, info) => {
    stream.on('data', (piece: Buffer) => {
      left -= piece.length
      if (left < 0) stream.destroy(new Refusal(413, [issue('payload-too-large', 'body')]))
    })
    const kept = spoolStream(spool, info.filename ?? 'file', stream, mostBytes)
    kept.catch(cause => parser.destroy(cause instanceof Error ? cause : undefined))
    files.push(kept)
  })
  try {
    await pipeline(body, parser)
  } catch (cause) {
    await Promise.allSettled(files)
    throw cause instanceof Refusal ? cause : new Refusal(400, [issue('structure-invalid', 'body')])
  }
  return Promise.all(files)
}

/** Boundaries and part headers of a multipart body. Bytes. */
const multipartOverhead = 1024 * 1024

/** A body that can be given up without tearing down the connection the refusal has to travel on. */
function withoutDestroying(request: Readable): Readable {
  const body = new PassThrough()
  request.once('error', cause => body.destroy(cause))
  request.once('aborted', () => body.destroy(new Error('the sender hung up')))
  return request.pipe(body)
}

function sentName(headers: Record<string, string | string[] | undefined>): string {
  const disposition = String(headers['content-disposition'] ?? '')
  return /filename="?([^";]+)"?/i.exec(disposition)?.[1] ?? 'body'
}

function baseName(name: string): string {
  return name.split(/[\\/]/).at(-1) ?? name
}

/** A file name as it may stand in an issue or a log: plain characters only. */
export function plainName(name: string): string {
  return baseName(name)
    .replace(/[^A-Za-z0-9._-]/g, '_')
    .slice(0, 120)
}

export async function isZip(file: SpooledFile): Promise<boolean> {
  const handle = await open(file.path)
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(4), 0, 4, 0)
    return bytesRead === 4 && buffer.readUInt32BE(0) === 0x504b0304
  } finally {
    await handle.close()
  }
}

export function readSpooled(file: SpooledFile): Readable {
  return createReadStream(file.path, { highWaterMark: 256 * 1024 })
}
