import { createWriteStream } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { SingleBar } from 'cli-progress'
import type { Delivery } from '../../synthetic/delivery.ts'
import { makeWorld, type World } from '../../synthetic/world.ts'
import type { DemoFile } from '../access/demo-file.ts'
import { openDoor } from './seed-doors.ts'
import { type Lane, lowWater, type Outcome, openLane } from './seed-lane.ts'

export type SeedCommand = {
  /** `.flsdb/demo.json` of the running demo. */
  readonly demoFile: string
  readonly size: 'full' | 'small' | number
  /** Default: the demo's own world. */
  readonly seed?: string
  readonly world?: 'hospital-led' | 'gp-led' | 'clustered-sparse'
  readonly quiet?: boolean
  /** Remember how far this world was sent, go on there, and do nothing once it is through. */
  readonly once?: boolean
  /** Writes the truth of everything sent, as NDJSON, for `synthetic/evaluate-files.ts`. */
  readonly truth?: string
  readonly signal?: AbortSignal
}

export type SeedCounts = { taken: number; refused: number; 'given-up': number }

const roomPerFeed = 64
/** Deliveries between two looks at `/ready`: a backlog over its limit slows the senders down, as a door that does not answer would. */
const restEvery = 2_000
const defaultSeed = 'fls-db demo'

/** `flsdb seed`: pushes a synthetic year through the doors of a running demo, one connection per feed, in order within each feed. */
export async function seedCommand(command: SeedCommand): Promise<SeedCounts> {
  const demo: DemoFile = JSON.parse(await readFile(command.demoFile, 'utf8'))
  const { size, seed = defaultSeed, world: name = 'hospital-led' } = command
  const world = makeWorld({ seed, size: typeof size === 'number' ? { episodes: size } : size, world: name })
  const markFile = path.join(path.dirname(command.demoFile), `seed-${name}-${size}.json`)
  const mark = command.once ? await readMark(markFile, seed) : { sent: 0, isDone: false }
  const counts: SeedCounts = { taken: 0, refused: 0, 'given-up': 0 }
  if (mark.isDone) return counts
  const bar =
    command.quiet || !process.stdout.isTTY
      ? undefined
      : new SingleBar({ format: 'seed {value} sent, {duration_formatted}' })
  bar?.start(0, 0)
  const water = lowWater(mark.sent)
  const keep = async (isDone: boolean): Promise<void> =>
    command.once ? writeMark(markFile, { seed, sent: water.low(), isDone }) : undefined
  const isThrough = await sendAll({
    command,
    demo,
    world,
    from: mark.sent,
    water,
    keep,
    onOutcome: outcome => {
      counts[outcome]++
      bar?.increment()
    },
  })
  await keep(isThrough)
  bar?.stop()
  if (!command.quiet) console.log(`${counts.taken} taken, ${counts.refused} refused, ${counts['given-up']} given up`)
  return counts
}

type Numbered = { readonly delivery: Delivery; readonly number: number }
type Sending = {
  readonly command: SeedCommand
  readonly demo: DemoFile
  readonly world: World
  readonly from: number
  readonly water: ReturnType<typeof lowWater>
  readonly keep: (isDone: boolean) => Promise<void>
  readonly onOutcome: (outcome: Outcome) => void
}

/** True when the world was sent to its end, false when stopped before. */
async function sendAll({ command, demo, world, from, water, keep, onOutcome }: Sending): Promise<boolean> {
  const lanes = new Map<string, { lane: Lane<Numbered>; close: () => void }>()
  const truth = command.truth ? createWriteStream(command.truth) : undefined
  const laneOf = (feed: string) => {
    const known = lanes.get(feed)
    if (known) return known
    const door = openDoor(demo, feed)
    const lane = openLane<Numbered>(
      roomPerFeed,
      one => door.post(one.delivery),
      (one, outcome) => {
        water.done(one.number)
        onOutcome(outcome)
      },
    )
    const made = { lane, close: door.close }
    lanes.set(feed, made)
    return made
  }
  let number = 0
  for (const { delivery, truth: lines } of world.sent()) {
    if (command.signal?.aborted) break
    for (const line of lines) truth?.write(`${JSON.stringify(line)}\n`)
    if (number >= from) {
      water.begin(number)
      await laneOf(delivery.feed).lane.put({ delivery, number })
      if (number % restEvery === restEvery - 1) {
        await keep(false)
        await untilReady(demo, command.signal)
      }
    }
    number++
  }
  await Promise.all([...lanes.values()].map(({ lane }) => lane.end()))
  for (const { close } of lanes.values()) close()
  await new Promise<void>(resolve => (truth ? truth.end(() => resolve()) : resolve()))
  return !command.signal?.aborted
}

async function untilReady(demo: DemoFile, signal: AbortSignal | undefined): Promise<void> {
  while (!signal?.aborted) {
    const response = await fetch(`${demo.url}/ready`).catch(() => undefined)
    await response?.arrayBuffer()
    if (response?.status === 200) return
    await wait(1_000)
  }
}

type Mark = { readonly sent: number; readonly isDone: boolean }

/** How far the same world came; a missing, damaged or other world's mark means from the start (repeats are absorbed). */
async function readMark(file: string, seed: string): Promise<Mark> {
  const text = await readFile(file, 'utf8').catch(() => '{}')
  const mark: { seed?: string; sent?: number; isDone?: boolean } = JSON.parse(text)
  return mark.seed === seed ? { sent: mark.sent ?? 0, isDone: mark.isDone ?? false } : { sent: 0, isDone: false }
}

async function writeMark(file: string, mark: Mark & { readonly seed: string }): Promise<void> {
  await writeFile(`${file}.new`, JSON.stringify(mark))
  await rename(`${file}.new`, file)
}
