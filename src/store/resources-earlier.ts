import type { Filter } from 'mongodb'
import type { InboxDocument } from './documents.ts'
import { entryOf } from './inbox.ts'
import { indexEntries, resourcesOf } from './resources.ts'
import type { Store } from './store.ts'

/** How the index is kept now; raised when the door can no longer read what an earlier release indexed. */
const indexShape = 2
type Position = { readonly receivedAt: Date; readonly id: InboxDocument['_id'] }
type IndexDocument = { _id: 'resource-index'; shape?: number; after?: Position }
const control = (store: Store) => store.db.collection<IndexDocument>('control')
/** Entries between two notes of the position: what is done twice after a kill. */
const noteEvery = 500

/**
 * Indexes again, from the inbox, the resources that an earlier release has indexed in another shape; the FHIR door cannot read those and opens
 * when this is through. Once a deployment; killed, it goes on where it was. Returns the number of entries indexed: 0 when there was nothing to
 * do. Rejects when the database goes away.
 */
export async function indexEarlierResources(store: Store, onBegin: () => void = () => undefined): Promise<number> {
  const known = await control(store).findOne({ _id: 'resource-index' })
  if ((known?.shape ?? 0) >= indexShape) return 0
  let done = 0
  const isNeeded = known?.after !== undefined || (await resourcesOf(store.db).findOne({ current: { $exists: false } }))
  if (isNeeded) {
    onBegin()
    for await (const entry of store.inbox.find(fhirEntriesAfter(known?.after)).sort({ receivedAt: 1, _id: 1 })) {
      await indexEntries(store.db, [await entryOf(store, entry)])
      if (++done % noteEvery === 0) await notePosition(store, { receivedAt: entry.receivedAt, id: entry._id })
    }
    // What is left stood in entries whose bytes have expired.
    await resourcesOf(store.db).deleteMany({ current: { $exists: false } })
  }
  await control(store).replaceOne({ _id: 'resource-index' }, { shape: indexShape }, { upsert: true })
  return done
}

async function notePosition(store: Store, after: Position): Promise<void> {
  await control(store).updateOne({ _id: 'resource-index' }, { $set: { after } }, { upsert: true })
}

function fhirEntriesAfter(after: Position | undefined): Filter<InboxDocument> {
  const later = after && {
    $or: [{ receivedAt: { $gt: after.receivedAt } }, { receivedAt: after.receivedAt, _id: { $gt: after.id } }],
  }
  return { protocol: 'fhir', state: { $ne: 'expired' }, ...later }
}
