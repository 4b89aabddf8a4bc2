import type { Request, Response } from 'express'
import type { RouteKey } from '../access/policy.ts'
import type { Principal } from '../access/principal.ts'

/**
 * One HTTP route. Who may call it stands in access/policy.ts under `key`, not here. The app checks the token, the role, counts, logs access
 * and turns thrown `Refusal`s into OperationOutcome (`/fhir`) or problem details (`/api`). `principal` is undefined only on `anyone` routes.
 */
export type Route = {
  readonly key: RouteKey
  /** One sentence for the API documentation. */
  readonly summary: string
  /** OpenAPI 3.1 operation fragment (parameters, requestBody, responses) for `/api` routes. */
  readonly openapi?: Readonly<Record<string, unknown>>
  /** The route shows or changes patient data: access is logged before the answer leaves. */
  readonly touchesPatientData: boolean
  readonly handle: (call: Call) => Promise<void>
}
export type Call = {
  readonly request: Request
  readonly response: Response
  readonly principal: Principal
  readonly requestId: string
  readonly log: AccessNote
}
/**
 * Adds to this call's access-log line whom it was about (ids only); the line is written before the answer leaves. With `expected`, the status
 * the answer will have when all goes well, it is written now, beside what the handler still has to do; when the answer turns out otherwise, a
 * second line says what it was.
 */
export type AccessNote = (
  about: {
    readonly episodes?: readonly string[]
    readonly persons?: readonly string[]
    readonly inboxIds?: readonly string[]
    readonly rows?: number
  },
  expected?: number,
) => void
