import { describe, expect, test } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import fc from 'fast-check'
import { type Instant, londonDate } from '../../src/fls/dates.ts'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'
import { csvText } from '../../synthetic/csv.ts'
import { buildMessage } from '../../synthetic/hl7.ts'
import { dayOf, hl7Stamp, isoDay, londonDayOf, momentOf } from '../../synthetic/moments.ts'
import { makeQueue } from '../../synthetic/queue.ts'
import { makeRandom } from '../../synthetic/random.ts'

const header = {
  application: 'PAS',
  facility: 'RXX01',
  sentAt: '20250101',
  message: 'ADT',
  trigger: 'A08',
  controlId: 'P1',
  version: '2.4',
  charset: 'UNICODE UTF-8' as const,
}

describe('building', () => {
  test('any text comes back from an HL7 field, whatever delimiters it holds', () => {
    // Blanks at the ends, escapes and delimiters included; NUL and the framing characters cannot be sent in a frame at all.
    const text = fc.string({ unit: fc.constantFrom(...'ab|^&~\\EFSRT. é\r'), maxLength: 30 })
    fc.assert(
      fc.property(text, text, (family, given) => {
        const message = parseMessage(buildMessage(header, [['PID', { 5: [`x${family}`, `y${given}`], 7: '1950' }]]))
        const [pid] = message?.segments('PID') ?? []
        expect(pid?.component(5, 1, 1)).toBe(`x${family}`)
        expect(pid?.component(5, 1, 2)).toBe(`y${given}`)
        expect(message?.segments('PID')).toHaveLength(1)
      }),
    )
  })
  test('any cell comes back from CSV, quoted always or when needed', () => {
    const cell = fc.string({ unit: fc.constantFrom(...'ab",\r\n;é '), maxLength: 20 })
    fc.assert(
      fc.property(
        fc.array(fc.record({ a: cell, b: cell }), { minLength: 1, maxLength: 5 }),
        fc.constantFrom('always' as const, 'needed' as const),
        (rows, quoting) => {
          expect(parse(csvText(['a', 'b'], rows, quoting), { columns: true, record_delimiter: '\r\n' })).toEqual(rows)
        },
      ),
    )
  })
})

describe('time', () => {
  test('a London clock time lands on its own day, winter and summer', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: dayOf('2024-01-01'), max: dayOf('2027-12-31') }),
        fc.integer({ min: 0, max: 1439 }),
        (day, minute) => {
          fc.pre(minute < 60 || minute >= 120)
          const moment = momentOf(day, minute)
          expect(londonDayOf(moment)).toBe(day)
          expect(hl7Stamp(moment)).toBe(
            `${isoDay(day).replaceAll('-', '')}${String(Math.floor(minute / 60)).padStart(2, '0')}${String(minute % 60).padStart(2, '0')}00`,
          )
          expect(londonDate(new Date(moment).toISOString() as Instant)).toBe(isoDay(day))
        },
      ),
    )
  })
})

describe('order and chance', () => {
  test('the queue gives back what it got in order of time, ties in order of arrival', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 20 })), times => {
        const queue = makeQueue<{ at: number; place: number }>()
        for (const [place, at] of times.entries()) queue.add({ at, place })
        const out: { at: number; place: number }[] = []
        for (let next = queue.take(); next; next = queue.take()) out.push(next)
        expect(out).toEqual(times.map((at, place) => ({ at, place })).sort((a, b) => a.at - b.at || a.place - b.place))
      }),
    )
  })
  test('forks depend on their label only, not on what was drawn before', () => {
    fc.assert(
      fc.property(fc.string(), fc.nat({ max: 50 }), (seed, draws) => {
        const random = makeRandom(seed)
        for (let draw = 0; draw < draws; draw++) random.next()
        expect(random.fork('x').next()).toBe(makeRandom(seed).fork('x').next())
      }),
    )
  })
  test('draws are uniform: chi-squared of 20 bins over 20,000 draws stays under its 99.99 % point', () => {
    const random = makeRandom('uniform')
    const bins = new Array<number>(20).fill(0)
    for (let draw = 0; draw < 20_000; draw++) {
      const bin = random.int(0, 19)
      bins[bin] = (bins[bin] ?? 0) + 1
    }
    const chi = bins.reduce((sum, count) => sum + (count - 1000) ** 2 / 1000, 0)
    expect(chi).toBeLessThan(50)
  })
})
