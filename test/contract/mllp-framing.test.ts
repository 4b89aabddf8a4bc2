import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'
import { adt, type Door, frame, openDoor, Peer } from './mllp-peer.ts'

const [M1, M2, M3] = ['M1', 'M2', 'M3'].map(id => Buffer.from(adt(id))) as [Buffer, Buffer, Buffer]
const [f1, f2, f3] = [M1, M2, M3].map(frame) as [Buffer, Buffer, Buffer]
const VT = Buffer.from([0x0b])
const FS = Buffer.from([0x1c])
const CR = Buffer.from([0x0d])
const untilFs = (bytes: Buffer) => bytes.subarray(0, bytes.length - 1)
const joined = (...parts: (Buffer | string)[]) => Buffer.concat(parts.map(part => Buffer.from(part)))
/** Between the two bytes of Ü. */
const insideUmlaut = f1.indexOf(Buffer.from('Ü')) + 1

let door: Door
let peer: Peer

beforeEach(async () => {
  door = await openDoor()
  peer = new Peer(door.port)
})
afterEach(async () => {
  peer.close()
  await door.close()
})

type Probe = readonly [string, readonly Buffer[], readonly Buffer[], readonly string[]]
const probes: Probe[] = [
  // probe, packets, delivered, faults
  ['F01 one frame in one packet', [f1], [M1], []],
  ['F03 three frames in one packet', [joined(f1, f2, f3)], [M1, M2, M3], []],
  ['F04 one frame in three packets', [f1.subarray(0, 5), f1.subarray(5, 79), f1.subarray(79)], [M1], []],
  ['F05 one and a half frames', [joined(f1, f2.subarray(0, 40)), f2.subarray(40)], [M1, M2], []],
  ['F06 the final CR alone', [untilFs(f1), CR], [M1], []],
  ['F07 the final CR with the next frame', [untilFs(f1), joined(CR, f2)], [M1, M2], []],
  ['F08 junk before VT', [joined('xx\r\n', f1)], [M1], ['junk-before-start']],
  ['F09 filler between frames is no fault', [joined(f1, '\0\0\r\n', f2)], [M1, M2], []],
  ['F10 no FS CR before the next VT', [joined(VT, M1, f2)], [M2], ['missing-end']],
  ['F11 FS without CR before the next VT', [joined(VT, M1, FS, f2)], [M1, M2], ['fs-without-cr']],
  ['F12 a character split between packets', [f1.subarray(0, insideUmlaut), f1.subarray(insideUmlaut)], [M1], []],
  ['FS alone inside a message is data', [frame(joined(M1, FS, 'x'))], [joined(M1, FS, 'x')], []],
  ['FS FS CR: the first FS is data', [joined(VT, M1, FS, FS, CR)], [joined(M1, FS)], []],
  ['FS VT over two packets', [joined(VT, M1, FS), f2], [M1, M2], ['fs-without-cr']],
  ['VT twice', [joined(VT, f1)], [M1], ['missing-end']],
]

test.each(probes)('%s', async (_name, packets, delivered, faults) => {
  await peer.writeApart(packets)
  await peer.answered(delivered.length)
  await peer.writeApart([Buffer.from('\r')])
  expect(door.arrivals.map(arrival => arrival.bytes)).toEqual(delivered)
  expect(peer.codes).toEqual(delivered.map(bytes => `AA ${parseMessage(bytes)?.header.controlId}`))
  expect(door.faults).toEqual(faults)
})

test('F02 one after the other, each after the previous answer', async () => {
  for (const [index, bytes] of [f1, f2, f3].entries()) {
    peer.write(bytes)
    await peer.answered(index + 1)
  }
  expect(peer.codes).toEqual(['AA M1', 'AA M2', 'AA M3'])
  expect(door.arrivals.map(arrival => arrival.bytes)).toEqual([M1, M2, M3])
})

test('F10 the unterminated bytes are a dead letter', async () => {
  peer.write(joined(VT, M1, f2))
  await peer.answered(1)
  expect(door.deadLetters).toEqual([{ bytes: M1, fault: 'missing-end' }])
})

test('F12 the text is intact', async () => {
  await peer.writeApart([f1.subarray(0, insideUmlaut), f1.subarray(insideUmlaut)])
  const [arrival] = door.arrivals
  expect(arrival && parseMessage(arrival.bytes)?.first('PID')?.component(5)).toBe('MÜLLER')
})

test('F13 text in ISO 8859-1 is decoded by MSH-18', async () => {
  peer.write(frame(Buffer.from(adt('M1', { msh: '||||||8859/1' }), 'latin1')))
  await peer.answered(1)
  const [arrival] = door.arrivals
  expect(arrival && parseMessage(arrival.bytes)?.first('PID')?.component(5)).toBe('MÜLLER')
})

describe('F14 a batch in one frame', () => {
  const batch = joined('BHS|^~\\&|PAS|RXX01|FLS|NOGW|20260315||||B1\r', M1, M2, 'BTS|2\r')

  test('each message is taken and answered as if sent alone', async () => {
    peer.write(frame(batch))
    await peer.answered(2)
    expect(peer.codes).toEqual(['AA M1', 'AA M2'])
    expect(door.arrivals.map(arrival => arrival.bytes)).toEqual([M1, M2])
    expect(door.faults).toEqual([])
  })

  test('one answer for all, by profile of the feed', async () => {
    const own = await openDoor({}, { batchAnswer: 'batch' })
    const other = new Peer(own.port)
    other.write(joined(frame(batch), f3))
    const [answer, single] = await other.answered(2)
    expect(answer?.toString()).toMatch(
      /^BHS\|\^~\\&\|FLS\|NOGW\|PAS\|RXX01\|\d{14}\+0000\|\|\|\|\w+\|B1\rMSH.*\rMSA\|AA\|M1\rMSH.*\rMSA\|AA\|M2\rBTS\|2\r$/,
    )
    expect(single?.toString()).toContain('MSA|AA|M3')
    other.close()
    await own.close()
  })

  test('a wrong count loses no message and is counted', async () => {
    peer.write(frame(Buffer.from(batch.toString().replace('BTS|2', 'BTS|3'))))
    await peer.answered(2)
    expect(door.arrivals).toHaveLength(2)
    expect(door.faults).toEqual(['batch-count-differs'])
  })
})

test('F15 two connections interleaved', async () => {
  const other = new Peer(door.port)
  await peer.writeApart([f1.subarray(0, 60)])
  await other.writeApart([f2.subarray(0, 60)])
  await peer.writeApart([f1.subarray(60)])
  await other.writeApart([f2.subarray(60)])
  await Promise.all([peer.answered(1), other.answered(1)])
  expect([peer.codes, other.codes]).toEqual([['AA M1'], ['AA M2']])
  other.close()
})

test('F16 five mebibytes in one field', async () => {
  const base64 = Buffer.alloc(Math.floor((5 * 1024 * 1024 * 3) / 4), 0x5a).toString('base64')
  const big = Buffer.from(adt('M1', { body: `OBX|1|ED|PDF^Report||^AP^PDF^Base64^${base64}||||||F\r` }))
  peer.write(frame(big))
  await peer.answered(1)
  expect(peer.codes).toEqual(['AA M1'])
  expect(door.arrivals[0]?.bytes.equals(big)).toBe(true)
  expect(parseMessage(big)?.first('OBX')?.component(5, 1, 5)).toHaveLength(base64.length)
})
