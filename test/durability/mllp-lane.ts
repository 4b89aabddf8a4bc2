import { createConnection, type Socket } from 'node:net'
import { parseMessage } from '../../src/sources/hl7v2/message.ts'
import type { Exchange } from './sender.ts'
import type { Line } from './stream.ts'

/** The listener closes a silent connection after five seconds; a sender is more patient by a little. */
const patienceMs = 6_500

/** One MLLP connection, kept as long as it answers. `promised` when AA or CA came for this very control id; after anything else it starts anew. */
export function mllpLane(port: number): Exchange {
  let socket: Socket | undefined
  const exchange = (line: Line) =>
    new Promise<string>(resolve => {
      const current = socket?.writable ? socket : createConnection({ host: '127.0.0.1', port, noDelay: true })
      socket = current
      const heard: Buffer[] = []
      const end = (answer: string) => {
        clearTimeout(timer)
        current.removeAllListeners()
        if (answer !== 'promised') {
          current.on('error', () => undefined)
          current.destroy()
          socket = undefined
        }
        resolve(answer)
      }
      const timer = setTimeout(() => end('silence'), patienceMs)
      current.on('data', part => {
        heard.push(part)
        const all = Buffer.concat(heard)
        const stop = all.indexOf(0x1c)
        if (stop >= 0) end(answerIn(all.subarray(1, stop), line.controlId))
      })
      current.on('error', () => end('no answer'))
      current.on('close', () => end('closed'))
      write(current, line)
    })
  return { exchange, close: () => socket?.destroy() }
}

function write(socket: Socket, { bytes, key, isInPieces }: Line): void {
  const frame = Buffer.concat([Buffer.from([0x0b]), bytes, Buffer.from([0x1c, 0x0d])])
  if (!isInPieces) {
    socket.write(frame)
    return
  }
  // Anywhere in the frame, the same at each resend; never between two frames.
  const cut = 2 + ((key.charCodeAt(0) * 97 + key.charCodeAt(1)) % (frame.length - 3))
  socket.write(frame.subarray(0, cut))
  setTimeout(() => socket.writable && socket.write(frame.subarray(cut)), 5)
}

function answerIn(answer: Buffer, controlId: string): string {
  const said = parseMessage(answer)?.segments('MSA')[0]
  const code = said?.field(1).text ?? 'unreadable'
  if (said?.field(2).text !== controlId) return `${code} for another`
  return code === 'AA' || code === 'CA' ? 'promised' : code
}
