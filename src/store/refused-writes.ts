import {
  type Collection,
  type Document,
  MongoBulkWriteError,
  MongoServerError,
  type OptionalUnlessRequiredId,
} from 'mongodb'

/**
 * Which operations of an unordered bulk the database refused, by place, with their codes; all others are then confirmed. Undefined when the
 * outcome is uncertain: the driver also wraps a broken connection in a `MongoBulkWriteError`, with no write errors and nothing confirmed.
 */
export function refusedWrites(cause: unknown): ReadonlyMap<number, number> | undefined {
  if (!(cause instanceof MongoBulkWriteError) || cause.result.getWriteConcernError()) return undefined
  const errors = [cause.writeErrors].flat()
  if (errors.length === 0 || cause.code !== errors[0]?.code) return undefined
  return new Map(errors.map(error => [error.index, error.code]))
}

const duplicateKey = 11_000

/** A single write met the key of a document that is there: also an upsert whose filter that document does not match. */
export function isDuplicateKey(cause: unknown): boolean {
  return cause instanceof MongoServerError && cause.code === duplicateKey
}

/** True when all that went wrong is that documents were there already. */
export function isOnlyRepeats(cause: unknown): boolean {
  const refused = refusedWrites(cause)
  return refused !== undefined && [...refused.values()].every(code => code === duplicateKey)
}

/** Inserts documents whose id says what they hold: one that is there already is the same. */
export async function insertIgnoringRepeats<T extends Document>(
  collection: Collection<T>,
  documents: readonly OptionalUnlessRequiredId<T>[],
): Promise<void> {
  if (documents.length === 0) return
  try {
    await collection.insertMany([...documents], { ordered: false })
  } catch (cause) {
    if (!isOnlyRepeats(cause)) throw cause
  }
}
