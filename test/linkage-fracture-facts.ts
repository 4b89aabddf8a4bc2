import { readFileSync } from 'node:fs'
import type { Instant, PartialDate } from '../src/fls/dates.ts'
import type {
  Certainty,
  ConceptRef,
  DateKind,
  DiagnosisDetail,
  Fact,
  FactId,
  FactOf,
  InboxId,
  Laterality,
  OdsCode,
  RecordKey,
} from '../src/fls/fact.ts'
import { loadFractureModel } from '../src/linkage/models.ts'
import { makeSiteTree } from '../src/terminology/site-tree.ts'

export const fractureNumbers = loadFractureModel(new URL('../models/fracture', import.meta.url).pathname)
export const siteTree = makeSiteTree(
  JSON.parse(readFileSync(new URL('../terminology/fracture-site/sites.json', import.meta.url), 'utf8')).groups,
)

export type DiagnosisSketch = {
  id: string
  department: NonNullable<DiagnosisDetail['department']>
  site: string
  date?: string
  dateKind?: DateKind
  side?: Laterality
  certainty?: Certainty
  kind?: ConceptRef['kind']
  recorded?: string
  visit?: string
  organisation?: string
  episodicity?: NonNullable<DiagnosisDetail['episodicity']>
  asOf?: string
  isFromDocument?: boolean
}

const usualKind: Readonly<Record<string, DateKind>> = {
  gp: 'onset',
  inpatient: 'admission',
  outpatient: 'clinic',
  fls: 'clinic',
  radiology: 'result',
}

function common(id: string, organisation: string, asOf: string) {
  return {
    id: id as FactId,
    organisation: organisation as OdsCode,
    status: 'active',
    revision: { asOf: `${asOf}T12:00:00.000Z` as Instant },
    source: {
      inboxId: `inbox-${id}` as InboxId,
      path: 'DG1-3',
      row: 'adt.diagnosis',
      tableHash: 't',
      sender: 'feed',
      controlId: id,
    },
  } as const
}

export function diagnosis(sketch: DiagnosisSketch): FactOf['diagnosis'] {
  const isGp = sketch.department === 'gp'
  const organisation = sketch.organisation ?? (isGp ? 'A81001' : 'RXX')
  const base = common(sketch.id, organisation, sketch.asOf ?? sketch.recorded ?? '2024-12-31')
  return {
    ...base,
    kind: 'diagnosis',
    record: `${organisation}|1` as RecordKey,
    side: isGp ? 'gp' : 'hospital',
    concept: { set: 'fracture-site', id: sketch.site, kind: sketch.kind ?? 'include' },
    ...(sketch.side ? { laterality: sketch.side } : {}),
    ...(sketch.certainty ? { certainty: sketch.certainty } : {}),
    ...(sketch.date
      ? {
          when: {
            date: sketch.date as PartialDate,
            kind: sketch.dateKind ?? usualKind[sketch.department] ?? 'attendance',
          },
        }
      : {}),
    ...(sketch.recorded ? { recorded: sketch.recorded as PartialDate } : {}),
    revision: { ...base.revision, ...(sketch.visit ? { visit: sketch.visit } : {}) },
    detail: {
      department: sketch.department,
      ...(sketch.episodicity ? { episodicity: sketch.episodicity } : {}),
      ...(sketch.isFromDocument ? { isFromDocument: true } : {}),
    },
  }
}

export function death(date: string): Fact {
  return {
    ...common('death', 'RXX', date),
    kind: 'death',
    record: 'RXX|1' as RecordKey,
    side: 'hospital',
    when: { date: date as PartialDate, kind: 'event' },
  }
}

export function procedure(id: string, site: string, date: string): Fact {
  const concept = { set: 'procedure', id: `proc:${site}`, kind: 'include' } as const
  return {
    ...common(id, 'RXX', date),
    kind: 'procedure',
    record: 'RXX|1' as RecordKey,
    side: 'hospital',
    concept,
    when: { date: date as PartialDate, kind: 'event' },
  }
}

export function decision(kind: 'fracture-same' | 'fracture-different', one: string, two: string): Fact {
  const detail = { assertion: kind, fact: one, other: two, by: 'human' } as const
  return {
    ...common(`decision-${kind}-${one}-${two}`, 'RXX', '2025-01-01'),
    kind: 'assertion',
    record: 'RXX|1' as RecordKey,
    side: 'hospital',
    detail,
  }
}
