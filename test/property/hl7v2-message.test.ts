import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Message as PeerMessage } from 'node-hl7-client'
import type { Instant } from '../../src/fls/dates.ts'
import { issue } from '../../src/fls/issue.ts'
import { acknowledge } from '../../src/sources/hl7v2/acknowledge.ts'
import { splitBatch } from '../../src/sources/hl7v2/batch.ts'
import { readHl7Date, readHl7Instant } from '../../src/sources/hl7v2/dates.ts'
import { usualDelimiters } from '../../src/sources/hl7v2/delimiters.ts'
import { escapeText, unescapeText } from '../../src/sources/hl7v2/escapes.ts'
import { type Message, parseMessage } from '../../src/sources/hl7v2/message.ts'
import { nhsNumberCandidates, peekRecordKey } from '../../src/sources/hl7v2/record-key.ts'

const at = '2026-03-15T10:11:12.000Z' as Instant

function readEverything(message: Message): number {
  let length = message.countUnknownEscapes()
  for (const segment of message.all) {
    for (let field = 0; field <= segment.fieldCount + 1; field++) {
      length += segment.field(field).text.length
      for (const repetition of segment.repetitions(field)) {
        length += repetition.component(1).length + repetition.component(2, 2).length
      }
    }
    length += message.following(segment, ['PID']).length
  }
  return length + nhsNumberCandidates(message).length + (peekRecordKey(message, 's')?.length ?? 0)
}

test('escaping is undone by unescaping', () => {
  const texts = fc.string({ unit: fc.constantFrom(...'|^~\\&\r\nabXFSTRE.HN0D1 é€') })
  fc.assert(
    fc.property(texts, text => {
      expect(unescapeText(escapeText(text, usualDelimiters), usualDelimiters)).toBe(text)
    }),
    { numRuns: 1000 },
  )
})

test('fields written are fields read, under any delimiters', () => {
  const marks = fc.shuffledSubarray([...'|^~\\&$%!*#@:;'], { minLength: 5, maxLength: 5 })
  const values = fc.array(fc.array(fc.string({ minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 3 }), {
    minLength: 1,
    maxLength: 5,
  })
  fc.assert(
    fc.property(marks, values, ([field = '', component = '', repetition = '', mark = '', sub = ''], fields) => {
      const delimiters = { field, component, repetition, escape: mark, subcomponent: sub, truncation: undefined }
      const clean = fields.map(parts => parts.map(part => (part === '""' ? 'x' : part.replaceAll('\0', ' '))))
      const line = clean.map(parts => parts.map(part => escapeText(part, delimiters)).join(component)).join(field)
      const header = ['MSH', component + repetition + mark + sub, 'PAS', 'RXX', '', '', '', '', 'ADT', 'M1'].join(field)
      const message = parseMessage(Buffer.from(`${header}\rZZZ${field}${line}\r`))
      const read = clean.map((parts, index) =>
        parts.map((_, part) => message?.first('ZZZ')?.component(index + 1, 1, part + 1)),
      )
      expect(read).toEqual(clean)
    }),
    { numRuns: 500 },
  )
})

const base =
  'MSH|^~\\&|PAS|RXX01|FLS|NOGW|20260315101112+0000||ADT^A01^ADT_A01|MSG001|P|2.4|||AL|NE|GBR|UNICODE UTF-8\rEVN|A01|20260315101112\rPID|1||9990000018^^^NHS^NH~H123456^^^RXX01^PI||O\\T\\BRIEN&VAN^MARY^^^MRS||19480229|2\rPV1|1|I|W1\rDG1|1||S72.01^^I10\r'

test('nothing that starts with a readable header makes us throw, and what came is kept byte for byte', () => {
  const strikes = fc.array(
    fc.record({
      place: fc.nat(base.length),
      bytes: fc.uint8Array({ maxLength: 6 }),
      drop: fc.nat(12),
    }),
    { maxLength: 8 },
  )
  fc.assert(
    fc.property(strikes, blows => {
      let bytes = Buffer.from(base)
      for (const { place, bytes: put, drop } of blows) {
        bytes = Buffer.concat([bytes.subarray(0, Math.max(place, 9)), put, bytes.subarray(Math.max(place, 9) + drop)])
      }
      const message = parseMessage(bytes)
      expect(message).toBeDefined()
      if (message) readEverything(message)
      for (const member of splitBatch(bytes).messages) parseMessage(member)
      const answer = acknowledge({
        message: bytes,
        verdict: 'kept',
        issues: [issue('code-unknown', 'DG1-3')],
        controlId: '1',
        at,
      })
      expect(answer.payload?.includes(0x0b) || answer.payload?.includes(0x1c) || false).toBe(false)
    }),
    { numRuns: 2000 },
  )
})

test('any bytes at all: no throw anywhere', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), bytes => {
      const buffer = Buffer.from(bytes)
      const message = parseMessage(buffer)
      if (message) readEverything(message)
      splitBatch(buffer)
      acknowledge({ message: buffer, verdict: 'refused', issues: [], controlId: '1', at })
    }),
    { numRuns: 2000 },
  )
})

test('dates: never a throw, never a date that was not written', () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(...'0123456789+-.:TZ '), maxLength: 26 }), text => {
      const date = readHl7Date(text)
      readHl7Instant(text)
      // Without an offset nothing may be shifted, rounded or filled in.
      if (date && !/[+Z]|\d-\d{2}:?\d{0,2}$/.test(text.trim().slice(8))) {
        expect(text.trim().replaceAll('-', '').startsWith(date.replaceAll('-', ''))).toBe(true)
      }
    }),
    { numRuns: 2000 },
  )
})

describe('agreement with node-hl7-client over what both accept', () => {
  const places = [
    ['MSH', 10, 1],
    ['PID', 3, 1],
    ['PID', 3, 4],
    ['PID', 5, 1],
    ['PID', 5, 2],
    ['PID', 7, 1],
    ['PV1', 19, 1],
    ['DG1', 3, 1],
    ['DG1', 3, 2],
    ['DG1', 3, 3],
  ] as const

  function disagreements(text: string): string[] {
    const ours = parseMessage(Buffer.from(text))
    let theirs: PeerMessage
    try {
      theirs = new PeerMessage({ text })
    } catch {
      return []
    }
    return places.flatMap(([name, field, component]) => {
      const mine = ours?.first(name)?.component(field, 1, component, 1) ?? ''
      const path = `${name}.${field}.${component}`
      return mine === valueAt(theirs, path) ? [] : [path]
    })
  }

  /** First segment, repetition and sub-component; it throws where a place is absent and gives null as its two quotation marks. */
  function valueAt(message: PeerMessage, path: string): string {
    try {
      const text = message.get(path).toString()
      return text === '""' ? '' : text
    } catch {
      return ''
    }
  }

  const word = fc
    .string({ unit: fc.constantFrom(..."ABCDEFGHIJabcdefé123-' "), minLength: 1, maxLength: 10 })
    .map(text => `A${text.trim()}z`)
  const date = fc
    .date({ min: new Date('1920-01-01'), max: new Date('2026-01-01'), noInvalidDate: true })
    .map(day => day.toISOString().slice(0, 10).replaceAll('-', ''))

  test('generated messages in UK form', () => {
    fc.assert(
      fc.property(word, word, word, word, date, word, (id, number, family, given, born, spell) => {
        const text = [
          `MSH|^~\\&|PAS|RXX01|FLS|N|20260315101112||ADT^A01|${id}|P|2.4`,
          'EVN|A01|20260315101112',
          `PID|1||${number}^^^RXX01^MR~9990000018^^^NHS^NH||${family}\\T\\X^${given}^^^MRS||${born}|2`,
          `PV1|1|I|W1^B2||||||||||||||||${spell}`,
          'DG1|1||S72.01^Fracture of neck of femur^I10||20260315|F',
        ].join('\r')
        expect(disagreements(text)).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  const samples = samplesUnder(['../../samples/hl7v2/', '../../mappings/'])
  test('all samples of the repository', () => {
    expect(samples.length).toBeGreaterThan(0)
    const differing = samples.flatMap(({ name, bytes }) =>
      splitBatch(bytes).messages.flatMap(message => {
        expect(parseMessage(message) !== undefined).toBe(!name.includes('not-hl7'))
        return disagreements(message.toString('utf8').trim()).map(path => `${name} ${path}`)
      }),
    )
    expect(differing).toEqual([])
  })
})

function samplesUnder(folders: readonly string[]): { name: string; bytes: Buffer }[] {
  return folders.flatMap(folder => {
    const root = new URL(folder, import.meta.url)
    try {
      return readdirSync(root, { recursive: true, encoding: 'utf8' })
        .filter(name => name.endsWith('.hl7'))
        .map(name => ({ name, bytes: readFileSync(new URL(name, root)) }))
    } catch {
      return []
    }
  })
}
