import { connect, type Socket } from 'node:net'
import { type ConnectionOptions, connect as connectTls } from 'node:tls'
import { Framer, frameOf } from './framer.ts'

/** The way to one listener: posts messages, hears answers. */
export type Carrier = {
  /** Rejects when this carrier cannot take this message. */
  readonly post: (message: Buffer) => Promise<void>
  readonly close: () => void
}

export type CarrierOptions = {
  readonly host: string
  readonly port: number
  readonly tls?: ConnectionOptions
  readonly connectTimeoutMs: number
  readonly onAnswer: (payload: Buffer) => void
  /** The connection is gone, for whatever reason. */
  readonly onClose: () => void
}

const largestAnswer = 16 * 1024 * 1024

/** Sends every byte as it is. Rejects when no connection can be made in time. */
export async function openExactCarrier(options: CarrierOptions): Promise<Carrier> {
  const socket = await dial(options)
  const framer = new Framer({
    maxBytes: largestAnswer,
    onFrame: payload => options.onAnswer(payload),
    onFault: () => undefined,
    onDeadLetter: () => undefined,
  })
  socket.on('data', chunk => framer.push(chunk))
  socket.on('error', () => socket.destroy())
  socket.on('close', () => options.onClose())
  return {
    post: async message => {
      socket.write(frameOf(message))
    },
    close: () => {
      socket.destroy()
    },
  }
}

function dial({ host, port, tls, connectTimeoutMs }: CarrierOptions): Promise<Socket> {
  const socket = tls ? connectTls({ ...tls, host, port }) : connect({ host, port, noDelay: true })
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error('no connection in time')), connectTimeoutMs)
    socket.once('error', error => {
      clearTimeout(timer)
      reject(error)
    })
    socket.once(tls ? 'secureConnect' : 'connect', () => {
      clearTimeout(timer)
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}
