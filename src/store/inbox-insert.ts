import { type Document, MongoServerSelectionError } from 'mongodb'
import { type Accepted, StorageUncertain } from '../sources/arrival.ts'
import type { InboxDocument } from './documents.ts'
import { isDatabaseTrouble, type Store } from './store.ts'

type Outcome = Accepted['outcome'] | StorageUncertain

const duplicateKey = 11_000
const wtimeoutMs = 10_000

/**
 * Writes one group into the inbox, journaled on a majority, and says for each document, in order, what is certain: `kept`, `repeat` (its key
 * was there before, and a majority has it), or `StorageUncertain`. Never rejects.
 *
 * One plain `insert`: the key makes it idempotent by itself, so the driver's retryable write, with a session's own record written beside
 * every group, would pay twice for the same promise. A connection that breaks or a primary that steps down is tried again once, here.
 */
export async function insertGroup(store: Store, documents: readonly InboxDocument[]): Promise<Outcome[]> {
  const first = await send(store, documents)
  const isAgain = first.doubt !== undefined && isWorthRepeating(first.doubt)
  const { doubt, refused } = isAgain ? await send(store, documents) : first
  if (doubt !== undefined) return documents.map(() => unconfirmed(doubt))
  if (refused.size === 0) return documents.map(() => 'kept')
  return Promise.all(
    documents.map(async ({ _id }, index) => {
      const code = refused.get(index)
      if (code === undefined) return 'kept'
      if (code !== duplicateKey || !(await isOnMajority(store, _id))) return unconfirmed(code)
      // The key of a group sent twice was most likely written by the first time.
      return isAgain ? 'kept' : 'repeat'
    }),
  )
}

function unconfirmed(cause: unknown): StorageUncertain {
  return new StorageUncertain('the write was not confirmed', { cause })
}

type Answer = { readonly doubt?: unknown; readonly refused: ReadonlyMap<number, number> }

/** `refused`: codes by place of what the database did not take; all others are confirmed. `doubt`: nothing is. */
async function send(store: Store, documents: readonly InboxDocument[]): Promise<Answer> {
  try {
    return answerOf(
      await store.db.command(
        {
          insert: store.inbox.collectionName,
          documents,
          ordered: false,
          writeConcern: { w: 'majority', j: true, wtimeout: wtimeoutMs },
        },
        { ignoreUndefined: true },
      ),
      documents.length,
    )
  } catch (doubt) {
    return { doubt, refused: new Map() }
  }
}

/** Reads the answer to `insert` (MongoDB manual, command `insert`). What does not add up is a doubt. */
export function answerOf(answer: Document, sent: number): Answer {
  const errors: readonly { index: number; code: number }[] = answer['writeErrors'] ?? []
  const refused = new Map(errors.map(({ index, code }) => [index, code]))
  const addsUp = answer['ok'] === 1 && answer['n'] + refused.size === sent
  if (addsUp && !answer['writeConcernError']) return { refused }
  return { doubt: new Error('the answer to an insert confirms nothing'), refused: new Map() }
}

/** A server that could not be found was waited for already. */
function isWorthRepeating(doubt: unknown): boolean {
  return isDatabaseTrouble(doubt) && !(doubt instanceof MongoServerSelectionError)
}

/** The key exists, but its first write may itself be unconfirmed: only the majority's view counts. */
async function isOnMajority(store: Store, _id: InboxDocument['_id']): Promise<boolean> {
  try {
    const found = await store.inbox.findOne(
      { _id },
      { projection: { _id: 1 }, readConcern: { level: 'majority' }, readPreference: 'primary' },
    )
    return found !== null
  } catch {
    return false
  }
}
