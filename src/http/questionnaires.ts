import { limits } from '../config.ts'
import type { Episode } from '../fls/episode.ts'
import { issue } from '../fls/issue.ts'
import type { FhirAnswer, FhirBody, FhirCall, TypeHandlers } from '../sources/fhir/call.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt, writeJson } from '../sources/fhir/json.ts'
import { checkAccept } from '../sources/fhir/media.ts'
import { operationOutcome } from '../sources/fhir/operation-outcome.ts'
import { bodyOf, fhirCallOf } from '../sources/fhir/routes.ts'
import { jsonOf } from '../sources/fhir/served.ts'
import { validateResource } from '../sources/fhir/validate.ts'
import { assembleResponse } from '../sources/form/assemble.ts'
import { patientAudit } from '../sources/form/canonical.ts'
import { type FormDeps, fhirBaseOf, notFound } from '../sources/form/door.ts'
import { checkForm } from '../sources/form/form-checks.ts'
import { episodeEverythingDefinition } from '../sources/form/operation-definition.ts'
import { responseParameters } from '../sources/form/search-query.ts'
import { readResponse, responseHistory, searchResponse } from '../sources/form/serve.ts'
import { createResponse, updateResponse } from '../sources/form/submit.ts'
import { episodeEverything, episodeHandlers } from './episodes-of-care.ts'
import { Refusal } from './refusal.ts'
import type { Call, Route } from './route.ts'

/** Types the FHIR door hands to the forms and episodes: put into its `typeHandlers`. */
export function formTypeHandlers(deps: FormDeps): ReadonlyMap<string, TypeHandlers> {
  return new Map<string, TypeHandlers>([
    [
      'QuestionnaireResponse',
      {
        create: call => createResponse(call, deps),
        update: call => updateResponse(call, deps),
        read: call => readResponse(call, deps),
        vread: call => readResponse(call, deps),
        search: call => searchResponse(call, deps),
        history: call => responseHistory(call, deps),
        parameters: responseParameters,
        operations: [
          {
            name: 'process-response',
            definition: 'http://hl7.org/fhir/uv/sdc/OperationDefinition/QuestionnaireResponse-process',
          },
          { name: 'validate', definition: 'http://hl7.org/fhir/OperationDefinition/Resource-validate' },
        ],
        documentation:
          'Submitted responses are kept as sent, versions are immutable, amendments need If-Match. The id of an episode reads its assembled answers; a PUT there makes what differs the answers of your site.',
      },
    ],
    [
      'Questionnaire',
      {
        read: async call => readQuestionnaire(call, deps),
        search: async call => searchQuestionnaires(call, deps),
        parameters: [
          { name: '_id', type: 'token' },
          { name: 'url', type: 'uri' },
          { name: 'version', type: 'token' },
          { name: 'status', type: 'token' },
        ],
        operations: [
          { name: 'populate', definition: 'http://hl7.org/fhir/uv/sdc/OperationDefinition/Questionnaire-populate' },
          {
            name: 'process-response',
            definition: 'http://hl7.org/fhir/uv/sdc/OperationDefinition/QuestionnaireResponse-process',
          },
        ],
      },
    ],
    ['EpisodeOfCare', episodeHandlers(deps)],
    ['OperationDefinition', { read: async call => operationDefinition(call) }],
  ])
}

/** Routes beside the generic `/fhir/:type` ones: forms for everybody, and the operations. */
export function questionnaireRoutes(deps: FormDeps): Route[] {
  const form = (
    summary: string,
    key: 'GET /fhir/Questionnaire' | 'GET /fhir/Questionnaire/:id',
    answer: (call: FhirCall) => FhirAnswer,
  ): Route => ({
    key,
    summary,
    touchesPatientData: false,
    handle: call => answering({ ...call }, 'Questionnaire', async fhirCall => answer(fhirCall)),
  })
  const process = (key: ProcessKey): Route => ({
    key,
    summary: 'Takes a completed or partial response, as create or update does (SDC Form Receiver).',
    touchesPatientData: true,
    handle: call =>
      answering(call, 'QuestionnaireResponse', async fhirCall => processResponse(await withBody(call, fhirCall), deps)),
  })
  return [
    form('The published forms.', 'GET /fhir/Questionnaire', call => searchQuestionnaires(call, deps)),
    form('One published form.', 'GET /fhir/Questionnaire/:id', call => readQuestionnaire(call, deps)),
    process('POST /fhir/Questionnaire/$process-response'),
    process('POST /fhir/Questionnaire/:id/$process-response'),
    process('POST /fhir/QuestionnaireResponse/$process-response'),
    {
      key: 'POST /fhir/QuestionnaireResponse/$validate',
      summary: 'Checks a response as submitting it would; keeps nothing; 200 with the findings inside.',
      touchesPatientData: false,
      handle: call =>
        answering(call, 'QuestionnaireResponse', async fhirCall => validated(await withBody(call, fhirCall), deps)),
    },
    {
      key: 'POST /fhir/Questionnaire/:id/$populate',
      summary: 'The form filled in from an episode: parameter `subject` refers to the EpisodeOfCare.',
      touchesPatientData: true,
      handle: call =>
        answering(call, 'Questionnaire', async fhirCall => populate(await withBody(call, fhirCall), deps)),
    },
    {
      key: 'GET /fhir/EpisodeOfCare/:id/$everything',
      summary: 'A linked episode: both sides, fractures, assembled answers, and why each record was linked.',
      touchesPatientData: true,
      handle: call => answering(call, 'EpisodeOfCare', fhirCall => episodeEverything(fhirCall, deps)),
    },
  ]
}

type ProcessKey =
  | 'POST /fhir/Questionnaire/$process-response'
  | 'POST /fhir/Questionnaire/:id/$process-response'
  | 'POST /fhir/QuestionnaireResponse/$process-response'

async function answering(call: Call, type: string, interact: (call: FhirCall) => Promise<FhirAnswer>): Promise<void> {
  const plain = fhirCallOf(call)
  checkAccept(call.request.headers.accept, plain.query.get('_format'))
  const answer = await interact({ ...plain, type })
  const { response } = call
  response
    .status(answer.status)
    .set('Cache-Control', 'no-store')
    .set('X-Request-ID', call.requestId)
    .set(answer.headers ?? {})
  if (!answer.resource) {
    response.end()
    return
  }
  const text = writeJson(answer.resource, answer.literals ?? new WeakMap())
  response.set('Content-Type', 'application/fhir+json; charset=utf-8').send(Buffer.from(text))
}

async function withBody(call: Call, fhirCall: FhirCall): Promise<FhirCall> {
  const { body, strict } = await bodyOf(call, limits.fhirResource)
  if (strict.length > 0) throw new Refusal(400, strict)
  return { ...fhirCall, body }
}

function operationDefinition(call: FhirCall): FhirAnswer {
  const definition = episodeEverythingDefinition()
  if (call.id !== definition.id) throw notFound('OperationDefinition')
  return { status: 200, resource: jsonOf(definition) }
}

function readQuestionnaire(call: FhirCall, deps: FormDeps): FhirAnswer {
  const newest = deps.questionnaires.filter(one => one['id'] === call.id).at(-1)
  if (!newest) throw notFound('Questionnaire')
  return { status: 200, headers: { ETag: `W/"${textAt(newest, 'version') ?? '1'}"` }, resource: newest }
}

function searchQuestionnaires(call: FhirCall, deps: FormDeps): FhirAnswer {
  const asked = (name: string): string | undefined => call.query.get(name) ?? undefined
  const [url, urlVersion] = (asked('url') ?? '').split('|')
  const wanted: readonly (readonly [string, string | undefined])[] = [
    ['id', asked('_id')],
    ['url', url || undefined],
    ['version', urlVersion ?? asked('version')],
    ['status', asked('status')],
  ]
  const found = deps.questionnaires.filter(one =>
    wanted.every(([name, value]) => value === undefined || one[name] === value),
  )
  const base = `${fhirBaseOf(deps)}/Questionnaire`
  const entry = found.map(resource => ({
    fullUrl: `${base}/${textAt(resource, 'id') ?? ''}`,
    resource,
    search: { mode: 'match' },
  }))
  const link = [{ relation: 'self', url: call.query.size > 0 ? `${base}?${call.query}` : base }]
  return {
    status: 200,
    resource: {
      resourceType: 'Bundle',
      type: 'searchset',
      total: found.length,
      link,
      ...(entry.length > 0 ? { entry } : {}),
    },
  }
}

/** The response in the body: itself, or in `Parameters` under any name. */
function responseIn(body: FhirBody): FhirBody {
  if (body.resource['resourceType'] !== 'Parameters') return body
  const held = objectsAt(body.resource, 'parameter')
    .map(parameter => objectAt(parameter, 'resource'))
    .filter(one => one !== undefined)
  const resource = held.find(one => one['resourceType'] === 'QuestionnaireResponse')
  if (!resource) throw new Refusal(400, [issue('element-required', 'Parameters.parameter.resource')])
  const [start = 0, end = 0] = body.json.ranges.get(resource) ?? []
  const text = body.text.slice(start, end)
  return { bytes: Buffer.from(text), text, json: { ...body.json, value: resource }, resource }
}

/** A response with an id we know is a new version (If-Match applies), any other is a new response. The form in the address must be its form. */
async function processResponse(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  if (!call.body) throw new Refusal(400, [issue('json-invalid', 'body')])
  const body = responseIn(call.body)
  const { id: formId, ...rest } = call
  const form = formId === undefined ? undefined : deps.questionnaires.find(one => one['id'] === formId)
  if (formId !== undefined && !form) throw notFound('Questionnaire')
  const named = (textAt(body.resource, 'questionnaire') ?? '').split('|')[0]
  if (form && named !== form['url'])
    throw new Refusal(422, [issue('questionnaire-unknown', 'QuestionnaireResponse.questionnaire')])
  const headers = { ...call.headers, prefer: call.headers['prefer'] ?? 'return=OperationOutcome' }
  const id = textAt(body.resource, 'id')
  const isAmendment = id !== undefined && call.headers['if-match'] !== undefined
  const inner: FhirCall = { ...rest, type: 'QuestionnaireResponse', headers, body, ...(isAmendment ? { id } : {}) }
  const answer = await (isAmendment ? updateResponse(inner, deps) : createResponse(inner, deps))
  return { ...answer, status: 200 }
}

function validated(call: FhirCall, deps: FormDeps): FhirAnswer {
  if (!call.body) throw new Refusal(400, [issue('json-invalid', 'body')])
  const body = responseIn(call.body)
  if (body.resource['resourceType'] !== 'QuestionnaireResponse')
    throw new Refusal(400, [issue('resource-type-wrong', 'resourceType')])
  const { structural, rules } = checkForm(body, deps.questionnaires, deps.allowTestNumbers)
  return { status: 200, resource: jsonOf(operationOutcome([...structural, ...rules])) }
}

/** `$populate` (SDC): Parameters in, Parameters with `response` out. The subject is an EpisodeOfCare of the caller. */
async function populate(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  if (!deps.questionnaires.some(one => one['id'] === call.id)) throw notFound('Questionnaire')
  const body = call.body?.resource
  const faults = body ? validateResource(body) : []
  if (body?.['resourceType'] !== 'Parameters' || faults.length > 0) {
    throw new Refusal(
      400,
      faults.length > 0 ? faults : [issue('resource-type-wrong', 'resourceType', { hint: 'Parameters' })],
    )
  }
  const episode = call.id === patientAudit.id ? await subjectEpisode(call, body, deps) : undefined
  if (!episode) throw new Refusal(422, [issue('reference-unresolved', "Parameters.parameter.where(name = 'subject')")])
  call.log({ episodes: [episode.id], rows: 1 })
  const { resource, literals } = assembleResponse(episode)
  return {
    status: 200,
    resource: { resourceType: 'Parameters', parameter: [{ name: 'response', resource }] },
    literals,
  }
}

async function subjectEpisode(call: FhirCall, body: JsonObject, deps: FormDeps): Promise<Episode | undefined> {
  for (const parameter of objectsAt(body, 'parameter')) {
    const reference = textAt(objectAt(parameter, 'valueReference'), 'reference') ?? ''
    const id = /(?:^|\/)EpisodeOfCare\/([A-Za-z0-9.-]{1,64})$/.exec(reference)?.[1]
    const episode = id === undefined ? undefined : await deps.findEpisode(call.principal, id)
    if (episode) return episode
  }
  return undefined
}

/** The forms we publish, as JSON. */
export function publishedForms(forms: readonly object[]): readonly JsonObject[] {
  return forms.map(form => jsonOf(form)).filter(isObject)
}
