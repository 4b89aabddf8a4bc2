import type { Db } from 'mongodb'
import type { OptOutStatement } from '../access/statements.ts'
import type { InboxId } from '../fls/fact.ts'

/** Collection `optOutLists`: one per list received; the one in force is the last issued. The numbers stand apart, keyed, in `optOuts`. */
export type OptOutListDocument = { _id: InboxId; issuedAt: Date; expiresAt: Date; count: number; isComplete: boolean }
type OptOutDocument = { _id: string; list: InboxId; key: string }

export type OptOutState = {
  readonly list: InboxId
  readonly issuedAt: Date
  readonly expiresAt: Date
  readonly count: number
}

/** The list is missing or past its expiry: outputs for planning and research must stop (trust.md row 31). */
export class OptOutListStale extends Error {
  readonly code = 'opt-out-list-stale'
}

const lists = (db: Db) => db.collection<OptOutListDocument>('optOutLists')
const entries = (db: Db) => db.collection<OptOutDocument>('optOuts')

/**
 * Takes in a National Data Opt-Out list: the numbers as keyed hashes under the list's own id, the head last, so that a list is either
 * complete or not in force. Older lists are dropped once it is. Idempotent; false when this list was complete before.
 */
export async function replaceOptOuts(
  db: Db,
  list: InboxId,
  statement: OptOutStatement,
  keyOf: (nhsNumber: string) => string,
): Promise<boolean> {
  if (await lists(db).findOne({ _id: list, isComplete: true })) return false
  const numbers = [...new Set(statement.nhsNumbers)]
  for (let start = 0; start < numbers.length; start += 10_000) {
    const part = numbers.slice(start, start + 10_000).map(keyOf)
    await entries(db).bulkWrite(
      part.map(key => ({
        replaceOne: { filter: { _id: `${list}/${key}` }, replacement: { list, key }, upsert: true },
      })),
      { ordered: false },
    )
  }
  const head = {
    issuedAt: new Date(statement.issuedAt),
    expiresAt: new Date(statement.expiresAt),
    count: numbers.length,
    isComplete: true,
  }
  await lists(db).replaceOne({ _id: list }, head, { upsert: true })
  const inForce = await currentOptOutList(db)
  if (inForce) {
    await entries(db).deleteMany({ list: { $ne: inForce.list } })
    await lists(db).deleteMany({ _id: { $ne: inForce.list } })
  }
  return true
}

/** The list issued last; it may be stale. */
export async function currentOptOutList(db: Db): Promise<OptOutState | undefined> {
  const [head] = await lists(db).find({ isComplete: true }).sort({ issuedAt: -1, _id: 1 }).limit(1).toArray()
  return head ? { list: head._id, issuedAt: head.issuedAt, expiresAt: head.expiresAt, count: head.count } : undefined
}

/** The list in force at `now`. Throws `OptOutListStale` when there is none or it has expired: outputs stop rather than guess. */
export async function optOutListInForce(db: Db, now: Date): Promise<OptOutState> {
  const state = await currentOptOutList(db)
  if (!state || state.expiresAt <= now)
    throw new OptOutListStale('the National Data Opt-Out list is missing or out of date')
  return state
}

/** Which of these keyed NHS numbers are opted out in the given list. */
export async function optedOut(db: Db, list: InboxId, keys: readonly string[]): Promise<ReadonlySet<string>> {
  if (keys.length === 0) return new Set()
  const found = await entries(db)
    .find({ _id: { $in: keys.map(key => `${list}/${key}`) } }, { projection: { key: 1 } })
    .toArray()
  return new Set(found.map(entry => entry.key))
}
