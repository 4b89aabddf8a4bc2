import type { FhirAnswer, FhirCall } from '../fhir/call.ts'
import { type JsonObject, objectAt, textAt } from '../fhir/json.ts'
import { localReference } from '../fhir/search-terms.ts'
import type { FoundResource } from '../fhir/searchset.ts'
import { type FormDeps, fhirBaseOf } from './door.ts'

/** What `_include=QuestionnaireResponse:…` follows. */
export const responseIncludes = ['questionnaire', 'subject'] as const

/**
 * Resources that come along with found responses, each once: the published form in the version the response names, and the subject when it is
 * a resource of the sender's own here. What cannot be read by the caller is left out, as R4 has it.
 */
export async function includedWith(
  answers: readonly FhirAnswer[],
  includes: readonly string[],
  call: FhirCall,
  deps: FormDeps,
): Promise<readonly FoundResource[]> {
  const responses = answers.flatMap(({ resource }) => (resource ? [resource] : []))
  const forms = includes.includes('questionnaire') ? formsOf(responses, deps) : []
  const subjects = includes.includes('subject') ? subjectsOf(responses) : []
  const found = await Promise.all(subjects.map(async reference => subjectOf(reference, call, deps)))
  const base = fhirBaseOf(deps)
  return [
    ...forms.map(resource => ({
      fullUrl: `${base}/Questionnaire/${textAt(resource, 'id') ?? ''}`,
      answer: { status: 200, resource },
    })),
    ...found.flatMap((answer, index) => (answer ? [{ fullUrl: `${base}/${subjects[index] ?? ''}`, answer }] : [])),
  ]
}

function formsOf(responses: readonly JsonObject[], { questionnaires }: FormDeps): readonly JsonObject[] {
  const named = new Set(responses.map(response => textAt(response, 'questionnaire') ?? ''))
  const versioned = questionnaires.filter(form => named.has(`${textAt(form, 'url')}|${textAt(form, 'version')}`))
  return [...new Set([...versioned, ...questionnaires.filter(form => named.has(textAt(form, 'url') ?? ''))])]
}

function subjectsOf(responses: readonly JsonObject[]): readonly string[] {
  const texts = responses.map(response => textAt(objectAt(response, 'subject'), 'reference') ?? '')
  return [...new Set(texts.flatMap(text => localReference(text) ?? []))]
}

async function subjectOf(
  reference: string,
  call: FhirCall,
  { readResource }: FormDeps,
): Promise<FhirAnswer | undefined> {
  const [type = '', id = ''] = reference.split('/')
  return readResource?.({ ...call, type, id })
}
