import { describe, expect, test } from '@jest/globals'
import type { PartialDate } from '../../src/fls/dates.ts'
import { blockingKeys, canonicalBirthDate } from '../../src/linkage/blocking.ts'
import { compareBirthDates } from '../../src/linkage/compare-dates.ts'
import { comparablePostcode, facetOf } from '../../src/linkage/facet.ts'
import { jaroWinkler } from '../../src/linkage/jaro-winkler.ts'
import { comparableForenames, comparableSurname } from '../../src/linkage/person-name.ts'
import { soundexOf } from '../../src/linkage/soundex.ts'
import { identity, record } from '../linkage-patients.ts'

describe('Jaro-Winkler', () => {
  test.each([
    ['martha', 'marhta', 0.961],
    ['dixon', 'dicksonx', 0.813],
    ['dwayne', 'duane', 0.84],
    ['smith', 'smith', 1],
    ['smith', 'patel', 0.467],
    ['abc', 'xyz', 0],
    ['', '', 1],
    ['a', '', 0],
  ])('%s and %s are %d alike (Winkler 1990)', (left, right, expected) => {
    expect(jaroWinkler(left, right)).toBeCloseTo(expected, 3)
  })

  test('the masked form equals the textbook form on 200,000 pairs', () => {
    let seed = 12345
    const next = (below: number) => {
      seed = (Math.imul(seed, 1103515245) + 12345) >>> 0
      return Math.floor((seed / 2 ** 32) * below)
    }
    const word = () => Array.from({ length: 1 + next(14) }, () => 'abcdeilmnorst'[next(13)]).join('')
    let worst = 0
    for (let pair = 0; pair < 200_000; pair++) {
      const left = word()
      const right = next(2) === 0 ? word() : left.slice(0, next(left.length) + 1) + word().slice(0, 3)
      worst = Math.max(worst, Math.abs(jaroWinkler(left, right) - textbook(left, right)))
    }
    expect(worst).toBeLessThan(1e-12)
  })

  test('long and accented texts take the plain form with the same rules', () => {
    const long = 'featherstonehaughcholmondeleymarjoribanks'
    expect(jaroWinkler(long, `${long}e`)).toBeCloseTo(textbook(long, `${long}e`), 12)
    expect(jaroWinkler('ольга', 'олга')).toBeCloseTo(textbook('ольга', 'олга'), 12)
  })
})

describe('names before comparison', () => {
  test.each([
    ["O'Brien", 'obrien', ['obrien']],
    ['O BRIEN', 'obrien', ['obrien']],
    ['Mc Donald', 'mcdonald', ['mcdonald']],
    ['St. John', 'stjohn', ['stjohn']],
    ['van der Berg', 'vanderberg', ['berg']],
    ['Taylor-Joy', 'taylorjoy', ['taylor', 'joy']],
    ['Jones Jnr', 'jones', ['jones']],
    ['Łukasiewicz', 'lukasiewicz', ['lukasiewicz']],
    ['Bjørnsén', 'bjornsen', ['bjornsen']],
  ])('surname %s', (text, whole, parts) => {
    expect(comparableSurname(text)).toEqual({ whole, parts })
  })

  test.each([['Unknown'], ['UNIDENTIFIED'], ['Not Known'], ['XX'], ['  '], ['-']])('surname %s says nothing', text => {
    expect(comparableSurname(text)).toBeUndefined()
  })

  test.each([
    [['Mrs Anne-Marie'], ['anne', 'marie']],
    [
      ['J.', 'R'],
      ['j', 'r'],
    ],
    [['Baby', 'Girl'], []],
    [['Dr José'], ['jose']],
  ])('forenames %j', (given, expected) => {
    expect(comparableForenames(given)).toEqual(expected)
  })

  test.each([
    ['Robert', 'R163'],
    ['Rupert', 'R163'],
    ['Tymczak', 'T522'],
    ['Pfister', 'P236'],
    ['Honeyman', 'H555'],
    ['李', undefined],
  ])('Soundex of %s', (name, code) => {
    expect(soundexOf(name)).toBe(code)
  })
})

describe('postcodes, placeholder dates and practices', () => {
  test.each([
    ['ls1 4ab', 'LS14AB'],
    ['ZZ99 3VZ', undefined],
    ['unknown', undefined],
    ['EC1A1BB', 'EC1A1BB'],
  ])('postcode %s', (text, expected) => {
    expect(comparablePostcode(text)).toBe(expected)
  })

  test.each([['1900-01-01'], ['1901-01-01'], ['1899-12-30'], ['1850-01-01'], ['1900']])(
    'birth date %s is missing',
    born => {
      expect(facetOf(identity({ born })).birthDate).toBeUndefined()
    },
  )

  test('a pseudo practice is missing', () => {
    expect(facetOf(identity({ practice: 'V81999' })).gpPractice).toBeUndefined()
  })
})

describe('birth dates', () => {
  test.each([
    ['1948-05-02', '1948-05-02', 'exact'],
    ['1948-05-02', '1948-02-05', 'swapped'],
    ['1948-05-02', '1948-05-03', 'one-digit'],
    ['1948-05-02', '1984-05-02', 'one-digit'],
    ['1948-05-02', '1948-05-17', 'two-parts'],
    ['1948-05-02', '1948-11-17', 'year-only'],
    ['1948-05-02', '1951-11-17', 'differ'],
    ['1948-05', '1948-05-17', 'month-agrees'],
    ['1948', '1948-05-17', 'year-agrees'],
    ['1948', '1949-05-17', 'differ'],
    [undefined, '1949-05-17', 'missing'],
  ])('%s and %s: %s', (one, two, level) => {
    expect(compareBirthDates(one as PartialDate | undefined, two as PartialDate, false)).toBe(level)
    expect(compareBirthDates(two as PartialDate, one as PartialDate | undefined, false)).toBe(level)
  })
})

describe('blocking keys', () => {
  const base = { nhs: '9990000018', family: 'Whitcombe', given: 'Susan', born: '1948-05-02', postcode: 'LS1 4AB' }

  test('a full record makes every key', () => {
    expect(blockingKeys(record('RXX|1', base))).toEqual([
      'K0|9990000018',
      'K1|19480205|S250',
      'K1|19480205|W325',
      'K2|19480205|LS14AB',
      'K3|LS14AB|S250',
      'K3|LS14AB|W325',
      'K4|susan+whitcombe|1948',
      'K5|S250+W325|0205',
    ])
  })

  test.each([
    ['typing error in the surname', { ...base, nhs: '', family: 'Witcombe' }],
    ['swapped names', { ...base, nhs: '', family: 'Susan', given: 'Whitcombe', postcode: '' }],
    ['changed surname, same address', { ...base, nhs: '', family: 'Okafor', given: 'Sue' }],
    ['wrong birth date, same address', { ...base, nhs: '', born: '1951-11-17' }],
    ['moved, day wrong', { ...base, nhs: '', born: '1948-05-22', postcode: 'BS3 1QQ' }],
    ['moved, year wrong', { ...base, nhs: '', born: '1949-05-02', postcode: 'BS3 1QQ' }],
    ['day and month swapped, moved', { ...base, nhs: '', born: '1948-02-05', postcode: 'BS3 1QQ' }],
    ['another local number, one NHS number', { nhs: base.nhs }],
  ])('%s still shares a key', (_, other) => {
    const keys = new Set(blockingKeys(record('RXX|1', base)))
    expect(blockingKeys(record('RYY|2', other)).some(key => keys.has(key))).toBe(true)
  })

  test('missing and placeholder parts make no key', () => {
    expect(blockingKeys(record('RXX|1', { born: '1900-01-01', postcode: 'ZZ99 3VZ', family: 'Unknown' }))).toEqual([])
  })

  test('a day above 12 is not swapped', () => {
    expect(canonicalBirthDate('1948-05-17')).toBe('19480517')
  })
})

function textbook(left: string, right: string): number {
  if (left === right) return 1
  const [a, b] =
    left.length < right.length || (left.length === right.length && left < right) ? [left, right] : [right, left]
  const reach = Math.max(0, Math.floor(b.length / 2) - 1)
  const used = b.split('').map(() => false)
  const fromA: string[] = []
  for (let i = 0; i < a.length; i++)
    for (let j = Math.max(0, i - reach); j <= Math.min(b.length - 1, i + reach); j++)
      if (!used[j] && a[i] === b[j]) {
        used[j] = true
        fromA.push(a[i] ?? '')
        break
      }
  const m = fromA.length
  if (m === 0) return 0
  const fromB = b.split('').filter((_, j) => used[j])
  const t = fromA.filter((letter, i) => letter !== fromB[i]).length / 2
  const jaro = (m / a.length + m / b.length + (m - t) / m) / 3
  let prefix = 0
  while (prefix < 4 && prefix < a.length && a[prefix] === b[prefix]) prefix++
  return jaro > 0.7 ? jaro + prefix * 0.1 * (1 - jaro) : jaro
}
