import type { River } from '../pipeline.ts'
import { type RetentionReport, runRetention } from '../retention.ts'
import { openAccessLog } from '../store/access-log.ts'
import { LeaseHeld } from '../store/lease.ts'
import { readRetention } from '../store/retention-log.ts'

const dayMs = 86_400_000

/** Runs retention when a day has passed since it last ran; undefined when it is not due, or something that excludes it is under way. */
export async function retentionWhenDue(river: River, days: number, now: Date): Promise<RetentionReport | undefined> {
  const { ranAt } = await readRetention(river.store.db)
  if (ranAt && now.getTime() - ranAt.getTime() < dayMs) return undefined
  try {
    return await runRetention({ river, accessLog: openAccessLog(river.store.db), days, now })
  } catch (cause) {
    if (cause instanceof LeaseHeld) return undefined
    throw cause
  }
}
