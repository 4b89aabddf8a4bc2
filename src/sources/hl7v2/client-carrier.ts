import type { HL7Version, Client as PeerClient, Connection as PeerConnection } from 'node-hl7-client'
import type { Carrier, CarrierOptions } from './carrier.ts'

/**
 * Sends through the independent package node-hl7-client, for tests and trials with a peer that is not ours. It decodes and writes messages
 * anew: the last terminator and blanks at the end are lost, so the inbox keeps other bytes than the file's. One connection per HL7 version,
 * which the package demands. `post` rejects messages it cannot read (odd versions, blank lines, other character sets).
 * Its own queue is never used: the caller keeps one message in flight and waits before the connection is up.
 */
export async function openClientCarrier(options: CarrierOptions): Promise<Carrier> {
  // Loaded when asked for: several megabytes of tables.
  const { Client, Message, isKnownVersion } = await import('node-hl7-client')
  const open = new Map<string, { client: PeerClient; connection: PeerConnection }>()
  const connectFor = async (version: HL7Version): Promise<PeerConnection> => {
    const known = open.get(version)
    if (known) return known.connection
    const client = new Client({ host: options.host, version, ...(options.tls ? { tls: options.tls } : {}) })
    const connection = client.createConnection({ port: options.port, version, waitAck: true }, () => undefined)
    connection.on('data.raw', (text: string) => options.onAnswer(Buffer.from(text)))
    connection.on('data.error', () => options.onClose())
    open.set(version, { client, connection })
    await connected(connection, options.connectTimeoutMs)
    return connection
  }
  return {
    post: async bytes => {
      const message = new Message({ text: bytes.toString('utf8') })
      const version = message.get('MSH.12').toString()
      if (!isKnownVersion(version)) throw new Error('node-hl7-client does not know this HL7 version')
      const connection = await connectFor(version)
      await connection.sendMessage(message)
    },
    close: () => {
      for (const { client } of open.values()) client.closeAll()
    },
  }
}

/** The package connects by itself (its `connect()` does nothing in the state it starts in) and reports a refusal nowhere: time is the only judge. */
function connected(connection: PeerConnection, withinMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('no connection in time')), withinMs)
    connection.once('connect', () => {
      clearTimeout(timer)
      resolve()
    })
  })
}
