import type { FhirAnswer, FhirCall } from './call.ts'

/**
 * Conditional read (R4 http.html 3.1.0.5.1): 304 without a body when the caller holds this version already. `If-None-Match` decides when it
 * is given, weak and strong ETags alike, `*` for any; else `If-Modified-Since`, by the second.
 */
export function unlessHeld(answer: FhirAnswer, headers: FhirCall['headers']): FhirAnswer {
  if (answer.status !== 200 || !answer.headers) return answer
  return isHeld(answer.headers, headers) ? { status: 304, headers: answer.headers } : answer
}

function isHeld(own: Readonly<Record<string, string>>, headers: FhirCall['headers']): boolean {
  const tags = headers['if-none-match']
  if (tags !== undefined) {
    const tag = plain(own['ETag'] ?? '')
    return tag !== '' && (tags.trim() === '*' || tags.split(',').some(one => plain(one) === tag))
  }
  const since = Date.parse(headers['if-modified-since'] ?? '')
  const modified = Date.parse(own['Last-Modified'] ?? '')
  return modified <= since
}

function plain(tag: string): string {
  return tag.trim().replace(/^W\//, '')
}
