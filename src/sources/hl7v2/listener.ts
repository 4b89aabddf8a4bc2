import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TLSSocket, type TlsOptions, type Server as TlsServer } from 'node:tls'
import { limits as defaultLimits } from '../../config.ts'
import { type ConnectionLimits, MllpConnection } from './connection.ts'
import type { IntakeOptions, MllpFault, MllpPeer } from './feed.ts'
import { IntakeGauge } from './intake-gauge.ts'

/** Certificates in PEM. With `ca`, clients must show a certificate signed by it. TLS 1.2 or later, always. */
export type MllpTls = {
  readonly key: string | Buffer
  readonly cert: string | Buffer
  readonly ca?: string | Buffer
}

/** Bytes and milliseconds; what is left out comes from the table of limits. */
export type MllpLimits = ConnectionLimits & {
  readonly connections: number
  readonly connectionsPerAddress: number
  /** Unanswered bytes of all connections. */
  readonly allUnansweredBytes: number
  readonly shutdownMs: number
}

export type MllpListenerOptions = IntakeOptions & {
  readonly host: string
  /** 0 = any free port. */
  readonly port: number
  readonly tls?: MllpTls
  /** Plain text on an address other than loopback, for a TLS terminator in front. */
  readonly isPlainAllowed?: boolean
  readonly limits?: Partial<MllpLimits>
  readonly onDeadLetter?: (bytes: Buffer, fault: MllpFault, peer: MllpPeer) => void
}

export type MllpListener = {
  readonly port: number
  readonly connectionCount: () => number
  /** New certificates for new connections; those open stay. */
  readonly reloadTls: (tls: MllpTls) => void
  /** Takes no more, sends the answers still due, closes everything within `shutdownMs`. */
  readonly close: () => Promise<void>
}

const keepAliveMs = 60_000

/**
 * The HL7 v2 door: MLLP over TCP or TLS. A positive answer goes out only after `accept()` has resolved; the table of answers is Decision
 * "acknowledgement". Connections over the caps are closed at once and counted (`connection-refused`).
 * Rejects when the port is taken, or plain text was asked for off the loopback address without `isPlainAllowed`.
 */
export async function startMllpListener(options: MllpListenerOptions): Promise<MllpListener> {
  if (!options.tls && !options.isPlainAllowed && !isLoopback(options.host)) {
    throw new Error('MLLP without TLS is served on loopback only; give certificates, or allow plain text explicitly')
  }
  const limits: MllpLimits = { ...standardLimits, ...options.limits }
  const doors = new Doors(options, limits)
  const server = options.tls ? tlsServer(options.tls, doors) : plainServer(doors)
  await listen(server, options.host, options.port)
  server.on('error', error => options.onError?.(error))
  const address: AddressInfo | string | null = server.address()
  return {
    port: address && typeof address === 'object' ? address.port : options.port,
    connectionCount: () => doors.size,
    reloadTls: tls => {
      if ('setSecureContext' in server) server.setSecureContext(tlsOptions(tls))
    },
    close: () => doors.close(server, limits.shutdownMs),
  }
}

const standardLimits: MllpLimits = {
  messageBytes: defaultLimits.mllpMessage,
  frameTimeoutMs: defaultLimits.mllpFrameTimeoutMs,
  connections: defaultLimits.mllpConnections,
  connectionsPerAddress: defaultLimits.mllpConnectionsPerAddress,
  shutdownMs: defaultLimits.shutdownMs,
  // A hundred messages under way on one connection; more would only wait here, and others behind them.
  unansweredBytes: 256 * 1024,
  allUnansweredBytes: 128 * 1024 * 1024,
  silentCloseMs: 5_000,
  peerTimeoutMs: 30_000,
}

/** Every open socket, admitted or being admitted. */
class Doors {
  readonly #options: MllpListenerOptions
  readonly #limits: MllpLimits
  readonly #gauge: IntakeGauge
  readonly #sockets = new Set<Socket>()
  readonly #connections = new Set<MllpConnection>()
  readonly #perAddress = new Map<string, number>()
  #isClosing = false

  constructor(options: MllpListenerOptions, limits: MllpLimits) {
    this.#options = options
    this.#limits = limits
    this.#gauge = new IntakeGauge(limits.allUnansweredBytes)
  }

  get size(): number {
    return this.#sockets.size
  }

  /** Counts the socket in, or closes it. With TLS this happens before the handshake. */
  admit(socket: Socket): boolean {
    const address = socket.remoteAddress ?? ''
    const sameAddress = this.#perAddress.get(address) ?? 0
    if (
      this.#isClosing ||
      this.#sockets.size >= this.#limits.connections ||
      sameAddress >= this.#limits.connectionsPerAddress
    ) {
      this.fault('connection-refused', { remoteAddress: address })
      socket.destroy()
      return false
    }
    this.#sockets.add(socket)
    this.#perAddress.set(address, sameAddress + 1)
    socket.once('close', () => {
      this.#sockets.delete(socket)
      const left = (this.#perAddress.get(address) ?? 1) - 1
      if (left > 0) this.#perAddress.set(address, left)
      else this.#perAddress.delete(address)
    })
    return true
  }

  serve(socket: Socket, peer: MllpPeer): void {
    const connection = new MllpConnection(socket, peer, {
      ...this.#options,
      limits: this.#limits,
      gauge: this.#gauge,
    })
    this.#connections.add(connection)
    socket.once('close', () => this.#connections.delete(connection))
    if (this.#isClosing) connection.finish()
  }

  fault(fault: MllpFault, peer?: MllpPeer): void {
    this.#options.onFault?.(fault, peer)
  }

  async close(server: Server, withinMs: number): Promise<void> {
    this.#isClosing = true
    const closed = new Promise<void>(resolve => server.close(() => resolve()))
    for (const connection of this.#connections) connection.finish()
    const deadline = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy()
    }, withinMs)
    await closed
    clearTimeout(deadline)
  }
}

const socketOptions = { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveMs }

function plainServer(doors: Doors): Server {
  return createServer(socketOptions, socket => {
    if (doors.admit(socket)) doors.serve(socket, { remoteAddress: socket.remoteAddress ?? '' })
  })
}

function tlsServer(tls: MllpTls, doors: Doors): TlsServer {
  const server = createTlsServer({ ...socketOptions, ...tlsOptions(tls), handshakeTimeout: 10_000 })
  server.on('connection', (socket: Socket) => doors.admit(socket))
  server.on('secureConnection', socket => doors.serve(socket, peerOf(socket)))
  server.on('tlsClientError', (_error, socket) =>
    doors.fault('tls-failed', { remoteAddress: socket.remoteAddress ?? '' }),
  )
  return server
}

function tlsOptions(tls: MllpTls): TlsOptions {
  return {
    key: tls.key,
    cert: tls.cert,
    minVersion: 'TLSv1.2',
    ...(tls.ca ? { ca: tls.ca, requestCert: true, rejectUnauthorized: true } : {}),
  }
}

function peerOf(socket: TLSSocket): MllpPeer {
  const remoteAddress = socket.remoteAddress ?? ''
  const certificate = socket.authorized ? socket.getPeerCertificate() : undefined
  if (!certificate?.subject) return { remoteAddress }
  const subject = Object.entries(certificate.subject)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(',')
  return { remoteAddress, certificate: { subject, fingerprint256: certificate.fingerprint256 } }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\./.test(host)
}
