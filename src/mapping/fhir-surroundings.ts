import { type JsonObject, objectAt, objectsAt, textAt } from '../sources/fhir/json.ts'
import type { StrictJson } from '../sources/fhir/strict-json.ts'
import type { FhirNotes } from '../sources/fhir/written.ts'
import { type FhirResource, type FhirSurroundings, subjectPatient } from './fhir-document.ts'
import { type FhirWho, patientRecordKey } from './fhir-patient.ts'

/** What the resources of one entry can see of each other and of what the door looked up. */
export function surroundingsOf(
  read: StrictJson,
  resources: readonly FhirResource[],
  notes: FhirNotes,
  who: FhirWho,
): FhirSurroundings {
  const byKey = new Map(resources.map(about => [about.key, about]))
  const labels = new Map(resources.map(about => [about.resource, about.label]))
  const keyOf = (reference: string): string => {
    const became = Object.hasOwn(notes.references, reference) ? notes.references[reference] : undefined
    return (became ?? reference)
      .replace(/^.*\/([A-Z][A-Za-z]+\/[A-Za-z0-9.-]{1,64})$/, '$1')
      .replace(/\/_history\/.*$/, '')
  }
  const follow: FhirSurroundings['follow'] = (reference, home) => {
    const text = textAt(reference, 'reference')
    if (text === undefined) return undefined
    if (text.startsWith('#')) return containedIn(home, text.slice(1), labels.get(home) ?? '')
    const key = keyOf(text)
    const found = byKey.get(key)
    if (found) return { resource: found.resource, where: `${found.label}#` }
    const medication = notes.medications[key]
    return medication ? { resource: medication, where: key } : undefined
  }
  const recordOf: FhirSurroundings['recordOf'] = (subject, home) => {
    const text = textAt(subject, 'reference')
    const key = text === undefined ? '' : keyOf(text)
    const patient = follow(subject, home)?.resource ?? notes.patients[key]
    if (patient && (textAt(patient, 'resourceType') ?? 'Patient') === 'Patient') {
      return patientRecordKey(
        patient,
        key.startsWith('Patient/') ? key : `Patient/${textAt(home, 'id') ?? ''}${key}`,
        who,
      )
    }
    const logical = objectAt(subject, 'identifier')
    if (
      !logical ||
      /^(Practitioner|Location|Device|HealthcareService|RelatedPerson)/.test(textAt(subject, 'type') ?? key)
    )
      return undefined
    return numbered(patientRecordKey(subjectPatient([logical]), '?', who), who)
  }
  return { literals: read.literals, follow, keyOf, groups: groupsOf(resources, keyOf), recordOf }
}

/** A logical identifier nobody can place (no NHS number, no patient number) tells no record. */
function numbered(record: string, who: FhirWho): string | undefined {
  return record === `${who.sender}|?` ? undefined : record
}

function containedIn(home: JsonObject, id: string, label: string): { resource: JsonObject; where: string } | undefined {
  const contained = objectsAt(home, 'contained')
  const index = contained.findIndex(inner => textAt(inner, 'id') === id)
  const resource = contained[index]
  return resource ? { resource, where: `${label}#contained[${index}]` } : undefined
}

/** Result → the report that lists it; panel member → its panel. */
function groupsOf(
  resources: readonly FhirResource[],
  keyOf: (reference: string) => string,
): ReadonlyMap<string, string> {
  const groups = new Map<string, string>()
  for (const [type, element] of [
    ['DiagnosticReport', 'result'],
    ['Observation', 'hasMember'],
  ] as const) {
    for (const about of resources.filter(one => one.type === type)) {
      for (const member of objectsAt(about.resource, element)) {
        const reference = textAt(member, 'reference') ?? ''
        const key = reference.startsWith('#')
          ? `${about.key}#${indexOfContained(about.resource, reference.slice(1))}`
          : keyOf(reference)
        if (!groups.has(key)) groups.set(key, about.key)
      }
    }
  }
  return groups
}

function indexOfContained(home: JsonObject, id: string): number {
  return objectsAt(home, 'contained').findIndex(inner => textAt(inner, 'id') === id)
}
