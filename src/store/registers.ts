import type { Db } from 'mongodb'
import { type DatedOptIn, effectiveFrom, optInAt, type RegisterEntry, registerEntry } from '../access/statements.ts'
import type { Instant } from '../fls/dates.ts'
import type { InboxId, OdsCode } from '../fls/fact.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { replaceOptOuts } from './opt-outs.ts'
import { isDuplicateKey } from './refused-writes.ts'

export type RegisterKind = 'feed' | 'site' | 'practice'
type StatementOf<K extends RegisterKind> = Extract<RegisterEntry, { register: K }>['statement']

/** One statement as it was received: `_id` of the register document is the feed id or ODS code, `history` is ordered by receipt. */
export type RegisterLine<K extends RegisterKind = RegisterKind> = {
  readonly inboxId: InboxId
  readonly receivedAt: Instant
  readonly by: string
  readonly statement: StatementOf<K>
}
export type RegisterDocument<K extends RegisterKind = RegisterKind> = { _id: string; history: RegisterLine<K>[] }

const collectionOf = { feed: 'feeds', site: 'sites', practice: 'practices' } as const satisfies Record<
  RegisterKind,
  string
>

/** The register's collection: feeds, sites and practices, each a dated history. Rebuilt from the inbox by replay. */
export function registerCollection<K extends RegisterKind>(db: Db, kind: K) {
  return db.collection<RegisterDocument<K>>(collectionOf[kind])
}

/**
 * Applies one inbox entry of protocol `register`. Idempotent: the same entry twice changes nothing, though caches load once more.
 * `not-a-statement`: the bytes are none (the door would have refused them); nothing changes.
 */
export async function applyRegisterEntry(
  db: Db,
  entry: Pick<InboxEntry, 'id' | 'receivedAt' | 'bytes'>,
  keyOf: (nhsNumber: string) => string,
): Promise<'applied' | 'known' | 'not-a-statement'> {
  const read = readRegisterEntry(entry.bytes)
  if (!read) return 'not-a-statement'
  const isNew =
    read.register === 'opt-outs'
      ? await replaceOptOuts(db, entry.id, read.statement, keyOf)
      : await addLine(db, read, entry.id, entry.receivedAt)
  // Known as well: whoever added it may have died before telling, and caches would hold what was before.
  await bumpVersion(db)
  return isNew ? 'applied' : 'known'
}

/** What a register entry states, for reading without applying (the practice it is about, say). */
export function readRegisterEntry(bytes: Buffer): RegisterEntry | undefined {
  try {
    const parsed = registerEntry.safeParse(JSON.parse(bytes.toString('utf8')))
    return parsed.success ? parsed.data : undefined
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}

async function addLine(
  db: Db,
  entry: Exclude<RegisterEntry, { register: 'opt-outs' }>,
  inboxId: InboxId,
  receivedAt: Instant,
): Promise<boolean> {
  const line = { inboxId, receivedAt, by: entry.by, statement: entry.statement }
  try {
    const result = await db
      .collection<{ _id: string; history: (typeof line)[] }>(collectionOf[entry.register])
      .updateOne(
        { _id: entry.id, 'history.inboxId': { $ne: inboxId } },
        { $push: { history: { $each: [line], $sort: { receivedAt: 1, inboxId: 1 } } } },
        { upsert: true },
      )
    return result.modifiedCount + result.upsertedCount > 0
  } catch (cause) {
    // The document exists and already holds this entry: the upsert then collides with its key.
    if (isDuplicateKey(cause)) return false
    throw cause
  }
}

const versions = (db: Db) => db.collection<{ _id: 'registers'; version: number }>('registerVersions')

async function bumpVersion(db: Db): Promise<void> {
  await versions(db).updateOne({ _id: 'registers' }, { $inc: { version: 1 } }, { upsert: true })
}

/** Grows with every change of a register; a worker reloads when it differs from what it loaded. 0 = empty. */
export async function registerVersion(db: Db): Promise<number> {
  return (await versions(db).findOne({ _id: 'registers' }))?.version ?? 0
}

/** The dated opt-in statements of a practice, in order of receipt. */
export function optInsOf(document: RegisterDocument<'practice'> | null | undefined): readonly DatedOptIn[] {
  return (document?.history ?? []).map(({ receivedAt, statement }) => ({
    optedIn: statement.optedIn,
    from: (statement.from === undefined ? undefined : effectiveFrom(statement.from)) ?? receivedAt,
    receivedAt,
  }))
}

/** The opt-in gate that `accept()` asks: reads the practice's history from the primary each time, so a withdrawal counts from the next message on. */
export function practiceGate(
  db: Db,
): (practice: OdsCode, at: Instant) => Promise<{ isOpen: boolean; since?: Instant }> {
  return async (practice, at) =>
    optInAt(optInsOf(await registerCollection(db, 'practice').findOne({ _id: practice })), at)
}

/** For tests and first enrolment: an entry as the worker would see it. */
export function registerBytes(entry: RegisterEntry): Buffer {
  return Buffer.from(JSON.stringify(entry))
}
