import type { CodeableConcept, Extension, FhirResource } from 'fhir/r4.js'
import type { Episode, SideEntry } from '../../fls/episode.ts'
import { canonicalBase } from './canonical.ts'
import {
  daysExtension,
  extension,
  idIn,
  odsSystem,
  patientReference,
  shownDate,
  type View,
} from './episode-resources.ts'

const systems: Readonly<Record<string, string>> = {
  snomed: 'http://snomed.info/sct',
  dmd: 'https://dmd.nhs.uk',
  'icd-10': 'http://hl7.org/fhir/sid/icd-10',
  'opcs-4': 'https://fhir.hl7.org.uk/CodeSystem/OPCS-4',
  'read-v2': 'http://read.info/readv2',
  ctv3: 'http://read.info/ctv3',
  loinc: 'http://loinc.org',
}
const encounterClasses: Readonly<Record<string, string>> = { inpatient: 'IMP', emergency: 'EMER', outpatient: 'AMB' }

/** One thing a side contributed, as the FHIR resource of its kind, with side, organisation and place in the inbox. */
export function sideResource(episode: Episode, entry: SideEntry, side: 'hospital' | 'gp', view: View): FhirResource {
  const { text: date, days } = shownDate(entry.when, episode, view)
  const subject = patientReference(episode, view)
  const head = {
    id: idIn(view, entry.factId).slice(0, 64),
    ...(view.kind === 'clinical'
      ? { meta: { source: `urn:fls-db:inbox:${entry.inboxId}#${encodeURIComponent(entry.path)}` } }
      : {}),
    extension: [...origin(entry, side, view), ...daysExtension(days)],
  }
  const code = codeOf(entry)
  switch (entry.kind) {
    case 'diagnosis':
      return {
        resourceType: 'Condition',
        ...head,
        ...verification(entry),
        code,
        subject,
        ...(date ? { onsetDateTime: date } : {}),
      }
    case 'procedure':
      return {
        resourceType: 'Procedure',
        ...head,
        status: 'completed',
        code,
        subject,
        ...(date ? { performedDateTime: date } : {}),
      }
    case 'medication':
      return {
        resourceType: 'MedicationStatement',
        ...head,
        status: entry.value === 'cancelled' ? 'not-taken' : 'unknown',
        medicationCodeableConcept: code,
        subject,
        ...(date ? { effectiveDateTime: date } : {}),
      }
    case 'request':
      return {
        resourceType: 'ServiceRequest',
        ...head,
        status: 'unknown',
        intent: 'order',
        code,
        subject,
        ...(date ? { authoredOn: date } : {}),
      }
    case 'appointment':
      return {
        resourceType: 'Appointment',
        ...head,
        status: appointmentStatus(entry.value),
        serviceType: [code],
        participant: [{ actor: subject, status: 'accepted' }],
        ...(date ? { description: date } : {}),
      }
    case 'encounter':
      return {
        resourceType: 'Encounter',
        ...head,
        status: 'unknown',
        class: {
          system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode',
          code: encounterClasses[entry.value ?? ''] ?? 'AMB',
        },
        subject,
        ...(date ? { period: { start: date } } : {}),
      }
    case 'document':
      return {
        resourceType: 'DocumentReference',
        ...head,
        status: 'current',
        subject,
        content: [{ attachment: { title: 'Text stays in the inbox' } }],
      }
    default:
      return {
        resourceType: 'Observation',
        ...head,
        status: 'final',
        code,
        subject,
        ...(date ? { effectiveDateTime: date } : {}),
        ...measured(entry),
      }
  }
}

function origin(entry: SideEntry, side: 'hospital' | 'gp', view: View): Extension[] {
  const isShown = view.kind === 'clinical' || side === 'hospital'
  return [
    { url: extension('side'), valueCode: side },
    ...(isShown
      ? [{ url: extension('contributed-by'), valueIdentifier: { system: odsSystem, value: entry.organisation } }]
      : []),
    ...(entry.concept ? [{ url: extension('concept'), valueCode: entry.concept }] : []),
  ]
}

/** The sender's code first, then what it means to us. */
function codeOf({ coding, concept, kind }: SideEntry): CodeableConcept {
  const known = coding ? systems[coding.system] : undefined
  const codings = [
    ...(coding
      ? [
          {
            ...(known ? { system: known } : {}),
            code: coding.code,
            ...(coding.display ? { display: coding.display } : {}),
          },
        ]
      : []),
    ...(concept ? [{ system: `${canonicalBase}/CodeSystem/concept`, code: concept }] : []),
  ]
  return codings.length > 0 ? { coding: codings } : { text: kind }
}

function verification({ value }: SideEntry): { verificationStatus?: CodeableConcept } {
  const code =
    value === 'suspected'
      ? 'provisional'
      : value === 'refuted'
        ? 'refuted'
        : value === 'confirmed'
          ? 'confirmed'
          : undefined
  return code
    ? {
        verificationStatus: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code }],
        },
      }
    : {}
}

function appointmentStatus(state: string | undefined): 'booked' | 'fulfilled' | 'cancelled' | 'noshow' {
  return state === 'attended'
    ? 'fulfilled'
    : state === 'cancelled'
      ? 'cancelled'
      : state === 'missed'
        ? 'noshow'
        : 'booked'
}

function measured({ value, unit }: SideEntry): {
  valueQuantity?: { value: number; unit?: string; comparator?: '<' | '<=' | '>=' | '>' }
  valueString?: string
} {
  if (value === undefined) return {}
  const [, comparator, number] = /^(<=|>=|<|>)?(-?\d+(?:\.\d+)?)$/.exec(value) ?? []
  if (number === undefined) return { valueString: value }
  return {
    valueQuantity: {
      value: Number(number),
      ...(unit ? { unit } : {}),
      ...(comparator ? { comparator: comparator as '<' } : {}),
    },
  }
}
