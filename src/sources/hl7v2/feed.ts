import type { ClientCertificate } from '../../access/client-certificate.ts'
import type { InboxId, OdsCode } from '../../fls/fact.ts'
import type { Issue } from '../../fls/issue.ts'
import type { Accept } from '../arrival.ts'
import type { AcknowledgementCode } from './acknowledge.ts'
import type { FrameFault } from './framer.ts'
import type { MessageHeader } from './message.ts'

/** An enrolled sender as the door needs to know it. */
export type MllpFeed = {
  readonly id: string
  readonly organisation: OdsCode
  /** `stored`: answered once kept. `applied`: answered after reading, with one ERR per issue; waits at most `appliedWaitMs`. */
  readonly profile: 'stored' | 'applied'
  /** Overrules MSH-18. */
  readonly charset?: string
  /** Mapping folder its messages are read with; default: the one named like the feed, else the defaults. */
  readonly mapping?: string
  /** A batch in one frame gets an answer per message (default) or one for all. */
  readonly batchAnswer?: 'per-message' | 'batch'
  /** Storage not confirmed: no answer and a closed connection, or AR/CR with condition 207. */
  readonly onUncertain: 'silent' | 'reject'
}

/** Undefined: nobody enrolled this pair of MSH-3 and MSH-4. `certificate-mismatch`: somebody did, and may not use it over this connection. */
export type Sender = MllpFeed | 'certificate-mismatch' | undefined

/** Who is at the other end, as far as the transport knows. */
export type MllpPeer = {
  readonly remoteAddress: string
  /** Verified client certificate, TLS only. */
  readonly certificate?: ClientCertificate
}

/** Everything that can go wrong at this door, counted by kind (metric `flsdb_mllp_bad_frames_total`). */
export type MllpFault =
  | FrameFault
  | 'no-header'
  | 'unknown-sender'
  /** MSH-3/4 of an enrolled feed over a connection whose certificate, or lack of one, is not that feed's. */
  | 'certificate-mismatch'
  | 'acknowledgement-received'
  | 'batch-count-differs'
  | 'storage-uncertain'
  | 'accept-failed'
  | 'answer-undeliverable'
  | 'peer-not-reading'
  | 'connection-refused'
  | 'socket-error'
  | 'tls-failed'

/** One log line per message: no patient data. */
export type FrameLine = {
  readonly controlId: string
  readonly type: string
  readonly size: number
  /** Answer code, or why there was none. */
  readonly outcome: AcknowledgementCode | 'none'
  readonly ms: number
  /** MSH-13 where the sender numbers its messages. */
  readonly sequenceNumber?: number
  readonly feed?: string
  readonly isRepeat?: boolean
}

export type IntakeOptions = {
  readonly accept: Accept
  /** The feed this connection and header belong to. MSH-3/4 alone never suffice where certificates are in use. */
  readonly senderOf: (peer: MllpPeer, header: MessageHeader) => Promise<Sender> | Sender
  /** Profile `applied`: issues of reading, or undefined when it is not done in time. */
  readonly whenRead?: (inboxId: InboxId, timeoutMs: number) => Promise<readonly Issue[] | undefined>
  readonly appliedWaitMs?: number
  readonly onFrame?: (line: FrameLine) => void
  /** `header`: that of the message refused, where there is one. */
  readonly onFault?: (fault: MllpFault, peer?: MllpPeer, header?: MessageHeader) => void
  /** Exceptions of `accept`, `senderOf` and `whenRead`: ours, never the sender's. */
  readonly onError?: (error: unknown) => void
  readonly now?: () => Date
}
