import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { batchReader, splitBatch } from '../../src/sources/hl7v2/batch.ts'

const message = (id: string) => `MSH|^~\\&|PAS|RXX01|FLS|N|2026||ADT^A01|${id}|P|2.4\rPID|1||H1\r`
const [A, B] = [message('A'), message('B')]
const BHS = 'BHS|^~\\&|PAS|RXX01|FLS|N|2026||||B1\r'
const FHS = 'FHS|^~\\&|PAS|RXX01|FLS|N|2026||||F1\r'
const lf = (text: string) => text.replaceAll('\r', '\n')
const crlf = (text: string) => text.replaceAll('\r', '\r\n')

test.each([
  // what                          bytes                                   kind       messages   counts wrong
  ['one message', A, 'message', [A], []],
  ['one message without last CR', A.slice(0, -1), 'message', [A.slice(0, -1)], []],
  ['nonsense', 'GET / HTTP/1.1', 'message', ['GET / HTTP/1.1'], []],
  ['nothing', '', 'message', [''], []],
  ['batch', `${BHS}${A}${B}BTS|2\r`, 'batch', [A, B], []],
  ['batch of one', `${BHS}${A}BTS|1\r`, 'batch', [A], []],
  ['empty batch', `${BHS}BTS|0\r`, 'batch', [], []],
  ['file of batches', `${FHS}${BHS}${A}BTS|1\r${BHS}${B}BTS|1\rFTS|2\r`, 'batch', [A, B], []],
  ['file without BHS', `${FHS}${A}${B}FTS|2\r`, 'batch', [A, B], []],
  ['no trailer', `${BHS}${A}${B}`, 'batch', [A, B], []],
  ['trailer without count', `${BHS}${A}BTS\r`, 'batch', [A], []],
  ['wrong count', `${BHS}${A}${B}BTS|3\r`, 'batch', [A, B], ['BTS-1']],
  ['wrong file count', `${FHS}${BHS}${A}BTS|1\rFTS|7\r`, 'batch', [A], ['FTS-1']],
  ['bare list', A + B, 'batch', [A, B], []],
  ['bare list with blank lines', `\r${A}\r\r${B}\r`, 'batch', [A, B], []],
  ['line feeds', lf(`${BHS}${A}${B}BTS|2\r`), 'batch', [lf(A), lf(B)], []],
  ['CR LF', crlf(`${BHS}${A}\r${B}BTS|2\r`), 'batch', [crlf(A), crlf(B)], []],
  ['byte-order mark', `\uFEFF${BHS}${A}BTS|1\r`, 'batch', [A], []],
  ['a text line that starts with MSH|', `${A}NTE|1||see\nMSH|above\r`, 'message', [`${A}NTE|1||see\nMSH|above\r`], []],
  ['BTS inside a plain message', `${A}BTS|9\r`, 'message', [`${A}BTS|9\r`], []],
  ['blanks at the end of a segment', `${A}NTE|1||x  \r\r${B}`, 'batch', [`${A}NTE|1||x  \r`, B], []],
])('%s', (_what, bytes, kind, messages, wrong) => {
  const split = splitBatch(Buffer.from(bytes))
  expect(split.kind).toBe(kind)
  expect(split.messages.map(String)).toEqual(messages)
  expect(split.issues.map(found => [found.code, found.where])).toEqual(
    wrong.map(where => ['batch-count-differs', where]),
  )
})

test('members may declare other delimiters than their batch', () => {
  const own = 'MSH$%~!*$PAS$RXX01$FLS$N$2026$$ADT%A01$C$P$2.4\r'
  expect(splitBatch(Buffer.from(`${BHS}${A}${own}BTS|2\r`)).messages.map(String)).toEqual([A, own])
})

test('the batch header is kept for the answer', () => {
  expect(splitBatch(Buffer.from(`${FHS}${BHS}${A}BTS|1\r`)).header?.toString()).toBe(BHS.slice(0, -1))
})

test('a file read piece by piece gives the same messages and counts as read whole', () => {
  const long = `${A}OBX|1|ED|PDF||${'x'.repeat(1_500_000)}\rNTE|1||see\nMSH|above\r`
  const files = [
    ...[
      `${FHS}${BHS}${A}${B}BTS|3\r${BHS}${long}${A}BTS|2\rFTS|7\r`,
      `${A}${long}\r\r${B}`,
      A,
      '',
      crlf(`${BHS}${A}${long}BTS|2\r`),
    ],
  ].map(text => Buffer.from(text))
  const pieces = fc.tuple(fc.constantFrom(...files), fc.constantFrom(1000, 65_536, 1_048_577, 5_000_000))
  fc.assert(
    fc.property(pieces, ([file, size]) => {
      const reader = batchReader()
      const messages: Buffer[] = []
      for (let at = 0; at < file.length; at += size) messages.push(...reader.push(file.subarray(at, at + size)))
      messages.push(...reader.end())
      const whole = splitBatch(file)
      expect(messages.map(bytes => bytes.length)).toEqual(whole.messages.map(bytes => bytes.length))
      expect(Buffer.concat(messages).equals(Buffer.concat([...whole.messages]))).toBe(true)
      expect(reader.issues).toEqual(whole.issues)
      expect(reader.heldBytes()).toBe(0)
    }),
    { numRuns: 20 },
  )
})
