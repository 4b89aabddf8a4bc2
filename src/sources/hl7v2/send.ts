import type { ConnectionOptions } from 'node:tls'
import { answerIsCertain } from './acknowledge.ts'
import { type Carrier, type CarrierOptions, openExactCarrier } from './carrier.ts'
import { openClientCarrier } from './client-carrier.ts'
import { type Message, parseMessage } from './message.ts'

/**
 * What came back for one message. `answered`: MSA-2 is its MSH-10 (or empty, where the listener could not read the header); `no-answer`:
 * nothing in time, or the connection closed; `none-due`: the message itself asks for silence; `not-sent`: the carrier cannot take it.
 */
export type SendResult = {
  /** Place among the messages, from 1. */
  readonly ordinal: number
  readonly controlId: string
  readonly kind: 'answered' | 'no-answer' | 'none-due' | 'not-sent'
  /** MSA-1, where answered. */
  readonly code: string
  /** MSA-3 and ERR-8 of the answer: texts of the listener. */
  readonly texts: readonly string[]
  readonly ms: number
  /** Answers that came in the meantime and belonged to another message. */
  readonly strayAnswers: number
}

export type SendOptions = {
  readonly host: string
  readonly port: number
  /** Each one message; take batches apart first. */
  readonly messages: Iterable<Buffer> | AsyncIterable<Buffer>
  readonly onAck: (result: SendResult) => void | Promise<void>
  readonly tls?: ConnectionOptions
  /** `exact` (default): the bytes as they are. `node-hl7-client`: an independent peer, which writes messages anew. */
  readonly through?: 'exact' | 'node-hl7-client'
  readonly answerTimeoutMs?: number
  readonly connectTimeoutMs?: number
}

/** How long to listen for an answer the message does not ask for in every case (MSH-15 ER, SU, NE). */
const unaskedMs = 500

/**
 * Sends messages to an MLLP listener, one in flight, the next only after the answer to the last, and checks MSA-2 of every answer against
 * MSH-10. After a missing answer the connection is opened anew, so that a late answer is never taken for the next message's.
 * Rejects when no connection can be made. Resolves to the number of positive answers.
 */
export async function sendMessages(options: SendOptions): Promise<number> {
  const line = new Line(options)
  let positive = 0
  let ordinal = 0
  try {
    for await (const message of options.messages) {
      ordinal += 1
      const result = await line.exchange(message, ordinal)
      if (result.code === 'AA' || result.code === 'CA') positive += 1
      await options.onAck(result)
    }
  } finally {
    line.close()
  }
  return positive
}

type Waiting = { readonly hear: (payload: Buffer | undefined) => void }

class Line {
  readonly #options: SendOptions
  #carrier: Carrier | undefined
  #waiting: Waiting | undefined

  constructor(options: SendOptions) {
    this.#options = options
  }

  async exchange(message: Buffer, ordinal: number): Promise<SendResult> {
    const controlId = parseMessage(message)?.header.controlId ?? ''
    const isAnswerCertain = answerIsCertain(message)
    const carrier = await this.#open()
    const started = performance.now()
    const result = (kind: SendResult['kind'], strayAnswers: number, answer?: Message): SendResult => ({
      ordinal,
      controlId,
      kind,
      code: answer?.first('MSA')?.component(1) ?? '',
      texts: answer ? textsOf(answer) : [],
      ms: Math.round((performance.now() - started) * 10) / 10,
      strayAnswers,
    })
    const waitMs = isAnswerCertain ? (this.#options.answerTimeoutMs ?? 30_000) : unaskedMs
    const { answer, strays } = this.#awaitAnswer(controlId, waitMs)
    try {
      await carrier.post(message)
    } catch {
      this.#waiting?.hear(undefined)
      return result('not-sent', 0)
    }
    const heard = await answer
    if (heard) return result('answered', strays(), heard)
    if (!isAnswerCertain) return result('none-due', strays())
    this.close()
    return result('no-answer', strays())
  }

  close(): void {
    this.#carrier?.close()
    this.#carrier = undefined
  }

  async #open(): Promise<Carrier> {
    if (this.#carrier) return this.#carrier
    const { host, port, tls, connectTimeoutMs = 5_000, through = 'exact' } = this.#options
    const isCurrent = () => this.#carrier === opened
    const carrierOptions: CarrierOptions = {
      host,
      port,
      connectTimeoutMs,
      ...(tls ? { tls } : {}),
      onAnswer: payload => {
        if (isCurrent()) this.#waiting?.hear(payload)
      },
      onClose: () => {
        // The end of a connection given up earlier says nothing about the present one.
        if (!isCurrent()) return
        this.#carrier = undefined
        this.#waiting?.hear(undefined)
      },
    }
    const opened: Carrier = await (through === 'exact'
      ? openExactCarrier(carrierOptions)
      : openClientCarrier(carrierOptions))
    this.#carrier = opened
    return opened
  }

  /** Resolves to our answer, or undefined after the time or when the connection closes. */
  #awaitAnswer(controlId: string, waitMs: number) {
    let strays = 0
    const answer = new Promise<Message | undefined>(resolve => {
      const finish = (message: Message | undefined) => {
        clearTimeout(timer)
        this.#waiting = undefined
        resolve(message)
      }
      const timer = setTimeout(() => finish(undefined), waitMs)
      this.#waiting = {
        hear: payload => {
          const message = payload && parseMessage(payload)
          if (!payload) finish(undefined)
          else if (message && isAnswerTo(message, controlId)) finish(message)
          else strays += 1
        },
      }
    })
    return { answer, strays: () => strays }
  }
}

function isAnswerTo(answer: Message, controlId: string): boolean {
  const msa = answer.first('MSA')
  if (!msa) return false
  const answered = msa.field(2).text
  return answered === controlId || (answered === '' && /[RE]$/.test(msa.component(1)))
}

function textsOf(answer: Message): readonly string[] {
  const texts = [answer.first('MSA')?.field(3).text, ...answer.segments('ERR').map(error => error.field(8).text)]
  return texts.filter((text): text is string => text !== undefined && text !== '')
}
