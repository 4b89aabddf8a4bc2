import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import type { Instant } from '../../src/fls/dates.ts'
import type { InboxId, OdsCode } from '../../src/fls/fact.ts'
import { issue } from '../../src/fls/issue.ts'
import { readHl7v2 } from '../../src/mapping/hl7v2.ts'
import { loadTables } from '../../src/open-river.ts'
import { acknowledge } from '../../src/sources/hl7v2/acknowledge.ts'
import { batchReader, splitBatch } from '../../src/sources/hl7v2/batch.ts'
import { Framer } from '../../src/sources/hl7v2/framer.ts'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'
import { peekRecordKey } from '../../src/sources/hl7v2/record-key.ts'
import { makeRandom, type Random } from '../../synthetic/random.ts'
import { mutated } from './mutations.ts'

const root = path.join(import.meta.dirname, '..', '..')
const { mapping } = loadTables({ acceptTestNumbers: true })
const feeds = ['hl7v2', 'rxx01-pas', 'ryy02-pas']
/** Longest payload the framers of a campaign take, bytes. */
const maxBytes = 1_000_000
const secret = 'SECRETNAME'

/** Every shipped message that begins like one, with a name in it that no issue may repeat. */
const seeds: readonly Buffer[] = [
  ...feeds.map(feed => path.join(root, 'mappings', feed, 'samples')),
  path.join(root, 'samples', 'hl7v2'),
]
  .flatMap(folder =>
    readdirSync(folder)
      .filter(file => file.endsWith('.hl7'))
      .sort()
      .map(file => path.join(folder, file)),
  )
  .map(file => readFileSync(file))
  .filter(bytes => bytes.toString('latin1', 0, 3) === 'MSH' && bytes.length < 20_000)
  .map(bytes => Buffer.from(bytes.toString('latin1').replace(/WHITLOCK/g, secret), 'latin1'))

/** What one case did; a broken promise is an exception that names it. */
export type CaseResult = {
  readonly frames: number
  readonly messages: number
  readonly facts: number
  readonly bytes: number
}

/**
 * One case, made from its seed alone: one to four mutated messages in frames that may be broken, sent in two ways of cutting. Promises: both
 * ways give the same frames and faults; a framer never holds more than its limit; cutting a batch loses no message; nothing throws; an answer
 * names the message it answers; no issue repeats what the message says.
 */
export function runCase(seed: string): CaseResult {
  const random = makeRandom(seed)
  const stream = streamOf(random)
  const once = framesOf(stream, [stream.length])
  const cuts = Array.from({ length: 1 + random.int(0, 30) }, () => random.int(0, stream.length)).sort((a, b) => a - b)
  const again = framesOf(stream, [...cuts, stream.length])
  demand(digest(once.frames) === digest(again.frames), 'frames depend on how the stream was cut')
  demand(once.faults.join() === again.faults.join(), 'faults depend on how the stream was cut')
  let messages = 0
  let facts = 0
  for (const payload of once.frames) {
    for (const bytes of membersOf(payload, random)) {
      messages += 1
      facts += readWhole(bytes, random.pick(feeds))
    }
  }
  return { frames: once.frames.length, messages, facts, bytes: stream.length }
}

function streamOf(random: Random): Buffer {
  const parts: Buffer[] = []
  for (let count = random.int(1, 4); count > 0; count--) {
    const payload = random.chance(0.9) ? mutated(random.pick(seeds), random, seeds) : random.pick(seeds)
    const before = random.weighted<readonly number[]>([
      [[0x0b], 20],
      [[], 1],
      [[0x0b, 0x0b], 1],
      [[0x78, 0x0d, 0x0b], 1],
      [[0, 0x0d, 0x0a, 0x0b], 2],
    ])
    const after = random.weighted<readonly number[]>([
      [[0x1c, 0x0d], 20],
      [[0x1c], 1],
      [[], 1],
      [[0x1c, 0x1c, 0x0d], 1],
      [[0x0d, 0x1c], 1],
    ])
    parts.push(Buffer.from(before), payload, Buffer.from(after))
  }
  return Buffer.concat(parts)
}

function framesOf(stream: Buffer, cuts: readonly number[]): { frames: Buffer[]; faults: string[] } {
  const frames: Buffer[] = []
  const faults: string[] = []
  const framer = new Framer({
    maxBytes,
    onFrame: payload => frames.push(Buffer.from(payload)),
    onFault: fault => faults.push(fault),
    onDeadLetter: bytes => demand(bytes.length <= maxBytes, 'a dead letter is longer than the limit'),
  })
  let from = 0
  for (const to of cuts) {
    framer.push(stream.subarray(from, to))
    demand(framer.heldBytes <= maxBytes, 'the framer holds more than its limit')
    from = to
  }
  framer.end()
  return { frames, faults }
}

function membersOf(payload: Buffer, random: Random): readonly Buffer[] {
  const { messages, issues } = splitBatch(payload)
  const reader = batchReader()
  const pieces: Buffer[] = []
  for (let at = 0; at < payload.length; ) {
    const to = at + random.int(1, 1 + payload.length)
    pieces.push(...reader.push(payload.subarray(at, to)))
    at = to
  }
  pieces.push(...reader.end())
  demand(digest(messages) === digest(pieces), 'a batch read in pieces gives other messages')
  demand(issues.length === reader.issues.length, 'a batch read in pieces counts otherwise')
  return messages
}

/** Everything that reads a message: header, every field and part, lane, answer, facts. Returns how many facts it gave. */
function readWhole(bytes: Buffer, feed: string): number {
  const message = parseMessage(bytes)
  const at = '2026-12-01T12:00:00.000Z' as Instant
  const answer = acknowledge({
    message: bytes,
    verdict: 'kept',
    issues: [issue('code-unknown', 'DG1-3')],
    controlId: 'A1',
    at,
  })
  if (message) {
    peekRecordKey(message, feed)
    message.countUnknownEscapes()
    for (const segment of message.all.slice(0, 2_000)) {
      for (let field = 1; field <= Math.min(segment.fieldCount, 60); field++) {
        for (const repetition of segment.repetitions(field).slice(0, 20))
          for (const part of [1, 2, 5]) repetition.component(part, 1)
      }
    }
    const parsed = answer.payload && parseMessage(answer.payload)
    demand(!answer.payload || parsed !== undefined, 'an answer nobody can read')
    demand(
      answer.payload?.includes(0x0b) !== true && answer.payload?.includes(0x1c) !== true,
      'an answer breaks its frame',
    )
  }
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const { facts, issues } = readHl7v2(
    {
      ...{ id: sha256 as InboxId, sender: feed, organisation: 'RXX' as OdsCode, side: 'hospital', protocol: 'hl7v2' },
      ...{ controlId: '', type: '', bytes, sha256, receivedAt: at },
    },
    mapping,
  )
  demand(new Set(facts.map(fact => fact.id)).size === facts.length, 'two facts of one id')
  demand(!JSON.stringify(issues).includes(secret), 'an issue repeats a value')
  return facts.length
}

function digest(buffers: readonly Buffer[]): string {
  const sum = createHash('sha256')
  for (const bytes of buffers) sum.update(`${bytes.length}:`).update(bytes)
  return sum.digest('hex')
}

function demand(holds: boolean, promise: string): void {
  if (!holds) throw new Error(promise)
}
