import { request as httpRequest } from 'node:http'
import type { RequestHandler } from 'express'
import { issue } from '../fls/issue.ts'
import { Refusal } from './refusal.ts'

/** Passes `/idp` on to the demo identity provider (a child process on loopback): same path, Host kept, so its addresses are our own. */
export function proxyTo(target: string): RequestHandler {
  const { hostname, port } = new URL(target)
  return (request, response, next) => {
    const { connection: _connection, ...headers } = request.headers
    const onward = httpRequest(
      { hostname, port, method: request.method, path: request.originalUrl, headers, timeout: 10_000 },
      answer => {
        response.removeHeader('Content-Security-Policy')
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      },
    )
    onward.on('timeout', () => onward.destroy())
    onward.on('error', () => {
      if (!response.headersSent) next(new Refusal(503, [issue('internal-error', 'identity provider')]))
      else response.destroy()
    })
    request.pipe(onward)
  }
}
