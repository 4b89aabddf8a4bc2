import type { CodeSystem, Questionnaire, QuestionnaireItem } from 'fhir/r4.js'
import { type Item, items, sections } from '../../fls/items.ts'
import { type ListId, lists, optionsOf } from '../../fls/lists.ts'
import { extensions, listSystem, patientAudit } from './canonical.ts'
import { extractTemplates, templateExtension } from './extract-templates.ts'

type Extension = NonNullable<QuestionnaireItem['extension']>[number]
type EnableWhen = NonNullable<QuestionnaireItem['enableWhen']>[number]

/** The day the tables were last given another meaning; part of the published form. */
const published = '2026-11-25'

type Section = Item['section']
/** Follow-up sections may be left out until they are due. */
const answeredSections: readonly Section[] = [1, 2, 3, 4, 5]

/**
 * The patient audit as a FHIR Questionnaire, made from items.ts: linkId = question number, seven groups. A completed response must answer
 * every mandatory question and every conditional one whose condition holds. What LHC-Forms would tell a user wrongly is said in another way:
 * that a section must be answered (a `required` group never has a value of its own) and how old a fracture may be (minValue of a date).
 */
export function patientAuditQuestionnaire(): Questionnaire {
  return {
    resourceType: 'Questionnaire',
    id: patientAudit.id,
    extension: answeredSections.map(mustBeAnswered),
    contained: Object.values(extractTemplates),
    url: patientAudit.url,
    version: patientAudit.version,
    name: 'FlsDbPatientAudit',
    title: 'FLS-DB patient audit, dataset version 3',
    status: 'active',
    subjectType: ['Patient'],
    date: published,
    publisher: 'FLS-DB',
    description:
      'One fracture episode of one patient aged 50 or over. Options marked as provisional in the data dictionary await confirmation by the owner of the audit.',
    item: ([1, 2, 3, 4, 5, 6, 7] as const).map(section => ({
      linkId: String(section),
      prefix: String(section),
      text: sections[section],
      type: 'group',
      item: items.filter(item => item.section === section).map(question),
    })),
  }
}

function mustBeAnswered(section: Section): Extension {
  const location = `item.where(linkId = '${section}')`
  return {
    url: extensions.targetConstraint,
    extension: [
      { url: 'key', valueId: `section-${section}` },
      { url: 'severity', valueCode: 'error' },
      {
        url: 'expression',
        valueExpression: {
          language: 'text/fhirpath',
          expression: `(%resource.status = 'completed' or %resource.status = 'amended') implies %resource.${location}.item.answer.exists()`,
        },
      },
      { url: 'human', valueString: `Section ${section}, ${sections[section]}, is answered in a completed response.` },
      { url: 'location', valueString: location },
    ],
  }
}

/** Option lists as CodeSystems; the Questionnaire's answerOptions are their concepts. */
export function listCodeSystem(list: ListId): CodeSystem {
  const name = list.toLowerCase()
  return {
    resourceType: 'CodeSystem',
    id: name,
    url: listSystem(list),
    version: patientAudit.version,
    name: list.replace('-', ''),
    title: `FLS-DB option list ${list}`,
    status: 'active',
    experimental: false,
    date: published,
    publisher: 'FLS-DB',
    caseSensitive: true,
    content: 'complete',
    concept: optionsOf(list).map(({ code, label }) => ({ code, display: label })),
  }
}

export function listCodeSystems(): CodeSystem[] {
  return Object.keys(lists).flatMap(list => (isListId(list) ? [listCodeSystem(list)] : []))
}

function isListId(name: string): name is ListId {
  return Object.hasOwn(lists, name)
}

function question(item: Item): QuestionnaireItem {
  const { enableWhen } = item
  const conditions = enableWhen?.conditions.flatMap(conditionsOf) ?? []
  const isRequired =
    item.requirement === 'mandatory' || (item.requirement === 'conditional' && enableWhen !== undefined)
  const limits = [...extensionsOf(item), ...templateExtension(item.id)]
  return {
    ...(limits.length > 0 ? { extension: limits } : {}),
    linkId: item.id,
    ...(/^\d/.test(item.id) ? { prefix: item.id } : {}),
    text: item.text,
    type: typeOf(item),
    ...(conditions.length > 0 ? { enableWhen: conditions } : {}),
    ...(conditions.length > 1
      ? {
          enableBehavior:
            enableWhen?.behaviour === 'all' && conditions.length === enableWhen.conditions.length ? 'all' : 'any',
        }
      : {}),
    ...(isRequired ? { required: true } : {}),
    ...(item.type === 'codes' ? { repeats: true } : {}),
    ...(item.type === 'nhs-number' ? { maxLength: 12 } : {}),
    ...(item.type === 'postcode' ? { maxLength: 8 } : {}),
    ...(item.list ? { answerOption: answerOptions(item.list) } : {}),
  }
}

function typeOf(item: Item): QuestionnaireItem['type'] {
  switch (item.type) {
    case 'nhs-number':
    case 'postcode':
      return 'string'
    case 'code':
    case 'codes':
      return 'choice'
    case 'date':
    case 'decimal':
      return item.type
  }
}

function conditionsOf(condition: NonNullable<Item['enableWhen']>['conditions'][number]): EnableWhen[] {
  const { item } = condition
  if ('exists' in condition) return [{ question: item, operator: 'exists', answerBoolean: true }]
  const list = items.find(one => one.id === item)?.list
  return condition.is.map(code => ({
    question: item,
    operator: '=',
    answerCoding: { ...(list ? { system: listSystem(list) } : {}), code },
  }))
}

function answerOptions(list: ListId): NonNullable<QuestionnaireItem['answerOption']> {
  return optionsOf(list).map(({ code, label, exclusive }) => ({
    ...(exclusive ? { extension: [{ url: extensions.optionExclusive, valueBoolean: true }] } : {}),
    valueCoding: { system: listSystem(list), code, display: label },
  }))
}

function extensionsOf(item: Item): Extension[] {
  const { range } = item
  if (item.type === 'nhs-number') return [{ url: extensions.regex, valueString: '[0-9]{3}[ -]?[0-9]{3}[ -]?[0-9]{4}' }]
  if (item.type === 'postcode')
    return [{ url: extensions.regex, valueString: '[A-Za-z]{1,2}[0-9][A-Za-z0-9]? ?[0-9][A-Za-z]{2}' }]
  if (!range) return []
  return [
    { url: extensions.minValue, valueDecimal: range.min },
    { url: extensions.maxValue, valueDecimal: range.max },
    { url: extensions.maxDecimalPlaces, valueInteger: range.places },
  ]
}
