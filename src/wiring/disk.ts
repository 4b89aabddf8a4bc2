import { mkdir, statfs } from 'node:fs/promises'
import { type Accept, StorageUncertain } from '../sources/arrival.ts'

/** Below this share of free disk, and below so many bytes, the database must not be filled further (trust.md 5.1.12): recovery itself needs room. */
const [leastFreeShare, leastFreeBytes] = [0.08, 1024 ** 3]
const lookMs = 1_000

/** The disk the data folder is on, looked at once a second. */
export type Disk = {
  readonly hasRoom: () => boolean
  /** Of the whole disk, whole per cent. */
  readonly percentFree: () => number
  readonly stop: () => void
}

export async function watchDisk(folder: string): Promise<Disk> {
  await mkdir(folder, { recursive: true })
  let seen = await look(folder)
  const timer = setInterval(
    () =>
      void look(folder).then(
        now => {
          seen = now
        },
        () => undefined,
      ),
    lookMs,
  ).unref()
  return { hasRoom: () => hasRoom(seen), percentFree: () => seen.percentFree, stop: () => clearInterval(timer) }
}

/** A large disk has room in bytes long before it has a large share free; a small one the other way round. */
export function hasRoom({
  percentFree,
  bytesFree,
}: {
  readonly percentFree: number
  readonly bytesFree: number
}): boolean {
  return percentFree > 100 * leastFreeShare || bytesFree > leastFreeBytes
}

/** Refuses, before the database would end over a full disk: 503 and Retry-After over HTTP, no answer over MLLP. */
export function whileThereIsRoom(accept: Accept, disk: Disk): Accept {
  return async arrival => {
    if (!disk.hasRoom()) throw new StorageUncertain('the disk is nearly full')
    return accept(arrival)
  }
}

async function look(folder: string): Promise<{ percentFree: number; bytesFree: number }> {
  const { bavail, blocks, bsize } = await statfs(folder)
  return { percentFree: Math.round((100 * bavail) / blocks), bytesFree: bavail * bsize }
}
