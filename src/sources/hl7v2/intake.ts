import { randomBytes } from 'node:crypto'
import { instantOf } from '../../fls/dates.ts'
import type { InboxId } from '../../fls/fact.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { type Accepted, StorageUncertain } from '../arrival.ts'
import { acknowledge, acknowledgeBatch, type Verdict } from './acknowledge.ts'
import { splitBatch } from './batch.ts'
import type { FrameLine, IntakeOptions, MllpFeed, MllpPeer } from './feed.ts'
import { type Message, type MessageHeader, parseMessage } from './message.ts'
import { peekRecordKey } from './record-key.ts'

/** What to send back. `silent`: nothing, and the connection is given up, because storage was not confirmed. */
export type Reply = { readonly kind: 'answers'; readonly payloads: readonly Buffer[] } | { readonly kind: 'silent' }

type Outcome = {
  readonly verdict: Verdict
  readonly issues: readonly Issue[]
  readonly feed?: MllpFeed
  readonly isRepeat?: boolean
}
type Settled = { readonly payload?: Buffer; readonly isSilent: boolean; readonly feed?: MllpFeed }

/** A message whose `accept()` has begun; `settled` ends when it is answered. Two steps, so that arrivals keep their order. */
type Begun = { readonly settled: Promise<Settled> }

/**
 * Takes the payload of one frame in: cuts it into messages, checks the sender of each, hands each to `accept()` in order and says what to answer.
 * The outer promise resolves when every message has been handed over, the inner one when all are settled. Neither rejects.
 */
export async function takeIn(
  payload: Buffer,
  peer: MllpPeer,
  options: IntakeOptions,
): Promise<{ readonly reply: Promise<Reply> }> {
  const batch = splitBatch(payload)
  for (const _ of batch.issues) options.onFault?.('batch-count-differs', peer)
  const begun: Begun[] = []
  for (const bytes of batch.messages.length > 0 ? batch.messages : [payload])
    begun.push(await begin(bytes, peer, options))
  return { reply: replyTo(begun, batch.header, batch.kind, options) }
}

/** The answer to a frame over the size limit, from what came of it. Nothing was kept. */
export function refuseTooLarge(start: Buffer, options: IntakeOptions): Reply {
  const header = parseMessage(start.subarray(0, 8192))?.header
  const answer = answerTo(start, { verdict: 'not-kept', issues: [issue('payload-too-large', 'MSH')] }, options)
  options.onFrame?.(lineOf(header, start.length, answer.payload ? answer.code : 'none', 0))
  return { kind: 'answers', payloads: answer.payload ? [answer.payload] : [] }
}

async function replyTo(
  begun: readonly Begun[],
  batchHeader: Buffer | undefined,
  kind: 'message' | 'batch',
  options: IntakeOptions,
): Promise<Reply> {
  const settled = await Promise.all(begun.map(message => message.settled))
  if (settled.some(message => message.isSilent)) return { kind: 'silent' }
  const payloads = settled.flatMap(message => (message.payload ? [message.payload] : []))
  const isOneAnswer = kind === 'batch' && settled.some(message => message.feed?.batchAnswer === 'batch')
  if (!isOneAnswer || payloads.length === 0) return { kind: 'answers', payloads }
  return { kind: 'answers', payloads: [acknowledgeBatch(batchHeader, payloads, nextControlId(), now(options))] }
}

async function begin(bytes: Buffer, peer: MllpPeer, options: IntakeOptions): Promise<Begun> {
  const started = performance.now()
  const message = parseMessage(bytes)
  const header = message?.header
  const settle = (outcome: Outcome): Settled => {
    const answer = answerTo(bytes, outcome, options)
    options.onFrame?.(lineOf(header, bytes.length, answer.payload ? answer.code : 'none', started, outcome))
    return { isSilent: false, ...spread('payload', answer.payload), ...spread('feed', outcome.feed) }
  }
  const silence = (feed?: MllpFeed): Settled => {
    options.onFrame?.(lineOf(header, bytes.length, 'none', started, feed ? { feed } : {}))
    return { isSilent: true }
  }
  if (!message || !header) {
    options.onFault?.('no-header', peer)
    return done(settle({ verdict: 'refused', issues: [issue('message-unreadable', 'MSH')] }))
  }
  if (header.type === 'ACK' || header.type === 'MCF') {
    // Answering an acknowledgement makes two engines answer each other for ever.
    options.onFault?.('acknowledgement-received', peer)
    options.onFrame?.(lineOf(header, bytes.length, 'none', started))
    return done({ isSilent: false })
  }
  try {
    const feed = await options.senderOf(peer, header)
    if (feed === undefined || feed === 'certificate-mismatch') {
      options.onFault?.(feed ?? 'unknown-sender', peer, header)
      return done(settle({ verdict: 'refused', issues: [issue('sender-unknown', 'MSH-3')] }))
    }
    const accepted = options.accept(arrivalOf(bytes, feed, message))
    return { settled: settleAccepted(accepted, { feed, peer, options, settle, silence }) }
  } catch (error) {
    options.onError?.(error)
    options.onFault?.('accept-failed', peer)
    return done(silence())
  }
}

type Settling = {
  readonly feed: MllpFeed
  readonly peer: MllpPeer
  readonly options: IntakeOptions
  readonly settle: (outcome: Outcome) => Settled
  readonly silence: (feed: MllpFeed) => Settled
}

async function settleAccepted(
  accepting: Promise<Accepted>,
  { feed, peer, options, settle, silence }: Settling,
): Promise<Settled> {
  let accepted: Accepted
  try {
    accepted = await accepting
  } catch (error) {
    // Any failure leaves the same doubt: the bytes may or may not be kept, so no positive answer may follow.
    if (!(error instanceof StorageUncertain)) options.onError?.(error)
    options.onFault?.(error instanceof StorageUncertain ? 'storage-uncertain' : 'accept-failed', peer)
    return feed.onUncertain === 'reject'
      ? settle({ verdict: 'refused', issues: [issue('storage-uncertain', 'MSH')], feed })
      : silence(feed)
  }
  const issues = feed.profile === 'applied' ? await issuesOfReading(accepted.inboxId, options) : []
  return settle({ verdict: 'kept', issues, feed, isRepeat: accepted.outcome === 'repeat' })
}

async function issuesOfReading(inboxId: InboxId, options: IntakeOptions): Promise<readonly Issue[]> {
  try {
    const issues = await options.whenRead?.(inboxId, options.appliedWaitMs ?? 10_000)
    return issues ?? [issue('not-yet-read', 'MSH')]
  } catch (error) {
    options.onError?.(error)
    return [issue('not-yet-read', 'MSH')]
  }
}

function arrivalOf(bytes: Buffer, feed: MllpFeed, asDeclared: Message) {
  const message = feed.charset ? (parseMessage(bytes, { charset: feed.charset }) ?? asDeclared) : asDeclared
  const header = message.header
  const { mapping, charset } = feed
  const recordKey = peekRecordKey(message, feed.id)
  return {
    sender: feed.id,
    organisation: feed.organisation,
    side: 'hospital',
    protocol: 'hl7v2',
    controlId: header.controlId,
    type: typeOf(header),
    bytes,
    ...spread('recordKey', recordKey),
    ...(mapping || charset ? { meta: { ...spread('mapping', mapping), ...spread('charset', charset) } } : {}),
  } as const
}

function answerTo(bytes: Buffer, outcome: Outcome, options: IntakeOptions) {
  const { verdict, issues } = outcome
  return acknowledge({ message: bytes, verdict, issues, controlId: nextControlId(), at: now(options) })
}

function lineOf(
  header: MessageHeader | undefined,
  size: number,
  outcome: FrameLine['outcome'],
  started: number,
  about: { readonly feed?: MllpFeed; readonly isRepeat?: boolean } = {},
): FrameLine {
  return {
    controlId: header?.controlId ?? '',
    type: header ? typeOf(header) : '',
    size,
    outcome,
    ms: started === 0 ? 0 : Math.round((performance.now() - started) * 10) / 10,
    ...spread('sequenceNumber', header?.sequenceNumber),
    ...spread('feed', about.feed?.id),
    ...(about.isRepeat ? { isRepeat: true } : {}),
  }
}

function typeOf(header: MessageHeader): string {
  return header.trigger === '' ? header.type : `${header.type}^${header.trigger}`
}

function done(settled: Settled): Begun {
  return { settled: Promise.resolve(settled) }
}

function now(options: IntakeOptions) {
  return instantOf(options.now?.() ?? new Date())
}

function spread<Name extends string, T>(name: Name, value: T | undefined): { readonly [Key in Name]?: T } {
  return value === undefined ? {} : ({ [name]: value } as { readonly [Key in Name]: T })
}

const idPrefix = randomBytes(5).toString('hex').toUpperCase()
let idsGiven = 0

/** MSH-10 of our answers: unique over restarts and instances, at most 20 characters. */
function nextControlId(): string {
  idsGiven += 1
  return `${idPrefix}${idsGiven.toString(36).toUpperCase()}`
}
