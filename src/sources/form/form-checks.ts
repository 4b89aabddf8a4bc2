import { checkedAnswers, runChecks } from '../../fls/checks.ts'
import { ageOn, parsePartialDate } from '../../fls/dates.ts'
import { type Issue, issue } from '../../fls/issue.ts'
import { readNhsNumber } from '../../fls/nhs-number.ts'
import type { FhirBody } from '../fhir/call.ts'
import { type JsonObject, textAt } from '../fhir/json.ts'
import { validateResource } from '../fhir/validate.ts'
import { patientAudit } from './canonical.ts'
import { answersOf } from './edit.ts'
import { subjectNumbers } from './form-notes.ts'
import { validateResponse } from './validate-response.ts'

/** Rules that say a fracture is outside the audit: never a reason to refuse a form (Decision "FHIR"); the episode is marked excluded. */
const outsideTheAudit: ReadonlySet<string> = new Set(['V02', 'V03', 'V04'])

export type FormCheck = { readonly structural: readonly Issue[]; readonly rules: readonly Issue[] }

/**
 * Everything a response is checked for before it is kept: R4 structure (400), then its Questionnaire, the NHS number and the cross-item rules
 * of the audit (422 where an error). Rules of the audit are errors for completed and amended responses, warnings before that.
 */
export function checkForm(
  body: Pick<FhirBody, 'resource' | 'json'>,
  questionnaires: readonly JsonObject[],
  allowTestNumbers: boolean,
): FormCheck {
  const { resource, json } = body
  const structural = validateResource(resource, 'QuestionnaireResponse')
  if (structural.length > 0) return { structural, rules: [] }
  const form = questionnaireOf(resource, questionnaires)
  if ('issue' in form) return { structural: [], rules: [form.issue] }
  const conformance = validateResponse(resource, form.json, { literals: json.literals })
  if (textAt(resource, 'status') === 'entered-in-error' || form.json['url'] !== patientAudit.url)
    return { structural: [], rules: conformance }
  const answers = answersOf(resource, json.literals)
  return {
    structural: [],
    rules: [...conformance, ...numberIssues(resource, allowTestNumbers), ...auditIssues(resource, answers)],
  }
}

/** Row 1: a canonical with version names exactly one form, one without the only active one. */
function questionnaireOf(
  resource: JsonObject,
  questionnaires: readonly JsonObject[],
): { json: JsonObject } | { issue: Issue } {
  const where = 'QuestionnaireResponse.questionnaire'
  const named = textAt(resource, 'questionnaire')
  if (named === undefined) return { issue: issue('element-required', where) }
  const [url, version] = named.split('#')[0]?.split('|') ?? []
  const matching = questionnaires.filter(
    one => one['url'] === url && (version === undefined || one['version'] === version),
  )
  const [only] = matching
  return only && matching.length === 1 ? { json: only } : { issue: issue('questionnaire-unknown', where) }
}

function numberIssues(resource: JsonObject, allowTestNumbers: boolean): Issue[] {
  const { nhsNumber } = subjectNumbers(resource)
  if (nhsNumber === undefined) return []
  const reading = readNhsNumber(nhsNumber)
  const where = answersOf(resource, new WeakMap()).has('1.01')
    ? "QuestionnaireResponse.descendants().where(linkId = '1.01')"
    : 'QuestionnaireResponse.subject.identifier.value'
  if (reading.kind === 'placeholder')
    return [issue('nhs-number-placeholder', where, { item: '1.01', severity: 'error' })]
  if (reading.kind === 'invalid') return [issue('nhs-number-invalid', where, { item: '1.01', hint: 'V01' })]
  return reading.kind === 'test-range' && !allowTestNumbers
    ? [issue('nhs-number-test-range', where, { item: '1.01' })]
    : []
}

function auditIssues(resource: JsonObject, answers: ReadonlyMap<string, readonly string[]>): Issue[] {
  const values = (item: string): readonly string[] => answers.get(item) ?? []
  const date = (item: string) => parsePartialDate(values(item)[0] ?? '')
  const status = textAt(resource, 'status')
  const isFinal = status === 'completed' || status === 'amended'
  const alreadySaid: ReadonlySet<string> = new Set([
    'V01',
    'V17',
    'value-out-of-range',
    'answer-precision',
    'answer-exclusive',
  ])
  return runChecks(checkedAnswers(values, () => true, ageOn(date('1.02'), date('1.09'))))
    .filter(found => !alreadySaid.has(found.code))
    .map(found => {
      const severity =
        found.severity === 'error' && (!isFinal || outsideTheAudit.has(found.code)) ? 'warning' : found.severity
      return { ...found, where: `QuestionnaireResponse.descendants().where(linkId = '${found.item ?? ''}')`, severity }
    })
}
