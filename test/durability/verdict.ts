import type { MongoClient } from 'mongodb'
import type { Ledger } from './ledger.ts'
import { keyOf, probePrefix } from './stream.ts'
import { database } from './world.ts'

/**
 * What the ledger and the database say about each other. `lost`: promised and not kept; `duplicated`: kept more than once; `corrupt`: kept under
 * a control id that was sent, with bytes that never were, or under a hash that is not theirs; `invented`: kept and never sent;
 * `episodesWrong`, `personsWrong`: records of promised lines without exactly one; `stuck`: never promised though sent to the end.
 */
export type Verdict = {
  readonly delivered: number
  readonly acknowledged: number
  readonly resent: number
  readonly lost: number
  readonly duplicated: number
  readonly corrupt: number
  readonly invented: number
  readonly personsWrong: number
  readonly episodesWrong: number
  /** Patients of acknowledged transactions that are not found as exactly one resource. */
  readonly resourcesWrong: number
  readonly unread: number
  readonly stuck: number
  /** The first entries unread, lines stuck with the last answer they got, and what stands of the first wrong records; the patients are synthetic. */
  readonly examples: readonly unknown[]
}

const faults = [
  'lost',
  'duplicated',
  'corrupt',
  'invented',
  'personsWrong',
  'episodesWrong',
  'resourcesWrong',
  'unread',
  'stuck',
] as const

/** Nothing that was promised was broken. */
export function isClean(verdict: Pick<Verdict, (typeof faults)[number]>): boolean {
  return faults.every(fault => verdict[fault] === 0)
}

/** Streams inbox, persons and episodes past the ledger; holds a line of the ledger and a counter for each message, never its bytes. */
export async function judge(mongo: MongoClient, ledger: Ledger): Promise<Verdict> {
  const { kept, corrupt, invented, unread, unreadExamples } = await inboxAgainst(mongo, ledger)
  const promised = [...ledger.sendings].filter(([, sending]) => sending.isAcknowledged)
  const records = new Set(promised.flatMap(([, { record }]) => record ?? []))
  const persons = await countByRecord(mongo, 'persons', 'members.record')
  const episodes = await countByRecord(mongo, 'episodes', 'records')
  const wrong = (counts: ReadonlyMap<string, number>) => [...records].filter(record => counts.get(record) !== 1)
  const patients = await countPatients(mongo)
  const overFhir = promised.filter(([, { controlId }]) => controlId.startsWith('D-fhir'))
  const numbers = new Set(overFhir.flatMap(([, { record }]) => record?.split('|')[1] ?? []))
  const [personsWrong, episodesWrong] = [wrong(persons), wrong(episodes)]
  return {
    delivered: ledger.sendings.size,
    acknowledged: promised.length,
    resent: [...ledger.sendings.values()].reduce((sum, { sends }) => sum + Math.max(0, sends - 1), 0),
    lost: promised.filter(([key]) => !kept.has(key)).length,
    duplicated: [...kept.values()].filter(times => times > 1).length,
    corrupt,
    invented,
    personsWrong: personsWrong.length,
    episodesWrong: episodesWrong.length,
    resourcesWrong: [...numbers].filter(number => patients.get(number) !== 1).length,
    unread,
    stuck: ledger.sendings.size - promised.length,
    examples: [
      ...unreadExamples,
      ...[...ledger.sendings.values()].filter(({ isAcknowledged }) => !isAcknowledged).slice(0, 16),
      ...(await Promise.all(
        [...new Set([...personsWrong, ...episodesWrong])].slice(0, 3).map(record => standing(mongo, record)),
      )),
    ],
  }
}

async function inboxAgainst(mongo: MongoClient, ledger: Ledger) {
  const kept = new Map<string, number>()
  const controlIds = new Set([...ledger.sendings.values()].map(({ controlId }) => controlId))
  let [corrupt, invented, unread] = [0, 0, 0]
  const unreadExamples: unknown[] = []
  const entries = mongo
    .db(database)
    .collection('inbox')
    .find(
      { protocol: { $in: ['hl7v2', 'fhir'] }, controlId: { $not: new RegExp(`^${probePrefix}`) } },
      { projection: { controlId: 1, sha256: 1, bytes: 1, state: 1, failure: 1, attempts: 1, fence: 1 } },
    )
  for await (const entry of entries) {
    const bytes: Buffer = entry['bytes'].buffer
    const key = keyOf(bytes)
    const isHashTrue = Buffer.from(String(entry['sha256']), 'hex').toString('base64') === key
    if (entry['state'] !== 'done') {
      unread++
      const { bytes: _bytes, ...rest } = entry
      if (unreadExamples.length < 3) unreadExamples.push(rest)
    }
    if (ledger.sendings.has(key) && isHashTrue) kept.set(key, (kept.get(key) ?? 0) + 1)
    else if (controlIds.has(entry['controlId'])) corrupt++
    else invented++
  }
  return { kept, corrupt, invented, unread, unreadExamples }
}

async function countByRecord(mongo: MongoClient, collection: string, field: string): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const list = field.split('.')[0] ?? field
  const documents = mongo
    .db(database)
    .collection(collection)
    .find({}, { projection: { [field]: 1 } })
  for await (const document of documents) {
    for (const one of document[list] ?? []) {
      const record: string = typeof one === 'string' ? one : one.record
      counts.set(record, (counts.get(record) ?? 0) + 1)
    }
  }
  return counts
}

/** Patient resources in the index, by hospital number. */
async function countPatients(mongo: MongoClient): Promise<Map<string, number>> {
  const counts = new Map<string, number>()
  const found = mongo
    .db(database)
    .collection('resources')
    .find({ type: 'Patient' }, { projection: { 'search.identifier': 1 } })
  for await (const { search } of found) {
    const tokens: readonly string[] = search.identifier
    const number = tokens.find(token => /\|S8\d+$/.test(token))?.split('|')[1]
    if (number) counts.set(number, (counts.get(number) ?? 0) + 1)
  }
  return counts
}

/** Everything that stands about one record, in the order it is made: to see at which step it went wrong. */
async function standing(mongo: MongoClient, record: string): Promise<unknown> {
  const db = mongo.db(database)
  const facts = await db.collection('facts').find({ record }).toArray()
  const inboxIds = facts.map(fact => fact['source'].inboxId)
  return {
    record,
    inbox: await db
      .collection('inbox')
      .find({ $or: [{ recordKey: record }, { _id: { $in: inboxIds } }] }, { projection: { bytes: 0, meta: 0 } })
      .toArray(),
    facts: facts.map(fact => ({ kind: fact['kind'], status: fact['status'], inboxId: fact['source'].inboxId })),
    records: await db.collection<{ _id: string }>('records').find({ _id: record }).toArray(),
    persons: await db
      .collection('persons')
      .find({ 'members.record': record })
      .project({ solve: 1, members: 1 })
      .toArray(),
    episodes: await db.collection('episodes').find({ records: record }).project({ solve: 1, records: 1 }).toArray(),
    solves: await db.collection('counters').find().toArray(),
  }
}
