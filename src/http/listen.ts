import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'

export type Listening = { readonly port: number; readonly close: () => Promise<void> }

/**
 * Opens the HTTP(S) port with the limits of trust.md section 7. `requestTimeout` leaves an hour for an extract of 1 GiB over a slow line;
 * header and idle times are short. `close` stops accepting, ends idle connections, and waits at most `shutdownMs` for the rest.
 */
export async function listen(
  app: RequestListener,
  options: {
    readonly host: string
    readonly port: number
    readonly shutdownMs?: number
    readonly tls?: { readonly cert: Buffer; readonly key: Buffer; readonly ca?: Buffer }
  },
): Promise<Listening> {
  const settings = { maxHeaderSize: 16 * 1024, connectionsCheckingInterval: 5_000, insecureHTTPParser: false }
  const server: Server = options.tls
    ? createTlsServer({ ...settings, ...options.tls }, app)
    : createServer(settings, app)
  server.headersTimeout = 15_000
  server.requestTimeout = 3_600_000
  server.keepAliveTimeout = 5_000
  server.maxRequestsPerSocket = 1_000
  server.maxConnections = 2_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address ? address.port : options.port,
    close: () => closeServer(server, options.shutdownMs ?? 10_000),
  }
}

async function closeServer(server: Server, shutdownMs: number): Promise<void> {
  const closed = new Promise<void>(resolve => server.close(() => resolve()))
  server.closeIdleConnections()
  const deadline = setTimeout(() => server.closeAllConnections(), shutdownMs)
  await closed
  clearTimeout(deadline)
}
