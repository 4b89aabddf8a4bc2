import { createHash } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { createConnection, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { MongoClient } from 'mongodb'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'
import { type Embedded, startEmbedded } from '../../src/store/embedded.ts'
import { supplyMongod } from '../../src/store/mongod-supply.ts'
import { makeRandom } from '../../synthetic/random.ts'
import { steadyStream } from '../../synthetic/stories-changes.ts'
import { quiet, type RunningService, startService } from '../set-up/running.ts'

export type Target = 'service' | 'mongod' | 'all'
export type CampaignOptions = {
  readonly kills: number
  readonly target: Target
  readonly seed: string
  readonly lanes?: number
  readonly onCycle?: (cycle: number, what: string) => void
}

/** One JSON line of a campaign. `invented`: kept without ever having been sent; `episodesWrong`: acknowledged messages without exactly their one episode. */
export type CampaignResult = {
  readonly kills: number
  readonly target: Target
  readonly seed: string
  readonly delivered: number
  readonly acknowledged: number
  readonly resent: number
  readonly lost: number
  readonly duplicated: number
  readonly corrupt: number
  readonly invented: number
  readonly episodesWrong: number
  readonly longestGapMs: number
}

const database = 'durability'

/**
 * Senders that resend what was not acknowledged push messages over MLLP while the service or its database is killed with SIGKILL at random
 * moments and started again. The ledger stands outside what is killed: what was sent, what was acknowledged, which bytes. One embedded
 * member: proves crash safety of the process and of mongod, not fail-over.
 */
export async function runCampaign({
  kills,
  target,
  seed,
  lanes = 8,
  onCycle,
}: CampaignOptions): Promise<CampaignResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'flsdb-durability-'))
  const mongod = await supplyMongod({
    cacheFolder: path.join(import.meta.dirname, '..', '..', '.cache', 'mongod'),
    tell: () => undefined,
  })
  const random = makeRandom(seed)
  let server: Embedded = await startEmbedded(mongod, folder, { isThrowaway: true })
  let service = await start(server, folder)
  const ledger = new Ledger()
  const senders = Array.from({ length: lanes }, () => new Sender(ledger, () => service.mllpPort))
  try {
    for (let cycle = 0; cycle < kills; cycle++) {
      const isMongod = target === 'mongod' || (target === 'all' && cycle % 4 === 3)
      await ledger.firstSendAfter(performance.now())
      await new Promise(resolve => setTimeout(resolve, 50 + Math.floor(random.next() * 750)))
      onCycle?.(cycle, isMongod ? 'mongod' : 'service')
      if (isMongod) {
        process.kill(server.pid, 'SIGKILL')
        await new Promise(resolve => setTimeout(resolve, 200))
        server = await startEmbedded(mongod, folder, { isThrowaway: true })
      } else {
        await service.kill()
        service = await start(server, folder)
      }
    }
    await Promise.all(senders.map(sender => sender.finish()))
    await quiet({ ...service, database }, 300)
    const result = await verdict(server, ledger)
    return { kills, target, seed, ...result }
  } finally {
    // Also after a failure: nothing of a campaign outlives it.
    for (const sender of senders) sender.abandon()
    await service.kill()
    await server.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

function start(server: Embedded, folder: string): Promise<RunningService> {
  return startService({
    database,
    dataFolder: folder,
    keepDatabase: true,
    uri: server.uri,
    environment: { FLSDB_LOG_LEVEL: 'silent' },
  })
}

type Line = { readonly bytes: Buffer; isAcknowledged: boolean; sends: number }

/** What was sent and what was promised, kept outside everything that is killed. */
class Ledger {
  readonly lines = new Map<string, Line>()
  readonly #messages = steadyStream(1_000_000)[Symbol.iterator]()
  #lastAck = performance.now()
  #lastSend = 0
  longestGapMs = 0

  next(): [string, Line] {
    const { value } = this.#messages.next()
    const line: Line = { bytes: value.bytes, isAcknowledged: false, sends: 0 }
    this.lines.set(value.controlId, line)
    return [value.controlId, line]
  }

  sent(line: Line): void {
    line.sends++
    this.#lastSend = performance.now()
  }

  acknowledged(line: Line): void {
    line.isAcknowledged = true
    this.longestGapMs = Math.max(this.longestGapMs, performance.now() - this.#lastAck)
    this.#lastAck = performance.now()
  }

  async firstSendAfter(moment: number): Promise<void> {
    while (this.#lastSend < moment) await new Promise(resolve => setTimeout(resolve, 5))
  }
}

/** One connection, one message in flight, sent again until it is acknowledged. */
class Sender {
  readonly #ledger: Ledger
  readonly #port: () => number
  #isOver = false
  #isAbandoned = false
  readonly #running: Promise<void>

  constructor(ledger: Ledger, port: () => number) {
    this.#ledger = ledger
    this.#port = port
    this.#running = this.#run()
  }

  /** Stops even with a message unanswered: the campaign has failed. */
  abandon(): void {
    this.#isOver = true
    this.#isAbandoned = true
  }

  finish(): Promise<void> {
    this.#isOver = true
    return this.#running
  }

  async #run(): Promise<void> {
    while (!this.#isOver) {
      const [controlId, line] = this.#ledger.next()
      for (let wait = 20; !line.isAcknowledged && !this.#isAbandoned; wait = Math.min(500, wait * 2)) {
        this.#ledger.sent(line)
        if (await exchange(this.#port(), line.bytes, controlId)) this.#ledger.acknowledged(line)
        else await new Promise(resolve => setTimeout(resolve, wait))
      }
    }
  }
}

/** True when the listener answered AA or CA for this very control id within five seconds. */
function exchange(port: number, bytes: Buffer, controlId: string): Promise<boolean> {
  return new Promise(resolve => {
    const heard: Buffer[] = []
    const socket: Socket = createConnection({ host: '127.0.0.1', port })
    const end = (isPositive: boolean) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(isPositive)
    }
    const timer = setTimeout(() => end(false), 5_000)
    socket.on('connect', () => socket.write(Buffer.concat([Buffer.from([0x0b]), bytes, Buffer.from([0x1c, 0x0d])])))
    socket.on('data', part => {
      heard.push(part)
      const all = Buffer.concat(heard)
      if (!all.includes(0x1c)) return
      const answer = parseMessage(all.subarray(1, all.indexOf(0x1c)))?.segments('MSA')[0]
      end(['AA', 'CA'].includes(answer?.field(1).text ?? '') && answer?.field(2).text === controlId)
    })
    socket.on('error', () => end(false))
    socket.on('close', () => end(false))
  })
}

async function verdict(server: Embedded, ledger: Ledger): Promise<Omit<CampaignResult, 'kills' | 'target' | 'seed'>> {
  const client = await MongoClient.connect(server.uri)
  const db = client.db(database)
  const kept = new Map<string, string[]>()
  for await (const entry of db
    .collection('inbox')
    .find({ protocol: 'hl7v2' }, { projection: { controlId: 1, sha256: 1, bytes: 1 } })) {
    const bytes = Buffer.from(entry['bytes'].buffer)
    const hash = createHash('sha256').update(bytes).digest('hex')
    kept.set(entry['controlId'], [...(kept.get(entry['controlId']) ?? []), hash])
  }
  const episodes = new Map<string, number>()
  for await (const episode of db
    .collection<{ records: string[] }>('episodes')
    .find({}, { projection: { records: 1 } })) {
    for (const record of episode.records) episodes.set(record, (episodes.get(record) ?? 0) + 1)
  }
  await client.close()
  const lines = [...ledger.lines]
  const acknowledged = lines.filter(([, line]) => line.isAcknowledged)
  const hashOf = (line: Line) => createHash('sha256').update(line.bytes).digest('hex')
  const recordOf = (line: Line) => /PID\|[^\r]*?(S8\d{5})/.exec(line.bytes.toString('latin1'))?.[1] ?? ''
  return {
    delivered: lines.length,
    acknowledged: acknowledged.length,
    resent: lines.reduce((sum, [, line]) => sum + Math.max(0, line.sends - 1), 0),
    lost: acknowledged.filter(([id]) => !kept.has(id)).length,
    duplicated: [...kept.values()].filter(hashes => hashes.length > 1).length,
    corrupt: acknowledged.filter(([id, line]) => kept.has(id) && !kept.get(id)?.includes(hashOf(line))).length,
    invented: [...kept.keys()].filter(id => !ledger.lines.has(id)).length,
    episodesWrong: acknowledged.filter(
      ([, line]) =>
        [...episodes]
          .filter(([record]) => record.endsWith(`|${recordOf(line)}`))
          .reduce((sum, [, count]) => sum + count, 0) !== 1,
    ).length,
    longestGapMs: Math.round(ledger.longestGapMs),
  }
}
