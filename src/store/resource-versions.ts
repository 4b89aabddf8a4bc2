import type { Db, Filter } from 'mongodb'
import type { InboxId } from '../fls/fact.ts'
import { notesOf, versionIdOf } from '../sources/fhir/written.ts'
import type { InboxDocument } from './documents.ts'
import type { ResourceDocument, ResourceVersion } from './resources.ts'

/** The versions of a resource, oldest first: the inbox entries that wrote it. */
export async function versionsOf(db: Db, document: ResourceDocument): Promise<ResourceVersion[]> {
  const versions: ResourceVersion[] = []
  for await (const version of keptVersions(db, document)) versions.push(version)
  // Of versions kept in the same millisecond the one with the higher id counts as later, as in the index.
  return versions.toSorted((a, b) => a.at.getTime() - b.at.getTime() || (a.versionId < b.versionId ? -1 : 1))
}

/** One version by its id. */
export async function findVersion(
  db: Db,
  document: ResourceDocument,
  versionId: string,
): Promise<ResourceVersion | undefined> {
  if (document.current.versionId === versionId) return document.current
  for await (const version of keptVersions(db, document)) if (version.versionId === versionId) return version
  return undefined
}

/** When an entry was kept, and for whom; undefined when there is none. */
export async function keptAs(
  db: Db,
  inboxId: InboxId,
): Promise<Pick<InboxDocument, 'receivedAt' | 'organisation'> | undefined> {
  return (await inboxOf(db).findOne({ _id: inboxId }, { projection: { receivedAt: 1, organisation: 1 } })) ?? undefined
}

const inboxOf = (db: Db) => db.collection<InboxDocument>('inbox')

async function* keptVersions(db: Db, { type, id, sender }: ResourceDocument): AsyncGenerator<ResourceVersion> {
  const wrote: Filter<InboxDocument> = { protocol: 'fhir', 'meta.resources.id': id, sender }
  const projection = { receivedAt: 1, 'meta.resources': 1, 'meta.references': 1 }
  for await (const entry of inboxOf(db).find(wrote, { projection }).sort({ receivedAt: -1 })) {
    const { resources, references } = notesOf(entry)
    const written = resources.find(one => one.id === id && one.type === type)
    if (written)
      yield {
        versionId: versionIdOf(entry._id, written.path),
        inboxId: entry._id,
        path: written.path,
        at: entry.receivedAt,
        references: Object.entries(references),
      }
  }
}
