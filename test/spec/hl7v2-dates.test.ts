import { expect, test } from '@jest/globals'
import { readHl7Date, readHl7Instant } from '../../src/sources/hl7v2/dates.ts'

type Row = [sent: string, expected: string | undefined, why: string]

test.each<Row>([
  // sent                        date           why
  ['19480229', '1948-02-29', 'leap day'],
  ['1948', '1948', 'a year stays a year'],
  ['194802', '1948-02', 'a month stays a month'],
  ['20260315101112', '2026-03-15', 'time without offset is London time'],
  ['202603151011', '2026-03-15', 'no seconds'],
  ['2026031510', '2026-03-15', 'hour only'],
  ['20260315101112.1234+0000', '2026-03-15', 'fractions'],
  ['20260615233000+0000', '2026-06-16', 'half past midnight in London in summer'],
  ['20260115233000+0000', '2026-01-15', 'winter time is UTC'],
  ['20260115003000+0500', '2026-01-14', 'the evening before in London'],
  ['20260615+0000', '2026-06-15', 'a date is never shifted'],
  ['2026-03-15', '2026-03-15', 'dashed'],
  ['2026-03-15T10:11:12Z', '2026-03-15', 'ISO 8601'],
  [' 19480229 ', '1948-02-29', 'blanks around'],
  ['20260230', undefined, 'no such day'],
  ['20230229', undefined, 'no leap year'],
  ['20261301', undefined, 'no such month'],
  ['20260315250000', undefined, 'no such hour'],
  ['20260315106100', undefined, 'no such minute'],
  ['00000000', undefined, 'nothing'],
  ['', undefined, 'empty'],
  ['""', undefined, 'null is not a date'],
  ['15/03/2026', undefined, 'another notation'],
  ['202603151', undefined, 'odd length'],
  ['unknown', undefined, 'words'],
])('%s is %s (%s)', (sent, date) => {
  expect(readHl7Date(sent)).toBe(date)
})

test.each([
  ['19480229', 'Y', '1948'],
  ['19480229', 'L', '1948-02'],
  ['19480229', 'D', '1948-02-29'],
  ['1948', 'D', '1948'],
  ['19480229', '', '1948-02-29'],
])('%s with degree of precision "%s" is %s', (sent, degree, date) => {
  expect(readHl7Date(sent, degree)).toBe(date)
})

test.each<Row>([
  // sent                    instant
  ['20260115101112', '2026-01-15T10:11:12.000Z', 'winter'],
  ['20260615101112', '2026-06-15T09:11:12.000Z', 'summer'],
  ['20260615101112+0000', '2026-06-15T10:11:12.000Z', 'offset wins'],
  ['20260615101112-0530', '2026-06-15T15:41:12.000Z', 'any offset'],
  ['20260615101112.5', '2026-06-15T09:11:12.500Z', 'half a second'],
  ['20261025013000', '2026-10-25T01:30:00.000Z', 'the hour that comes twice is the later one'],
  ['20260329013000', '2026-03-29T01:30:00.000Z', 'the hour that is skipped moves forward'],
  ['20260615', '2026-06-14T23:00:00.000Z', 'a day is its midnight'],
  ['202606', undefined, 'a month is no instant'],
  ['20260230101112', undefined, 'impossible'],
  ['20260615101112+2500', undefined, 'impossible offset'],
])('%s is the instant %s (%s)', (sent, instant) => {
  expect(readHl7Instant(sent)).toBe(instant)
})
