import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { comparableRecord } from '../../src/linkage/facet.ts'
import { joinHubs, shareOf } from '../../src/linkage/hubs.ts'
import { loadPersonModel } from '../../src/linkage/models.ts'
import { readEdges } from '../../src/linkage/person-edges.ts'
import { openQueue } from '../../src/linkage/queue.ts'
import { type Hub, hubOf, openScoreBook, type ScoreBook } from '../../src/linkage/score-book.ts'
import { assertion, record, type Sketch } from '../linkage-patients.ts'

const model = loadPersonModel(new URL('../../models/person', import.meta.url).pathname)

/** Joining as it is defined, without memory: in every round all pairs are judged again, and the best that may join does. */
function joinedPlainly(start: readonly Hub[], book: ScoreBook): Hub[] {
  let hubs = [...start]
  for (;;) {
    const best = hubs
      .flatMap((one, index) => hubs.slice(index + 1).map(two => ({ one, two, bits: book.scoreOf(one, two).totalBits })))
      .filter(({ one, two, bits }) => bits >= model.autoBits && mayJoin(one, two, hubs, book))
      .sort((a, b) => b.bits - a.bits || byText(a.one.order, b.one.order) || byText(a.two.order, b.two.order))[0]
    if (!best) return hubs
    const joined = hubOf([...best.one.records, ...best.two.records])
    hubs = [...hubs.filter(hub => hub !== best.one && hub !== best.two), joined].sort((a, b) =>
      byText(a.order, b.order),
    )
  }
}

function mayJoin(one: Hub, two: Hub, hubs: readonly Hub[], book: ScoreBook): boolean {
  const isBarred = book.areApart(one, two) || book.scoreOf(one, two).guards.length > 0 || book.contradicts(one, two)
  const least = model.thresholds.autoProbability
  return !isBarred && shareOf(one, two, hubs, book) >= least && shareOf(two, one, hubs, book) >= least
}

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
const maybe = <T>(...values: T[]) => fc.constantFrom<T | undefined>(...values, ...values, undefined)
const sketch = fc
  .record({
    nhs: maybe('9990000018', '9990000026', '9990000034'),
    family: maybe('Whitcombe', 'Witcombe', 'Okafor', 'Smith'),
    given: maybe('Susan', 'Sue', 'Sandra', 'Susan Mary', 'Mary'),
    born: maybe('1948-05-09', '1948-09-05', '1948-05-08', '1931-11-30'),
    postcode: maybe('LS1 4AB', 'LS1 4AD', 'BS3 1QQ'),
  })
  .map(values => Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Sketch)

test('remembering what was refused, and why, joins the same persons as judging every pair anew', () => {
  const components = fc.record({
    sketches: fc.array(fc.array(sketch, { minLength: 1, maxLength: 2 }), { minLength: 2, maxLength: 14 }),
    apart: fc.array(fc.tuple(fc.nat(13), fc.nat(13)), { maxLength: 2 }),
  })
  let joins = 0
  fc.assert(
    fc.property(components, ({ sketches, apart }) => {
      const records = sketches
        .map((own, index) => comparableRecord(record(`RX${index % 3}|${index}`, ...own)))
        .sort((a, b) => byText(a.order, b.order))
      const said = apart.map(([a, b]) => assertion('not-same-patient', `RX${a % 3}|${a}`, `RX${b % 3}|${b}`))
      const edges = readEdges(records, said, model)
      const hubs = () => records.map(one => hubOf([one]))
      const expected = joinedPlainly(hubs(), openScoreBook(model, edges)).map(hub => hub.order)
      const found = joinHubs(hubs(), openScoreBook(model, edges)).map(hub => hub.order)
      expect(found).toEqual(expected)
      joins += records.length - found.length
    }),
    { numRuns: 150 },
  )
  expect(joins).toBeGreaterThan(100)
})

test('a queue gives the first of what is in it, however it was put in', () => {
  const steps = fc.array(fc.oneof(fc.integer({ min: -50, max: 50 }), fc.constant('take' as const)), { maxLength: 80 })
  fc.assert(
    fc.property(steps, all => {
      const queue = openQueue<number>((a, b) => a - b)
      const held: number[] = []
      for (const step of all) {
        if (step === 'take') expect(queue.take()).toBe(held.sort((a, b) => a - b).shift())
        else {
          queue.put(step)
          held.push(step)
        }
      }
    }),
  )
})
