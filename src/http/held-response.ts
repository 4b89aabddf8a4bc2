import type { Response } from 'express'

/**
 * Holds the answer back until `before` has resolved: status, headers and every byte wait. When it rejects, nothing of the answer leaves
 * and `instead` is called with the untouched response. Streams keep their back-pressure. Call it before the handler runs.
 */
export function holdAnswer(response: Response, before: () => Promise<void>, instead: (cause: unknown) => void): void {
  const { write, end, flushHeaders } = response
  let state: 'idle' | 'held' | 'open' | 'dropped' = 'idle'
  let queued: (() => void)[] = []

  const restore = (): void => {
    Object.assign(response, { write, end, flushHeaders })
  }
  const begin = async (): Promise<void> => {
    state = 'held'
    try {
      await before()
    } catch (cause) {
      state = 'dropped'
      queued = []
      restore()
      instead(cause)
      return
    }
    state = 'open'
    restore()
    for (const step of queued) step()
    queued = []
    if (!response.writableEnded) response.emit('drain')
  }
  const hold = (step: () => void): void => {
    if (state === 'dropped') return
    queued.push(step)
    if (state === 'idle') void begin()
  }

  response.write = ((...parts: Parameters<typeof write>) => {
    if (state === 'open') return write.apply(response, parts)
    hold(() => void write.apply(response, parts))
    return false
  }) as typeof write
  response.end = ((...parts: Parameters<typeof end>) => {
    if (state === 'open') return end.apply(response, parts)
    hold(() => void end.apply(response, parts))
    return response
  }) as typeof end
  response.flushHeaders = () => {
    if (state === 'open') flushHeaders.call(response)
    else hold(() => flushHeaders.call(response))
  }
}
