import { setTimeout as pause } from 'node:timers/promises'
import type { Instant } from '../fls/dates.ts'
import type { Store } from './store.ts'

/** Word to all workers of a deployment: `isPaused` while a replay swaps; a new `generation` means load tables and models again. */
export type Control = { readonly isPaused: boolean; readonly generation: number }

const controls = (store: Store) =>
  store.db.collection<{ _id: 'workers'; pausedUntil?: Date; generation: number }>('control')
/** A pause ends by itself, so a replay that dies does not stop the workers for good; a living one renews it. */
const pauseMs = 120_000

export async function readControl(store: Store): Promise<Control> {
  const control = await controls(store).findOne({ _id: 'workers' })
  return { isPaused: (control?.pausedUntil?.getTime() ?? 0) > Date.now(), generation: control?.generation ?? 0 }
}

type Turned = { _id: 'practices'; at: Instant }

/** The last time opt-ins or withdrawals stated ahead were carried out; undefined before the first look. */
export async function readTurned(store: Store): Promise<Instant | undefined> {
  return (await store.db.collection<Turned>('control').findOne({ _id: 'practices' }))?.at
}

export async function writeTurned(store: Store, at: Instant): Promise<void> {
  await store.db.collection<Turned>('control').updateOne({ _id: 'practices' }, { $max: { at } }, { upsert: true })
}

/** Asks the workers to claim nothing and waits until none holds a claim. */
export async function pauseWorkers(store: Store): Promise<void> {
  await renewPause(store)
  for (let attempt = 0; attempt < 1_200; attempt++) {
    await pause(100)
    if (attempt > 15 && (await store.inbox.countDocuments({ state: 'claimed' }, { limit: 1 })) === 0) return
  }
  throw new Error('workers did not finish their claims within two minutes')
}

export async function renewPause(store: Store): Promise<void> {
  await controls(store).updateOne(
    { _id: 'workers' },
    { $set: { pausedUntil: new Date(Date.now() + pauseMs) }, $setOnInsert: { generation: 0 } },
    { upsert: true },
  )
}

/** Lets the workers go on, with tables and models loaded anew. */
export async function resumeWorkers(store: Store): Promise<void> {
  await controls(store).updateOne(
    { _id: 'workers' },
    { $unset: { pausedUntil: '' }, $inc: { generation: 1 } },
    { upsert: true },
  )
}

/** Statements that came into force after this moment are carried out again: a replay that began then has been taken. */
export async function setTurned(store: Store, at: Instant): Promise<void> {
  await store.db.collection<Turned>('control').updateOne({ _id: 'practices' }, { $set: { at } }, { upsert: true })
}
