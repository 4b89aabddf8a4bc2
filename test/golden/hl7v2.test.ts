import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { readHl7v2 } from '../../src/mapping/hl7v2.ts'
import { loadMappings } from '../../src/mapping/load-mappings.ts'
import { unexercisedRows } from '../../src/mapping/unexercised-rows.ts'
import { loadTerminology } from '../../src/terminology/load-terminology.ts'
import { entryOf, plainReading, samplesOf } from './golden-messages.ts'

const root = join(import.meta.dirname, '..', '..')
const terminology = loadTerminology(join(root, 'terminology'))
const tables = loadMappings(join(root, 'mappings'), terminology)
const feeds = [...tables.feeds.values()].filter(feed => feed.source.kind === 'hl7v2')
const samples = samplesOf(
  join(root, 'mappings'),
  feeds.map(feed => feed.name),
)

function feedOf(name: string) {
  const feed = tables.feeds.get(name)
  if (!feed) throw new RangeError(`no mapping ${name}`)
  return feed
}

describe('every message beside a table reads as written down', () => {
  test.each(samples.map(sample => [sample.name, sample] as const))('%s', (_name, sample) => {
    const read = plainReading(readHl7v2(entryOf(sample, feedOf(sample.feed)), tables))
    if (process.env['FLSDB_GOLDEN'] === 'write') writeFileSync(sample.expected, `${JSON.stringify(read, null, 1)}\n`)
    expect(read).toEqual(JSON.parse(readFileSync(sample.expected, 'utf8')))
  })
})

describe('every mapping row is exercised by a message', () => {
  test.each(feeds.map(feed => [feed.name, feed] as const))('%s', (name, feed) => {
    const own = samples.filter(sample => sample.feed === name || name === 'hl7v2')
    const readings = own.map(sample => readHl7v2(entryOf(sample, feedOf(sample.feed)), tables))
    const rows = name === 'hl7v2' ? feed.rows : feed.rows.filter(row => row.at.startsWith(`mappings/${name}/`))
    expect(unexercisedRows(rows, readings)).toEqual([])
  })
})

test('reading is pure: the same entry gives the same facts, ids and issues', () => {
  for (const sample of samples) {
    const entry = entryOf(sample, feedOf(sample.feed))
    expect(readHl7v2(entry, tables)).toEqual(readHl7v2(entry, tables))
  }
})

test('fact ids differ within and between messages', () => {
  const ids = samples.flatMap(sample =>
    readHl7v2(entryOf(sample, feedOf(sample.feed)), tables).facts.map(fact => fact.id),
  )
  expect(new Set(ids).size).toBe(ids.length)
})
