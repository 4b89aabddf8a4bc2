import { setTimeout as pause } from 'node:timers/promises'
import { makeRandom } from '../../../synthetic/random.ts'
import { quiet } from '../../set-up/running.ts'
import { isClean, judge, type Verdict } from '../verdict.ts'
import { database, openWorld, type World, type WorldOptions } from '../world.ts'
import { type Watched, watchOutage } from './watch.ts'
import { startWire, type Wire } from './wire.ts'

/** One JSON line of a scenario. `isKept`: the promises of trust.md (PR1, PR10) held; `broken` names those that did not. */
export type ScenarioResult = {
  readonly scenario: ScenarioName
  readonly isKept: boolean
  readonly broken: readonly string[]
  readonly watched?: Watched
  readonly figures?: Readonly<Record<string, number>>
  readonly verdict: Verdict
}

type Findings = {
  readonly watched?: Watched
  readonly figures?: Readonly<Record<string, number>>
  readonly broken: readonly string[]
}
type Scenario = {
  readonly world: Omit<WorldOptions, 'lanes'>
  /** Something between service and database. */
  readonly isOnAWire?: true
  readonly run: (world: World, wire: Wire | undefined, lastMs: number) => Promise<Findings>
}

const notReadyWithinMs = 5_000
const refusedWithinMs = 15_000
const leastGoodput = 0.8

/** What may happen to the database or the wire, and what the service owes its senders meanwhile. */
export const scenarios = {
  'mongod hangs': { world: { members: 1 }, run: hang },
  'majority lost': { world: { members: 3 }, run: loseMajority },
  'mongod killed and away': { world: { members: 1 }, run: goneAway },
  'slow wire': { world: { members: 1 }, isOnAWire: true, run: slowWire },
  'answers lost after the commit': { world: { members: 1 }, isOnAWire: true, run: cutAnswers },
  overload: { world: { members: 1 }, run: overload },
} as const satisfies Record<string, Scenario>

export type ScenarioName = keyof typeof scenarios
export const scenarioNames = Object.keys(scenarios).filter((name): name is ScenarioName => name in scenarios)

export type ScenarioOptions = { readonly lanes?: number; readonly lastMs?: number }

/** Runs one scenario on a service and a database of its own; the ledger judges at the end, whatever happened. */
export async function runScenario(
  name: ScenarioName,
  { lanes = 16, lastMs = 20_000 }: ScenarioOptions = {},
): Promise<ScenarioResult> {
  const scenario: Scenario = scenarios[name]
  let wire: Wire | undefined
  const world = await openWorld({
    ...scenario.world,
    lanes,
    ...(scenario.isOnAWire
      ? {
          databaseUri: async set => {
            wire = await startWire(set.members[0]?.port ?? 0, makeRandom(name))
            return `mongodb://127.0.0.1:${wire.port}/?directConnection=true`
          },
        }
      : {}),
  })
  try {
    await world.ledger.morePromises(50, 180_000)
    const found = await scenario.run(world, wire, lastMs)
    await Promise.all(world.senders.map(sender => sender.finish(60_000)))
    await quiet({ mongo: world.mongo, database }, 300).catch(() => undefined)
    const verdict = await judge(world.mongo, world.ledger)
    const broken = [...found.broken, ...(isClean(verdict) ? [] : ['the ledger'])]
    return { scenario: name, isKept: broken.length === 0, ...found, broken, verdict }
  } catch (cause) {
    throw new Error(`the scenario could not go on:\n${world.service.output.slice(-3_000)}`, { cause })
  } finally {
    await world.close()
    wire?.close()
  }
}

async function watchedOutage(
  world: World,
  lastMs: number,
  begin: () => Promise<void> | void,
  end: () => Promise<void> | void,
): Promise<Findings> {
  const { ledger, ports, token } = world
  const watched = await watchOutage({ url: `http://127.0.0.1:${ports.http}`, token, ledger, begin, lastMs, end })
  const { notReadyAfterMs, promisesMeanwhile, refusals, slowestRefusalMs, isRetryAfterTold } = watched
  const broken = Object.entries({
    'not ready within 5 s': notReadyAfterMs !== undefined && notReadyAfterMs <= notReadyWithinMs,
    'no promise without storage': promisesMeanwhile === 0,
    // At least one: a service that never answers has refused nothing.
    'writes over HTTP are answered 503': Object.keys(refusals).join() === '503',
    'every refusal comes within 15 s': slowestRefusalMs <= refusedWithinMs,
    'every 503 tells when to come back': isRetryAfterTold,
    'promises come again by themselves': watched.promisesAgainAfterMs !== undefined,
    'ready again by itself': watched.readyAgainAfterMs !== undefined,
  }).flatMap(([promise, isKept]) => (isKept ? [] : [promise]))
  return { watched, broken }
}

function hang(world: World, _proxy: Wire | undefined, lastMs: number): Promise<Findings> {
  const [member] = world.set.members
  return watchedOutage(
    world,
    lastMs,
    () => member?.signal('SIGSTOP'),
    () => member?.signal('SIGCONT'),
  )
}

async function loseMajority(world: World, _proxy: Wire | undefined, lastMs: number): Promise<Findings> {
  const primary = await world.set.primary()
  const others = world.set.members.filter(member => member !== primary)
  const signal = (name: NodeJS.Signals) => () => {
    for (const other of others) other.signal(name)
  }
  return watchedOutage(world, lastMs, signal('SIGSTOP'), signal('SIGCONT'))
}

function goneAway(world: World, _proxy: Wire | undefined, lastMs: number): Promise<Findings> {
  const [member] = world.set.members
  return watchedOutage(
    world,
    lastMs,
    () => member?.signal('SIGKILL'),
    () => member?.start(),
  )
}

/** Slow is not away: promises go on, and the service stays ready. */
async function slowWire({ ledger, ports }: World, wire: Wire | undefined, lastMs: number): Promise<Findings> {
  if (!wire) throw new Error('this scenario needs a wire of its own')
  wire.weather = { delayMs: 150, cutAnswers: 0 }
  const before = ledger.promises
  await pause(lastMs)
  const { status } = await fetch(`http://127.0.0.1:${ports.http}/ready`, { signal: AbortSignal.timeout(10_000) })
  const promises = ledger.promises - before
  wire.weather = { delayMs: 0, cutAnswers: 0 }
  return {
    figures: { promises, promisesPerSecond: Math.round((10_000 * promises) / lastMs) / 10 },
    broken: [...(promises > 0 ? [] : ['promises go on']), ...(status === 200 ? [] : ['stays ready'])],
  }
}

/** The write is done and its answer lost: the one case where only the key of the inbox stands between a resend and a second copy. */
async function cutAnswers({ ledger }: World, wire: Wire | undefined, lastMs: number): Promise<Findings> {
  if (!wire) throw new Error('this scenario needs a wire of its own')
  wire.weather = { delayMs: 0, cutAnswers: 0.02 }
  const before = ledger.promises
  await pause(lastMs)
  wire.weather = { delayMs: 0, cutAnswers: 0 }
  await ledger.morePromises(1, 60_000)
  const promises = ledger.promises - before
  return { figures: { promises, cuts: wire.cuts }, broken: wire.cuts > 0 ? [] : ['answers were cut'] }
}

/** Five times the senders, each as fast as it can: what is promised in a second must not fall by more than a fifth. */
async function overload(world: World, _proxy: Wire | undefined, lastMs: number): Promise<Findings> {
  const { ledger, addSenders, senders } = world
  const rate = async (): Promise<number> => {
    const [promises, began] = [ledger.promises, performance.now()]
    await pause(lastMs)
    return ((ledger.promises - promises) * 1_000) / (performance.now() - began)
  }
  await rate()
  const normal = await rate()
  addSenders(4 * senders.length)
  await pause(1_000)
  const overloaded = await rate()
  const goodput = overloaded / normal
  return {
    figures: {
      normalPerSecond: Math.round(normal),
      overloadedPerSecond: Math.round(overloaded),
      goodput: Math.round(goodput * 100) / 100,
    },
    broken: goodput >= leastGoodput ? [] : ['goodput of 80 %'],
  }
}
