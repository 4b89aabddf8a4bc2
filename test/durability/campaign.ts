import { makeRandom } from '../../synthetic/random.ts'
import { quiet } from '../set-up/running.ts'
import { killsOf, type Target } from './kills.ts'
import { judge, type Verdict } from './verdict.ts'
import { database, openWorld } from './world.ts'

export type CampaignOptions = {
  readonly kills: number
  readonly target: Target
  readonly seed: string
  readonly lanes?: number
  readonly workers?: number
  readonly environment?: Readonly<Record<string, string>>
  /** Only these kinds of kill of the target. */
  readonly kinds?: readonly string[]
  readonly onCycle?: (cycle: number, what: string, promises: number) => void
}

/** One JSON line of a campaign. `midRequest`: kills that fell while a line was on its way. */
export type CampaignResult = Verdict & {
  readonly kills: number
  readonly target: Target
  readonly seed: string
  readonly kinds: Readonly<Record<string, number>>
  readonly midRequest: number
  readonly longestGapMs: number
  readonly seconds: number
}

/** The signal falls uniformly within this time (trust.md 8.1) after so many acknowledgements of the cycle, however fast the machine is. */
const [shortestDelayMs, longestDelayMs] = [0, 400]
const [fewestBetween, mostBetween] = [1, 60]
/** A campaign of few kills still sends enough for every kind of line to occur. */
const fewestPromises = 200
const startWithinMs = 180_000
const finishWithinMs = 60_000
const readWithinSeconds = 3_600

/**
 * Senders that resend what was not acknowledged push messages through both doors, flat out, while service or database is killed at random
 * moments by a process of its own and started again. Ends when everything sent is promised and read, or cannot be within the time; then
 * the ledger judges.
 */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const { kills, target, seed, lanes = 16, workers = 2, environment, onCycle } = options
  const { members, kills: all } = killsOf[target]
  const table = Object.entries(all).filter(([name]) => options.kinds?.includes(name) ?? true)
  if (table.length === 0) throw new Error('no such kind of kill')
  const random = makeRandom(seed)
  const world = await openWorld({ members, lanes, workers, ...(environment ? { environment } : {}) })
  const counts: Record<string, number> = {}
  const begun = performance.now()
  let midRequest = 0
  try {
    for (let cycle = 0; cycle < kills; cycle++) {
      const [name, kill] = random.weighted(table.map(entry => [entry, entry[1].weight] as const))
      const afterMs = random.int(shortestDelayMs, longestDelayMs)
      await world.ledger.morePromises(random.int(fewestBetween, mostBetween), startWithinMs)
      const at = await kill.strike(world, afterMs, random)
      if (at !== undefined && world.ledger.onTheirWay(at) > 0) midRequest++
      counts[name] = (counts[name] ?? 0) + 1
      onCycle?.(cycle, name, world.ledger.promises)
    }
    await world.ledger.morePromises(Math.max(1, fewestPromises - world.ledger.promises), startWithinMs)
    await Promise.all(world.senders.map(sender => sender.finish(finishWithinMs)))
    await quiet({ mongo: world.mongo, database }, readWithinSeconds).catch(() => undefined)
    return {
      kills,
      target,
      seed,
      kinds: counts,
      midRequest,
      longestGapMs: Math.round(world.ledger.longestGapMs),
      seconds: Math.round((performance.now() - begun) / 1_000),
      ...(await judge(world.mongo, world.ledger)),
    }
  } catch (cause) {
    throw new Error(`the campaign could not go on:\n${world.service.output.slice(-3_000)}`, { cause })
  } finally {
    await world.close()
  }
}
