import { setTimeout as pause } from 'node:timers/promises'
import type { Random } from '../../synthetic/random.ts'
import { electionTimeoutMs, type Member } from './replica-set.ts'
import type { World } from './world.ts'

export type Target = 'service' | 'mongod' | 'primary' | 'all'
export const targets = ['service', 'mongod', 'primary', 'all'] as const satisfies readonly Target[]

/** When the signal went out, milliseconds since 1970; undefined when it found nobody. */
type Moment = number | undefined
/** One way to interrupt the service: the signal, and what an operator or a supervisor would do afterwards. */
type Kill = {
  readonly weight: number
  readonly strike: (world: World, afterMs: number, random: Random) => Promise<Moment>
}

const serviceKills = {
  'whole service': { weight: 4, strike: (world, afterMs) => killService(world, 'group', afterMs) },
  'intake alone': { weight: 3, strike: (world, afterMs) => killService(world, 'intake', afterMs) },
  'a worker alone': { weight: 3, strike: killWorker },
} as const satisfies Record<string, Kill>

const mongodKills = {
  mongod: {
    weight: 1,
    strike: async (world, afterMs) => killMembers(world, [await world.set.primary()], afterMs),
  },
} as const satisfies Record<string, Kill>

const primaryKills = {
  primary: { weight: 4, strike: async (world, afterMs) => killMembers(world, [await world.set.primary()], afterMs) },
  'step-down': { weight: 3, strike: stepDown },
  'all members': { weight: 1, strike: (world, afterMs) => killMembers(world, world.set.members, afterMs) },
  'primary cut off and killed': { weight: 2, strike: cutOffThenKill },
} as const satisfies Record<string, Kill>

/** What each target means. */
export const killsOf: Readonly<
  Record<Target, { readonly members: 1 | 3; readonly kills: Readonly<Record<string, Kill>> }>
> = {
  service: { members: 1, kills: serviceKills },
  mongod: { members: 1, kills: mongodKills },
  primary: { members: 3, kills: primaryKills },
  all: { members: 3, kills: { ...serviceKills, ...primaryKills } },
}

async function killService({ service, killer }: World, whom: 'group' | 'intake', afterMs: number): Promise<Moment> {
  const { pid } = service
  const at = await killer.strike(whom === 'group' ? -pid : pid, 'SIGKILL', afterMs)
  if (at !== undefined) await service.replaced(pid)
  return at
}

/** The service starts the worker again by itself; the next kill may fall into its start. */
async function killWorker({ service, killer }: World, afterMs: number, random: Random): Promise<Moment> {
  const until = performance.now() + 30_000
  for (;;) {
    const workers = await service.workers()
    if (workers.length > 0) return killer.strike(random.pick(workers), 'SIGKILL', afterMs)
    if (performance.now() > until) throw new Error('the service started no worker again')
    await pause(20)
  }
}

async function killMembers({ killer }: World, members: readonly Member[], afterMs: number): Promise<Moment> {
  const [first, ...others] = members
  const at = await killer.strike(first?.pid ?? 0, 'SIGKILL', afterMs)
  for (const other of others) other.signal('SIGKILL')
  await Promise.all(members.map(member => member.ended()))
  for (const member of members) member.start()
  return at
}

async function stepDown({ set }: World, afterMs: number): Promise<Moment> {
  const primary = await set.primary()
  await pause(afterMs)
  const at = Date.now()
  // An answer is not needed: stepping down may close the very connection.
  await primary.command({ replSetStepDown: 10, secondaryCatchUpPeriodSecs: 0, force: true }).catch(() => undefined)
  return at
}

/**
 * The hardest for a promise: the primary goes on taking writes its secondaries never see, then dies; what it alone held is rolled back when it
 * comes home. Only a write that waited for the majority survives this. The secondaries are killed as well: what the primary had pushed into
 * their sockets while they stood still would otherwise reach them after all.
 */
async function cutOffThenKill({ set, killer }: World, afterMs: number): Promise<Moment> {
  const primary = await set.primary()
  const others = set.members.filter(member => member !== primary)
  await killer.strike(others[0]?.pid ?? 0, 'SIGSTOP', afterMs)
  for (const other of others) other.signal('SIGSTOP')
  const at = await killer.strike(primary.pid, 'SIGKILL', electionTimeoutMs / 2)
  for (const other of others) other.signal('SIGKILL')
  await Promise.all(set.members.map(member => member.ended()))
  for (const other of others) other.start()
  await set.primary()
  primary.start()
  return at
}
