import type { DayDate, PartialDate } from '../../src/fls/dates.ts'
import type { EpisodeAnswer, EpisodeFracture } from '../../src/fls/episode.ts'
import type { FactId, Identity, OdsCode, RecordKey } from '../../src/fls/fact.ts'
import type { NhsNumber } from '../../src/fls/nhs-number.ts'
import type { EpisodeDocument, RecordDocument } from '../../src/store/documents.ts'

/** What identifies the made-up patient of these documents, in every place an export must not show. */
export const storedCanaries = ['9990000018', 'ZZCANARYNAME', 'ZZ99 3CZ', 'H-0123456', '1944-07-19', 'P81001']

export const answerOf = (...values: string[]): EpisodeAnswer => ({
  values,
  origins: [],
  losing: [{ values: ['9990000018'], origins: [] }],
})

export const canaryFracture: EpisodeFracture = {
  fractureId: 'f1',
  aliases: [],
  site: 'hip.neck',
  laterality: 'left',
  date: '2026-03-04' as PartialDate,
  status: 'confirmed',
  facts: [
    { factId: 'a1' as FactId, probability: 0.98 },
    { factId: 'a2' as FactId, probability: 0.91 },
  ],
}

/** Every identifying answer, in the value and in what it lost against; `more` adds or replaces. */
export const identifyingAnswers: EpisodeDocument['answers'] = {
  '1.01': answerOf('9990000018'),
  '1.02': answerOf('1944-07-19'),
  '1.03': answerOf('female'),
  '1.04': answerOf('ZZ99 3CZ'),
  '1.07': answerOf('2026-03-15'),
  '1.09': answerOf('2026-03-05'),
  '1.11': answerOf('ZZCANARYNAME 9990000018'),
}

/** The episode `e001`, `e002` … of her record `RXX|H-0123456-<index>`. */
export function canaryEpisode(index: number, more: Partial<EpisodeDocument> = {}): EpisodeDocument {
  return {
    _id: `e${String(index).padStart(3, '0')}`,
    aliases: [],
    personId: `p${index}`,
    records: [`RXX|H-0123456-${index}` as RecordKey],
    status: 'submitted',
    organisations: ['RXX' as OdsCode, 'P81001' as OdsCode],
    reportingFls: 'RXX01' as OdsCode,
    datasetVersion: 'v3',
    diagnosedOn: '2026-03-05' as DayDate,
    ageAtDiagnosis: 81,
    fractures: [canaryFracture],
    answers: identifyingAnswers,
    suggestions: {},
    hospital: [],
    gp: [],
    isLinked: true,
    checks: [],
    solve: 1,
    ...more,
  }
}

/** A record of hers; the NHS number decides whether the opt-out list knows her. */
export function canaryRecord(_id: string, nhsNumber: string): RecordDocument {
  const facet: Identity = {
    nhsNumber: nhsNumber as NhsNumber,
    familyName: 'ZZCANARYNAME',
    birthDate: '1944-07-19' as PartialDate,
  }
  return {
    _id: _id as RecordKey,
    organisation: 'RXX' as OdsCode,
    side: 'hospital',
    facets: [facet],
    bk: [],
    near: [],
    bucket: 0,
    version: 1,
  }
}
