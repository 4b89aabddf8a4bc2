import { describe, expect, test } from '@jest/globals'
import { checkedAnswers, checks, runChecks } from '../../src/fls/checks.ts'
import { ageOn, type PartialDate } from '../../src/fls/dates.ts'
import { items } from '../../src/fls/items.ts'
import { type ListId, lists, optionsOf } from '../../src/fls/lists.ts'
import { readOption } from '../../src/fls/option.ts'
import { at, broken, day, patient, solve } from './fls-facts.ts'

type Answers = Readonly<Record<string, string | readonly string[]>>
const sound: Answers = { '1.01': '9990001006', '1.02': '1948-05-02', '1.09': '2024-01-01', '1.11': 'wrist' }

/** Codes found in answers a site gave; all other answers are sound. */
function found(answers: Answers, isSite = true): string[] {
  const all: Answers = { ...sound, ...answers }
  const values = (item: string) => [all[item] ?? []].flat()
  const age = ageOn(values('1.02')[0] as PartialDate, values('1.09')[0] as PartialDate)
  return runChecks(checkedAnswers(values, () => isSite, age)).map(({ code, item }) => `${code} ${item}`)
}

describe('cross-item rules', () => {
  test.each<[string, Answers]>([
    // finding                 answers that raise it
    ['V01 1.01', { '1.01': '9990001007' }],
    ['V02 1.02', { '1.02': '1974-01-02' }],
    ['V03 1.09', { '1.09': '2015-12-31' }],
    ['V05 1.07', { '1.07': '2024-02-01', deathDate: '2024-01-31' }],
    ['V06 1.06', { '1.06': '2023-12-31' }],
    ['V06 1.06', { '1.06': '2024-02-02', '1.07': '2024-02-01' }],
    ['V06 3.03', { '3.01': 'ordered', '3.03': '2023-12-31' }],
    ['V07 1.07', { '1.07': '2025-01-01' }],
    ['V09 3.02', { '3.01': 'not-ordered' }],
    ['V10 4.01', { '4.01': ['alendronate', 'declined'] }],
    ['V11 6.02', { '6.01': 'yes', '6.02': day(83) }],
    ['V11 6.02', { '6.01': 'yes', '6.02': day(113) }],
    ['V11 7.02', { '7.01': 'yes', '7.02': day(393) }],
    ['V12 6.05', { '6.05': ['alendronate'] }],
    ['V13 6.05', { '4.01': ['alendronate'], '6.01': 'yes', '6.05': ['risedronate'] }],
    ['V14 1.12', { '1.12': 'wrist' }],
    ['V17 2.04', { '2.04': 'maybe' }],
    ['V17 4.01', { '4.01': ['aspirin'] }],
    ['value-out-of-range 2.01', { '2.01': '99' }],
    ['value-out-of-range 3.04', { '3.01': 'ordered', '3.04': '-8.1' }],
    ['answer-precision 3.04', { '3.01': 'ordered', '3.04': '-2.71' }],
    ['answer-exclusive 6.05', { '6.01': 'yes', '6.05': ['alendronate', 'not-started'] }],
    ['answer-exclusive 5.10', { '5.10': ['falls-service', 'none'] }],
    ['closed-version 1.09', { '1.09': '2019-12-31' }],
  ])('%s', (finding, answers) => {
    expect(found(answers)).toEqual([finding])
  })

  test.each<[string, Answers]>([
    ['nothing amiss', {}],
    ['50 on the day', { '1.02': '1974-01-01' }],
    ['first day of the version', { '1.09': '2020-01-01' }],
    [
      'contact, assessment and scan on the day itself',
      { '1.06': '2024-01-01', '1.07': '2024-01-01', '3.01': 'ordered', '3.03': '2024-01-01' },
    ],
    ['an old scan said to be old', { '3.01': 'done-within-2y', '3.03': '2023-01-01' }],
    ['assessed on day 365', { '1.07': day(365) }],
    ['a drug with a referral', { '4.01': ['alendronate', 'ref-gp'] }],
    ['follow-up on day 84', { '6.01': 'yes', '6.02': day(84) }],
    ['follow-up on day 112', { '6.01': 'yes', '6.02': day(112) }],
    ['two other sites', { '1.11': 'other', '1.12': 'other' }],
    ['died, and said so', { deathDate: '2024-02-01', '6.01': 'died' }],
    ['limits of a T-score', { '3.01': 'ordered', '3.04': '-8.0' }],
    ['other limit', { '3.01': 'ordered', '3.04': '6.0' }],
  ])('passes: %s', (_why, answers) => {
    expect(found(answers)).toEqual([])
  })

  test('V08 and V16, with what else their records break', () => {
    expect(found({ '3.01': 'not-ordered', '3.02': 'declined', '3.03': '2024-02-01' })).toEqual(['V08 3.03'])
    expect(found({ deathDate: '2024-02-01', '6.01': 'yes', '6.05': ['alendronate'] })).toEqual(['V16 6.01', 'V16 6.05'])
    expect(found({ deathDate: '2024-03-26', '6.01': 'yes', '6.02': '2024-03-27' })).toEqual(['V05 6.02', 'V16 6.02'])
  })

  test('supplies alone are not blamed for a follow-up nobody recorded', () => {
    expect(found({ '6.05': ['alendronate'] }, false)).toEqual([])
  })

  test('V15: the same site again within 30 days, not on day 31', () => {
    const twice = (offset: number) =>
      solve([patient(), broken('wrist'), broken('wrist', { when: at(day(offset), 'attendance') })])
    expect(twice(30).map(({ checks: issues }) => issues.map(one => one.code))).toEqual([['V15'], ['V15']])
    expect(twice(31).map(({ checks: issues }) => issues)).toEqual([[], []])
  })

  test('V04: outside the audit', () => {
    expect(solve([patient(), broken('finger')])[0]?.checks.map(one => one.code)).toEqual(['V04'])
  })

  test('every rule says where it comes from', () => {
    expect(checks.filter(check => !/^\d\.\d$/.test(check.source))).toEqual([])
  })
})

describe('the question table', () => {
  test('52 questions; with the local record id the 53 columns of the canonical file', () => {
    expect(items).toHaveLength(52)
    expect(new Set(items.map(item => item.id)).size).toBe(52)
    expect(new Set(items.map(item => item.path)).size).toBe(52)
  })
  test('coded questions have a list, others none', () => {
    for (const item of items)
      expect([item.id, item.list !== undefined]).toEqual([item.id, item.type === 'code' || item.type === 'codes'])
  })
  test('conditions point backwards to options that exist', () => {
    const order = items.map(item => item.id)
    for (const item of items) {
      for (const condition of item.enableWhen?.conditions ?? []) {
        expect(order.indexOf(condition.item)).toBeLessThan(order.indexOf(item.id))
        const asked = items.find(one => one.id === condition.item)
        if ('is' in condition && asked?.list)
          for (const code of condition.is) expect(optionsOf(asked.list).map(one => one.code)).toContain(code)
      }
    }
  })
  test('codes are unique in their list, labels too', () => {
    for (const list of Object.keys(lists) as ListId[]) {
      const options = optionsOf(list)
      expect(new Set(options.map(one => one.code)).size).toBe(options.length)
      expect(new Set(options.map(one => one.label)).size).toBe(options.length)
    }
  })
  test.each<[ListId, string, string | undefined]>([
    ['CL-YNU', "Don't know", 'unknown'],
    ['CL-YNU', 'Donít know', 'unknown'],
    ['CL-YNU', 'Don´t know', 'unknown'],
    ['CL-YNU', 'Don’t Know', 'unknown'],
    ['CL-YNU', ' YES ', 'yes'],
    ['CL-SITE', 'Non hip/non spine', 'other'],
    ['CL-TXREC', 'Systemic Oestrogens (HRT)', 'systemic-oestrogen'],
    ['CL-TXREC', 'Referred to GP to decide prescription', 'ref-gp'],
    ['CL-TXFU', 'Refer for clinical opinion', 'ref-clinical'],
    ['CL-REFRACTURES', '3+', '3+'],
    ['CL-TXREC', 'Aspirin', undefined],
    ['CL-YNU', '', undefined],
  ])('%s reads %s as %s', (list, text, code) => {
    expect(readOption(list, text)).toBe(code)
  })
})
