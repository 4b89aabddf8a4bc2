import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Random } from '../../../synthetic/random.ts'

/** What the wire between service and database does now. */
export type Weather = {
  /** Added to every piece in either direction, milliseconds. */
  readonly delayMs: number
  /** Share of the server's answers that never arrive: what was asked is done, then the connection breaks. */
  readonly cutAnswers: number
}
export type Wire = { readonly port: number; weather: Weather; cuts: number; readonly close: () => void }

const fair: Weather = { delayMs: 0, cutAnswers: 0 }

/** A TCP relay to `target` on loopback, transparent until its weather changes. */
export async function startWire(target: number, random: Random): Promise<Wire> {
  const open = new Set<Socket>()
  const wire: Wire = { port: 0, weather: fair, cuts: 0, close: () => undefined }
  const server = createServer(client => {
    const upstream = connect({ host: '127.0.0.1', port: target, noDelay: true })
    client.setNoDelay(true)
    const part = () => {
      client.destroy()
      upstream.destroy()
    }
    for (const socket of [client, upstream]) {
      open.add(socket)
      socket.on('error', part)
      socket.on('close', () => {
        open.delete(socket)
        part()
      })
    }
    const relay = (to: Socket) => (piece: Buffer) => {
      const { delayMs } = wire.weather
      if (delayMs === 0) to.write(piece)
      else setTimeout(() => to.writable && to.write(piece), delayMs)
    }
    client.on('data', relay(upstream))
    const back = relay(client)
    upstream.on('data', piece => {
      if (!random.chance(wire.weather.cutAnswers)) return back(piece)
      wire.cuts++
      part()
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return Object.assign(wire, {
    port: (server.address() as AddressInfo).port,
    close: () => {
      for (const socket of open) socket.destroy()
      server.close()
    },
  })
}
