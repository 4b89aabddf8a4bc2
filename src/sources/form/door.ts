import type { Principal } from '../../access/principal.ts'
import type { Instant } from '../../fls/dates.ts'
import type { Episode } from '../../fls/episode.ts'
import type { InboxId, OdsCode, RecordKey } from '../../fls/fact.ts'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { ResponseDocument, ResponseQuery } from '../../store/responses.ts'
import type { Accept, InboxEntry } from '../arrival.ts'
import type { FhirAnswer, FhirCall } from '../fhir/call.ts'
import type { Hmac } from '../fhir/identity.ts'
import type { JsonObject } from '../fhir/json.ts'
import type { DateCondition } from '../fhir/search-dates.ts'

/** All the form door needs from outside. What is given sees nothing beyond the organisations it is asked for. */
export type FormDeps = {
  readonly accept: Accept
  readonly hmac: Hmac
  readonly rawBytes: (inboxId: InboxId) => Promise<Buffer | undefined>
  /** `FLSDB_PUBLIC_URL`, without `/fhir` and without a slash at its end. */
  readonly baseUrl: string
  readonly clock: () => Date
  readonly allowTestNumbers: boolean
  /** Published forms, all versions. */
  readonly questionnaires: readonly JsonObject[]
  /** By id or alias; undefined when there is none or it is not the principal's. */
  readonly findEpisode: (principal: Principal, id: string) => Promise<Episode | undefined>
  readonly searchEpisodes: (
    principal: Principal,
    query: EpisodeQuery,
  ) => Promise<{ page: readonly Episode[]; total: number }>
  /** Records of an episode that these organisations hold, in the order of the episode. */
  readonly recordsOf: (episode: Episode, organisations: readonly OdsCode[]) => Promise<readonly RecordKey[]>
  readonly responses: {
    readonly find: (organisations: readonly OdsCode[], id: string) => Promise<ResponseDocument | undefined>
    readonly search: (
      organisations: readonly OdsCode[],
      query: ResponseQuery,
    ) => Promise<{ page: ResponseDocument[]; total: number }>
    readonly index: (entry: InboxEntry) => Promise<void>
    /** Takes the right to follow a version (`Type/id/version`) for the entry `by`; of several one gets it. */
    readonly claim: (version: string, by: InboxId, now: Date) => Promise<boolean>
    /** Gives it back: the entry was certainly not kept. */
    readonly release: (version: string, by: InboxId) => Promise<void>
  }
  /** A resource on the same FHIR door, as the caller may read it; undefined when there is none for them. */
  readonly readResource?: (call: FhirCall) => Promise<FhirAnswer | undefined>
  /** Episodes an analyst may be shown (opt-outs left out), and the name they go by outside. */
  readonly research?: {
    readonly episodes: (principal: Principal) => AsyncIterable<Episode>
    readonly pseudonym: (id: string) => string
  }
}
export type EpisodeQuery = {
  readonly ids?: readonly string[]
  readonly status?: readonly Episode['status'][]
  /** By NHS number (1.01), else by the local number of the principal's own organisations. */
  readonly patients?: readonly { readonly isNhsNumber: boolean; readonly number: string }[]
  /** On the day of 1.09; all must hold. */
  readonly diagnosed: readonly DateCondition[]
  /** Without (true) or with a day of 1.09. */
  readonly isUndated?: boolean
  /** Without patient or status: no episode is. */
  readonly isNone?: boolean
  readonly after?: string
  readonly count: number
  readonly hasTotal: boolean
}

export function fhirBaseOf(deps: Pick<FormDeps, 'baseUrl'>): string {
  return `${deps.baseUrl.replace(/\/$/, '')}/fhir`
}

/** Organisations whose forms a principal may see and write: its own. Roles without clinical business have none: 404 to them. */
export function organisationsFor(principal: Principal): readonly OdsCode[] {
  const isClinical = principal.role === 'nurse' || principal.role === 'lead' || principal.role === 'hospital'
  return isClinical ? principal.organisations : []
}

/** Whose form this is: the organisation named in `NHSD-End-User-Organisation-ODS`, else the only or first one of the token. 403 for others'. */
export function authorOf(call: FhirCall): { readonly sender: string; readonly organisation: OdsCode } {
  const { principal, headers } = call
  const named = headers['nhsd-end-user-organisation-ods']?.trim().toUpperCase()
  const mine = organisationsFor(principal)
  const organisation = named === undefined ? mine[0] : mine.find(one => one === named)
  if (organisation === undefined)
    throw new Refusal(403, [issue('forbidden', named === undefined ? '' : 'NHSD-End-User-Organisation-ODS')])
  return { sender: principal.feeds[0] ?? `user:${principal.subject}`, organisation }
}

/** The version of a strong or weak ETag list with one member. 400 when it is missing or is no `W/"…"`. */
export function versionNamed(call: FhirCall): string {
  const version = /^W\/"([A-Za-z0-9.-]{1,64})"$/.exec(call.headers['if-match']?.trim() ?? '')?.[1]
  if (version === undefined) throw new Refusal(400, [issue('version-required', 'If-Match')])
  return version
}

export function laterOf(a: Instant, b: Instant | undefined): Instant {
  return b !== undefined && b > a ? b : a
}

export function notFound(type: string): Refusal {
  return new Refusal(404, [issue('not-found', type)])
}
