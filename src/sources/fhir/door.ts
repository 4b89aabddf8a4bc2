import type { Db } from 'mongodb'
import type { InboxId } from '../../fls/fact.ts'
import type { MappingTables } from '../../mapping/tables.ts'
import type { PracticeGate } from '../../store/inbox.ts'
import type { ResourceIndex } from '../../store/resource-index.ts'
import type { VersionClaims } from '../../store/version-claims.ts'
import type { Accept } from '../arrival.ts'
import type { TypeHandlers } from './call.ts'
import type { Hmac } from './identity.ts'

/** All the FHIR door needs from outside. */
export type FhirDeps = {
  readonly accept: Accept
  /** Whether a practice is opted in: decides what its supplier may read back. */
  readonly gate: PracticeGate
  readonly db: Db
  readonly resources: ResourceIndex
  /** Absent: those of `db`. */
  readonly claims?: VersionClaims
  /** HMAC with the deployment's key, lower-case hex. */
  readonly hmac: Hmac
  /** The bytes of an inbox entry exactly as they were sent. */
  readonly rawBytes: (inboxId: InboxId) => Promise<Buffer | undefined>
  /** `FLSDB_PUBLIC_URL`, without `/fhir` and without a slash at its end. */
  readonly baseUrl: string
  readonly clock: () => Date
  /** Test-range NHS numbers (999…) are welcome: demo and test. */
  readonly allowTestNumbers: boolean
  /** Types served by other modules, by name: QuestionnaireResponse, Questionnaire, EpisodeOfCare … */
  readonly typeHandlers: ReadonlyMap<string, TypeHandlers>
  /** Mapping tables in force, to choose the lane of an arrival by its patient. Reading does not depend on it. */
  readonly tables?: MappingTables
  /** Mapping folder a feed was enrolled with. */
  readonly mappingOf?: (sender: string) => string | undefined
}

export function fhirBase(deps: Pick<FhirDeps, 'baseUrl'>): string {
  return `${deps.baseUrl.replace(/\/$/, '')}/fhir`
}
