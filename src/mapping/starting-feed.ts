import { stringify } from 'csv-stringify/sync'
import { attributes } from './attributes.ts'
import type { FeedSource } from './feed.ts'
import type { FeedSurvey, Met } from './feed-survey.ts'
import type { FeedTables } from './tables.ts'

/** The files of a mapping folder to start a feed with, by name. */
export type StartingFeed = ReadonlyMap<'source.json' | 'values.csv' | 'codes.csv', string>

/**
 * What a survey says of a feed, as the folder its mapping starts with: who sends and who numbers, then every word and code nobody knows,
 * most often first, with an empty meaning to be filled in. Rows without a meaning change nothing until then.
 */
export function startingFeed(
  survey: FeedSurvey,
  organisation: string,
  title: string,
  defaults: FeedTables,
): StartingFeed {
  return new Map([
    ['source.json', `${JSON.stringify(sourceOf(survey, organisation, title), null, 2)}\n`],
    ['values.csv', valueRows(survey, defaults)],
    ['codes.csv', codeRows(survey)],
  ])
}

function sourceOf(survey: FeedSurvey, organisation: string, title: string): FeedSource {
  const sent = namesOf(survey.facilities)
  const ours = sent.filter(name => name.startsWith(organisation))
  // Where the samples come from several trusts, the others have feeds of their own.
  const facilities = ours.length > 0 ? ours : sent
  const applications = namesOf(survey.applications)
  return {
    kind: 'hl7v2',
    title,
    organisation,
    authority: organisation,
    authorities: authoritiesOf(survey, organisation, [...facilities, ...applications]),
    sendingApplications: applications,
    sendingFacilities: facilities,
  }
}

/** The sender's own facility, application or code as authority is the organisation; who the others are, nobody can tell from a message. */
function authoritiesOf(survey: FeedSurvey, organisation: string, own: readonly string[]): Record<string, string> {
  const stated = survey.identifiers.filter(met => !met.isUsed).map(met => (met.what.split('^')[0] ?? '').toUpperCase())
  const ours = new Set([
    ...own.map(name => name.toUpperCase()),
    ...stated.filter(name => name.startsWith(organisation)),
  ])
  return Object.fromEntries([...ours].filter(name => name !== organisation).map(name => [name, organisation]))
}

function namesOf(met: readonly Met[]): string[] {
  return met.filter(one => one.isUsed).map(one => one.what)
}

function valueRows(survey: FeedSurvey, defaults: FeedTables): string {
  const rows = survey.words
    .filter(word => word.isAsked && word.meaning === undefined)
    .map(({ table, word, where, count }) => [
      table,
      word,
      '',
      `${where}, met ${count} times. One of: ${choicesOf(table, defaults)}`,
    ])
  return csv([['table', 'from', 'to', 'note'], ...rows])
}

/** The words a value table leads to: all its attribute may take, where that is a closed list. */
function choicesOf(table: string, defaults: FeedTables): string {
  const row = defaults.rows.find(one => one.lookup.includes(table) && one.reader?.name.startsWith('word'))
  const words = attributes.get(row?.to ?? '')?.words ?? [...new Set(defaults.values.get(table)?.values() ?? [])]
  return words.join(' ')
}

function codeRows(survey: FeedSurvey): string {
  const rows = survey.codes
    .filter(code => code.isAsked && code.concept === undefined)
    .map(({ system, code, display, where, count }) => [
      system,
      code,
      '',
      '',
      '',
      '',
      display,
      `${where}, met ${count} times`,
    ])
  return csv([['system', 'code', 'set', 'concept', 'laterality', 'kind', 'display', 'note'], ...rows])
}

function csv(rows: readonly (readonly string[])[]): string {
  return stringify(rows.map(row => [...row]))
}
