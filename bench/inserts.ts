import { Binary, MongoClient } from 'mongodb'

/**
 * What the database gives for the same bytes: documents a second of journaled majority inserts, `inFlight` documents in one group,
 * the next group when the last is confirmed. Documents are ready before the clock starts.
 */
export async function insertsPerSecond(
  uri: string,
  messages: readonly Buffer[],
  { inFlight, seconds }: { readonly inFlight: number; readonly seconds: number },
): Promise<number> {
  const client = await MongoClient.connect(uri, { w: 'majority', journal: true })
  const db = client.db('bench-limit')
  await db.dropDatabase()
  const collection = db.collection<{ _id: string; bytes: Binary; size: number }>('inserts')
  await collection.createIndex({ size: 1 })
  let count = 0
  const group = (): { _id: string; bytes: Binary; size: number }[] =>
    Array.from({ length: inFlight }, () => {
      const bytes = messages[count % messages.length] ?? Buffer.alloc(0)
      return { _id: `${String(count++).padStart(64, '0')}`, bytes: new Binary(bytes), size: bytes.length }
    })
  let next = group()
  const begun = performance.now()
  let done = 0
  while (performance.now() - begun < seconds * 1_000) {
    const writing = collection.insertMany(next, { ordered: false })
    next = group()
    await writing
    done += inFlight
  }
  const rate = (done * 1_000) / (performance.now() - begun)
  await db.dropDatabase()
  await client.close()
  return rate
}
