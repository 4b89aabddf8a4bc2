import { readFile } from 'node:fs/promises'
import type { Config } from '../config.ts'
import type { InboxId } from '../fls/fact.ts'
import type { Issue } from '../fls/issue.ts'
import type { Logger } from '../http/logger.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Accept } from '../sources/arrival.ts'
import type { MllpFeed } from '../sources/hl7v2/feed.ts'
import { type MllpListener, startMllpListener } from '../sources/hl7v2/listener.ts'
import type { Directory } from '../store/directory.ts'

export type MllpWiring = {
  readonly config: Config
  readonly port: number
  readonly accept: Accept
  readonly directory: () => Promise<Directory>
  readonly whenRead: (id: InboxId, timeoutMs: number) => Promise<readonly Issue[] | undefined>
  readonly logger: Logger
  readonly metrics: Metrics
}

/** The HL7 v2 door with who may send, where it logs and what it counts. */
export async function startMllp({
  config,
  port,
  accept,
  directory,
  whenRead,
  logger,
  metrics,
}: MllpWiring): Promise<MllpListener> {
  const frames = metrics.counter('mllp_frames_total', 'MLLP messages answered', ['outcome'])
  const faults = metrics.counter('mllp_bad_frames_total', 'MLLP framing and sender faults', ['kind'])
  const tls = config.mllpTls ? await readTls(config.mllpTls) : undefined
  return startMllpListener({
    host: config.bind,
    port,
    ...(tls ? { tls } : {}),
    isPlainAllowed: config.profile !== 'production',
    accept,
    whenRead,
    senderOf: async (_peer, header) => {
      const feed = (await directory()).feedOf(header.sendingApplication, header.sendingFacility)
      return feed === undefined ? undefined : mllpFeed(feed)
    },
    onFrame: line => {
      frames.inc({ outcome: line.outcome })
      logger.event('mllp', {
        controlId: line.controlId,
        type: line.type,
        size: line.size,
        outcome: line.outcome,
        ms: Math.round(line.ms),
      })
    },
    onFault: kind => faults.inc({ kind }),
    onError: error => logger.failure('mllp', error),
    onDeadLetter: (bytes, fault) => logger.event('mllp dead letter', { kind: fault, size: bytes.length }),
  })
}

type EnrolledFeed = NonNullable<ReturnType<Directory['feedOf']>>

function mllpFeed({ id, organisation, profile, charset, batchAnswer, onUncertain }: EnrolledFeed): MllpFeed {
  return {
    id,
    organisation,
    profile,
    onUncertain: onUncertain ?? 'silent',
    ...(charset ? { charset } : {}),
    ...(batchAnswer ? { batchAnswer } : {}),
  }
}

async function readTls({
  cert,
  key,
  ca,
}: NonNullable<Config['mllpTls']>): Promise<{ cert: Buffer; key: Buffer; ca?: Buffer }> {
  return { cert: await readFile(cert), key: await readFile(key), ...(ca ? { ca: await readFile(ca) } : {}) }
}
