import { type Entry, openPromise } from 'yauzl'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { bundleLines } from './bundle-file.ts'
import { isZip, plainName, type Spool, type SpooledFile, spoolStream } from './spool.ts'

export type ArchiveLimits = { readonly totalBytes: number; readonly entries: number; readonly ratio: number }
/** Total 1 GiB unpacked, 1,000 entries, no entry more than 100 times its packed size (decisions.md 5, gp-extracts.md 2.4). */
export const archiveLimits = { entries: 1_000, ratio: 100 } as const
/** Small files of spaces compress further than any bomb rule allows for; the total still bounds them. Bytes. */
const ratioFreeBytes = 1024 * 1024

/**
 * The files of a zip, each unpacked into the spool under a name of our own; the resources of a FHIR Bundle as lines; anything else comes back as it is. Refuses (`archive-refused`)
 * passwords, zips inside, paths that lead outside, damaged archives and bombs: what a header says is not believed, the bytes are counted.
 */
export async function unpack(spool: Spool, file: SpooledFile, limits: ArchiveLimits): Promise<readonly SpooledFile[]> {
  if (!(await isZip(file))) return [(await bundleLines(spool, file)) ?? file]
  const refused = (why: string): Refusal =>
    new Refusal(422, [issue('archive-refused', plainName(file.name), { hint: why })])
  const unpacked: SpooledFile[] = []
  let left = limits.totalBytes
  try {
    const zip = await openPromise(file.path, { lazyEntries: true, strictFileNames: true })
    try {
      if (zip.entryCount > limits.entries) throw refused('too many files')
      for await (const entry of zip.eachEntry()) {
        if (isFolderOrNote(entry)) continue
        if (entry.isEncrypted()) throw refused('password')
        const most = Math.min(left, Math.max(entry.compressedSize * limits.ratio, ratioFreeBytes))
        const one = await spoolStream(spool, entry.fileName, await zip.openReadStreamPromise(entry), most).catch(
          cause => {
            throw cause instanceof Refusal ? refused('grows too much') : cause
          },
        )
        if (await isZip(one)) throw refused('zip inside')
        left -= one.bytes
        unpacked.push((await bundleLines(spool, one)) ?? one)
      }
    } finally {
      zip.close()
    }
  } catch (cause) {
    if (cause instanceof Refusal) throw cause
    throw refused('not readable')
  }
  if (unpacked.length === 0) throw refused('empty')
  return unpacked
}

function isFolderOrNote(entry: Entry): boolean {
  return entry.fileName.endsWith('/') || entry.fileName.startsWith('__MACOSX/') || entry.fileName.endsWith('.DS_Store')
}
