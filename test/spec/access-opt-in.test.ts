import { describe, expect, test } from '@jest/globals'
import type { Principal, Role } from '../../src/access/principal.ts'
import { roles } from '../../src/access/principal.ts'
import { scopeFilter, tenantsOf } from '../../src/access/scope.ts'
import { type DatedOptIn, effectiveFrom, optInAt } from '../../src/access/statements.ts'
import type { Instant } from '../../src/fls/dates.ts'
import type { OdsCode } from '../../src/fls/fact.ts'
import { directoryOf } from '../../src/store/directory.ts'

/** A practice's opt-in, by hand: when is it open? `+` = opted in, `-` = withdrawn, from that day, in order of receipt. */
const at = (day: string) => `${day}T12:00:00.000Z` as Instant
const history = (...statements: readonly string[]): DatedOptIn[] =>
  statements.map((statement, index) => ({
    optedIn: statement.startsWith('+'),
    from: `${statement.slice(1)}T00:00:00.000Z` as Instant,
    receivedAt: `2026-01-0${index + 1}T00:00:00.000Z` as Instant,
  }))

describe('opt-in of a practice', () => {
  test.each<[string[], string, boolean, string | undefined, string]>([
    // statements                                   day           open    since         why
    [[], '2026-03-01', false, undefined, 'nobody ever opted in'],
    [['+2026-02-01'], '2026-01-31', false, undefined, 'before its first day'],
    [['+2026-02-01'], '2026-02-01', true, '2026-02-01', 'its first day'],
    [['+2026-01-01', '-2026-02-01'], '2026-01-31', true, '2026-01-01', 'last day before withdrawal'],
    [['+2026-01-01', '-2026-02-01'], '2026-02-01', false, '2026-02-01', 'withdrawn'],
    [
      ['+2026-01-01', '-2026-02-01', '+2026-03-01'],
      '2026-03-02',
      true,
      '2026-03-01',
      'a new dated opt-in opens it again',
    ],
    [
      ['+2026-02-01', '-2026-01-15'],
      '2026-03-01',
      false,
      '2026-01-15',
      'a later, back-dated withdrawal speaks over the opt-in',
    ],
    [['+2026-01-01', '-2027-01-01'], '2026-03-01', true, '2026-01-01', 'a withdrawal to come waits for its day'],
    [['+2026-01-01', '+2026-02-01'], '2026-03-01', true, '2026-01-01', 'said twice: open since the first'],
    [['-2026-01-01'], '2026-03-01', false, '2026-01-01', 'entered as closed: since the day stated'],
  ])('%j on %s: open %s since %s (%s)', (statements, day, isOpen, since) => {
    const found = optInAt(history(...statements), at(day))
    expect([found.isOpen, found.since?.slice(0, 10)]).toEqual([isOpen, since])
  })

  test.each<[string, string | undefined, string]>([
    ['2026-01-15', '2026-01-15T00:00:00.000Z', 'winter'],
    ['2026-07-15', '2026-07-14T23:00:00.000Z', 'summer: midnight in London'],
    ['2026-07-15T10:00:00+01:00', '2026-07-15T09:00:00.000Z', 'an instant'],
    ['15/07/2026', undefined, 'not a date we read'],
    ['2026-02-30', undefined, 'no such day'],
  ])('from %s is %s (%s)', (text, instant) => {
    expect(effectiveFrom(text)).toBe(instant)
  })
})

describe('the tenant filter', () => {
  const principal = (role: Role, more: Partial<Principal> = {}): Principal => ({
    subject: 's',
    role,
    organisations: [],
    feeds: [],
    practices: [],
    ...more,
  })
  const all: readonly Role[] = ['analyst', 'linkage-reviewer', 'ig-lead', 'programme', 'operator']

  test.each(roles.map(role => [role, all.includes(role)] as const))(
    '%s without organisations sees everything: %s',
    (role, isEverything) => {
      expect(scopeFilter(principal(role))).toEqual(isEverything ? {} : { organisations: { $in: [] } })
    },
  )
  test('organisations in the token narrow programme roles too', () => {
    expect(scopeFilter(principal('linkage-reviewer', { organisations: ['RXX' as OdsCode] }))).toEqual({
      organisations: { $in: ['RXX'] },
    })
  })
  test('a GP supplier acts for its practices, whatever organisations its token names', () => {
    expect(
      tenantsOf(principal('gp-supplier', { practices: ['P81001' as OdsCode], organisations: ['RXX' as OdsCode] })),
    ).toEqual(['P81001'])
  })
})

describe('which feed is it', () => {
  const feed = (id: string, sendingApplications: string[], sendingFacilities: string[], more = {}) => ({
    id,
    organisation: id.slice(0, 3).toUpperCase() as OdsCode,
    protocol: 'hl7v2' as const,
    sendingApplications,
    sendingFacilities,
    profile: 'stored' as const,
    isActive: true,
    ...more,
  })
  const { feedOf, hospitalToFls } = directoryOf(1, {
    feeds: [
      feed('rxx01-pas', ['PAS'], ['RXX01']),
      feed('rxx01-any', [], ['RXX01']),
      feed('ryy02-pas', ['PAS'], ['RYY02']),
      feed('rzz-old', ['PAS'], ['RZZ'], { isActive: false }),
      feed('rww-fhir', [], [], { protocol: 'fhir' }),
    ],
    sites: [
      { ods: 'RXX01' as OdsCode, name: 'Infirmary', organisation: 'RXX', fls: true },
      { ods: 'RXX02' as OdsCode, name: 'Cottage', organisation: 'RXX', fls: 'RXX01' },
      { ods: 'RYY02' as OdsCode, name: 'General', organisation: 'RYY', fls: false },
    ],
    practices: [],
  })

  test.each<[string, string, string | undefined, string]>([
    ['PAS', 'RXX01', 'rxx01-pas', 'both named'],
    ['LAB', 'RXX01', 'rxx01-any', 'any application of the facility'],
    ['PAS^1.2.3^ISO', 'RXX01^^L', 'rxx01-pas', 'first component counts'],
    [' PAS ', 'RXX01', 'rxx01-pas', 'blanks around do not'],
    ['pas', 'RYY02', undefined, 'letter case does'],
    ['PAS', 'RXX', undefined, 'a prefix is not enough'],
    ['PAS', 'RZZ', undefined, 'switched off'],
    ['', '', undefined, 'nothing named'],
  ])('MSH-3 %j, MSH-4 %j → %s (%s)', (application, facility, id) => {
    expect(feedOf(application, facility)?.id).toBe(id)
  })
  test('a site that is an FLS serves itself and its trust; others the FLS they name', () => {
    expect([...hospitalToFls]).toEqual([
      ['RXX01', 'RXX01'],
      ['RXX', 'RXX01'],
      ['RXX02', 'RXX01'],
    ])
  })
})
