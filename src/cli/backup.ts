import { takeBackup } from '../store/backup.ts'
import { checkBackup } from '../store/backup-check.ts'
import type { Manifest } from '../store/backup-manifest.ts'
import { restoreBackup } from '../store/restore.ts'
import { bringIndexes } from '../wiring/database.ts'
import { joinDeployment } from './connect.ts'
import { progressOf } from './progress.ts'

export type BackupCommand = { readonly withKeys?: boolean; readonly json?: boolean }

/** `flsdb backup FOLDER`: what cannot be rebuilt, while the service runs. */
export async function backupCommand(folder: string, { withKeys = false, json = false }: BackupCommand): Promise<void> {
  const { store, keyFile, close } = await joinDeployment({ mayStart: true })
  const progress = progressOf('backup', json)
  try {
    const manifest = await takeBackup({
      store,
      folder,
      keyFile,
      withKeys,
      clock: () => new Date(),
      onProgress: progress.show,
    })
    progress.end()
    if (json) console.log(JSON.stringify(manifest))
    else
      tell(`${folder}: backed up`, manifest, [
        `everything acknowledged before ${manifest.begunAt} is inside`,
        withKeys
          ? 'the key file is inside: whoever holds this folder holds the keys'
          : 'the key file is not inside: keep it apart, a restore needs the same one',
      ])
  } finally {
    progress.end()
    await close()
  }
}

export type RestoreCommand = { readonly check?: boolean; readonly overwrite?: boolean; readonly json?: boolean }

/** `flsdb restore FOLDER`: proves the backup, then writes an empty database; `--check` only proves. */
export async function restoreCommand(folder: string, options: RestoreCommand): Promise<void> {
  if (options.check) {
    const manifest = await checkBackup(folder)
    if (options.json) console.log(JSON.stringify(manifest))
    else tell(`${folder}: whole`, manifest, ['nothing was written'])
    return
  }
  const { store, keyFile, close } = await joinDeployment({ mayStart: true, isRestoring: true })
  const progress = progressOf('restore', options.json ?? false)
  try {
    const manifest = await restoreBackup({
      store,
      folder,
      keyFile,
      isOverwriting: options.overwrite ?? false,
      bringIndexes,
      onProgress: progress.show,
    })
    progress.end()
    if (options.json) console.log(JSON.stringify(manifest))
    else
      tell(`${folder}: restored into ${store.db.databaseName}, read back and compared`, manifest, [
        'next: flsdb replay (builds persons and episodes again), then start the service',
        `then: state again every withdrawal and opt-out given after ${manifest.begunAt}, and let senders send again from there`,
      ])
  } finally {
    progress.end()
    await close()
  }
}

function tell(what: string, { inbox, accessLog, files }: Manifest, remarks: readonly string[]): void {
  const megabytes = files.reduce((sum, file) => sum + file.size, 0) / 1e6
  console.log(what)
  console.log(
    `  ${inbox.entries} entries${inbox.expired > 0 ? ` (${inbox.expired} expired, without bytes)` : ''}, ${accessLog.lines} lines of the access log, ${megabytes.toFixed(1)} MB`,
  )
  console.log(`  inbox hash ${inbox.hash}`)
  for (const remark of remarks) console.log(`  ${remark}`)
}
