import { randomUUID } from 'node:crypto'
import type { Response } from 'express'
import { IdentityProviderUnavailable } from '../access/token.ts'
import { describeIssue, type Issue, issue, issueCodes } from '../fls/issue.ts'
import { PracticeClosed, StorageUncertain } from '../sources/arrival.ts'
import { operationOutcome } from '../sources/fhir/operation-outcome.ts'
import { OptOutListStale } from '../store/opt-outs.ts'
import { isDatabaseTrouble } from '../store/store.ts'
import type { Logger } from './logger.ts'
import { Refusal } from './refusal.ts'

/** What goes out for a thrown error. `reference`: opaque, also in the log, for errors that are ours. */
export type Answer = {
  readonly status: number
  readonly issues: readonly Issue[]
  readonly headers: Readonly<Record<string, string>>
  readonly reference?: string
}

/** THE mapper from anything thrown to an answer. Unknown exceptions become 500 with a reference; their text goes nowhere. */
export function answerOf(error: unknown, logger: Logger): Answer {
  if (error instanceof Refusal) return { status: error.status, issues: error.issues, headers: error.headers }
  if (error instanceof PracticeClosed) {
    const hint = error.since ? { hint: `closed since ${error.since.slice(0, 10)}` } : {}
    return plain(403, issue('practice-closed', 'practice', hint))
  }
  if (error instanceof StorageUncertain || isDatabaseTrouble(error)) return retryLater(issue('storage-uncertain', ''))
  if (error instanceof OptOutListStale) return retryLater(issue('opt-out-list-stale', ''))
  if (error instanceof IdentityProviderUnavailable) return ours(error, logger, 503)
  return bodyFault(error) ?? ours(error, logger, 500)
}

/** Writes the answer: OperationOutcome below `/fhir`, problem details (RFC 9457) elsewhere; both carry the same issues. */
export function sendAnswer(response: Response, path: string, answer: Answer): void {
  const { status, issues, headers, reference } = answer
  response.status(status).set('Cache-Control', 'no-store').set(headers)
  if (path === '/fhir' || path.startsWith('/fhir/')) {
    response.type('application/fhir+json').send(JSON.stringify(outcomeOf(issues, reference)))
    return
  }
  response.type('application/problem+json').send(JSON.stringify(problemOf(status, issues, reference)))
}

export type Problem = {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly instance?: string
  readonly issues: readonly ReturnType<typeof describeIssue>[]
}

/** RFC 9457 problem details; `type` is the code of the first issue under our own name space. */
export function problemOf(status: number, issues: readonly Issue[], reference?: string): Problem {
  const [first] = issues
  return {
    type: `urn:fls-db:issue:${first?.code ?? 'internal-error'}`,
    title: first ? issueCodes[first.code].text : issueCodes['internal-error'].text,
    status,
    ...(reference ? { instance: `urn:uuid:${reference}` } : {}),
    issues: issues.map(describeIssue),
  }
}

function outcomeOf(issues: readonly Issue[], reference: string | undefined): object {
  const outcome = operationOutcome(issues)
  return reference ? { ...outcome, id: reference } : outcome
}

function plain(status: number, found: Issue): Answer {
  return { status, issues: [found], headers: {} }
}

function retryLater(found: Issue): Answer {
  return { status: 503, issues: [found], headers: { 'Retry-After': '5' } }
}

function ours(error: unknown, logger: Logger, status: number): Answer {
  const reference = randomUUID()
  logger.failure(reference, error)
  return { status, issues: [issue('internal-error', '')], headers: {}, reference }
}

/** Errors of Node and Express themselves that are the caller's: broken bodies and addresses, aborted uploads. */
function bodyFault(error: unknown): Answer | undefined {
  if (error instanceof URIError) return plain(400, issue('parameter-invalid', 'address'))
  if (!(error instanceof Error) || !('status' in error) || typeof error.status !== 'number') return undefined
  const type = 'type' in error && typeof error.type === 'string' ? error.type : ''
  if (error.status === 413) return plain(413, issue('payload-too-large', ''))
  if (error.status === 415) return plain(415, issue('media-type-not-supported', 'Content-Type'))
  if (type === 'entity.parse.failed') return plain(400, issue('json-invalid', ''))
  return error.status >= 400 && error.status < 500 ? plain(error.status, issue('parameter-invalid', '')) : undefined
}
