import type { Db } from 'mongodb'
import type { InboxId } from '../fls/fact.ts'
import { asideOf } from './causal-client.ts'
import { isDuplicateKey } from './refused-writes.ts'

/** Who may write the version after this one. `_id` = `Type/id/versionId`. */
type VersionClaim = { _id: string; by: InboxId; at: Date; until: Date }

/** Longer than any request lasts. */
const claimMs = 30_000

/** No wait for the journal: a claim comes before the entry it is for, in the same journal. */
const claimsOf = (db: Db) =>
  asideOf(db).collection<VersionClaim>('versionClaims', {
    writeConcern: { w: 1, journal: false },
    readConcern: { level: 'local' },
  })

export async function createVersionClaimIndexes(db: Db): Promise<void> {
  await claimsOf(db).createIndex({ until: 1 }, { name: 'expiry', expireAfterSeconds: 3_600 })
}

/**
 * Takes the right to follow a version (If-Match) for the entry `by`; of several that ask, one gets it. The same entry may ask again. A claim
 * whose holder died before keeping anything ends after 30 s; one whose entry is kept never does.
 */
export async function claimVersion(db: Db, version: string, by: InboxId, now: Date): Promise<boolean> {
  const claim = { by, at: now, until: new Date(now.getTime() + claimMs) }
  for (;;) {
    const held = await takeOrSee(db, version, claim)
    if (!held || held.by === by) return true
    if (held.until > now || (await isKeptSince(db, held))) return false
    const taken = await claimsOf(db).updateOne({ _id: version, by: held.by, at: held.at }, { $set: claim })
    if (taken.modifiedCount > 0) return true
  }
}

/** Gives a claim back: its entry was certainly not kept. */
export async function releaseVersion(db: Db, version: string, by: InboxId): Promise<void> {
  await claimsOf(db).deleteOne({ _id: version, by })
}

/** Where claims are held. */
export type VersionClaims = {
  readonly claim: (version: string, by: InboxId, now: Date) => Promise<boolean>
  readonly release: (version: string, by: InboxId) => Promise<void>
}

export function versionClaims(db: Db): VersionClaims {
  return {
    claim: (version, by, now) => claimVersion(db, version, by, now),
    release: (version, by) => releaseVersion(db, version, by),
  }
}

/** Undefined when the claim is ours now, else the claim that stands. */
async function takeOrSee(db: Db, _id: string, claim: Omit<VersionClaim, '_id'>): Promise<VersionClaim | undefined> {
  try {
    await claimsOf(db).insertOne({ _id, ...claim })
    return undefined
  } catch (cause) {
    if (!isDuplicateKey(cause)) throw cause
    const held = await claimsOf(db).findOne({ _id })
    // Given back in between: ask again.
    return held ?? takeOrSee(db, _id, claim)
  }
}

async function isKeptSince(db: Db, { by, at }: VersionClaim): Promise<boolean> {
  const inbox = db.collection<{ _id: InboxId; receivedAt: Date }>('inbox')
  return (await inbox.findOne({ _id: by, receivedAt: { $gte: at } }, { projection: { _id: 1 } })) !== null
}
