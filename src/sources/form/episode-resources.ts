import type { Bundle, Condition, EpisodeOfCare, Extension, FhirResource, Provenance, Reference } from 'fhir/r4.js'
import { type DayDate, daysBetween, daysOf, type Instant, type PartialDate } from '../../fls/dates.ts'
import type { Episode, EpisodeFracture, SideEntry } from '../../fls/episode.ts'
import type { Explanation } from '../../linkage/linkage.ts'
import { nhsNumberSystem } from '../fhir/token.ts'
import { canonicalBase } from './canonical.ts'
import { sideResource } from './side-resources.ts'

/**
 * Who looks. `clinical`: a contributing site sees both sides with dates. `research`: an analyst sees pseudonyms, age, month of 1.09 and days
 * from 1.09, and neither practice, number, address nor birth date (Decision "Keys and limits").
 */
export type View =
  | { readonly kind: 'clinical' }
  | { readonly kind: 'research'; readonly pseudonym: (id: string) => string }

export const extension = (name: string): string => `${canonicalBase}/StructureDefinition/${name}`
export const odsSystem = 'https://fhir.nhs.uk/Id/ods-organization-code'
const identifierSystem = `${canonicalBase}/Id/episode`

const statuses = {
  candidate: 'waitlist',
  identified: 'active',
  submitted: 'active',
  excluded: 'cancelled',
  withdrawn: 'entered-in-error',
} as const

/** The id under which a view knows a thing. */
export function idIn(view: View, id: string): string {
  return view.kind === 'clinical' ? id : view.pseudonym(id)
}

export function patientReference(episode: Episode, view: View): Reference {
  if (view.kind === 'research')
    return {
      type: 'Patient',
      identifier: { system: `${canonicalBase}/Id/person`, value: view.pseudonym(episode.personId) },
    }
  const [number] = episode.answers['1.01']?.values ?? []
  return {
    type: 'Patient',
    ...(number === undefined
      ? { display: 'patient without a known NHS number' }
      : { identifier: { system: nhsNumberSystem, value: number } }),
  }
}

/** A date as the view may see it: as stated, or as whole days from 1.09 (month of 1.09 itself). */
export function shownDate(
  date: PartialDate | undefined,
  episode: Episode,
  view: View,
): { text?: string; days?: number } {
  if (!date) return {}
  if (view.kind === 'clinical') return { text: date }
  const anchor: DayDate | undefined = episode.diagnosedOn
  return anchor && date.length === 10 ? { days: daysBetween(anchor, daysOf(date).first) } : {}
}

export function daysExtension(days: number | undefined): Extension[] {
  return days === undefined ? [] : [{ url: extension('days-from-diagnosis'), valueInteger: days }]
}

/** The episode of care; `diagnosis` lists its fractures in the order of the form. */
export function episodeOfCare(episode: Episode, view: View): EpisodeOfCare {
  const start = episode.injuryDate && (view.kind === 'clinical' ? episode.injuryDate : episode.injuryDate.slice(0, 7))
  const age = episode.ageAtDiagnosis
  const extensions: Extension[] = [
    { url: extension('episode-status'), valueCode: episode.status },
    ...(episode.excluded ? [{ url: extension('exclusion'), valueCode: episode.excluded }] : []),
    ...(age === undefined ? [] : [{ url: extension('age-at-diagnosis'), valueInteger: age }]),
    { url: extension('is-linked'), valueBoolean: episode.isLinked },
  ]
  return {
    resourceType: 'EpisodeOfCare',
    id: idIn(view, episode.id),
    extension: extensions,
    identifier: [{ system: identifierSystem, value: idIn(view, episode.id) }],
    status: statuses[episode.status],
    type: [
      {
        coding: [
          {
            system: `${canonicalBase}/CodeSystem/episode-type`,
            code: 'fragility-fracture',
            display: 'Fragility fracture episode',
          },
        ],
      },
    ],
    ...(episode.fractures.length > 0
      ? {
          diagnosis: episode.fractures.map((fracture, index) => ({
            condition: { reference: `Condition/${idIn(view, fracture.fractureId)}` },
            rank: index + 1,
          })),
        }
      : {}),
    patient: patientReference(episode, view),
    ...(episode.reportingFls
      ? {
          managingOrganization: {
            type: 'Organization',
            identifier: { system: odsSystem, value: episode.reportingFls },
          },
        }
      : {}),
    ...(start ? { period: { start } } : {}),
  }
}

/** The fracture as linkage decided it, one Condition for however many records speak of it. */
export function fractureCondition(episode: Episode, fracture: EpisodeFracture, view: View): Condition {
  const { text, days } = shownDate(fracture.date, episode, view)
  const verification = fracture.status === 'provisional' ? 'provisional' : 'confirmed'
  return {
    resourceType: 'Condition',
    id: idIn(view, fracture.fractureId),
    ...(days === undefined ? {} : { extension: daysExtension(days) }),
    verificationStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: verification }],
    },
    code: {
      coding: [{ system: `${canonicalBase}/CodeSystem/fracture-site`, code: fracture.site }],
      text: `Fracture: ${fracture.site}`,
    },
    ...(fracture.laterality ? { bodySite: [{ text: fracture.laterality }] } : {}),
    subject: patientReference(episode, view),
    ...(text === undefined ? {} : { onsetDateTime: text }),
  }
}

/**
 * Everything about an episode: itself, its fractures, what hospital and GP contributed, the assembled response (given by the caller), and one
 * Provenance per record that was linked, with the explanation. `at`: when this answer was put together.
 */
export function everythingBundle(
  episode: Episode,
  view: View,
  response: FhirResource,
  at: Instant,
  address: (resource: FhirResource) => string,
): Bundle {
  const resources: FhirResource[] = [
    episodeOfCare(episode, view),
    ...episode.fractures.map(fracture => fractureCondition(episode, fracture, view)),
    response,
    ...(['hospital', 'gp'] as const).flatMap(side =>
      episode[side].map(entry => sideResource(episode, entry, side, view)),
    ),
    ...episode.fractures.flatMap(fracture =>
      fracture.facts.map(fact => linkProvenance(episode, fracture, fact, view, at)),
    ),
  ]
  return {
    resourceType: 'Bundle',
    type: 'collection',
    timestamp: at,
    entry: resources.map(resource => ({ fullUrl: address(resource), resource })),
  }
}

type Linked = EpisodeFracture['facts'][number]

function linkProvenance(
  episode: Episode,
  fracture: EpisodeFracture,
  { factId, probability, explanation }: Linked,
  view: View,
  at: Instant,
): Provenance {
  const entry: SideEntry | undefined = [...episode.hospital, ...episode.gp].find(one => one.factId === factId)
  return {
    resourceType: 'Provenance',
    id: idIn(view, factId).slice(0, 64),
    extension: [
      { url: extension('link-probability'), valueDecimal: probability },
      ...(explanation ? explanationExtensions(explanation) : []),
    ],
    target: [{ reference: `Condition/${idIn(view, fracture.fractureId)}` }],
    recorded: at,
    activity: { text: 'Record linkage' },
    agent: [
      {
        type: {
          coding: [{ system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'assembler' }],
        },
        who: { type: 'Device', display: `FLS-DB linkage, decided by ${explanation?.decidedBy ?? 'model'}` },
      },
    ],
    ...(entry && view.kind === 'clinical'
      ? {
          entity: [
            {
              role: 'source',
              what: { identifier: { system: `${canonicalBase}/Id/inbox`, value: entry.inboxId }, display: entry.path },
            },
          ],
        }
      : {}),
  }
}

/** Fields, levels and bits; never a value of the record (linkage.md 2.5). */
function explanationExtensions(explanation: Explanation): Extension[] {
  const part = ({ field, level, bits }: Explanation['parts'][number]): Extension => ({
    url: extension('link-evidence'),
    extension: [
      { url: 'field', valueString: field },
      { url: 'level', valueString: level },
      { url: 'bits', valueDecimal: bits },
    ],
  })
  return [
    { url: extension('link-model'), valueString: explanation.model },
    { url: extension('link-total-bits'), valueDecimal: explanation.totalBits },
    ...(explanation.priorBits === undefined
      ? []
      : [{ url: extension('link-prior-bits'), valueDecimal: explanation.priorBits }]),
    { url: extension('link-decision'), valueCode: explanation.decision },
    ...[...explanation.parts, ...explanation.adjustments].map(part),
  ]
}
