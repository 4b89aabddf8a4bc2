/**
 * What the ingest door offers by type. `read`: the mapping makes facts of it; `kept`: kept beside them because what is read refers to it.
 * Dispatch, CapabilityStatement and the tests all read this table. Every other R4 type is taken inside a Bundle only: kept, not used.
 */
export const offeredTypes = {
  Appointment: 'read',
  Condition: 'read',
  DiagnosticReport: 'read',
  Encounter: 'read',
  EpisodeOfCare: 'read',
  FamilyMemberHistory: 'kept',
  Location: 'kept',
  Medication: 'kept',
  MedicationAdministration: 'read',
  MedicationDispense: 'read',
  MedicationRequest: 'read',
  MedicationStatement: 'read',
  Observation: 'read',
  Organization: 'kept',
  Patient: 'read',
  Practitioner: 'kept',
  PractitionerRole: 'kept',
  Procedure: 'read',
  ServiceRequest: 'read',
} as const satisfies Record<string, 'read' | 'kept'>

export type OfferedType = keyof typeof offeredTypes

export function isOffered(type: string): type is OfferedType {
  return Object.hasOwn(offeredTypes, type)
}

/** Interactions of every offered type, as the CapabilityStatement words them. */
export const offeredInteractions = ['read', 'vread', 'create', 'update', 'search-type', 'history-instance'] as const

/** Where the subject of a type stands; without one it is about no patient. */
export const subjectElements: Readonly<Partial<Record<string, string>>> = {
  Appointment: 'participant',
  Condition: 'subject',
  DiagnosticReport: 'subject',
  Encounter: 'subject',
  EpisodeOfCare: 'patient',
  FamilyMemberHistory: 'patient',
  MedicationAdministration: 'subject',
  MedicationDispense: 'subject',
  MedicationRequest: 'subject',
  MedicationStatement: 'subject',
  Observation: 'subject',
  Procedure: 'subject',
  ServiceRequest: 'subject',
}

/** The mapping makes facts of it. */
export function isRead(type: string): boolean {
  return isOffered(type) && offeredTypes[type] === 'read'
}
