import type { Episode } from '../fls/episode.ts'
import { type Issue, issue } from '../fls/issue.ts'
import type { FhirAnswer, FhirBody, FhirCall, TypeHandlers } from '../sources/fhir/call.ts'
import { answering, withBody } from '../sources/fhir/exchange.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from '../sources/fhir/json.ts'
import { publishedHandlers } from '../sources/fhir/published.ts'
import { jsonOf } from '../sources/fhir/served.ts'
import { validateResource } from '../sources/fhir/validate.ts'
import { assembleResponse } from '../sources/form/assemble.ts'
import { patientAudit } from '../sources/form/canonical.ts'
import { type FormDeps, fhirBaseOf, notFound } from '../sources/form/door.ts'
import { extractByTemplates } from '../sources/form/extract-template.ts'
import { checkForm } from '../sources/form/form-checks.ts'
import { responseIncludes } from '../sources/form/included.ts'
import { lintQuestionnaire } from '../sources/form/lint-questionnaire.ts'
import { readResponse, responseHistory, searchResponse } from '../sources/form/serve.ts'
import { createResponse, updateResponse } from '../sources/form/submit.ts'
import { episodeEverything, episodeHandlers } from './episodes-of-care.ts'
import { Refusal } from './refusal.ts'
import type { Route } from './route.ts'

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
        includes: responseIncludes,
        check: (body, form) => checkResponse(body, form, deps),
        operations: [
          {
            name: 'extract',
            definition: 'http://hl7.org/fhir/uv/sdc/OperationDefinition/QuestionnaireResponse-extract',
          },
          {
            name: 'process-response',
            definition: 'http://hl7.org/fhir/uv/sdc/OperationDefinition/QuestionnaireResponse-process',
          },
        ],
        documentation:
          'Submitted responses are kept as sent, versions are immutable, amendments need If-Match. The id of an episode reads its assembled answers; a PUT there makes what differs the answers of your site.',
      },
    ],
    [
      'Questionnaire',
      {
        check: checkQuestionnaire,
        ...publishedHandlers(() => deps.questionnaires, { ...deps, base: fhirBaseOf(deps) }),
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
  ])
}

/** Routes beside the generic `/fhir/:type` ones: forms for everybody, and the operations. */
export function questionnaireRoutes(deps: FormDeps): Route[] {
  const process = (key: ProcessKey): Route => ({
    key,
    summary: 'Takes a completed or partial response, as create or update does (SDC Form Receiver).',
    touchesPatientData: true,
    handle: call =>
      answering(call, async fhirCall => processResponse(await withBody(call, fhirCall), deps), 'QuestionnaireResponse'),
  })
  return [
    process('POST /fhir/Questionnaire/$process-response'),
    process('POST /fhir/Questionnaire/:id/$process-response'),
    process('POST /fhir/QuestionnaireResponse/$process-response'),
    {
      key: 'POST /fhir/QuestionnaireResponse/$extract',
      summary: "The resources a form's templates make of a response; keeps nothing.",
      touchesPatientData: true,
      handle: call =>
        answering(call, async fhirCall => extract(await withBody(call, fhirCall), deps), 'QuestionnaireResponse'),
    },
    {
      key: 'GET /fhir/QuestionnaireResponse/:id/$extract',
      summary: 'The same of a response that is kept, or of the assembled answers of an episode.',
      touchesPatientData: true,
      handle: call => answering(call, fhirCall => extractKept(fhirCall, deps), 'QuestionnaireResponse'),
    },
    {
      key: 'POST /fhir/Questionnaire/:id/$populate',
      summary: 'The form filled in from an episode: parameter `subject` refers to the EpisodeOfCare.',
      touchesPatientData: true,
      handle: call =>
        answering(call, async fhirCall => populate(await withBody(call, fhirCall), deps), 'Questionnaire'),
    },
    {
      key: 'GET /fhir/EpisodeOfCare/:id/$everything',
      summary: 'A linked episode: both sides, fractures, assembled answers, and why each record was linked.',
      touchesPatientData: true,
      handle: call => answering(call, fhirCall => episodeEverything(fhirCall, deps), 'EpisodeOfCare'),
    },
  ]
}

type ProcessKey =
  | 'POST /fhir/Questionnaire/$process-response'
  | 'POST /fhir/Questionnaire/:id/$process-response'
  | 'POST /fhir/QuestionnaireResponse/$process-response'

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

/** A response against its form: one given along, one it contains, else one we publish. Only here: what is kept answers a published form. */
function checkResponse(body: FhirBody, form: JsonObject | undefined, deps: FormDeps): readonly Issue[] {
  const contained = objectsAt(body.resource, 'contained').filter(one => one['resourceType'] === 'Questionnaire')
  const named = textAt(body.resource, 'questionnaire') ?? ''
  const inside = contained.find(one => named === `#${textAt(one, 'id') ?? ''}`)
  const given = inside ? { ...inside, url: containedForm } : form
  const resource = inside ? { ...body.resource, questionnaire: containedForm } : body.resource
  const forms = [...(given ? [given] : []), ...contained, ...deps.questionnaires]
  const { structural, rules } = checkForm({ ...body, resource }, distinctForms(forms), deps.allowTestNumbers)
  return [...structural, ...rules]
}

/** Stands for a form that has no name outside the response. */
const containedForm = 'urn:fls-db:contained-form'

/** The first of several under one name and version. */
function distinctForms(forms: readonly JsonObject[]): readonly JsonObject[] {
  const names = forms.map(one => `${textAt(one, 'url') ?? ''}|${textAt(one, 'version') ?? ''}`)
  return forms.filter((_form, index) => names.indexOf(names[index] ?? '') === index)
}

/** A form by R4, then by what would make its responses ambiguous. */
function checkQuestionnaire({ resource }: FhirBody): readonly Issue[] {
  const structural = validateResource(resource, 'Questionnaire')
  return structural.length > 0 ? structural : lintQuestionnaire(resource)
}

/** `$extract` (SDC): a response that conforms enough to be kept becomes a transaction Bundle. */
async function extract(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  if (!call.body) throw new Refusal(400, [issue('json-invalid', 'body')])
  const body = responseIn(call.body)
  const { structural, rules } = checkForm(body, deps.questionnaires, deps.allowTestNumbers)
  if (structural.length > 0) throw new Refusal(400, structural)
  if (rules.some(found => found.severity === 'error')) throw new Refusal(422, rules)
  return { status: 200, resource: extractByTemplates(body.resource, formOf(body.resource, deps)) }
}

async function extractKept(call: FhirCall, deps: FormDeps): Promise<FhirAnswer> {
  const { resource } = await readResponse({ ...call, headers: {} }, deps)
  if (!resource) throw notFound('QuestionnaireResponse')
  return { status: 200, resource: extractByTemplates(resource, formOf(resource, deps)) }
}

function formOf(response: JsonObject, deps: FormDeps): JsonObject {
  const [url, version] = (textAt(response, 'questionnaire') ?? '').split('|')
  const form = deps.questionnaires.find(
    one => one['url'] === url && (version === undefined || one['version'] === version),
  )
  if (!form) throw new Refusal(422, [issue('questionnaire-unknown', 'QuestionnaireResponse.questionnaire')])
  return form
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
