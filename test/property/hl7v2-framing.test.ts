import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type FrameFault, Framer, frameOf } from '../../src/sources/hl7v2/framer.ts'

const maxBytes = 300_000

function cut(pieces: readonly Buffer[]) {
  const frames: Buffer[] = []
  const faults: FrameFault[] = []
  const dead: Buffer[] = []
  const framer = new Framer({
    maxBytes,
    onFrame: payload => frames.push(Buffer.from(payload)),
    onFault: fault => faults.push(fault),
    onDeadLetter: bytes => dead.push(Buffer.from(bytes)),
  })
  for (const piece of pieces) framer.push(piece)
  framer.end()
  return { frames, faults, dead }
}

function rechunk(stream: Buffer, sizes: readonly number[]): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0, turn = 0; at < stream.length; turn++) {
    const size = sizes[turn % sizes.length] ?? 1
    pieces.push(Buffer.from(stream.subarray(at, at + size)))
    at += size
  }
  return pieces
}

const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 65_536 })), {
  minLength: 1,
  maxLength: 20,
})
const withoutFraming = (text: string) => text.replaceAll('\v', '|').replaceAll('\u001c', '|')

/** Payloads without VT and without an FS that could end them; FS in the middle is data. */
const payload = fc.oneof(
  fc.string({ maxLength: 200 }).map(text => Buffer.from(withoutFraming(text))),
  fc.string({ maxLength: 50 }).map(text => Buffer.from(`MSH|^~\\&|${withoutFraming(text)}\u001cx\r`)),
  fc.integer({ min: 60_000, max: 200_000 }).map(length => Buffer.alloc(length, 'A')),
)

test('any cutting of a stream of frames gives the frames', () => {
  fc.assert(
    fc.property(fc.array(payload, { maxLength: 6 }), sizes, (payloads, pieceSizes) => {
      const stream = Buffer.concat(payloads.map(frameOf))
      const { frames, faults, dead } = cut(rechunk(stream, pieceSizes))
      expect(frames.length).toBe(payloads.length)
      expect(frames.every((frame, at) => payloads[at]?.equals(frame))).toBe(true)
      expect([faults, dead]).toEqual([[], []])
    }),
    { numRuns: 150 },
  )
})

/** Streams rich in the four bytes that matter. */
const hostile = fc
  .array(fc.constantFrom(0x0b, 0x1c, 0x0d, 0x0a, 0x00, 0x41, 0x7c, 0xc3), { maxLength: 400 })
  .map(bytes => Buffer.from(bytes))

test('any cutting of any stream gives the same frames, faults and dead letters as one piece', () => {
  fc.assert(
    fc.property(hostile, sizes, (stream, pieceSizes) => {
      expect(cut(rechunk(stream, pieceSizes))).toEqual(cut([stream]))
    }),
    { numRuns: 1500 },
  )
})

test('no byte of a frame is lost: delivered or dead letter', () => {
  const isFraming = (byte: number) => byte === 0x0b || byte === 0x1c || byte === 0x0d || byte === 0x0a || byte === 0
  fc.assert(
    fc.property(hostile, stream => {
      const { frames, dead } = cut([stream])
      const kept = Buffer.concat([...frames, ...dead]).filter(byte => !isFraming(byte))
      expect([...kept].sort()).toEqual([...stream.filter(byte => !isFraming(byte))].sort())
    }),
    { numRuns: 1000 },
  )
})

test.each([
  ['starts only', Buffer.alloc(4 * 1024 * 1024, 0x0b)],
  ['ends only', Buffer.alloc(4 * 1024 * 1024, 0x1c)],
  ['a frame that never ends', Buffer.concat([Buffer.from([0x0b]), Buffer.alloc(4 * 1024 * 1024, 0x1c)])],
  ['starts and ends', Buffer.from([0x0b, 0x1c]).toString('latin1').repeat(200_000)],
])('linear and bounded: %s', (_what, stream) => {
  const bytes = Buffer.from(stream)
  const started = performance.now()
  const pieces = Array.from({ length: Math.ceil(bytes.length / 65_536) }, (_, at) =>
    bytes.subarray(at * 65_536, (at + 1) * 65_536),
  )
  const { dead } = cut(pieces)
  expect(performance.now() - started).toBeLessThan(5000)
  expect(dead.reduce((sum, letter) => sum + letter.length, 0)).toBeLessThanOrEqual(maxBytes + 4096)
})

test('single bytes do not cost more memory than the frame', () => {
  const stream = frameOf(Buffer.alloc(250_000, 'A'))
  const framer = new Framer({
    maxBytes,
    onFrame: () => undefined,
    onFault: () => undefined,
    onDeadLetter: () => undefined,
  })
  const before = process.memoryUsage().arrayBuffers
  for (let at = 0; at < stream.length - 2; at++) framer.push(Buffer.from(stream.subarray(at, at + 1)))
  expect(framer.heldBytes).toBe(250_000)
  // One growing copy plus what the collector has not yet seen; a list of single-byte pieces would be far over.
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(20_000_000)
})
