import type { Db } from 'mongodb'
import type { InboxId, OdsCode } from '../../fls/fact.ts'
import type { Codebook } from '../../mapping/extract-codebook.ts'
import type { ExtractTables } from '../../mapping/extract-tables.ts'
import type { Accept, InboxEntry } from '../arrival.ts'
import type { Before, Tally } from './tally.ts'

/** What the extract door needs of the rest; made once by `extractDeps` (routes.ts). */
export type ExtractDeps = {
  readonly accept: Accept
  readonly db: Db
  readonly tables: ExtractTables
  /** Absolute folder for spool files; emptied when an upload ends. */
  readonly dataFolder: string
  readonly clock: () => Date
  readonly entryOf: (id: InboxId) => Promise<InboxEntry | undefined>
  readonly codebook: (keys: readonly string[]) => Promise<Codebook>
  /** Of these GP records, those for which no patient row was ever read. */
  readonly unknownRecords: (records: readonly string[]) => Promise<readonly string[]>
  /** What earlier extracts of the practice say against this one. */
  readonly before: (practice: OdsCode, extractId: string, claims: ReturnType<Tally['claims']>) => Promise<Before>
  /** Throws `PracticeClosed` when the practice is not opted in now. */
  readonly checkPractice: (practice: OdsCode) => Promise<void>
  /** How many of the facts of these entries stand in a linked episode; grows while workers work. */
  readonly linkedCount?: (inboxIds: readonly InboxId[]) => Promise<number>
  readonly chunkBytes: number
  readonly mostBytes: number
  /** Chunks with rejects of recent dry runs, in memory only: nothing of a dry run is kept. */
  readonly dryRuns: Map<string, readonly InboxEntry[]>
  /** Poll time of the event stream in milliseconds. */
  readonly eventsMs: number
}
