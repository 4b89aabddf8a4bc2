import type { RecordKey } from '../../fls/fact.ts'
import { patientRecordKey } from '../../mapping/fhir-patient.ts'
import { tablesFor } from '../../mapping/tables.ts'
import type { FhirDeps } from './door.ts'
import { objectAt, textAt } from './json.ts'
import { subjectElements } from './offered.ts'
import type { WritePlan } from './plan.ts'
import type { Sender } from './sender.ts'

/**
 * The record of the first patient an arrival is about: it chooses the lane, so that one patient's entries stay in order. `undefined` when no
 * patient can be told, or without tables; the arrival is then spread by its id. Never used for reading.
 */
export function laneOf(
  plan: WritePlan,
  sender: Sender,
  mapping: string | undefined,
  deps: FhirDeps,
): RecordKey | undefined {
  const { tables } = deps
  const feed =
    tables && tablesFor({ sender: sender.sender, ...(mapping ? { meta: { mapping } } : {}) }, 'fhir-r4', tables)
  if (!tables || !feed) return undefined
  const who = { ...sender, feed: feed.source, acceptTestNumbers: tables.acceptTestNumbers }
  const own = plan.writes.find(write => write.request.type === 'Patient')
  if (own) return patientRecordKey(own.request.resource, `Patient/${own.id}`, who)
  for (const { request } of plan.writes) {
    const element = subjectElements[request.type]
    const subject = element === undefined ? undefined : objectAt(request.resource, element)
    const reference = textAt(subject, 'reference') ?? ''
    const key = plan.references[reference] ?? reference
    const patient = plan.patients[key]
    if (patient) return patientRecordKey(patient, key, who)
    const identifier = objectAt(subject, 'identifier')
    if (identifier) return patientRecordKey({ identifier: [identifier] }, `${request.type}/${request.path}`, who)
  }
  return undefined
}
