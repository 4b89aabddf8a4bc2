import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import type { Instant } from '../../src/fls/dates.ts'
import type { InboxId, OdsCode } from '../../src/fls/fact.ts'
import { readFhir } from '../../src/mapping/fhir.ts'
import type { EntryReading } from '../../src/mapping/read.ts'
import { unexercisedRows } from '../../src/mapping/unexercised-rows.ts'
import { validateResource } from '../../src/sources/fhir/validate.ts'
import { tablesWith } from './fhir-entries.ts'

/*
 * Every pair in mappings/fhir-r4/samples: a transaction and what is read from it. Without its hash of the tables, so that a pair changes only
 * when its meaning does. FLSDB_WRITE_SAMPLES=1 writes the expected side anew: review it like code.
 */
const folder = fileURLToPath(new URL('../../mappings/fhir-r4/samples/', import.meta.url))
const names = readdirSync(folder)
  .filter(name => name.endsWith('.json') && !name.endsWith('.expected.json'))
  .map(name => name.slice(0, -'.json'.length))

type Sample = { entry: { fullUrl: string; resource: { resourceType: string } }[] }

function read(name: string): EntryReading {
  const bytes = readFileSync(`${folder}${name}.json`)
  const sample: Sample = JSON.parse(bytes.toString())
  const keys = sample.entry.map(({ resource }, index) => ({ type: resource.resourceType, id: `i${index}` }))
  return readFhir(
    {
      id: createHash('sha256').update(name).digest('hex') as InboxId,
      sender: 'rxx-fls',
      organisation: 'RXX' as OdsCode,
      side: 'hospital',
      protocol: 'fhir',
      controlId: name,
      type: 'Bundle',
      bytes,
      sha256: '',
      receivedAt: '2026-03-01T10:00:00.000Z' as Instant,
      meta: {
        resources: keys.map((key, index) => ({ ...key, path: `entry[${index}].resource` })),
        references: Object.fromEntries(
          sample.entry.map(({ fullUrl }, index) => [fullUrl, `${keys[index]?.type}/${keys[index]?.id}`]),
        ),
      },
    },
    tablesWith(),
  )
}

function plain({ facts, issues }: EntryReading): object {
  const told = facts.map(({ id: _id, source, ...fact }) => ({ ...fact, path: source.path, row: source.row }))
  return { facts: told, issues }
}

describe('samples of the FHIR defaults', () => {
  test.each(names)('%s', name => {
    const expected = `${folder}${name}.expected.json`
    const got = plain(read(name))
    if (process.env['FLSDB_WRITE_SAMPLES'] === '1') writeFileSync(expected, `${JSON.stringify(got, null, 2)}\n`)
    expect(existsSync(expected)).toBe(true)
    expect(JSON.parse(JSON.stringify(got))).toEqual(JSON.parse(readFileSync(expected, 'utf8')))
  })

  test.each(names)('%s is valid R4', name => {
    expect(validateResource(JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8')))).toEqual([])
  })

  test('every mapping row is exercised by a sample', () => {
    const rows = tablesWith().feeds.get('fhir-r4')?.rows ?? []
    expect(rows.length).toBeGreaterThan(150)
    expect(unexercisedRows(rows, names.map(read))).toEqual([])
  })
})
