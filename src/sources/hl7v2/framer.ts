const VT = 0x0b
const FS = 0x1c
const CR = 0x0d

/**
 * What can be wrong with a stream of frames. `junk-before-start`: bytes other than NUL and white space between frames; `missing-end`: a new
 * start, or the end of the stream, before FS CR; `fs-without-cr`: FS directly followed by the next start, which ends the frame;
 * `too-large`: over the limit; `too-much-junk`: the stream carries no frames; `timed-out`: the frame did not end in time.
 */
export type FrameFault =
  | 'junk-before-start'
  | 'missing-end'
  | 'fs-without-cr'
  | 'too-large'
  | 'too-much-junk'
  | 'timed-out'

export type FramerOptions = {
  /** Longest payload in bytes. */
  readonly maxBytes: number
  /** Junk between frames tolerated in a row, bytes; default 4,096. */
  readonly maxJunkBytes?: number
  /** The payload between VT and FS CR, exactly as sent. */
  readonly onFrame: (payload: Buffer) => void
  readonly onFault: (fault: FrameFault) => void
  /** Bytes that belong to no delivered frame, at most the limit. */
  readonly onDeadLetter: (bytes: Buffer, fault: FrameFault) => void
}

/**
 * Cuts a byte stream into MLLP frames (`VT payload FS CR`), whatever its pieces. FS not followed by CR ends the frame only before VT;
 * anywhere else it is data (Decision "small print"). Each byte is looked at once; a frame over several pieces is joined once, at its end.
 * After `too-large` or `too-much-junk` the stream cannot be trusted: the framer stops and takes nothing more.
 */
export class Framer {
  readonly #options: FramerOptions
  #state: 'between' | 'inside' | 'stopped' = 'between'
  /** The unfinished frame: a view of the one piece it came in, or a growing copy of several. */
  #held: Buffer = emptyBytes
  #size = 0
  /** The last byte so far was FS: the next one decides what it means. It is not held yet. */
  #isEndPending = false
  #junk: Buffer[] = []
  #junkSize = 0
  #abandonedInARow = 0
  #framesStarted = 0
  /** Where the next FS of the current piece stands, so that a piece full of starts is still searched once. */
  #nextFs = -1

  constructor(options: FramerOptions) {
    this.#options = options
  }

  get isInsideFrame(): boolean {
    return this.#state === 'inside'
  }

  /** Starts seen so far: tells one unfinished frame from the next. */
  get framesStarted(): number {
    return this.#framesStarted
  }

  get isStopped(): boolean {
    return this.#state === 'stopped'
  }

  /** Bytes of the unfinished frame held so far. */
  get heldBytes(): number {
    return this.#size
  }

  push(chunk: Buffer): void {
    let at = 0
    this.#nextFs = chunk.indexOf(FS)
    while (at < chunk.length && this.#state !== 'stopped') {
      at = this.#state === 'between' ? this.#findStart(chunk, at) : this.#findEnd(chunk, at)
    }
  }

  /** The stream ends, or is given up (`timed-out`): what is held goes to dead letter. */
  end(fault: 'missing-end' | 'timed-out' = 'missing-end'): void {
    this.#closeJunk()
    if (this.#state === 'inside') this.#abandon(fault)
    this.#state = 'stopped'
  }

  #findStart(chunk: Buffer, at: number): number {
    const start = chunk.indexOf(VT, at)
    const end = start < 0 ? chunk.length : start
    if (end > at) this.#noteJunk(chunk.subarray(at, end))
    if (start < 0 || this.isStopped) return end
    this.#closeJunk()
    this.#state = 'inside'
    this.#framesStarted += 1
    return start + 1
  }

  #findEnd(chunk: Buffer, at: number): number {
    if (this.#isEndPending) return this.#settleEnd(chunk, at)
    if (this.#nextFs >= 0 && this.#nextFs < at) this.#nextFs = chunk.indexOf(FS, at)
    const fs = this.#nextFs
    const stop = fs < 0 ? chunk.length : fs
    const vt = chunk.subarray(at, stop).indexOf(VT)
    if (vt >= 0) {
      this.#keep(chunk.subarray(at, at + vt))
      if (this.isStopped) return chunk.length
      this.#abandon('missing-end')
      this.#framesStarted += 1
      return at + vt + 1
    }
    this.#keep(chunk.subarray(at, stop))
    if (fs < 0 || this.isStopped) return chunk.length
    this.#isEndPending = true
    return fs + 1
  }

  #settleEnd(chunk: Buffer, at: number): number {
    this.#isEndPending = false
    if (chunk[at] === CR) {
      this.#deliver()
      this.#state = 'between'
      return at + 1
    }
    if (chunk[at] === VT) {
      this.#options.onFault('fs-without-cr')
      this.#deliver()
      this.#framesStarted += 1
      return at + 1
    }
    this.#keep(fsByte)
    return at
  }

  #keep(piece: Buffer): void {
    if (piece.length === 0) return
    const room = this.#options.maxBytes - this.#size
    const kept = piece.length > room ? piece.subarray(0, room) : piece
    if (this.#size === 0) this.#held = kept
    else this.#append(kept)
    this.#size += kept.length
    if (kept === piece) return
    this.#isEndPending = false
    this.#state = 'stopped'
    this.#options.onFault('too-large')
    this.#options.onDeadLetter(this.#take(), 'too-large')
  }

  /** Doubling keeps the cost linear and, unlike a list of pieces, the memory bounded when the pieces are single bytes. */
  #append(piece: Buffer): void {
    const needed = this.#size + piece.length
    if (needed > this.#held.length) {
      const roomy = Buffer.allocUnsafe(Math.max(needed, Math.min(needed * 2, this.#options.maxBytes), 4096))
      this.#held.copy(roomy, 0, 0, this.#size)
      this.#held = roomy
    }
    piece.copy(this.#held, this.#size)
  }

  #deliver(): void {
    this.#abandonedInARow = 0
    this.#options.onFrame(this.#take())
  }

  #abandon(fault: 'missing-end' | 'timed-out'): void {
    if (this.#isEndPending) this.#keep(fsByte)
    this.#isEndPending = false
    if (this.isStopped) return
    this.#options.onFault(fault)
    if (this.#size > 0) this.#options.onDeadLetter(this.#take(), fault)
    this.#abandonedInARow += 1
    if (this.#abandonedInARow < 1000) return
    this.#state = 'stopped'
    this.#options.onFault('too-much-junk')
  }

  #take(): Buffer {
    const bytes = this.#held.subarray(0, this.#size)
    this.#held = emptyBytes
    this.#size = 0
    return bytes
  }

  #noteJunk(between: Buffer): void {
    // NULs and white space are common keep-alives; once something else came, all that follows it is evidence.
    const first = this.#junkSize > 0 ? 0 : between.findIndex(byte => !isFiller(byte))
    if (first < 0) return
    const bytes = between.subarray(first)
    if (this.#junkSize === 0) this.#options.onFault('junk-before-start')
    const room = (this.#options.maxJunkBytes ?? 4096) - this.#junkSize
    this.#junk.push(bytes.subarray(0, room))
    this.#junkSize += bytes.length
    if (bytes.length <= room) return
    this.#state = 'stopped'
    this.#options.onFault('too-much-junk')
    this.#options.onDeadLetter(this.#takeJunk(), 'too-much-junk')
  }

  #closeJunk(): void {
    if (this.#junkSize > 0) this.#options.onDeadLetter(this.#takeJunk(), 'junk-before-start')
  }

  #takeJunk(): Buffer {
    const bytes = Buffer.concat(this.#junk)
    this.#junk = []
    this.#junkSize = 0
    return bytes
  }
}

function isFiller(byte: number): boolean {
  return byte === 0 || byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
}

const fsByte = Buffer.from([FS])
const emptyBytes = Buffer.alloc(0)

/** `VT payload FS CR`. */
export function frameOf(payload: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(payload.length + 3)
  frame[0] = VT
  frame.set(payload, 1)
  frame[payload.length + 1] = FS
  frame[payload.length + 2] = CR
  return frame
}
