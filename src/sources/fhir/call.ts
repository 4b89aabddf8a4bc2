import type { Principal } from '../../access/principal.ts'
import type { Issue } from '../../fls/issue.ts'
import type { AccessNote } from '../../http/route.ts'
import type { JsonObject, NumberLiterals } from './json.ts'
import type { StrictJson } from './strict-json.ts'

/** A body that is JSON under FHIR's rules and whose root names a `resourceType`. */
export type FhirBody = {
  readonly bytes: Buffer
  readonly text: string
  readonly json: StrictJson
  readonly resource: JsonObject
}

/**
 * One FHIR interaction, whether it came by itself or inside a batch. `headers`: names in lower case. `controlId`: the sender's X-Request-ID,
 * empty when it gave none. `where`: FHIRPath of the body in what the sender sent, in front of every issue about it.
 */
export type FhirCall = {
  readonly principal: Principal
  readonly type: string
  readonly id?: string
  readonly version?: string
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body?: FhirBody
  readonly where?: string
  readonly controlId: string
  readonly requestId: string
  readonly log: AccessNote
}

/** The answer to one interaction; refusals are thrown as `Refusal`. `literals`: numbers as they were sent, for `writeJson`. */
export type FhirAnswer = {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly resource?: JsonObject
  readonly literals?: NumberLiterals
}

export type Interact = (call: FhirCall) => Promise<FhirAnswer>

/**
 * What a module offers for one resource type; an interaction left out is 405. `update` without `call.id` is a conditional update.
 * `operations`, `profiles`, `includes` and `documentation` go into the CapabilityStatement as they stand; search parameters come from their table.
 */
export type TypeHandlers = {
  readonly create?: Interact
  readonly update?: Interact
  readonly read?: Interact
  readonly vread?: Interact
  readonly search?: Interact
  readonly history?: Interact
  /** Everything a resource of the type is checked for before it is kept; `form`: a Questionnaire given along. Without it: R4 and profile. */
  readonly check?: (body: FhirBody, form?: JsonObject) => readonly Issue[]
  readonly operations?: readonly { readonly name: string; readonly definition: string }[]
  readonly profiles?: readonly string[]
  readonly includes?: readonly string[]
  readonly documentation?: string
}
