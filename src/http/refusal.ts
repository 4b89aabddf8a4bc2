import type { Issue } from '../fls/issue.ts'

/** Thrown by handlers and doors to answer with `status` and these issues; the app's error handler is the only place that writes it out. */
export class Refusal extends Error {
  readonly code = 'refusal'
  readonly status: number
  readonly issues: readonly Issue[]
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, issues: readonly Issue[], headers: Readonly<Record<string, string>> = {}) {
    super(issues.map(found => found.code).join(', '))
    this.status = status
    this.issues = issues
    this.headers = headers
  }
}
