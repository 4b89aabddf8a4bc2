import { rm } from 'node:fs/promises'
import type { Embedded } from '../../src/store/embedded.ts'

/** Stops what this run started and removes its folder: 300 MB of journal each, which filled a disk. */
export default async function stopMongod(): Promise<void> {
  const { flsdbTestMongod } = globalThis as { flsdbTestMongod?: { embedded: Embedded; folder: string } }
  if (!flsdbTestMongod) return
  await flsdbTestMongod.embedded.stop()
  await rm(flsdbTestMongod.folder, { recursive: true, force: true })
}
