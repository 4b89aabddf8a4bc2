import type { Collection, Db } from 'mongodb'
import { compareText } from '../fls/order.ts'
import type { Codebook, CodebookEntry, CodebookRow } from '../mapping/extract-codebook.ts'

/**
 * Collection `codebook`: what suppliers' own code ids stand for, `_id` = `<shape>|<table>|<id>`. It only grows. Should two extracts disagree,
 * the later statement stands, then the greater text: never the order of arrival.
 */
export type CodebookDocument = {
  _id: string
  codings: CodebookEntry['codings']
  term?: string
  asOf: string
  version: string
}

function collection(db: Db): Collection<CodebookDocument> {
  return db.collection('codebook')
}

/** Adds the rows of a coding table. Returns the keys that were new or changed: entries that wait for them are read again. */
export async function addCodes(db: Db, rows: readonly CodebookRow[], asOf: string): Promise<readonly string[]> {
  const changed: string[] = []
  for (let at = 0; at < rows.length; at += 1_000) {
    const part = new Map(rows.slice(at, at + 1_000).map(row => [row.key, documentOf(row, asOf)]))
    const known = await collection(db)
      .find({ _id: { $in: [...part.keys()] } })
      .toArray()
    for (const old of known) {
      const own = part.get(old._id)
      const isOlder = own && (compareText(own.asOf, old.asOf) || compareText(own.version, old.version)) <= 0
      if (isOlder || own?.version === old.version) part.delete(old._id)
    }
    const operations = [...part.values()].map(document => {
      const { _id, ...rest } = document
      const isNewer = { $or: [{ asOf: { $lt: rest.asOf } }, { asOf: rest.asOf, version: { $lt: rest.version } }] }
      return known.some(old => old._id === _id)
        ? { updateOne: { filter: { _id, ...isNewer }, update: { $set: rest } } }
        : { updateOne: { filter: { _id }, update: { $setOnInsert: rest }, upsert: true } }
    })
    if (operations.length > 0) await collection(db).bulkWrite(operations, { ordered: false })
    changed.push(...part.keys())
  }
  return changed
}

/** The part of the dictionary that these keys ask for. */
export async function loadCodebook(db: Db, keys: readonly string[]): Promise<Codebook> {
  const entries = new Map<string, CodebookEntry>()
  for (let at = 0; at < keys.length; at += 5_000) {
    const found = collection(db).find({ _id: { $in: keys.slice(at, at + 5_000) } })
    for await (const { _id, codings, term } of found) entries.set(_id, { codings, ...(term ? { term } : {}) })
  }
  return entries
}

function documentOf({ key, codings, term }: CodebookRow, asOf: string): CodebookDocument {
  return { _id: key, codings, ...(term ? { term } : {}), asOf, version: JSON.stringify([codings, term ?? '']) }
}
