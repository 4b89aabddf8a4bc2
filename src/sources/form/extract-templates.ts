import type { Condition, Extension, Observation, Questionnaire } from 'fhir/r4.js'
import { nhsNumberSystem } from '../fhir/token.ts'
import { extensions } from './canonical.ts'

const answerOf = (section: string, item: string): string =>
  `%resource.item.where(linkId='${section}').item.where(linkId='${item}').answer.value`
const filled = (valueString: string): { extension: Extension[] } => ({
  extension: [{ url: extensions.templateExtractValue, valueString }],
})
const subject = {
  identifier: { system: nhsNumberSystem, _value: filled(answerOf('1', '1.01')) },
}
const diagnosedOn = filled(answerOf('1', '1.09'))

function measurement(id: string, code: string, display: string, unit: string): Observation {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code, display }] },
    subject,
    _effectiveDateTime: diagnosedOn,
    valueQuantity: { _value: filled('answer.value'), unit, system: 'http://unitsofmeasure.org', code: unit },
  } as Observation
}

const fracture = {
  resourceType: 'Condition',
  id: 'extract-fracture',
  verificationStatus: {
    coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'confirmed' }],
  },
  code: { coding: [filled('answer.value')] },
  subject,
  _onsetDateTime: diagnosedOn,
} as Condition

/** What `$extract` makes of the patient audit, by question: the template, contained in the form. */
export const extractTemplates: Readonly<Record<string, NonNullable<Questionnaire['contained']>[number]>> = {
  '1.11': fracture,
  '2.01': measurement('extract-height', '8302-2', 'Body height', 'cm'),
  '2.02': measurement('extract-weight', '29463-7', 'Body weight', 'kg'),
}

/** The extension that ties a question to its template. */
export function templateExtension(item: string): Extension[] {
  const template = Object.hasOwn(extractTemplates, item) ? extractTemplates[item] : undefined
  if (!template) return []
  return [
    {
      url: extensions.templateExtract,
      extension: [{ url: 'template', valueReference: { reference: `#${template.id}` } }],
    },
  ]
}
