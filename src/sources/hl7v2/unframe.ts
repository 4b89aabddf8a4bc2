import { limits } from '../../config.ts'
import { Framer } from './framer.ts'

const lineEnd = Buffer.from('\r')

/** A file written with its MLLP frames (VT … FS CR) as the list of its payloads, piece by piece; any other as it is. */
export async function* unframed(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let frames: Frames | undefined
  let isStart = true
  for await (const chunk of stream) {
    if (isStart && chunk[0] === 0x0b) frames = new Frames()
    isStart = false
    yield frames ? frames.push(chunk) : chunk
  }
  if (frames) yield frames.end()
}

/** The same of a file held whole. */
export function withoutFrames(bytes: Buffer): Buffer {
  if (bytes[0] !== 0x0b) return bytes
  const frames = new Frames()
  return Buffer.concat([frames.push(bytes), frames.end()])
}

class Frames {
  #payloads: Buffer[] = []
  readonly #framer = new Framer({
    maxBytes: limits.mllpMessage,
    onFrame: payload => this.#payloads.push(payload, lineEnd),
    onFault: () => undefined,
    onDeadLetter: bytes => this.#payloads.push(bytes, lineEnd),
  })

  push(chunk: Buffer): Buffer {
    this.#framer.push(chunk)
    return this.#taken()
  }

  end(): Buffer {
    this.#framer.end()
    return this.#taken()
  }

  #taken(): Buffer {
    const payloads = this.#payloads
    this.#payloads = []
    return Buffer.concat(payloads)
  }
}
