import { type DayDate, daysBetween, daysOf, type PartialDate, parseDay, parsePartialDate } from './dates.ts'
import { placesOf } from './decimal.ts'
import type { Episode } from './episode.ts'
import { type Issue, type IssueCode, issue } from './issue.ts'
import { firstAuditDay, firstDayOfVersion, items } from './items.ts'
import { drugCodes, isExclusive, isOption } from './lists.ts'
import { hasValidCheckDigit } from './nhs-number.ts'

/** What a check may look at: the answers of one episode, nothing of today. */
export type Checked = {
  readonly value: (item: string) => string | undefined
  readonly values: (item: string) => readonly string[]
  readonly day: (item: string) => DayDate | undefined
  /** Days from 1.09. */
  readonly offset: (item: string) => number | undefined
  readonly age: number | undefined
  /** Every fracture is of a site the audit leaves out. */
  readonly isSiteExcluded: boolean
  /** Somebody at a site said so; derived values are not blamed for what facts imply. */
  readonly isSiteAnswer: (item: string) => boolean
}
type Check = {
  readonly code: IssueCode
  readonly source: string
  readonly items: (checked: Checked) => readonly (string | false | undefined)[]
}

const dates = items
  .filter(item => item.type === 'date' && item.id !== '1.02' && item.id !== 'deathDate')
  .map(item => item.id)
const followUpItems = (section: 6 | 7): readonly string[] =>
  items.filter(item => item.section === section).map(item => item.id)
const hasDrug = (values: readonly string[]): boolean => values.some(value => drugCodes.has(value))

/**
 * Cross-item rules, domain reference 2.7 (V01–V17) and single-item limits of 2.2–2.3. Each names the items it blames; an empty list passes.
 * "In the future" (V03) is judged at reading against the day of receipt, V15 across the person's episodes below.
 */
export const checks: readonly Check[] = [
  {
    code: 'V01',
    source: '2.7',
    items: ({ value }) => [value('1.01') !== undefined && !hasValidCheckDigit(value('1.01') ?? '') && '1.01'],
  },
  { code: 'V02', source: '2.7', items: ({ age }) => [age !== undefined && age < 50 && '1.02'] },
  { code: 'V03', source: '2.7', items: ({ day }) => [isBefore(day('1.09'), firstAuditDay) && '1.09'] },
  { code: 'V04', source: '2.7', items: ({ isSiteExcluded }) => [isSiteExcluded && '1.11'] },
  {
    code: 'V05',
    source: '2.7',
    items: ({ day, value }) =>
      dates.filter(
        item =>
          isBefore(day(item), firstDay(value('1.02'))) ||
          (item !== '1.09' && isBefore(lastDay(value('deathDate')), day(item))),
      ),
  },
  {
    code: 'V06',
    source: '2.7',
    items: ({ day, offset, value }) => [
      isNegative(offset('1.07')) && '1.07',
      isNegative(offset('1.06')) && '1.06',
      isBefore(day('1.07'), day('1.06')) && '1.06',
      isNegative(offset('3.03')) && value('3.01') !== 'done-within-2y' && '3.03',
      isBefore(day('6.02'), day('1.07')) && '6.02',
    ],
  },
  { code: 'V07', source: '2.7', items: ({ offset }) => [(offset('1.07') ?? 0) > 365 && '1.07'] },
  {
    code: 'V08',
    source: '2.7',
    items: ({ value }) => [value('3.01') === 'not-ordered' && value('3.03') !== undefined && '3.03'],
  },
  {
    code: 'V09',
    source: '2.7',
    items: ({ value }) => [value('3.01') === 'not-ordered' && value('3.02') === undefined && '3.02'],
  },
  {
    code: 'V10',
    source: '2.7',
    items: ({ values }) => [
      hasDrug(values('4.01')) && values('4.01').some(value => isExclusive('CL-TXREC', value)) && '4.01',
    ],
  },
  {
    code: 'V11',
    source: '2.7',
    items: ({ offset }) => [
      isOutside(offset('6.02'), 84, 112) && '6.02',
      isOutside(offset('7.02'), 336, 392) && '7.02',
    ],
  },
  {
    code: 'V12',
    source: '2.7',
    items: checked => [
      drugWithoutFollowUp(checked, '6.05', '6.01') && '6.05',
      drugWithoutFollowUp(checked, '7.05', '7.01') && '7.05',
    ],
  },
  {
    code: 'V13',
    source: '2.7',
    items: ({ values }) => [
      hasDrug(values('4.01')) &&
        hasDrug(values('6.05')) &&
        !values('6.05').every(value => values('4.01').includes(value)) &&
        '6.05',
    ],
  },
  { code: 'V14', source: '2.7', items: ({ value }) => sitesTwice([value('1.11'), value('1.12'), value('1.13')]) },
  { code: 'V16', source: '2.7', items: checked => [...afterDeath(checked, 6), ...afterDeath(checked, 7)] },
  {
    code: 'V17',
    source: '2.7',
    items: ({ values }) =>
      items
        .filter(
          item =>
            item.list !== undefined &&
            values(item.id).some(value => item.list !== undefined && !isOption(item.list, value)),
        )
        .map(item => item.id),
  },
  {
    code: 'value-out-of-range',
    source: '2.3',
    items: ({ value }) => items.filter(item => isOutOfRange(item, value(item.id))).map(item => item.id),
  },
  {
    code: 'answer-precision',
    source: '2.3',
    items: ({ value, isSiteAnswer }) =>
      items
        .filter(
          item =>
            item.range !== undefined && isSiteAnswer(item.id) && placesOf(value(item.id) ?? '') > item.range.places,
        )
        .map(item => item.id),
  },
  {
    code: 'answer-exclusive',
    source: '2.6',
    items: ({ values }) =>
      items
        .filter(
          item =>
            item.type === 'codes' &&
            item.id !== '4.01' &&
            item.list !== undefined &&
            values(item.id).length > 1 &&
            values(item.id).some(value => item.list !== undefined && isExclusive(item.list, value)),
        )
        .map(item => item.id),
  },
  {
    code: 'closed-version',
    source: '1.1',
    items: ({ day }) => [isBefore(day('1.09'), firstDayOfVersion) && !isBefore(day('1.09'), firstAuditDay) && '1.09'],
  },
]

/** Findings about one episode, in the order of the table. `where` is the question number: the place a reader knows. */
export function checkEpisode(episode: Episode): Issue[] {
  return runChecks(checkedOf(episode))
}

export function runChecks(checked: Checked): Issue[] {
  return checks.flatMap(check =>
    check.items(checked).flatMap(item => (typeof item === 'string' ? [issue(check.code, item, { item })] : [])),
  )
}

/** V15: the same site within 30 days of another episode of the person. Excluded episodes are not compared. */
export function checkAcross(episodes: readonly Episode[]): Episode[] {
  return episodes.map(episode => {
    const twins = episodes.filter(other => other !== episode && isNearTwin(episode, other))
    return twins.length === 0
      ? episode
      : { ...episode, checks: [...episode.checks, issue('V15', '1.09', { item: '1.09' })] }
  })
}

function isNearTwin(a: Episode, b: Episode): boolean {
  if (!a.diagnosedOn || !b.diagnosedOn || a.status === 'excluded' || b.status === 'excluded') return false
  const sites = sitesOf(a)
  return Math.abs(daysBetween(a.diagnosedOn, b.diagnosedOn)) <= 30 && sitesOf(b).some(site => sites.includes(site))
}

function sitesOf(episode: Episode): string[] {
  return ['1.11', '1.12', '1.13'].flatMap(item => episode.answers[item]?.values ?? [])
}

function checkedOf(episode: Episode): Checked {
  const values = (item: string): readonly string[] => episode.answers[item]?.values ?? []
  const isSiteAnswer = (item: string): boolean =>
    episode.answers[item]?.origins.some(origin => origin.rule === 'site.answer') ?? false
  return checkedAnswers(values, isSiteAnswer, episode.ageAtDiagnosis, episode.excluded === 'site-excluded')
}

/** The same view over answers that are no episode yet: a form, an upload row. */
export function checkedAnswers(
  values: (item: string) => readonly string[],
  isSiteAnswer: (item: string) => boolean,
  age: number | undefined,
  isSiteExcluded = false,
): Checked {
  const value = (item: string): string | undefined => values(item)[0]
  const day = (item: string): DayDate | undefined => parseDay(value(item) ?? '')
  const anchor = day('1.09')
  const offset = (item: string): number | undefined => {
    const on = day(item)
    return anchor && on ? daysBetween(anchor, on) : undefined
  }
  return { value, values, day, offset, age, isSiteAnswer, isSiteExcluded }
}

function isBefore(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a < b
}
function isNegative(days: number | undefined): boolean {
  return days !== undefined && days < 0
}
function isOutside(days: number | undefined, from: number, to: number): boolean {
  return days !== undefined && (days < from || days > to)
}
function firstDay(text: string | undefined): DayDate | undefined {
  const date: PartialDate | undefined = parsePartialDate(text ?? '')
  return date && daysOf(date).first
}
function lastDay(text: string | undefined): DayDate | undefined {
  const date = parsePartialDate(text ?? '')
  return date && daysOf(date).last
}
function isOutOfRange({ range }: (typeof items)[number], text: string | undefined): boolean {
  return range !== undefined && text !== undefined && !(Number(text) >= range.min && Number(text) <= range.max)
}

/** A site that gave the drug should have followed up; a drug known from supplies alone is only blamed against an explicit other answer. */
function drugWithoutFollowUp({ values, value, isSiteAnswer }: Checked, drug: string, done: string): boolean {
  if (!hasDrug(values(drug)) || value(done) === 'yes') return false
  return isSiteAnswer(drug)
}

function sitesTwice(sites: readonly (string | undefined)[]): string[] {
  return ['1.12', '1.13'].filter((_item, index) => {
    const site = sites[index + 1]
    return site !== undefined && site !== 'other' && sites.slice(0, index + 1).includes(site)
  })
}

/** Follow-up given by a site although the patient had died by the start of the window, or on a date after death. */
function afterDeath({ value, day, offset, isSiteAnswer }: Checked, section: 6 | 7): string[] {
  const death = lastDay(value('deathDate'))
  const done = section === 6 ? '6.01' : '7.01'
  const on = section === 6 ? '6.02' : '7.02'
  if (!death || value(done) === 'died') return []
  if (isBefore(death, day(on))) return [on]
  const diedAt = offset('deathDate')
  const start = section === 6 ? 84 : 336
  if (diedAt === undefined || diedAt >= start || day(on) !== undefined) return []
  return followUpItems(section).filter(item => value(item) !== undefined && isSiteAnswer(item))
}
