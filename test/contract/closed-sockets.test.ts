import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { wakeWritersOfClosedSockets } from '../../src/store/closed-sockets.ts'

const server = createServer(socket => {
  socket.on('error', () => undefined)
  socket.once('data', () => socket.destroy())
})
beforeAll(async () => {
  wakeWritersOfClosedSockets()
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', () => resolve()))
})
afterAll(() => void server.close())

async function closedByPeer(): Promise<Socket> {
  const address = server.address()
  const socket = connect({ host: '127.0.0.1', port: typeof address === 'object' && address ? address.port : 0 })
  socket.on('error', () => undefined)
  socket.write('x')
  return socket
}

const woken = (socket: Socket) => once(socket, 'drain', { signal: AbortSignal.timeout(5_000) })

test('who waits for a socket to drain goes on when its peer closes it', async () => {
  const socket = await closedByPeer()
  await expect(woken(socket)).resolves.toEqual([])
  expect(socket.destroyed).toBe(true)
})

test('also who comes to wait only after it has closed', async () => {
  const socket = await closedByPeer()
  await once(socket, 'close')
  await expect(woken(socket)).resolves.toEqual([])
})
