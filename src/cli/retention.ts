import { runRetention } from '../retention.ts'
import { openAccessLog } from '../store/access-log.ts'
import { joinDeployment } from './connect.ts'

export type RetentionCommand = { readonly dryRun?: boolean; readonly json?: boolean }

/** `flsdb retention`: what the service does once a day, now; `--dry-run` only counts. */
export async function retentionCommand({ dryRun = false, json = false }: RetentionCommand): Promise<void> {
  const { river, store, config, close } = await joinDeployment({ mayStart: true })
  try {
    const days = config.retentionDays
    const report = await runRetention({
      river,
      accessLog: openAccessLog(store.db),
      days,
      now: new Date(),
      isDryRun: dryRun,
    })
    if (json) console.log(JSON.stringify({ ...report, days, isDryRun: dryRun }))
    else
      console.log(
        `${report.examined} read entries are older than ${days} days; ${report.expired} of nobody with fracture evidence ${dryRun ? 'would expire' : 'expired'}`,
      )
  } finally {
    await close()
  }
}
