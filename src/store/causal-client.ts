import { type ClientSession, type ClientSessionOptions, type ClusterTime, MongoClient, type Timestamp } from 'mongodb'

/**
 * A client that reads what it wrote, whoever is primary meanwhile. A new primary knows at once every write a majority has, but reads of level
 * majority show it only once the primary itself has learnt that a majority has it: for some milliseconds after a fail-over they show an older
 * state. A worker that wrote facts and read them back there would carry nothing down, and mark its entries done.
 *
 * So every operation asks for the state after the last one this client has heard of (causal consistency, over all operations of a client and
 * not of one session). Of two processes that write and then look for what the other wrote, at least one therefore sees the other.
 */
export class CausalClient extends MongoClient {
  #operationTime: Timestamp | undefined
  #clusterTime: ClusterTime | undefined

  /** Called by the driver for each operation and cursor, too. */
  override startSession(options?: ClientSessionOptions): ClientSession {
    const session = super.startSession({ ...options, causalConsistency: true })
    if (this.#clusterTime) session.advanceClusterTime(this.#clusterTime)
    if (this.#operationTime) session.advanceOperationTime(this.#operationTime)
    session.once('ended', () => this.#hear(session))
    return session
  }

  #hear({ operationTime, clusterTime }: ClientSession): void {
    if (operationTime && !this.#operationTime?.greaterThan(operationTime)) this.#operationTime = operationTime
    if (clusterTime && !this.#clusterTime?.clusterTime.greaterThan(clusterTime.clusterTime))
      this.#clusterTime = clusterTime
  }
}
