import { createHash } from 'node:crypto'
import { type Collection, type Db, MongoBulkWriteError } from 'mongodb'
import { grouped } from './grouped.ts'

/** One access to the service, as it is about to be answered. Ids and codes only, never content. */
export type AccessLine = {
  readonly at: Date
  /** Token subject; `anyone` without a token. */
  readonly subject: string
  readonly role: string
  readonly organisations: readonly string[]
  /** Route key of the policy table, or `unknown`. */
  readonly action: string
  readonly status: number
  readonly requestId: string
  readonly episodes?: readonly string[]
  readonly persons?: readonly string[]
  readonly inboxIds?: readonly string[]
  readonly rows?: number
}

/** Collection `accessLog`: `_id` is the sequence number from 1; `hash` covers the line, the number and the hash before it. */
export type AccessLogDocument = AccessLine & { _id: number; previous: string; hash: string }

export type AccessLogState = { readonly lines: number; readonly lastSequence: number; readonly lastHash: string }
export type ChainFault = {
  readonly sequence: number
  readonly fault: 'missing' | 'altered' | 'unchained' | 'anchor-differs'
}
export type Verification = AccessLogState & { readonly isIntact: boolean; readonly faults: readonly ChainFault[] }

export type AccessLog = {
  /** Resolves when the line is journaled on a majority. Rejects when it is not: the caller must then answer nothing. */
  readonly append: (line: AccessLine) => Promise<void>
  /** Walks the whole chain; `anchor` is a sequence and hash noted earlier, outside the database. At most 100 faults are listed. */
  readonly verify: (anchor?: { readonly sequence: number; readonly hash: string }) => Promise<Verification>
  readonly read: (query: AccessQuery) => Promise<AccessLogDocument[]>
  readonly last: () => Promise<AccessLogState>
}
export type AccessQuery = {
  readonly before?: number
  readonly subject?: string
  readonly episode?: string
  readonly person?: string
  readonly from?: Date
  readonly to?: Date
  readonly limit: number
}

const genesis = createHash('sha256').update('FLS-DB access log').digest('hex')
const attempts = 25

type Tail = { readonly sequence: number; readonly hash: string }

/**
 * The hash-chained access log. Lines of one tick share one journaled majority insert. Several instances may write: the unique sequence
 * number decides, the loser re-reads the end of the chain and tries again.
 */
export function openAccessLog(db: Db): AccessLog {
  const collection = db.collection<AccessLogDocument>('accessLog', {
    writeConcern: { w: 'majority', journal: true, wtimeoutMS: 10_000 },
    readConcern: { level: 'majority' },
  })
  return {
    append: grouped(500, appender(collection)),
    verify: anchor => verifyChain(collection, anchor),
    read: query => readLines(collection, query),
    last: async () => {
      const tail = await lastOf(collection)
      return { lines: tail.sequence, lastSequence: tail.sequence, lastHash: tail.hash }
    },
  }
}

/** Indexes for "who saw this episode / what did this person open". */
export async function ensureAccessLogIndexes(db: Db): Promise<void> {
  await db.collection('accessLog').createIndexes([
    { key: { subject: 1, _id: -1 }, name: 'by-subject' },
    { key: { episodes: 1 }, name: 'by-episode', sparse: true },
    { key: { persons: 1 }, name: 'by-person', sparse: true },
    { key: { at: 1 }, name: 'by-time' },
  ])
}

/**
 * Appends groups of lines in turn. The end of the chain is remembered from the last own insert; whoever finds it taken, or is not sure whether
 * the last insert happened, reads it again.
 */
function appender(collection: Collection<AccessLogDocument>) {
  let tail: Tail | undefined
  const insertAtEnd = async (lines: readonly AccessLine[]): Promise<number> => {
    const from: Tail = tail ?? (await lastOf(collection))
    tail = undefined
    const documents = chain(from, lines)
    try {
      await collection.insertMany(documents)
      const last = documents.at(-1)
      if (last) tail = { sequence: last._id, hash: last.hash }
      return lines.length
    } catch (cause) {
      if (!(cause instanceof MongoBulkWriteError) || cause.result.getWriteConcernError() || cause.code !== 11_000)
        throw cause
      // Another instance took a number first; what went in before it stands.
      return cause.insertedCount
    }
  }
  return async (lines: readonly AccessLine[]): Promise<(Error | undefined)[]> => {
    let kept = 0
    try {
      for (let attempt = 0; kept < lines.length; attempt++) {
        if (attempt > attempts) throw new Error('the access log is too busy')
        kept += await insertAtEnd(lines.slice(kept))
      }
      return lines.map(() => undefined)
    } catch (cause) {
      const failure = cause instanceof Error ? cause : new Error('the access log cannot be written', { cause })
      return lines.map((_, index) => (index < kept ? undefined : failure))
    }
  }
}

function chain(tail: Tail, lines: readonly AccessLine[]): AccessLogDocument[] {
  let { sequence, hash: previous } = tail
  return lines.map(line => {
    sequence += 1
    const hash = hashOf(sequence, previous, line)
    const document = { _id: sequence, ...line, previous, hash }
    previous = hash
    return document
  })
}

async function lastOf(collection: Collection<AccessLogDocument>): Promise<Tail> {
  const [tail] = await collection
    .find({}, { projection: { hash: 1 } })
    .sort({ _id: -1 })
    .limit(1)
    .toArray()
  return tail ? { sequence: tail._id, hash: tail.hash } : { sequence: 0, hash: genesis }
}

function hashOf(sequence: number, previous: string, line: AccessLine): string {
  const { at, subject, role, organisations, action, status, requestId, episodes, persons, inboxIds, rows } = line
  const canonical = JSON.stringify([
    sequence,
    previous,
    at.toISOString(),
    subject,
    role,
    organisations,
    action,
    status,
    requestId,
    episodes ?? null,
    persons ?? null,
    inboxIds ?? null,
    rows ?? null,
  ])
  return createHash('sha256').update(canonical).digest('hex')
}

async function verifyChain(
  collection: Collection<AccessLogDocument>,
  anchor?: { readonly sequence: number; readonly hash: string },
): Promise<Verification> {
  const faults: ChainFault[] = []
  let sequence = 0
  let previous = genesis
  let isAnchorSeen = anchor === undefined
  let lines = 0
  for await (const document of collection.find().sort({ _id: 1 })) {
    lines += 1
    if (document._id !== sequence + 1) faults.push({ sequence: sequence + 1, fault: 'missing' })
    else if (document.previous !== previous) faults.push({ sequence: document._id, fault: 'unchained' })
    if (hashOf(document._id, document.previous, document) !== document.hash)
      faults.push({ sequence: document._id, fault: 'altered' })
    if (anchor && document._id === anchor.sequence) {
      isAnchorSeen = true
      if (document.hash !== anchor.hash) faults.push({ sequence: document._id, fault: 'anchor-differs' })
    }
    sequence = document._id
    previous = document.hash
    if (faults.length >= 100) break
  }
  if (!isAnchorSeen && anchor && faults.length < 100) faults.push({ sequence: anchor.sequence, fault: 'missing' })
  return { lines, lastSequence: sequence, lastHash: previous, isIntact: faults.length === 0, faults }
}

async function readLines(collection: Collection<AccessLogDocument>, query: AccessQuery): Promise<AccessLogDocument[]> {
  const { before, subject, episode, person, from, to, limit } = query
  return collection
    .find({
      ...(before === undefined ? {} : { _id: { $lt: before } }),
      ...(subject === undefined ? {} : { subject: { $eq: subject } }),
      ...(episode === undefined ? {} : { episodes: { $eq: episode } }),
      ...(person === undefined ? {} : { persons: { $eq: person } }),
      ...(from || to ? { at: { ...(from ? { $gte: from } : {}), ...(to ? { $lt: to } : {}) } } : {}),
    })
    .sort({ _id: -1 })
    .limit(limit)
    .toArray()
}
