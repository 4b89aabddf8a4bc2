import {
  type ClientSession,
  type ClientSessionOptions,
  type ClusterTime,
  type Db,
  MongoClient,
  type MongoClientOptions,
  type Timestamp,
} from 'mongodb'

/**
 * A client that reads what it wrote, whoever is primary meanwhile. A new primary knows at once every write a majority has, but reads of level
 * majority show it only once the primary itself has learnt that a majority has it: for some milliseconds after a fail-over they show an older
 * state. A worker that wrote facts and read them back there would carry nothing down, and mark its entries done.
 *
 * So every operation asks for the state after the last one this client has heard of (causal consistency, over all operations of a client and
 * not of one session). Of two processes that write and then look for what the other wrote, at least one therefore sees the other.
 */
export class CausalClient extends MongoClient {
  readonly #aside: MongoClient
  #operationTime: Timestamp | undefined
  #clusterTime: ClusterTime | undefined

  constructor(uri: string, options: MongoClientOptions) {
    super(uri, options)
    this.#aside = new MongoClient(uri, { ...options, maxPoolSize: asidePoolSize })
  }

  /** Both at once: a client of the driver that first connects in an outage stays closed for good. */
  override async connect(): Promise<this> {
    await Promise.all([super.connect(), this.#aside.connect()])
    return this
  }

  /** Called by the driver for each operation and cursor, too. */
  override startSession(options?: ClientSessionOptions): ClientSession {
    const session = super.startSession({ ...options, causalConsistency: true })
    if (this.#clusterTime) session.advanceClusterTime(this.#clusterTime)
    if (this.#operationTime) session.advanceOperationTime(this.#operationTime)
    session.once('ended', () => this.#hear(session))
    return session
  }

  override async close(): Promise<void> {
    await Promise.all([super.close(), this.#aside.close()])
  }

  aside(name: string): Db {
    return this.#aside.db(name)
  }

  #hear({ operationTime, clusterTime }: ClientSession): void {
    if (operationTime && !this.#operationTime?.greaterThan(operationTime)) this.#operationTime = operationTime
    if (clusterTime && !this.#clusterTime?.clusterTime.greaterThan(clusterTime.clusterTime))
      this.#clusterTime = clusterTime
  }
}

const asidePoolSize = 20

/**
 * The same database outside that order, for what does not wait for the journal: a read that had to follow it would wait for the next time the
 * journal is written by itself, up to 100 ms.
 */
export const asideOf = (db: Db): Db => (db.client instanceof CausalClient ? db.client.aside(db.databaseName) : db)
