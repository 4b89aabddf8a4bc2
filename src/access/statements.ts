import { z } from 'zod'
import { type DayDate, type Instant, londonInstant, parseDay, parseInstant } from '../fls/dates.ts'
import type { OdsCode } from '../fls/fact.ts'
import { canNameCertificate } from './client-certificate.ts'

const odsCode = z.string().regex(/^[A-Z0-9]{3,12}$/)
/** As its owner writes it: letters, digits, dot, hyphen, underscore. */
const feedId = z.string().regex(/^[A-Za-z0-9](?:[A-Za-z0-9_-]|\.(?!\.)){0,63}$/)
const word = z.string().min(1).max(180)
/** A day (from its first moment in London) or an instant. */
const dayOrInstant = z.string().refine(text => effectiveFrom(text) !== undefined)

/** Body of `PUT /api/feeds/{id}`: one enrolled sender. MSH-3/MSH-4 as sent; an empty list of applications or facilities accepts any. */
export const feedStatement = z.strictObject({
  organisation: odsCode,
  protocol: z.enum(['hl7v2', 'fhir', 'extract', 'upload', 'form']),
  sendingApplications: z.array(word).max(50).default([]),
  sendingFacilities: z.array(word).max(50).default([]),
  /**
   * Client certificates of this sender, by SHA-256 fingerprint or whole subject. With one, the feed is taken over connections that show it
   * and over no other; without, only where no client certificate is asked for.
   */
  certificates: z.array(z.string().max(500).refine(canNameCertificate)).max(20).optional(),
  /** Folder under `mappings/` whose rows override the defaults of the protocol. */
  mapping: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,63}$/)
    .optional(),
  profile: z.enum(['stored', 'applied']).default('stored'),
  charset: z.string().max(40).optional(),
  batchAnswer: z.enum(['per-message', 'batch']).optional(),
  onUncertain: z.enum(['silent', 'reject']).optional(),
  isActive: z.boolean().default(true),
})

/** Body of `PUT /api/sites/{ods}`. `fls`: true = this site is an FLS; an ODS code = the FLS its patients belong to; false = none. */
export const siteStatement = z.strictObject({
  name: word,
  organisation: odsCode,
  fls: z.union([z.boolean(), odsCode]).default(false),
  /** Hip fractures a year (NHFD), for the expected caseload. */
  hipFractures: z.number().int().min(0).max(100_000).optional(),
})

/** Body of `PUT /api/practices/{ods}`: a dated opt-in or withdrawal. `from` defaults to the moment of receipt. */
export const practiceStatement = z.strictObject({
  optedIn: z.boolean(),
  from: dayOrInstant.optional(),
  evidence: z.string().max(500).optional(),
  name: word.optional(),
  supplier: z.string().max(60).optional(),
  /** ODS code of the FLS that serves this practice. */
  fls: odsCode.optional(),
})

/** Body of `POST /api/opt-outs`: the National Data Opt-Out list as issued. It replaces the list before it. */
export const optOutStatement = z.strictObject({
  issuedAt: z.iso.datetime({ offset: true }),
  expiresAt: z.iso.datetime({ offset: true }),
  nhsNumbers: z.array(z.string().regex(/^\d{10}$/)).max(5_000_000),
})

export type FeedStatement = z.infer<typeof feedStatement>
export type SiteStatement = z.infer<typeof siteStatement>
export type PracticeStatement = z.infer<typeof practiceStatement>
export type OptOutStatement = z.infer<typeof optOutStatement>

/** What an inbox entry of protocol `register` holds as JSON; `by` is the subject of the token that sent it. */
export const registerEntry = z.discriminatedUnion('register', [
  z.strictObject({ register: z.literal('feed'), id: feedId, by: z.string(), statement: feedStatement }),
  z.strictObject({ register: z.literal('site'), id: odsCode, by: z.string(), statement: siteStatement }),
  z.strictObject({ register: z.literal('practice'), id: odsCode, by: z.string(), statement: practiceStatement }),
  z.strictObject({
    register: z.literal('opt-outs'),
    id: z.literal('national'),
    by: z.string(),
    statement: optOutStatement,
  }),
])
export type RegisterEntry = z.infer<typeof registerEntry>

/** The instant a `from` means; a day begins at midnight in London. Undefined when unreadable. */
export function effectiveFrom(text: string): Instant | undefined {
  const day = parseDay(text)
  return day ? startOfDay(day) : parseInstant(text)
}

function startOfDay(day: DayDate): Instant | undefined {
  const [year = 0, month = 0, date = 0] = day.split('-').map(Number)
  return londonInstant({ year, month, day: date })
}

/** One dated statement about a practice, in the order they were received. */
export type DatedOptIn = { readonly optedIn: boolean; readonly from: Instant; readonly receivedAt: Instant }

/**
 * Whether a practice is opted in at an instant. Each statement speaks for all time from its `from` on, until a statement received later
 * speaks over it; so a back-dated withdrawal closes at once and a future one waits for its day. No statement: closed.
 * `since`: from when it has been open or closed; undefined without a statement.
 */
export function optInAt(history: readonly DatedOptIn[], at: Instant): { isOpen: boolean; since?: Instant } {
  const inForce = history.filter(statement => statement.from <= at)
  const last = inForce.at(-1)
  if (!last) return { isOpen: false }
  const changes = inForce.findLastIndex(statement => statement.optedIn !== last.optedIn)
  return { isOpen: last.optedIn, since: inForce[changes + 1]?.from ?? last.from }
}

export type Feed = FeedStatement & { readonly id: string; readonly organisation: OdsCode }
