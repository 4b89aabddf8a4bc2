import type { MongoClient, TopologyDescriptionChangedEvent } from 'mongodb'
import { StorageUncertain } from '../sources/arrival.ts'

/** What the driver sees of the database, asked without asking the database. */
export type PrimaryWatch = {
  /**
   * Settles as `work` does, or rejects with `StorageUncertain` as soon as no primary has been known for three seconds (an election that long is
   * an outage to whoever waits). `work` under way goes on unheard; none is begun until there is a primary again.
   */
  readonly unlessAway: <T>(work: () => Promise<T>) => Promise<T>
}

const graceMs = 3_000

export function watchPrimary(client: Pick<MongoClient, 'on'>, graceOfMs = graceMs): PrimaryWatch {
  let isAway = false
  let grace: NodeJS.Timeout | undefined
  const waiting = new Set<(reason: Error) => void>()
  const giveUp = () => {
    isAway = true
    for (const reject of waiting) reject(new StorageUncertain('no primary'))
  }
  client.on('topologyDescriptionChanged', (event: TopologyDescriptionChangedEvent) => {
    if (hasPrimary(event)) {
      clearTimeout(grace)
      grace = undefined
      isAway = false
    } else grace ??= setTimeout(giveUp, graceOfMs).unref()
  })
  return {
    unlessAway: work => {
      if (isAway) return Promise.reject(new StorageUncertain('no primary'))
      return new Promise((resolve, reject) => {
        waiting.add(reject)
        work()
          .then(resolve, reject)
          .finally(() => waiting.delete(reject))
      })
    },
  }
}

function hasPrimary({ newDescription }: TopologyDescriptionChangedEvent): boolean {
  const { type, servers } = newDescription
  if (type === 'ReplicaSetWithPrimary') return true
  const seen = [...servers.values()].map(server => server.type)
  // `directConnection` knows one server alone, behind a load balancer nothing is known.
  return seen.includes('Mongos') || (type === 'Single' && seen.includes('RSPrimary')) || type === 'LoadBalanced'
}
