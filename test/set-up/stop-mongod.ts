import type { Embedded } from '../../src/store/embedded.ts'

export default async function stopMongod(): Promise<void> {
  const { flsdbTestMongod } = globalThis as { flsdbTestMongod?: Embedded }
  await flsdbTestMongod?.stop()
}
