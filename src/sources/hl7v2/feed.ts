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
  /** Numbering authority of local patient numbers where CX-4 is empty; default MSH-4. */
  readonly authority?: string
  /** A batch in one frame gets an answer per message (default) or one for all. */
  readonly batchAnswer?: 'per-message' | 'batch'
  /** Storage not confirmed: no answer and a closed connection, or AR/CR with condition 207. */
  readonly onUncertain: 'silent' | 'reject'
}

/** Who is at the other end, as far as the transport knows. */
export type MllpPeer = {
  readonly remoteAddress: string
  /** Verified client certificate, TLS only. */
  readonly certificate?: { readonly subject: string; readonly fingerprint256: string }
}

/** Everything that can go wrong at this door, counted by kind (metric `flsdb_mllp_bad_frames_total`). */
export type MllpFault =
  | FrameFault
  | 'no-header'
  | 'unknown-sender'
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
  readonly feed?: string
  readonly isRepeat?: boolean
}

export type IntakeOptions = {
  readonly accept: Accept
  /** The feed this connection and header belong to; undefined when not enrolled. MSH-3/4 alone never suffice where certificates are in use. */
  readonly senderOf: (peer: MllpPeer, header: MessageHeader) => Promise<MllpFeed | undefined> | MllpFeed | undefined
  /** Profile `applied`: issues of reading, or undefined when it is not done in time. */
  readonly whenRead?: (inboxId: InboxId, timeoutMs: number) => Promise<readonly Issue[] | undefined>
  readonly appliedWaitMs?: number
  readonly onFrame?: (line: FrameLine) => void
  readonly onFault?: (fault: MllpFault, peer?: MllpPeer) => void
  /** Exceptions of `accept`, `senderOf` and `whenRead`: ours, never the sender's. */
  readonly onError?: (error: unknown) => void
  readonly now?: () => Date
}
