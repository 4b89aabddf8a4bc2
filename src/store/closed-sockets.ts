import { subscribe } from 'node:diagnostics_channel'
import { Socket } from 'node:net'

/** Marks sockets that are watched, however often this module is loaded in one process. */
const watched = Symbol.for('fls-db.closed-sockets')
let isWatching = false

/** A command whose bytes were being made while the socket closed comes to wait a moment later. */
const secondCallMs = 1_000

/**
 * Lets whoever waits for a client socket to drain go on when it has closed. The MongoDB driver (7.5.0, `Connection.writeCommand`) waits for
 * `drain` or `error` alone: a server killed while a command is on its way closes the socket with neither, and the operation, with all that is
 * grouped behind it, would wait for ever. Woken, the driver finds its connection closed and fails the operation. Once a process.
 */
export function wakeWritersOfClosedSockets(): void {
  if (isWatching) return
  isWatching = true
  subscribe('net.client.socket', message => {
    if (typeof message !== 'object' || message === null || !('socket' in message)) return
    const { socket } = message
    if (!(socket instanceof Socket) || watched in socket) return
    Object.defineProperty(socket, watched, { value: true })
    socket.once('close', () => {
      setImmediate(() => socket.emit('drain'))
      setTimeout(() => socket.emit('drain'), secondCallMs).unref()
    })
  })
}
