import { limits } from '../../config.ts'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { Call, Route } from '../../http/route.ts'
import { bundle } from './bundle.ts'
import type { FhirAnswer, FhirCall } from './call.ts'
import { capabilityStatement } from './capability.ts'
import { bundleDispatch, type Interaction, interactionOf } from './dispatch.ts'
import type { FhirDeps } from './door.ts'
import { answering, bodyOf, formQuery, queryOf } from './exchange.ts'
import { messageRoute } from './process-message.ts'
import { jsonOf } from './served.ts'
import { validateRoutes } from './validate-operation.ts'

/** The FHIR door. Types of other modules come through `deps.typeHandlers`; who may call what stands in the policy table. */
export function fhirIngestRoutes(deps: FhirDeps): Route[] {
  const at = (interaction: Interaction) => (call: FhirCall) => interactionOf(interaction, call.type, deps)(call)
  return [
    {
      key: 'GET /fhir/metadata',
      summary: 'What works here: the CapabilityStatement.',
      touchesPatientData: false,
      handle: call => answering(call, async () => metadata(call, deps)),
    },
    {
      key: 'POST /fhir',
      summary: 'A batch or transaction Bundle.',
      touchesPatientData: true,
      handle: call =>
        answering(call, async fhirCall => {
          const { body, strict } = await bodyOf(call, limits.fhirBundle)
          return bundle({ ...fhirCall, body }, strict, bundleDispatch(deps), deps)
        }),
    },
    writing('POST /fhir/:type', 'Create a resource, or find it with If-None-Exist.', at('create')),
    writing('PUT /fhir/:type', 'Conditional update: identifier=system|value.', at('update')),
    writing('PUT /fhir/:type/:id', 'A new version of a resource.', at('update')),
    reading('GET /fhir/:type', 'Search by identifier or _id.', at('search')),
    {
      key: 'POST /fhir/:type/_search',
      summary: 'The same search, its parameters in a form.',
      touchesPatientData: true,
      handle: call =>
        answering(call, async fhirCall => at('search')({ ...fhirCall, query: await formQuery(call, fhirCall.query) })),
    },
    reading('GET /fhir/:type/:id', 'The current version of a resource.', at('read')),
    reading('GET /fhir/:type/:id/_history', 'All versions, newest first.', at('history')),
    reading('GET /fhir/:type/:id/_history/:version', 'One version.', at('vread')),
    ...validateRoutes(deps),
    messageRoute(deps),
  ]
}

type FhirRouteKey = 'POST /fhir/:type' | 'PUT /fhir/:type' | 'PUT /fhir/:type/:id'
type FhirReadKey =
  | 'GET /fhir/:type'
  | 'GET /fhir/:type/:id'
  | 'GET /fhir/:type/:id/_history'
  | 'GET /fhir/:type/:id/_history/:version'

function writing(key: FhirRouteKey, summary: string, interact: (call: FhirCall) => Promise<FhirAnswer>): Route {
  return {
    key,
    summary,
    touchesPatientData: true,
    handle: call =>
      answering(call, async fhirCall => {
        const { body, strict } = await bodyOf(call, limits.fhirResource)
        if (strict.length > 0) throw new Refusal(400, strict)
        return interact({ ...fhirCall, body })
      }),
  }
}

function reading(key: FhirReadKey, summary: string, interact: (call: FhirCall) => Promise<FhirAnswer>): Route {
  return { key, summary, touchesPatientData: true, handle: call => answering(call, interact) }
}

function metadata(call: Call, deps: FhirDeps): FhirAnswer {
  const mode = queryOf(call.request).get('mode') ?? 'full'
  if (mode !== 'full' && mode !== 'normative') throw new Refusal(404, [issue('not-found', 'mode')])
  return { status: 200, resource: jsonOf(capabilityStatement(deps)) }
}
