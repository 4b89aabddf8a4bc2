import { isOffered } from './offered.ts'

/**
 * THE table of search parameters (R4 search, UK Core Access shapes): what each is found by. Index, query, CapabilityStatement, published
 * SearchParameter resources and their tests read it; nothing else knows a parameter. `paths`: elements from the root, dots between members,
 * lists at any step. `_id`, `_lastUpdated` and result parameters are not here: they hold for every type.
 */
export type SearchParameter = {
  readonly name: string
  readonly type: 'token' | 'date' | 'reference' | 'string' | 'uri'
  readonly paths: readonly string[]
  /** Beside `missing`, which every one takes. */
  readonly modifiers: readonly Modifier[]
  /** A code whose system the element implies: a system in the query is not compared. */
  readonly isPlain?: true
  readonly documentation?: string
}
export type Modifier = 'not' | 'exact' | 'contains' | 'identifier'

const token = (name: string, ...paths: string[]): SearchParameter => ({
  name,
  type: 'token',
  paths,
  modifiers: ['not'],
})
const plain = (name: string, ...paths: string[]): SearchParameter => ({ ...token(name, ...paths), isPlain: true })
const date = (name: string, ...paths: string[]): SearchParameter => ({ name, type: 'date', paths, modifiers: [] })
const text = (name: string, ...paths: string[]): SearchParameter => ({
  name,
  type: 'string',
  paths,
  modifiers: ['exact', 'contains'],
})
const reference = (name: string, ...paths: string[]): SearchParameter => ({
  name,
  type: 'reference',
  paths,
  modifiers: ['identifier'],
  documentation: `\`Type/id\`, the absolute address, or \`${name}:identifier=system|value\`.`,
})
const canonical = (name: string, ...paths: string[]): SearchParameter => ({ name, type: 'uri', paths, modifiers: [] })

/** Not with `:not`: what does not carry an identifier is everybody. */
const identifier: SearchParameter = {
  name: 'identifier',
  type: 'token',
  paths: ['identifier'],
  modifiers: [],
  documentation: '`system|value`, `|value` or `value`; several separated by commas.',
}
const subject = [reference('patient', 'subject'), reference('subject', 'subject')]

/** What definitions (conformance and terminology resources) are found by. */
const definition = [
  identifier,
  canonical('url', 'url'),
  plain('version', 'version'),
  plain('status', 'status'),
  text('name', 'name'),
  text('title', 'title'),
  date('date', 'date'),
]

const byType: Readonly<Record<string, readonly SearchParameter[]>> = {
  Appointment: [
    reference('patient', 'participant.actor'),
    reference('actor', 'participant.actor'),
    plain('status', 'status'),
    date('date', 'start'),
  ],
  Condition: [
    ...subject,
    token('code', 'code'),
    token('category', 'category'),
    token('clinical-status', 'clinicalStatus'),
    token('verification-status', 'verificationStatus'),
    date('onset-date', 'onsetDateTime', 'onsetPeriod'),
    date('recorded-date', 'recordedDate'),
    reference('encounter', 'encounter'),
  ],
  DiagnosticReport: [
    ...subject,
    plain('status', 'status'),
    token('code', 'code'),
    token('category', 'category'),
    date('date', 'effectiveDateTime', 'effectivePeriod'),
    date('issued', 'issued'),
  ],
  Encounter: [...subject, plain('status', 'status'), token('class', 'class'), date('date', 'period')],
  EpisodeOfCare: [
    {
      ...plain('status', 'status'),
      modifiers: [],
      documentation:
        'candidate, identified, submitted, excluded, withdrawn; or as the resource says it: waitlist, active, cancelled, entered-in-error.',
    },
    { ...date('date', 'period'), documentation: 'Day of diagnosis (1.09).' },
    {
      ...reference('patient', 'patient'),
      documentation:
        '`patient:identifier=system|value`: the NHS number, or the hospital number of the own organisation.',
    },
  ],
  FamilyMemberHistory: [reference('patient', 'patient'), plain('status', 'status')],
  Group: [identifier, plain('actual', 'actual'), plain('type', 'type')],
  Location: [text('name', 'name', 'alias'), plain('status', 'status')],
  Medication: [token('code', 'code'), plain('status', 'status')],
  MedicationAdministration: [
    ...subject,
    plain('status', 'status'),
    token('code', 'medicationCodeableConcept'),
    date('effective-time', 'effectiveDateTime', 'effectivePeriod'),
  ],
  MedicationDispense: [
    ...subject,
    plain('status', 'status'),
    token('code', 'medicationCodeableConcept'),
    date('whenhandedover', 'whenHandedOver'),
  ],
  MedicationRequest: [
    ...subject,
    plain('status', 'status'),
    plain('intent', 'intent'),
    token('code', 'medicationCodeableConcept'),
    date('authoredon', 'authoredOn'),
  ],
  MedicationStatement: [
    ...subject,
    plain('status', 'status'),
    token('code', 'medicationCodeableConcept'),
    date('effective', 'effectiveDateTime', 'effectivePeriod'),
  ],
  Observation: [
    ...subject,
    plain('status', 'status'),
    token('code', 'code'),
    token('category', 'category'),
    date('date', 'effectiveDateTime', 'effectivePeriod', 'effectiveInstant'),
  ],
  Organization: [text('name', 'name', 'alias'), plain('active', 'active')],
  Patient: [
    text('family', 'name.family'),
    text('given', 'name.given'),
    plain('gender', 'gender'),
    plain('active', 'active'),
    date('birthdate', 'birthDate'),
  ],
  Practitioner: [text('family', 'name.family'), plain('active', 'active')],
  PractitionerRole: [plain('active', 'active'), reference('organization', 'organization')],
  Procedure: [
    ...subject,
    plain('status', 'status'),
    token('code', 'code'),
    date('date', 'performedDateTime', 'performedPeriod'),
  ],
  ServiceRequest: [
    ...subject,
    plain('status', 'status'),
    plain('intent', 'intent'),
    token('code', 'code'),
    date('authored', 'authoredOn'),
  ],
  QuestionnaireResponse: [
    reference('author', 'author'),
    date('authored', 'authored'),
    reference('based-on', 'basedOn'),
    reference('encounter', 'encounter'),
    reference('part-of', 'partOf'),
    reference('patient', 'subject'),
    {
      ...reference('questionnaire', 'questionnaire'),
      modifiers: [],
      documentation: 'The canonical as sent, with or without version.',
    },
    reference('source', 'source'),
    plain('status', 'status'),
    reference('subject', 'subject'),
  ],
  Questionnaire: [...definition, plain('subject-type', 'subjectType')],
  CodeSystem: [...definition, plain('code', 'concept.code'), plain('content-mode', 'content')],
  ConceptMap: [...definition, canonical('source', 'group.source'), canonical('target', 'group.target')],
  OperationDefinition: [...definition, plain('code', 'code'), plain('kind', 'kind')],
  SearchParameter: [...definition, plain('code', 'code'), plain('base', 'base'), plain('type', 'type')],
  StructureDefinition: [...definition, plain('kind', 'kind'), plain('type', 'type'), plain('derivation', 'derivation')],
  ValueSet: [...definition, canonical('reference', 'compose.include.system')],
}

const sorted = new Map(
  Object.entries(byType).map(([type, own]) => {
    const isIdentified = type !== 'EpisodeOfCare' && (isOffered(type) || type === 'QuestionnaireResponse')
    const all = isIdentified ? [identifier, ...own] : own
    return [type, all.toSorted((a, b) => (a.name < b.name ? -1 : 1))] as const
  }),
)

/** The parameters of a type, by name. */
export function searchParametersOf(type: string): readonly SearchParameter[] {
  return sorted.get(type) ?? []
}

/** Parameters of every type. */
export const everyTypeParameters = [
  { name: '_id', type: 'token', documentation: 'The resource id; several separated by commas.' },
  { name: '_lastUpdated', type: 'date', documentation: 'When the current version was kept; all prefixes.' },
] as const

/** Types whose resources are searched; those without `_lastUpdated` of their own time are published with the release. */
export function searchedTypes(): readonly string[] {
  return Object.keys(byType)
}
