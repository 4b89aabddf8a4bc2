import { connect, type Socket } from 'node:net'
import { afterEach, expect, test } from '@jest/globals'
import type { Arrival } from '../../src/sources/arrival.ts'
import type { MllpListenerOptions } from '../../src/sources/hl7v2/listener.ts'
import { accepted, adt, type Door, frame, openDoor, Peer } from './mllp-peer.ts'

/** What one sender does to the door is its own affair: a polite one beside it is answered all the same. Nothing here measures time. */
const open: { close: () => unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

async function start(options: Partial<MllpListenerOptions> = {}): Promise<Door> {
  const door = await openDoor({ limits: { shutdownMs: 200 }, ...options })
  open.push(door)
  return door
}

async function politeIsAnswered(door: Door, count = 20): Promise<void> {
  const peer = new Peer(door.port)
  open.push(peer)
  for (let at = 0; at < count; at++) {
    peer.write(frame(adt(`P${at}`)))
    await peer.answered(at + 1)
  }
  expect(peer.codes).toEqual(Array.from({ length: count }, (_, at) => `AA P${at}`))
}

/** A peer that writes as much as the door takes and never reads. Resolves when the door takes no more. */
async function pouring(door: Door, next: () => Buffer): Promise<Socket> {
  const socket = connect({ port: door.port, host: '127.0.0.1' })
  open.push({ close: () => socket.destroy() })
  socket.on('error', () => undefined).pause()
  await new Promise(resolve => socket.once('connect', resolve))
  let moved = 0
  const pour = () => {
    moved += 1
    while (!socket.destroyed && socket.write(next()));
  }
  socket.on('drain', pour)
  pour()
  for (let before = 0; before !== moved; await new Promise(resolve => setTimeout(resolve, 200))) before = moved
  return socket
}

const isGreedy = (arrival: Arrival) => arrival.controlId.startsWith('G')
let given = 0
/** Answers echo MSH-10: long ones fill the way back soon. */
const greedyFrame = () => frame(adt(`G${given++}${'x'.repeat(2_000)}`))

test('a greedy sender whose messages are all still being stored', async () => {
  const door = await start({
    accept: async arrival => (isGreedy(arrival) ? new Promise(() => undefined) : accepted(arrival)),
  })
  await Promise.all([pouring(door, greedyFrame), pouring(door, greedyFrame), pouring(door, greedyFrame)])
  await politeIsAnswered(door)
})

test('a sender that never reads its answers is not read any further, and forgotten in the end', async () => {
  const door = await start({ limits: { peerTimeoutMs: 300, shutdownMs: 200 } })
  await pouring(door, greedyFrame)
  await politeIsAnswered(door)
  while (door.connectionCount() > 1) await new Promise(resolve => setTimeout(resolve, 20))
  expect(door.faults).toContain('peer-not-reading')
})

test('senders in the middle of huge frames', async () => {
  const door = await start()
  const half = frame(adt('G', { body: `OBX|1|ED|PDF||${'QUJD'.repeat(1024 * 1024)}\r` })).subarray(0, -1024)
  const sockets = Array.from({ length: 8 }, () => connect({ port: door.port, host: '127.0.0.1' }))
  for (const socket of sockets) {
    open.push({ close: () => socket.destroy() })
    socket.write(half)
  }
  await politeIsAnswered(door)
  expect(door.arrivals.every(arrival => arrival.controlId.startsWith('P'))).toBe(true)
})

test('a sender of one huge message after the other', async () => {
  const door = await start()
  const huge = new Peer(door.port)
  open.push(huge)
  const body = `OBX|1|ED|PDF||${'QUJD'.repeat(1024 * 1024)}\r`
  for (let at = 0; at < 4; at++) huge.write(frame(adt(`G${at}`, { body })))
  await politeIsAnswered(door)
  await huge.answered(4)
  expect(huge.codes).toEqual(['AA G0', 'AA G1', 'AA G2', 'AA G3'])
})

test('a sender of nonsense', async () => {
  const door = await start()
  const peer = new Peer(door.port)
  open.push(peer)
  for (let at = 0; at < 500; at++) {
    peer.write(frame('PID|1||H123456\r'))
    peer.write(frame(adt(`G${at}`)).subarray(0, 40))
  }
  await politeIsAnswered(door)
  await peer.answered(500)
  expect(new Set(peer.codes)).toEqual(new Set(['AR ']))
})

test('a graceful stop waits for nobody longer than it may', async () => {
  const door = await openDoor({
    limits: { shutdownMs: 300, peerTimeoutMs: 30_000 },
    accept: async arrival => (isGreedy(arrival) ? new Promise(() => undefined) : accepted(arrival)),
  })
  await pouring(door, greedyFrame)
  const half = connect({ port: door.port, host: '127.0.0.1' })
  half.on('error', () => undefined).write(frame(adt('G')).subarray(0, 30))
  while (door.connectionCount() < 2) await new Promise(resolve => setTimeout(resolve, 20))
  await door.close()
  // Closed is told a moment before the last socket is forgotten.
  while (door.connectionCount() > 0) await new Promise(resolve => setTimeout(resolve, 5))
  half.destroy()
})
