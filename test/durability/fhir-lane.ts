import { Agent, type IncomingMessage, request } from 'node:http'
import type { Exchange } from './sender.ts'

const patienceMs = 12_000

/** One HTTP connection, kept alive. `promised` when the transaction was answered 2xx to its last byte, else the status; the X-Request-ID stays over all resends. */
export function fhirLane(port: number, token: () => Promise<string>): Exchange {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  return {
    exchange: async ({ bytes, controlId, isInPieces }) => {
      const headers = {
        authorization: `Bearer ${await token()}`,
        'content-type': 'application/fhir+json',
        'content-length': bytes.length,
        'x-request-id': controlId,
        prefer: 'return=minimal',
      }
      return new Promise<string>(resolve => {
        const call = request({ host: '127.0.0.1', port, path: '/fhir', method: 'POST', agent, headers }, answer => {
          answer.on('error', () => resolve('broken off'))
          answer.on('close', () => resolve('broken off'))
          answer.on('end', () => resolve(heard(answer)))
          answer.resume()
        })
        call.setTimeout(patienceMs, () => call.destroy())
        call.on('error', () => resolve('no answer'))
        const cut = isInPieces ? Math.floor(bytes.length / 2) : bytes.length
        call.write(bytes.subarray(0, cut))
        setTimeout(() => call.end(bytes.subarray(cut)), isInPieces ? 5 : 0)
      })
    },
    close: () => agent.destroy(),
  }
}

function heard({ complete, statusCode = 0 }: IncomingMessage): string {
  if (!complete) return 'broken off'
  return statusCode >= 200 && statusCode < 300 ? 'promised' : String(statusCode)
}
