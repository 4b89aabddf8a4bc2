import type { SearchParameter as SearchParameterResource, StructureDefinition } from 'fhir/r4.js'
import { canonicalBase } from '../form/canonical.ts'
import { searchedTypes, searchParametersOf } from './search-parameters.ts'

const changedOn = '2026-11-25'
const head = { version: '1.0.0', status: 'active' as const, experimental: false, date: changedOn, publisher: 'FLS-DB' }

/** The canonical under which a search parameter of ours is published. */
export function searchParameterUrl(type: string, name: string): string {
  return `${canonicalBase}/SearchParameter/${searchParameterId(type, name)}`
}

function searchParameterId(type: string, name: string): string {
  return `${type}-${name}`
}

/** Every parameter of the table as a SearchParameter: what the CapabilityStatement points to. */
export function searchParameterResources(): SearchParameterResource[] {
  return searchedTypes().flatMap(type =>
    searchParametersOf(type).map(({ name, type: kind, paths, modifiers, documentation }) => ({
      resourceType: 'SearchParameter' as const,
      id: searchParameterId(type, name),
      url: searchParameterUrl(type, name),
      ...head,
      name: `${type}_${name.replaceAll('-', '_')}`,
      description: documentation ?? `${type} by ${name}.`,
      code: name,
      base: [type],
      type: kind,
      expression: paths.map(path => `${type}.${expressionOf(path)}`).join(' | '),
      multipleOr: true,
      multipleAnd: true,
      ...(kind === 'date' ? { comparator: ['eq', 'ne', 'gt', 'lt', 'ge', 'le', 'sa', 'eb', 'ap'] as const } : {}),
      modifier: ['missing' as const, ...modifiers],
    })),
  ) as SearchParameterResource[]
}

/** A choice element by its JSON name, in FHIRPath: `onsetDateTime` → `onset.ofType(dateTime)`. */
function expressionOf(path: string): string {
  return path.replace(
    /^(onset|effective|performed|medication)(DateTime|Period|Instant|CodeableConcept)$/,
    (_whole, stem: string, type: string) =>
      `${stem}.ofType(${type === 'DateTime' ? 'dateTime' : type === 'Instant' ? 'instant' : type})`,
  )
}

type ExtensionRow = {
  readonly id: string
  readonly on: readonly string[]
  readonly description: string
  /** Type of its value; a complex one lists its parts instead. */
  readonly value?: 'boolean' | 'code' | 'decimal' | 'integer' | 'string'
  readonly parts?: readonly (readonly [name: string, type: string])[]
}

/** Every extension of ours that leaves this service, one row each. */
export const extensionRows: readonly ExtensionRow[] = [
  {
    id: 'answer-origin',
    on: ['QuestionnaireResponse.item.answer'],
    description:
      'Who said an answer of an assembled response, where and by which rule: fact, inbox entry, path, mapping row, table.',
    parts: [
      ['side', 'code'],
      ...(['organisation', 'rule', 'fact', 'entry', 'path', 'row', 'table'] as const).map(
        name => [name, 'string'] as const,
      ),
    ],
  },
  {
    id: 'episode-status',
    on: ['EpisodeOfCare'],
    description: 'candidate, identified, submitted, excluded or withdrawn.',
    value: 'code',
  },
  { id: 'exclusion', on: ['EpisodeOfCare'], description: 'Why an episode is excluded.', value: 'code' },
  {
    id: 'age-at-diagnosis',
    on: ['EpisodeOfCare'],
    description: 'Completed years of age on the day of diagnosis (1.09).',
    value: 'integer',
  },
  {
    id: 'is-linked',
    on: ['EpisodeOfCare'],
    description: 'Both a hospital and a GP side contribute.',
    value: 'boolean',
  },
  {
    id: 'days-from-diagnosis',
    on: ['Condition', 'Element'],
    description: 'Whole days from the day of diagnosis (1.09); stands for a date that is not shown.',
    value: 'integer',
  },
  {
    id: 'item-day',
    on: ['QuestionnaireResponse'],
    description: 'A date question as whole days from 1.09.',
    parts: [
      ['item', 'string'],
      [`${canonicalBase}/StructureDefinition/days-from-diagnosis`, 'integer'],
    ],
  },
  {
    id: 'link-probability',
    on: ['Provenance'],
    description: 'Probability that the record belongs to the fracture, 0 to 1.',
    value: 'decimal',
  },
  { id: 'link-model', on: ['Provenance'], description: 'Version of the linkage model.', value: 'string' },
  { id: 'link-total-bits', on: ['Provenance'], description: 'Match weight, log base 2.', value: 'decimal' },
  { id: 'link-prior-bits', on: ['Provenance'], description: 'Prior weight, log base 2.', value: 'decimal' },
  { id: 'link-decision', on: ['Provenance'], description: 'What linkage decided.', value: 'code' },
  {
    id: 'link-evidence',
    on: ['Provenance'],
    description: 'One field that was compared, how well it agreed, and its weight; never its value.',
    parts: [
      ['field', 'string'],
      ['level', 'string'],
      ['bits', 'decimal'],
    ],
  },
]

/** Our extensions as StructureDefinitions, differential only. */
export function extensionDefinitions(): StructureDefinition[] {
  return extensionRows.map(({ id, on, description, value, parts }) => {
    const url = `${canonicalBase}/StructureDefinition/${id}`
    const element = parts ? complexElements(url, parts) : simpleElements(url, value ?? 'string')
    return {
      resourceType: 'StructureDefinition',
      id,
      url,
      ...head,
      name: id
        .split('-')
        .map(word => (word[0]?.toUpperCase() ?? '') + word.slice(1))
        .join(''),
      description,
      fhirVersion: '4.0.1',
      kind: 'complex-type',
      abstract: false,
      context: on.map(expression => ({ type: 'element', expression })),
      type: 'Extension',
      baseDefinition: 'http://hl7.org/fhir/StructureDefinition/Extension',
      derivation: 'constraint',
      differential: { element },
    }
  })
}

type Elements = NonNullable<StructureDefinition['differential']>['element']

function simpleElements(url: string, type: string): Elements {
  return [
    { id: 'Extension', path: 'Extension' },
    { id: 'Extension.extension', path: 'Extension.extension', max: '0' },
    { id: 'Extension.url', path: 'Extension.url', fixedUri: url },
    { id: 'Extension.value[x]', path: 'Extension.value[x]', min: 1, type: [{ code: type }] },
  ]
}

function complexElements(url: string, parts: readonly (readonly [string, string])[]): Elements {
  const slices = parts.flatMap(([name, type]): Elements => {
    const slice = name.split('/').at(-1) ?? name
    const id = `Extension.extension:${slice}`
    return [
      { id, path: 'Extension.extension', sliceName: slice, max: '1' },
      { id: `${id}.url`, path: 'Extension.extension.url', fixedUri: name },
      { id: `${id}.value[x]`, path: 'Extension.extension.value[x]', min: 1, type: [{ code: type }] },
    ]
  })
  return [
    { id: 'Extension', path: 'Extension' },
    {
      id: 'Extension.extension',
      path: 'Extension.extension',
      slicing: { discriminator: [{ type: 'value', path: 'url' }], rules: 'closed' },
    },
    ...slices,
    { id: 'Extension.url', path: 'Extension.url', fixedUri: url },
    { id: 'Extension.value[x]', path: 'Extension.value[x]', max: '0' },
  ]
}
