import type { Logger } from '../http/logger.ts'
import type { MllpPeer } from '../sources/hl7v2/feed.ts'
import type { MessageHeader } from '../sources/hl7v2/message.ts'
import type { AccessLog } from '../store/access-log.ts'

export type RefusedSenders = {
  readonly note: (reason: string, peer: MllpPeer, header?: MessageHeader) => void
  /** Writes what is counted and not yet told. */
  readonly close: () => Promise<void>
}

const everyMs = 60_000
/** Different refusals told apart within one period; a sender that tries every enrolled name is one line beyond that. */
const mostKinds = 200

type Refusal = { readonly reason: string; readonly peer: MllpPeer; readonly named: string; count: number }

/**
 * The audit lines of senders that were refused: who, why, how often. The first of a kind is written at once, the others of the same minute
 * together, so that a flood writes no more than a line a minute. MSH-3 and MSH-4 are told when somebody is enrolled under them; what nobody
 * knows can be a name out of place, and nothing of such a message is told.
 */
export function auditRefusedSenders(accessLog: Pick<AccessLog, 'append'>, logger: Logger): RefusedSenders {
  let refusals = new Map<string, Refusal>()

  const tell = async ({ reason, peer, named, count }: Refusal): Promise<void> => {
    if (count === 0) return
    const certificate = peer.certificate?.fingerprint256
    logger.event('mllp refused', { reason, address: peer.remoteAddress, certificate: certificate ?? '', named, count })
    const line = {
      at: new Date(),
      subject: certificate ? `certificate:${certificate}` : `address:${peer.remoteAddress}`,
      role: 'sender',
      organisations: [],
      action: `MLLP ${reason}`,
      status: 403,
      requestId: named,
      rows: count,
    }
    await accessLog.append(line).catch((cause: unknown) => logger.failure('mllp audit', cause))
  }
  const tellAll = async (): Promise<void> => {
    const told = [...refusals.values()]
    refusals = new Map()
    await Promise.all(told.map(tell))
  }
  const timer = setInterval(() => void tellAll(), everyMs).unref()

  return {
    note: (reason, peer, header) => {
      const isEnrolled = reason === 'certificate-mismatch' && header !== undefined
      const named = isEnrolled ? `${header.sendingApplication}|${header.sendingFacility}` : ''
      const who = peer.certificate?.fingerprint256 ?? peer.remoteAddress
      const key = refusals.size < mostKinds ? `${reason}\n${who}\n${named}` : `${reason}\n${who}`
      const known = refusals.get(key)
      if (known) {
        known.count += 1
        return
      }
      refusals.set(key, { reason, peer, named, count: 0 })
      void tell({ reason, peer, named, count: 1 })
    },
    close: async () => {
      clearInterval(timer)
      await tellAll()
    },
  }
}
