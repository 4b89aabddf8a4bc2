import { access, constants, statfs } from 'node:fs/promises'
import path from 'node:path'
import { BadSetting, readConfig, settings } from '../config.ts'
import { isFree } from '../store/embedded.ts'
import { MongodMissing, supplyMongod } from '../store/mongod-supply.ts'
import { readBuild } from '../store/replay-progress.ts'
import { readRestore } from '../store/restore.ts'
import { readRetention } from '../store/retention-log.ts'
import { openStore, type Store } from '../store/store.ts'

type Finding = { readonly what: string; readonly isGood: boolean; readonly detail: string }

/** `flsdb doctor`: what this host and its settings are like, each line good or with its remedy. Exit code 1 when something must be mended. */
export async function doctorCommand({ json }: { json?: boolean }): Promise<void> {
  const findings = await examine()
  if (json) console.log(JSON.stringify(findings))
  else
    for (const { what, isGood, detail } of findings)
      console.log(`${isGood ? 'good' : 'MEND'}  ${what.padEnd(18)} ${detail}`)
  if (findings.some(finding => !finding.isGood)) process.exitCode = 1
}

async function examine(): Promise<Finding[]> {
  const findings: Finding[] = [
    {
      what: 'Node',
      isGood: Number(process.versions.node.split('.')[0]) >= 24,
      detail: `${process.versions.node} (24 is needed)`,
    },
  ]
  try {
    const config = readConfig(process.env, 'demo')
    findings.push({
      what: 'settings',
      isGood: true,
      detail: `profile ${config.profile}; ${
        Object.keys(settings)
          .filter(name => process.env[name])
          .join(', ') || 'all defaults'
      }`,
    })
    findings.push(await disk(config.dataFolder), ...(await ports(config.httpPort, config.mllpPort, config.bind)))
    findings.push(...(config.mongodbUri ? await database(config.mongodbUri, config.database) : [await embedded()]))
  } catch (cause) {
    if (!(cause instanceof BadSetting)) throw cause
    findings.push({ what: 'settings', isGood: false, detail: cause.message })
  }
  return findings
}

async function disk(folder: string): Promise<Finding> {
  const existing = await access(folder, constants.W_OK).then(
    () => folder,
    () => path.dirname(folder),
  )
  const { bavail, bsize, blocks } = await statfs(existing)
  const [free, share] = [(bavail * bsize) / 1024 ** 3, bavail / blocks]
  return {
    what: 'disk',
    isGood: share > 0.08 && free > 1,
    detail: `${free.toFixed(1)} GiB free (${Math.round(share * 100)} %) at the data folder; below 8 % intake refuses`,
  }
}

async function ports(http: number, mllp: number, host: string): Promise<Finding[]> {
  const [isHttpFree, isMllpFree] = await Promise.all([isFree(http, host), isFree(mllp, host)])
  const detail = (port: number, isPortFree: boolean) =>
    isPortFree ? `${port} is free` : `${port} is taken: by this service if it runs, else set another`
  return [
    { what: 'HTTP port', isGood: true, detail: detail(http, isHttpFree) },
    { what: 'MLLP port', isGood: true, detail: detail(mllp, isMllpFree) },
  ]
}

async function database(uri: string, name: string): Promise<Finding[]> {
  try {
    const store = await openStore(uri, name)
    const { version } = await store.db.admin().serverInfo()
    const hello = await store.db.admin().command({ hello: 1 })
    const skewMs = Math.abs(Date.now() - new Date(hello['localTime']).getTime())
    const kept = await upkeep(store)
    await store.close()
    return [
      {
        what: 'MongoDB',
        isGood: skewMs < 2_000,
        detail: `${version}, replica set ${hello['setName']} of ${hello['hosts']?.length ?? '?'} member(s), clock differs by ${skewMs} ms`,
      },
      ...kept,
    ]
  } catch (cause) {
    return [{ what: 'MongoDB', isGood: false, detail: cause instanceof Error ? cause.message : 'not reachable' }]
  }
}

/** What restore, replay and retention have left to do. */
async function upkeep(store: Store): Promise<Finding[]> {
  const [restored, build, retention, expired] = await Promise.all([
    readRestore(store.db),
    readBuild(store.db),
    readRetention(store.db),
    store.inbox.countDocuments({ state: 'expired' }),
  ])
  const findings: Finding[] = []
  if (restored)
    findings.push({
      what: 'restore',
      isGood: restored.state === 'done' && restored.isReplayed,
      detail:
        restored.state === 'running'
          ? 'unfinished: flsdb restore FOLDER --overwrite'
          : `from a backup of ${restored.begunAt}${restored.isReplayed ? '' : '; not replayed yet: flsdb replay'}`,
    })
  if (build)
    findings.push({
      what: 'replay',
      isGood: build.state === 'built',
      detail: {
        building: 'under way or broken off: flsdb replay goes on, flsdb replay --discard drops it',
        built: 'kept: flsdb replay --swap takes it, --discard drops it',
        swapping: 'broken off while it was taken: flsdb replay --swap',
      }[build.state],
    })
  const overdueMs = 3 * 86_400_000
  findings.push({
    what: 'retention',
    isGood: retention.ranAt === undefined || Date.now() - retention.ranAt.getTime() < overdueMs,
    detail: `${expired} entries expired; last run ${retention.ranAt?.toISOString() ?? 'none yet'}`,
  })
  return findings
}

async function embedded(): Promise<Finding> {
  try {
    const mongod = await supplyMongod({
      cacheFolder: path.join(import.meta.dirname, '..', '..', '.cache', 'mongod'),
      tell: () => undefined,
    })
    return {
      what: 'MongoDB',
      isGood: true,
      detail: `embedded ${mongod.version} from ${mongod.source}; one member: not for real patients`,
    }
  } catch (cause) {
    if (!(cause instanceof MongodMissing)) throw cause
    return { what: 'MongoDB', isGood: false, detail: cause.message }
  }
}
