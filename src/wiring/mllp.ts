import type { Config } from '../config.ts'
import type { InboxId } from '../fls/fact.ts'
import type { Issue } from '../fls/issue.ts'
import type { Logger } from '../http/logger.ts'
import type { Metrics } from '../http/metrics.ts'
import type { Accept } from '../sources/arrival.ts'
import type { FrameLine, MllpFault, MllpFeed, MllpPeer, Sender } from '../sources/hl7v2/feed.ts'
import { type MllpListener, startMllpListener } from '../sources/hl7v2/listener.ts'
import { parseMessage } from '../sources/hl7v2/message.ts'
import { SequenceWatch } from '../sources/hl7v2/sequence-watch.ts'
import type { AccessLog } from '../store/access-log.ts'
import type { DeadLetters } from '../store/dead-letters.ts'
import type { Directory } from '../store/directory.ts'
import { readCertificates, watchCertificates } from './mllp-certificates.ts'
import { auditRefusedSenders } from './refused-senders.ts'

export type MllpWiring = {
  readonly config: Config
  readonly port: number
  readonly accept: Accept
  readonly directory: () => Promise<Directory>
  readonly whenRead: (id: InboxId, timeoutMs: number) => Promise<readonly Issue[] | undefined>
  readonly accessLog: Pick<AccessLog, 'append'>
  readonly deadLetters: Pick<DeadLetters, 'keep'>
  readonly logger: Logger
  readonly metrics: Metrics
}

/** The HL7 v2 door with who may send, where it logs and what it counts. */
export async function startMllp(wiring: MllpWiring): Promise<Pick<MllpListener, 'port' | 'close'>> {
  const { config, port, accept, directory, whenRead, logger, metrics } = wiring
  const tls = config.mllpTls ? await readCertificates(config.mllpTls) : undefined
  const refused = auditRefusedSenders(wiring.accessLog, logger)
  const faults = metrics.counter('mllp_bad_frames_total', 'MLLP framing and sender faults', ['kind'])
  const listener = await startMllpListener({
    host: config.bind,
    port,
    ...(tls ? { tls } : {}),
    isPlainAllowed: config.profile !== 'production',
    accept,
    whenRead,
    senderOf: async ({ certificate }, header) =>
      senderIn(await directory(), [header.sendingApplication, header.sendingFacility], certificate),
    onFrame: frameWatch(logger, metrics),
    onFault: (kind, peer, header) => {
      faults.inc({ kind })
      if (peer && (kind === 'unknown-sender' || kind === 'certificate-mismatch')) refused.note(kind, peer, header)
    },
    onError: error => logger.failure('mllp', error),
    onDeadLetter: (bytes, fault, peer) => {
      void keepDeadLetter(wiring, bytes, fault, peer)
    },
  })
  const unwatch = config.mllpTls ? watchCertificates(config.mllpTls, listener.reloadTls, logger) : undefined
  return {
    port: listener.port,
    close: async () => {
      unwatch?.()
      await listener.close()
      await refused.close()
    },
  }
}

/** Kept only for a sender that is enrolled: its header came whole, so whose bytes they are is known. Of anybody else's only the count is. */
async function keepDeadLetter(
  { directory, deadLetters, logger }: MllpWiring,
  bytes: Buffer,
  fault: MllpFault,
  { certificate, remoteAddress }: MllpPeer,
): Promise<void> {
  try {
    const header = parseMessage(bytes.subarray(0, 8_192))?.header
    const feed = header && (await directory()).feedOf(header.sendingApplication, header.sendingFacility, certificate)
    const isKept = feed
      ? await deadLetters.keep(
          { feed: feed.id, organisation: feed.organisation, fault, address: remoteAddress, bytes },
          new Date(),
        )
      : false
    logger.event('mllp dead letter', { kind: fault, size: bytes.length, address: remoteAddress, isKept })
  } catch (cause) {
    logger.failure('mllp dead letter', cause)
  }
}

function senderIn(
  directory: Directory,
  [application, facility]: readonly [string, string],
  certificate: Parameters<Directory['feedOf']>[2],
): Sender {
  const feed = directory.feedOf(application, facility, certificate)
  if (feed) return mllpFeed(feed)
  return directory.isSenderEnrolled(application, facility) ? 'certificate-mismatch' : undefined
}

/** Counts and logs every message answered, and what its sender's numbering says never came. */
function frameWatch(logger: Logger, metrics: Metrics): (line: FrameLine) => void {
  const frames = metrics.counter('mllp_frames_total', 'MLLP messages answered', ['outcome'])
  const gaps = metrics.counter('mllp_sequence_gaps_total', 'Messages missing by MSH-13 of an enrolled feed', ['feed'])
  const sequences = new SequenceWatch()
  return ({ controlId, type, size, outcome, ms, feed, sequenceNumber, isRepeat }) => {
    frames.inc({ outcome })
    // Of a sender nobody knows these can be anything, a name out of place too.
    const named = feed === undefined ? {} : { controlId, type }
    logger.event('mllp', { ...named, size, outcome, ms: Math.round(ms) })
    if (feed === undefined || sequenceNumber === undefined || isRepeat) return
    const missed = sequences.missed(feed, sequenceNumber)
    if (missed > 0) gaps.inc({ feed }, missed)
  }
}

type EnrolledFeed = NonNullable<ReturnType<Directory['feedOf']>>

function mllpFeed({ id, organisation, profile, mapping, charset, batchAnswer, onUncertain }: EnrolledFeed): MllpFeed {
  return {
    id,
    organisation,
    profile,
    onUncertain: onUncertain ?? 'silent',
    ...(mapping ? { mapping } : {}),
    ...(charset ? { charset } : {}),
    ...(batchAnswer ? { batchAnswer } : {}),
  }
}
