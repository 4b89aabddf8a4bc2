import { type JsonObject, listAt, textAt } from './json.ts'

/** Resource types that STU3 had and R4 has not. */
const goneTypes: ReadonlySet<string> = new Set([
  'BodySite',
  'DataElement',
  'DeviceComponent',
  'EligibilityRequest',
  'EligibilityResponse',
  'ExpansionProfile',
  'ImagingManifest',
  'ProcedureRequest',
  'ProcessRequest',
  'ProcessResponse',
  'ReferralRequest',
  'Sequence',
  'ServiceDefinition',
])
/** Elements whose presence shows STU3 (GP Connect, CareConnect) where R4 has another. */
const goneElements: Readonly<Record<string, readonly string[]>> = {
  MedicationStatement: ['taken', 'notTaken', 'prescriptionsource'],
  Encounter: ['reason', 'incomingReferral'],
  Observation: ['context', 'comment', 'related'],
  Procedure: ['context', 'notDone', 'notDoneReason'],
  Condition: ['context', 'assertedDate', 'asserter'],
  DiagnosticReport: ['context', 'codedDiagnosis', 'image'],
  MedicationRequest: ['context', 'definition'],
  MedicationAdministration: ['prescription', 'notGiven'],
  Patient: ['animal'],
}
const hint =
  'this is FHIR STU3 (GP Connect or CareConnect); convert it to R4 4.0.1, or send it one resource a line to POST /api/extracts'

/**
 * A hint when a resource that is not valid R4 looks like STU3: its profile, a type R4 dropped, or an element R4 renamed.
 * GP Connect speaks STU3; that content needs conversion and is never guessed at (fhir.md D8).
 */
export function stu3Hint(resource: JsonObject): string | undefined {
  const type = textAt(resource, 'resourceType') ?? ''
  if (goneTypes.has(type)) return hint
  const profiles = listAt(resource['meta'], 'profile')
  if (profiles.some(profile => typeof profile === 'string' && /\/STU3\/|CareConnect/.test(profile))) return hint
  const gone = goneElements[type] ?? []
  if (gone.some(name => Object.hasOwn(resource, name) && !(type === 'Condition' && name === 'asserter'))) return hint
  return typeof resource['clinicalStatus'] === 'string' || typeof resource['verificationStatus'] === 'string'
    ? hint
    : undefined
}
