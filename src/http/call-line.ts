import { isDeepStrictEqual } from 'node:util'
import type { AccessLine, AccessLog } from '../store/access-log.ts'
import type { AccessNote } from './route.ts'

type About = Parameters<AccessNote>[0]

/** The access-log line of one call. `note` adds whom it is about; `settle` resolves when the log says what is about to be answered. */
export type CallLine = { readonly note: AccessNote; readonly settle: () => Promise<void> }

/**
 * `lineNow`: the line as it would be written at this moment; `expected`: with this status instead of that of the response. A line written
 * ahead stands when the answer is what was expected; otherwise the true one follows it.
 */
export function openCallLine(
  accessLog: Pick<AccessLog, 'append'>,
  lineNow: (about: About, expected?: number) => AccessLine,
): CallLine {
  const about: { -readonly [K in keyof About]: About[K] } = {}
  let ahead: { readonly line: AccessLine; readonly written: Promise<Error | undefined> } | undefined
  return {
    note: (more, expected) => {
      if (more.episodes) about.episodes = [...(about.episodes ?? []), ...more.episodes]
      if (more.persons) about.persons = [...(about.persons ?? []), ...more.persons]
      if (more.inboxIds) about.inboxIds = [...(about.inboxIds ?? []), ...more.inboxIds]
      if (more.rows !== undefined) about.rows = (about.rows ?? 0) + more.rows
      if (expected === undefined || ahead) return
      const line = lineNow(about, expected)
      // Waited for in `settle`: until then a failure is a value, or it would end the process.
      ahead = { line, written: accessLog.append(line).then(() => undefined, failureOf) }
    },
    settle: async () => {
      const line = lineNow(about)
      const failure = await ahead?.written
      if (failure) throw failure
      if (!ahead || !isDeepStrictEqual({ ...line, at: ahead.line.at }, ahead.line)) await accessLog.append(line)
    },
  }
}

function failureOf(cause: unknown): Error {
  return cause instanceof Error ? cause : new Error('the access log failed', { cause })
}
