import type { Document } from 'mongodb'
import type { RecordKey } from '../src/fls/fact.ts'
import type { RecordDocument } from '../src/store/documents.ts'
import { type BenchRiver, keepMessages } from './river.ts'
import { hospitalMessages } from './traffic.ts'
import { workAll } from './work-all.ts'

const derived = ['records', 'facts', 'persons', 'episodes'] as const
type Kind = (typeof derived)[number]
/** Everything that stands for one person, as the river wrote it. */
export type Pattern = { readonly [kind in Kind]: readonly Document[] }

/** The persons of a few hundred messages that went down the river: patterns to make many more of. */
export async function makePatterns(river: BenchRiver, messages: number): Promise<Pattern[]> {
  await keepMessages(river, hospitalMessages(messages))
  await workAll(river)
  const { store } = river
  const persons = await store.persons.find({ 'fractures.0': { $exists: true } }).toArray()
  const patterns: Pattern[] = []
  for (const person of persons) {
    const keys: RecordKey[] = person.members.map(member => member.record)
    patterns.push({
      persons: [person],
      records: await store.records.find({ _id: { $in: keys } }).toArray(),
      facts: await store.facts.find({ record: { $in: keys } }).toArray(),
      episodes: await store.episodes.find({ records: { $in: keys } }).toArray(),
    })
  }
  return patterns
}

/** Who a copied person is. `facets` and `bk` of a record of theirs are made of it. */
export type Stranger = (serial: number) => (record: RecordDocument) => Pick<RecordDocument, 'facets' | 'bk'>

/**
 * Writes `count` persons that nobody sent: each a copy of a pattern under ids of its own. Without `stranger` they keep the pattern's patient data,
 * and no records or facts are written: enough for what only reads episodes.
 */
export async function writeCopies(
  { store }: BenchRiver,
  patterns: readonly Pattern[],
  { from, count, stranger }: { readonly from: number; readonly count: number; readonly stranger?: Stranger },
): Promise<void> {
  const kinds: readonly Kind[] = stranger ? derived : ['persons', 'episodes']
  for (let start = from; start < from + count; start += 1_000) {
    const copies: Record<Kind, Document[]> = { records: [], facts: [], persons: [], episodes: [] }
    for (let serial = start; serial < Math.min(start + 1_000, from + count); serial++) {
      const pattern = patterns[serial % patterns.length]
      if (!pattern) throw new Error('no person to copy')
      const rename = namesFor(pattern, serial)
      for (const kind of kinds) copies[kind].push(...pattern[kind].map(document => renamed(document, rename)))
      const own = stranger?.(serial)
      for (const record of own ? copies.records.slice(-pattern.records.length) : [])
        Object.assign(record, own?.(record as RecordDocument))
    }
    // What is lost in a crash of the benchmark is no loss; the figure is taken after a checkpoint.
    const writeConcern = { w: 1, j: false } as const
    await Promise.all(
      kinds.map(kind =>
        copies[kind].length > 0
          ? store.db.collection(kind).insertMany(copies[kind], { ordered: false, writeConcern })
          : undefined,
      ),
    )
  }
}

/** The ids of a pattern and what each is called in the copy. */
function namesFor(pattern: Pattern, serial: number): Map<string, string> {
  const ids = [
    ...derived.flatMap(kind => pattern[kind].map(document => String(document['_id']))),
    ...pattern.facts.map(fact => String(fact['source'].inboxId)),
    ...pattern.persons.flatMap(person => person['aliases'] as string[]),
  ]
  return new Map(ids.map(id => [id, id.includes('|') ? `${id}-${serial}` : nextId(id, serial)]))
}

/** Hexadecimal ids spread over the index as keyed ids do: the serial, scattered, stands in front. */
function nextId(id: string, serial: number): string {
  const scattered = (Math.imul(serial + 1, 2_654_435_761) >>> 0).toString(16).padStart(8, '0')
  return `${scattered}${id.slice(8)}`
}

function renamed(value: Document, names: ReadonlyMap<string, string>): Document {
  return copyOf(value, names) as Document
}

function copyOf(value: unknown, names: ReadonlyMap<string, string>): unknown {
  if (typeof value === 'string') return names.get(value) ?? value
  if (Array.isArray(value)) return value.map(one => copyOf(one, names))
  if (value === null || typeof value !== 'object' || Object.getPrototypeOf(value) !== Object.prototype) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, copyOf(inner, names)]))
}
