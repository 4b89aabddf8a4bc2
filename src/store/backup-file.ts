import { createHash, type Hash } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { PassThrough, Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import { BSON, type Document } from 'mongodb'

/** One file of a backup: documents as BSON one after another (what `mongodump --gzip` writes), compressed. */
export type WrittenFile = {
  readonly documents: number
  /** Bytes on disk, and their SHA-256 (hex). */
  readonly size: number
  readonly sha256: string
}

/** A document exactly as the database stores it, its numbers keeping their types. */
const exact = { promoteValues: false, promoteBuffers: false, promoteLongs: false } as const

/** Streams raw documents into `file` (new, mode 600), compressed, and waits until they are on the disk. Memory stays flat. */
export async function writeDocuments(
  file: string,
  documents: AsyncIterable<Buffer>,
  onDocument: (raw: Buffer) => void,
): Promise<WrittenFile> {
  let count = 0
  const counted = async function* () {
    for await (const raw of documents) {
      count++
      onDocument(raw)
      yield raw
    }
  }
  const hash = createHash('sha256')
  const digested = measuring(hash)
  await pipeline(
    Readable.from(counted()),
    createGzip({ level: 1 }),
    digested.stream,
    createWriteStream(file, { flags: 'wx', mode: 0o600 }),
  )
  const handle = await open(file, 'r')
  await handle.sync()
  await handle.close()
  return { documents: count, size: digested.size(), sha256: hash.digest('hex') }
}

/** SHA-256 and size of a file on disk. */
export async function digestOf(file: string): Promise<{ size: number; sha256: string }> {
  const hash = createHash('sha256')
  let size = 0
  for await (const part of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(part)
    size += part.length
  }
  return { size, sha256: hash.digest('hex') }
}

/** The documents of a file, one by one. Throws when it is cut off or no such file. */
export async function* readDocuments(file: string): AsyncGenerator<Document> {
  for await (const raw of rawDocuments(file)) yield BSON.deserialize(raw, exact)
}

/** Reads the few fields that are asked for; the rest of the document is not looked at twice. */
export function readRaw(raw: Buffer): Document {
  return BSON.deserialize(raw)
}

async function* rawDocuments(file: string): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { highWaterMark: 1 << 20 })
  const plain = new PassThrough({ highWaterMark: 1 << 20 })
  // A fault of file or compression must reach whoever reads the documents.
  pipeline(source, createGunzip({ chunkSize: 1 << 20 }), plain).catch(cause => plain.destroy(cause))
  let rest: Buffer = Buffer.alloc(0)
  for await (const part of plain) {
    rest = rest.length === 0 ? part : Buffer.concat([rest, part])
    let at = 0
    while (rest.length - at >= 4) {
      const length = rest.readInt32LE(at)
      if (length < 5) throw new Error('not a document')
      if (rest.length - at < length) break
      yield rest.subarray(at, at + length)
      at += length
    }
    rest = rest.subarray(at)
  }
  if (rest.length > 0) throw new Error('the last document is cut off')
}

function measuring(hash: Hash): { readonly stream: Transform; readonly size: () => number } {
  let size = 0
  const stream = new Transform({
    transform(part: Buffer, _encoding, done) {
      hash.update(part)
      size += part.length
      done(null, part)
    },
  })
  return { stream, size: () => size }
}
