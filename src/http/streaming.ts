import { once } from 'node:events'
import type { Response } from 'express'

/** The caller hung up, or the answer was taken away: whoever was writing stops. */
export class AnswerGone extends Error {
  readonly code = 'answer-gone'
}

/** Writes a part and waits while the caller reads slower than we write. Throws `AnswerGone` when nobody reads any more. */
export async function writePart(response: Response, part: Buffer | string): Promise<void> {
  if (response.destroyed || response.writableEnded) throw new AnswerGone('the answer has no reader')
  if (!response.write(part)) await Promise.race([once(response, 'drain'), once(response, 'close')])
}
