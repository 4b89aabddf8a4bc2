import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import type { Db } from 'mongodb'
import { isDuplicateKey } from './refused-writes.ts'

/**
 * Work of which a deployment does one at a time. A backup and a retention run also exclude each other. Each running service has a `service/` of
 * its own: many may run, and whoever wipes the database must know of them.
 */
export type LeaseName = 'replay' | 'backup-or-retention' | `service/${string}`

type LeaseDocument = { _id: LeaseName; what: string; host: string; pid: number; until: Date }

/** Held until `release`; renewed by itself while the process lives, free a minute after it died. */
export type Lease = { readonly release: () => Promise<void> }

/** Somebody else is at it. `message` says who, and when it is free at the latest. */
export class LeaseHeld extends Error {
  readonly code = 'lease-held'
}

const leaseMs = 60_000

/**
 * Takes the lease, or throws `LeaseHeld`. One left by a process of this host that no longer lives is taken over at once, one of another
 * host when its minute is over.
 */
export async function holdLease(db: Db, name: LeaseName, what: string): Promise<Lease> {
  const leases = db.collection<LeaseDocument>('leases')
  const own = { host: hostname(), pid: process.pid }
  const held = await leases.findOne({ _id: name })
  const isDead = held !== null && held.host === own.host && held.pid !== own.pid && !isAlive(held.pid)
  const isFree = isDead ? { pid: held.pid, host: held.host } : { until: { $lt: new Date() } }
  try {
    await leases.replaceOne({ _id: name, ...isFree }, { what, ...own, until: inAMinute() }, { upsert: true })
  } catch (cause) {
    // The lease is there and not free: the upsert then meets its id.
    if (!isDuplicateKey(cause)) throw cause
    const now = await leases.findOne({ _id: name })
    throw new LeaseHeld(
      `${now?.what ?? 'Another command'} is under way (process ${now?.pid ?? '?'} on ${now?.host ?? '?'}). Wait until it ends; if it died, try again in a minute.`,
    )
  }
  const renewal = setInterval(
    () => void leases.updateOne({ _id: name, ...own }, { $set: { until: inAMinute() } }).catch(() => undefined),
    leaseMs / 4,
  ).unref()
  return {
    release: async () => {
      clearInterval(renewal)
      await leases.deleteOne({ _id: name, ...own })
    },
  }
}

/** Says of this process that it serves this database, until `release`. */
export async function holdServiceLease(db: Db): Promise<Lease> {
  // Those of services that were killed.
  await db.collection<LeaseDocument>('leases').deleteMany({ ...services, until: { $lt: new Date() } })
  return holdLease(db, `service/${randomUUID()}`, 'The service')
}

/** Who serves this database: `process PID on HOST`; one that was killed on another host is named for a minute more. */
export async function runningServices(db: Db): Promise<string[]> {
  const held = await db
    .collection<LeaseDocument>('leases')
    .find({ ...services, until: { $gte: new Date() } })
    .toArray()
  return held
    .filter(({ host, pid }) => host !== hostname() || isAlive(pid))
    .map(({ host, pid }) => `process ${pid} on ${host}`)
}

const services = { _id: /^service\// as unknown as LeaseName }

function inAMinute(): Date {
  return new Date(Date.now() + leaseMs)
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (cause) {
    return cause instanceof Error && Reflect.get(cause, 'code') === 'EPERM'
  }
}
