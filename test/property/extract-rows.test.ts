import { expect, test } from '@jest/globals'
import { stringify } from 'csv-stringify/sync'
import fc from 'fast-check'
import { cellsOf, longestRow, RowCutter } from '../../src/sources/extract/rows.ts'
import { compareSketches, RowSketch } from '../../src/sources/extract/sketch.ts'

const cell = fc.string({ unit: fc.constantFrom('a', 'é', ',', '"', '\n', '\r\n', ' ', ';', '0'), maxLength: 8 })
const table = fc.array(fc.array(cell, { minLength: 2, maxLength: 5 }), { minLength: 1, maxLength: 12 })

/** Pieces as a network would cut them. */
function inPieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const at = [...new Set([0, ...cuts.map(cut => cut % (bytes.length + 1)), bytes.length])].sort((a, b) => a - b)
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end))
}

test('whatever is written as CSV is cut into the same rows and cells, however the bytes arrive', () => {
  fc.assert(
    fc.property(table, fc.array(fc.nat(), { maxLength: 6 }), fc.boolean(), (rows, cuts, isQuoted) => {
      const bytes = Buffer.from(
        stringify(rows, { quoted: isQuoted, record_delimiter: 'windows', quoted_match: /[\r\n;]/ }),
      )
      const cutter = new RowCutter({ kind: 'csv', delimiter: ',' })
      const found = [...inPieces(bytes, cuts).flatMap(piece => cutter.push(piece)), ...cutter.end()]
      expect(Buffer.concat(found.map(row => row.bytes)).equals(bytes)).toBe(true)
      expect(found.map(row => cellsOf(row.bytes.toString('utf8'), ','))).toEqual(rows)
    }),
  )
})

test('any bytes at all are cut without loss, whatever the quotes', () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '""') }),
      fc.array(fc.nat(), { maxLength: 4 }),
      (text, cuts) => {
        const bytes = Buffer.from(text)
        const cutter = new RowCutter({ kind: 'csv', delimiter: ',' })
        const found = [...inPieces(bytes, cuts).flatMap(piece => cutter.push(piece)), ...cutter.end()]
        const blank = (part: string) => part.replace(/[\s]/g, '')
        expect(blank(Buffer.concat(found.map(row => row.bytes)).toString())).toBe(blank(text))
      },
    ),
  )
})

test('one quote never closed costs one row', () => {
  const filler = 'a,b\n'.repeat(Math.ceil(longestRow / 4) + 10)
  const cutter = new RowCutter({ kind: 'csv', delimiter: ',' })
  const rows = [...cutter.push(Buffer.from(`x,"broken\n${filler}`)), ...cutter.end()]
  expect(rows[0]?.bytes.toString()).toBe('x,"broken\n')
  expect(rows).toHaveLength(1 + filler.length / 4)
})

// Relative error of a bottom-k sketch is about 1/√4096 = 1.6 %; four times that is allowed here. Row ids are fixed, so is the outcome.
test.each([
  [3_000, 300, 0],
  [50_000, 5_000, 0.065],
])('of %i rows %i gone are seen', (rows, gone, tolerance) => {
  const before = new RowSketch()
  const now = new RowSketch()
  for (let row = 0; row < rows; row++) {
    before.add(`row-${row}`, () => 'content')
    if (row >= gone) now.add(`row-${row}`, () => (row % 2 === 0 ? 'content' : 'changed'))
  }
  const compared = compareSketches({ count: rows, sketch: before.text() }, { count: rows - gone, sketch: now.text() })
  expect(Math.abs(compared.absent - gone)).toBeLessThanOrEqual(rows * tolerance)
  expect(Math.abs(compared.unchanged - (rows - gone) / 2)).toBeLessThanOrEqual(rows * tolerance)
})
