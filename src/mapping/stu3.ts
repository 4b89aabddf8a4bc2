import { isObject, type JsonObject, type JsonValue } from '../sources/fhir/json.ts'
import { stu3Hint } from '../sources/fhir/stu3.ts'

type Conversion = {
  /** Name in R4 where it is another type. */
  readonly type?: string
  /** STU3 element → R4 element of the same shape. */
  readonly renamed?: Readonly<Record<string, string>>
  /** A code in STU3, a CodeableConcept in R4: the element and the R4 code system. */
  readonly concepts?: Readonly<Record<string, string>>
  /** Resources that are another one in R4, elements and all; undefined where this one is not. */
  readonly became?: (resource: JsonObject) => JsonObject | undefined
  /** STU3 element and value → R4 element and value that says the same. */
  readonly said?: readonly (readonly [string, string | boolean, string, string])[]
}

const terminology = 'http://terminology.hl7.org/CodeSystem'
const inEncounter = { context: 'encounter' } as const

/**
 * What differs between FHIR STU3 3.0.2 and R4 4.0.1 in the elements that mappings/fhir-r4 reads, type by type.
 * Source: R4 specification, "R3 Diff" and "R3 Conversions" of each resource; GP Connect Access Record Structured for the meaning of `plan`.
 */
const conversions: Readonly<Record<string, Conversion>> = {
  Condition: {
    renamed: { ...inEncounter, assertedDate: 'recordedDate' },
    concepts: {
      clinicalStatus: `${terminology}/condition-clinical`,
      verificationStatus: `${terminology}/condition-ver-status`,
    },
  },
  DiagnosticReport: { renamed: inEncounter },
  Encounter: { renamed: { reason: 'reasonCode' } },
  MedicationAdministration: { renamed: { prescription: 'request' }, said: [['notGiven', true, 'status', 'not-done']] },
  MedicationDispense: { said: [['notDone', true, 'status', 'declined']] },
  MedicationRequest: {
    renamed: inEncounter,
    // In GP Connect a plan is the practice's own authorisation of a course, no advice to somebody else.
    said: [['intent', 'plan', 'intent', 'order']],
    became: issued,
  },
  MedicationStatement: { said: [['taken', 'n', 'status', 'not-taken']] },
  Observation: { renamed: inEncounter },
  Procedure: { renamed: inEncounter, said: [['notDone', true, 'status', 'not-done']] },
  ProcedureRequest: { type: 'ServiceRequest', renamed: inEncounter },
  ReferralRequest: { became: referred },
}

const withdrawn: ReadonlySet<unknown> = new Set(['cancelled', 'entered-in-error', 'draft'])

/** In GP Connect what is asked for stands in `reasonCode` where nothing is named, and the status is always `unknown`. */
function referred(resource: JsonObject): JsonObject {
  const { serviceRequested, reasonCode, context, status, ...rest } = resource
  const [code] = [serviceRequested, reasonCode].flatMap(list => (Array.isArray(list) ? list : []))
  return {
    ...(code === undefined ? {} : { code }),
    ...(context === undefined ? {} : { encounter: context }),
    ...rest,
    resourceType: 'ServiceRequest',
    status: status === 'unknown' ? 'active' : (status ?? null),
  }
}

/** In GP Connect an order is one issue of a course: handed out, as `issue` is in the extracts of GP systems. */
function issued(resource: JsonObject): JsonObject | undefined {
  if (resource['intent'] !== 'order') return undefined
  const { intent: _intent, authoredOn, dispenseRequest, status, ...rest } = resource
  const { expectedSupplyDuration, quantity } = isObject(dispenseRequest) ? dispenseRequest : {}
  return {
    ...rest,
    resourceType: 'MedicationDispense',
    status: withdrawn.has(status) ? (status ?? null) : 'completed',
    ...(authoredOn === undefined ? {} : { whenHandedOver: authoredOn }),
    ...(expectedSupplyDuration === undefined ? {} : { daysSupply: expectedSupplyDuration }),
    ...(quantity === undefined ? {} : { quantity }),
  }
}

/**
 * A resource that shows itself as STU3 (a CareConnect profile, a type or element R4 has not) in the words of R4; any other unchanged.
 * Only what the R4 tables read is converted: the result is for reading, not a valid resource to pass on. An element R4 has already wins.
 */
export function asR4(resource: JsonObject): JsonObject {
  if (!stu3Hint(resource)) return resource
  const conversion = conversions[String(resource['resourceType'])]
  if (!conversion) return resource
  const other = conversion.became?.(resource)
  if (other) return other
  const { type, renamed = {}, concepts = {}, said = [] } = conversion
  const entries = Object.entries(resource).map(([name, value]): [string, JsonValue] => {
    const system = concepts[name]
    if (system && typeof value === 'string') return [name, { coding: [{ system, code: value }] }]
    const newName = renamed[name]
    return [newName && !Object.hasOwn(resource, newName) ? newName : name, value]
  })
  const statements = said.filter(([name, value]) => resource[name] === value).map(([, , to, value]) => [to, value])
  return Object.fromEntries([...entries, ...statements, ...(type ? [['resourceType', type]] : [])])
}
