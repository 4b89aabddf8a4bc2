import { parsePartialDate } from '../../fls/dates.ts'
import { readNhsNumber } from '../../fls/nhs-number.ts'
import { isObject, type JsonObject, type JsonValue, listAt, objectAt, objectsAt, textAt } from './json.ts'
import { nhsNumberSystem } from './token.ts'
import { identifiersOf } from './written.ts'

/**
 * How far a resource follows UK Core (STU2 line, NHS Digital staging repository; fhir.md 5.1): a measure of data quality, never a reason to
 * refuse. Each check names the place it speaks of; one that has nothing to speak of does not count.
 */
export type UkCoreCheck = {
  readonly id: string
  readonly type: string
  readonly path: string
  readonly says: string
  /** `undefined`: does not apply to this resource. */
  readonly holds: (resource: JsonObject) => boolean | undefined
}

const profileVersions: Readonly<Record<string, string>> = {
  Condition: '2.6.0',
  DiagnosticReport: '2.7.0',
  Encounter: '2.5.0',
  MedicationRequest: '2.5.0',
  MedicationStatement: '2.5.0',
  Observation: '2.5.0',
  Patient: '2.6.1',
  Procedure: '2.5.0',
  QuestionnaireResponse: '1.2.0',
  ServiceRequest: '2.5.1',
}

/** Top-level must-support elements (fhir.md 5.1); a choice stands for any of its types, a slash for one of two elements. */
const mustSupport: Readonly<Record<string, string>> = {
  Condition: 'clinicalStatus verificationStatus severity code subject recorder',
  DiagnosticReport: 'status category code subject encounter issued result',
  Encounter: 'identifier status class subject participant reasonCode/reasonReference',
  MedicationRequest:
    'identifier status intent category medication[x] subject authoredOn requester dosageInstruction dispenseRequest substitution',
  MedicationStatement:
    'identifier basedOn status category medication[x] subject effective[x] dateAsserted informationSource derivedFrom dosage',
  Observation: 'status category code subject effective[x] performer value[x]/component',
  Patient: 'identifier active name telecom gender birthDate address managingOrganization',
  Procedure: 'status code subject performed[x]',
  QuestionnaireResponse: 'identifier questionnaire status subject authored author item',
  ServiceRequest: 'basedOn status intent category priority code subject authoredOn requester',
}

function has(resource: JsonObject, element: string): boolean {
  if (!element.endsWith('[x]')) return Object.hasOwn(resource, element) || Object.hasOwn(resource, `_${element}`)
  const stem = element.slice(0, -3)
  return Object.keys(resource).some(name => name.startsWith(stem) && /^[A-Z]/.test(name.slice(stem.length)))
}

const elementChecks: readonly UkCoreCheck[] = Object.entries(mustSupport).flatMap(([type, elements]) =>
  elements.split(' ').map(element => ({
    id: `${type}-${element.replace('[x]', '').replace('/', '-or-')}`,
    type,
    path: `${type}.${element.split('/')[0]?.replace('[x]', '') ?? ''}`,
    says: `must support ${element}`,
    holds: (resource: JsonObject) => element.split('/').some(one => has(resource, one)),
  })),
)

const odsSystem = 'https://fhir.nhs.uk/Id/ods-organization-code'
const ukExtension = /^https:\/\/fhir\.(hl7\.org\.uk|nhs\.uk)\//
const snomed = 'http://snomed.info/sct'

/** True when every one of `of` holds; undefined when there is none. */
function each<T>(of: readonly T[], holds: (one: T) => boolean): boolean | undefined {
  return of.length === 0 ? undefined : of.every(holds)
}
function identifiersIn(resource: JsonObject, system: string): readonly JsonObject[] {
  return identifiersOf(resource).filter(one => textAt(one, 'system') === system)
}
function codings(resource: JsonObject, element: string): readonly JsonObject[] {
  return listAt(resource, element).flatMap(one => objectsAt(one, 'coding'))
}
function isAny(...types: string[]): ReadonlySet<string> {
  return new Set(types)
}

/** Every object inside a resource. */
function inside(value: JsonValue): readonly JsonObject[] {
  if (Array.isArray(value)) return value.flatMap(inside)
  return isObject(value) ? [value, ...Object.values(value).flatMap(inside)] : []
}

type Rule = Omit<UkCoreCheck, 'type'>
const rules: readonly (readonly [types: ReadonlySet<string>, rule: Rule])[] = [
  [
    isAny('Patient'),
    {
      id: 'nhs-number-present',
      path: 'Patient.identifier',
      says: 'identifier:nhsNumber',
      holds: one => identifiersIn(one, nhsNumberSystem).length > 0,
    },
  ],
  [
    isAny('Patient'),
    {
      id: 'nhs-number-valid',
      path: 'Patient.identifier.value',
      says: 'ten digits with a right check digit',
      holds: one =>
        each(identifiersIn(one, nhsNumberSystem), number => {
          const { kind } = readNhsNumber(textAt(number, 'value') ?? '')
          return kind !== 'invalid' && kind !== 'placeholder'
        }),
    },
  ],
  [
    isAny('Patient'),
    {
      id: 'nhs-number-verified',
      path: 'Patient.identifier.extension',
      says: 'how far the NHS number is verified',
      holds: one =>
        each(identifiersIn(one, nhsNumberSystem), number =>
          objectsAt(number, 'extension').some(extension =>
            /UKCore-NHSNumberVerificationStatus$/.test(textAt(extension, 'url') ?? ''),
          ),
        ),
    },
  ],
  [
    isAny('Patient'),
    {
      id: 'name-official',
      path: 'Patient.name',
      says: 'a name with use, family and given',
      holds: one => each(objectsAt(one, 'name'), name => has(name, 'family') && has(name, 'given') && has(name, 'use')),
    },
  ],
  [
    isAny('Patient'),
    {
      id: 'birth-date-to-the-day',
      path: 'Patient.birthDate',
      says: 'a birth date to the day',
      holds: one =>
        has(one, 'birthDate') ? parsePartialDate(textAt(one, 'birthDate') ?? '')?.length === 10 : undefined,
    },
  ],
  [
    isAny('Patient'),
    {
      id: 'address-postal-code',
      path: 'Patient.address.postalCode',
      says: 'a postcode with every address',
      holds: one => each(objectsAt(one, 'address'), address => has(address, 'postalCode')),
    },
  ],
  [
    isAny('Patient'),
    {
      id: 'communication-language',
      path: 'Patient.communication.language',
      says: 'a code for every language',
      holds: one =>
        each(objectsAt(one, 'communication'), said => objectsAt(objectAt(said, 'language'), 'coding').length > 0),
    },
  ],
  [
    isAny('MedicationStatement'),
    {
      id: 'identifier-whole',
      path: 'MedicationStatement.identifier',
      says: 'system and value in every identifier (1..1)',
      holds: one => each(identifiersOf(one), each => has(each, 'system') && has(each, 'value')),
    },
  ],
  [
    isAny('Condition', 'Procedure', 'ServiceRequest', 'MedicationRequest', 'MedicationStatement'),
    {
      id: 'code-snomed',
      path: 'code',
      says: 'a SNOMED CT or dm+d coding (extensible binding)',
      holds: one => {
        const own = [...codings(one, 'code'), ...codings(one, 'medicationCodeableConcept')]
        return own.length === 0
          ? undefined
          : own.some(coding => [snomed, 'https://dmd.nhs.uk'].includes(textAt(coding, 'system') ?? ''))
      },
    },
  ],
  [
    isAny('Observation', 'DiagnosticReport'),
    {
      id: 'code-known-system',
      path: 'code',
      says: 'a SNOMED CT or LOINC coding (extensible binding)',
      holds: one => {
        const own = codings(one, 'code')
        return own.length === 0
          ? undefined
          : own.some(coding => [snomed, 'http://loinc.org'].includes(textAt(coding, 'system') ?? ''))
      },
    },
  ],
  [
    isAny('Observation'),
    {
      id: 'quantity-ucum',
      path: 'Observation.valueQuantity',
      says: 'a UCUM unit',
      holds: one =>
        has(one, 'valueQuantity')
          ? textAt(objectAt(one, 'valueQuantity'), 'system') === 'http://unitsofmeasure.org'
          : undefined,
    },
  ],
  [
    isAny(...Object.keys(mustSupport)),
    {
      id: 'coding-display',
      path: 'code.coding.display',
      says: 'a display beside every code',
      holds: one => each(codings(one, 'code'), coding => has(coding, 'display')),
    },
  ],
  [
    isAny(...Object.keys(mustSupport)),
    {
      id: 'ods-code-shape',
      path: 'identifier',
      says: 'ODS codes of three to eight letters and digits',
      holds: one =>
        each(
          inside(one).filter(found => textAt(found, 'system') === odsSystem && has(found, 'value')),
          found => /^[A-Z0-9]{3,8}$/.test(textAt(found, 'value') ?? ''),
        ),
    },
  ],
  [
    isAny(...Object.keys(mustSupport)),
    {
      id: 'identifier-systems',
      path: 'identifier.system',
      says: 'a system in every identifier',
      holds: one => each(identifiersOf(one), found => has(found, 'system')),
    },
  ],
  [
    isAny(...Object.keys(mustSupport)),
    {
      id: 'extensions-of-the-uk',
      path: 'extension',
      says: 'extensions of UK Core, NHS England or HL7 only',
      holds: one =>
        each(objectsAt(one, 'extension'), extension => {
          const url = textAt(extension, 'url') ?? ''
          return ukExtension.test(url) || url.startsWith('http://hl7.org/fhir/')
        }),
    },
  ],
  [
    isAny(...Object.keys(mustSupport)),
    {
      id: 'profile-stated',
      path: 'meta.profile',
      says: 'the UK Core profile in meta.profile',
      holds: one => listAt(objectAt(one, 'meta'), 'profile').some(profile => String(profile).startsWith(ukCoreBase)),
    },
  ],
]

const ukCoreBase = 'https://fhir.hl7.org.uk/StructureDefinition/UKCore-'

/** Every check, one row each: must-support elements and the rules beside them. */
export const ukCoreChecks: readonly UkCoreCheck[] = [
  ...elementChecks,
  ...rules.flatMap(([types, rule]) =>
    [...types].map(type => ({
      ...rule,
      id: `${type}-${rule.id}`,
      type,
      path: rule.path.startsWith(`${type}.`) ? rule.path : `${type}.${rule.path}`,
    })),
  ),
]
const byType = new Map(Object.keys(mustSupport).map(type => [type, ukCoreChecks.filter(one => one.type === type)]))

/** `met` of `applicable` checks, and those not met. `undefined` for a type without a UK Core profile in the table. */
export type UkCoreQuality = {
  readonly applicable: number
  readonly met: number
  readonly unmet: readonly UkCoreCheck[]
}

export function ukCoreQuality(resource: JsonObject): UkCoreQuality | undefined {
  const checks = byType.get(textAt(resource, 'resourceType') ?? '')
  if (!checks) return undefined
  const results = checks.map(check => ({ check, holds: check.holds(resource) }))
  const applicable = results.filter(({ holds }) => holds !== undefined)
  const unmet = applicable.filter(({ holds }) => holds === false).map(({ check }) => check)
  return { applicable: applicable.length, met: applicable.length - unmet.length, unmet }
}

/** The canonical of the profile of a type, without version. */
export function ukCoreProfile(type: string): string | undefined {
  return Object.hasOwn(profileVersions, type) ? `${ukCoreBase}${type}` : undefined
}
