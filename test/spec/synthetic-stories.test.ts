import { describe, expect, test } from '@jest/globals'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'
import type { Delivery } from '../../synthetic/delivery.ts'
import { closedPractice, closedPracticeOds, wristJourney } from '../../synthetic/stories.ts'
import { mergesAndCancels, steadyStream, unknownCode, unknownLocalCode } from '../../synthetic/stories-changes.ts'
import { lookalikes, refractures } from '../../synthetic/stories-persons.ts'
import { makeWorld } from '../../synthetic/world.ts'

const stories: Readonly<Record<string, Readonly<Record<string, readonly Delivery[]>>>> = {
  'wrist journey': wristJourney(),
  lookalikes: lookalikes(),
  refractures: refractures(),
  'closed practice': closedPractice(),
  'merges and cancels': mergesAndCancels(),
  'unknown local code': unknownLocalCode(),
}
const all = Object.values(stories).flatMap(steps => Object.values(steps).flat())
const roster = makeWorld({ seed: 'any', size: { episodes: 1 } }).roster()

describe.each(Object.entries(stories))('story: %s', (_name, steps) => {
  test.each(Object.entries(steps))('step %s has something to send, before November 2026', (_step, deliveries) => {
    expect(deliveries.length).toBeGreaterThan(0)
    for (const one of deliveries) expect(new Date(one.at).toISOString() < '2026-11').toBe(true)
  })
})

test('every story speaks through enrolled feeds and under control ids of its own', () => {
  const feeds = new Set(roster.feeds.map(feed => feed.id))
  expect(all.filter(one => !feeds.has(one.feed))).toEqual([])
  expect(new Set(all.map(one => `${one.feed}|${one.controlId}`)).size).toBe(all.length)
})

test('every HL7 message is read and belongs to the facility its feed is enrolled with', () => {
  for (const one of all) {
    if (one.door !== 'mllp') continue
    const header = parseMessage(one.bytes)?.header
    const feed = roster.feeds.find(({ id }) => id === one.feed)
    expect(header?.controlId).toBe(one.controlId)
    expect(feed?.sendingFacilities).toContain(header?.sendingFacility)
    expect(feed?.sendingApplications).toContain(header?.sendingApplication)
  }
})

test('the practice of story 5 is closed on the roster, the others open', () => {
  const optedIn = new Map(roster.practices.map(one => [one.ods as string, one.optedIn]))
  expect(optedIn.get(closedPracticeOds)).toBe(false)
  for (const one of wristJourney().gp) expect(one.door === 'extract' && optedIn.get(one.practice)).toBe(true)
})

test('the code of story 7 is the one the message carries', () => {
  const [sent] = unknownLocalCode().sent
  expect(sent && sent.door === 'mllp' ? sent.bytes.toString() : '').toContain(`${unknownCode.code}^`)
})

test('story people and world people never share an NHS number', () => {
  const texts = all.flatMap(one =>
    one.door === 'extract' ? one.files.map(file => file.bytes.toString()) : [one.bytes.toString()],
  )
  const storyNumbers = new Set(texts.flatMap(text => text.match(/\b999\d{7}\b/g) ?? []))
  expect(storyNumbers.size).toBeGreaterThan(10)
  const world = new Set([...makeWorld({ seed: 'any', size: 'small' }).truth()].map(line => line.trueNhsNumber))
  expect([...storyNumbers].filter(number => world.has(number))).toEqual([])
})

test('the steady stream gives each attendance its own person and control id', () => {
  const stream = [...steadyStream(500)]
  expect(new Set(stream.map(one => one.controlId)).size).toBe(500)
  expect(new Set(stream.map(one => (one.door === 'mllp' ? /999\d{7}/.exec(one.bytes.toString())?.[0] : ''))).size).toBe(
    500,
  )
})
