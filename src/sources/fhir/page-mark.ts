import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { FhirCall } from './call.ts'
import type { Hmac } from './identity.ts'

/**
 * Marks of the next page: where it starts, sealed for this caller, type and query. A mark that was altered, made for another caller, or for
 * another query, is 400.
 */
export type PageMarks = {
  /** The query of the page after this id. */
  readonly after: (id: string) => URLSearchParams
  /** Where the page that was asked for starts. */
  readonly asked: string | undefined
}

/** `applied`: the parameters that took effect, without the mark. */
export function pageMarks(call: FhirCall, applied: URLSearchParams, hmac: Hmac): PageMarks {
  const { subject, role } = call.principal
  const whose = call.headers['nhsd-end-user-organisation-ods'] ?? ''
  const sealOf = (id: string): string =>
    hmac('page', subject, role, whose, call.type, applied.toString(), id).slice(0, 24)
  const after = (id: string): URLSearchParams => {
    const next = new URLSearchParams(applied)
    next.set('_page', `${id}.${sealOf(id)}`)
    return next
  }
  const mark = call.query.get('_page')
  if (mark === null) return { after, asked: undefined }
  const at = mark.lastIndexOf('.')
  const id = mark.slice(0, at)
  if (at < 1 || mark.slice(at + 1) !== sealOf(id)) throw new Refusal(400, [issue('parameter-invalid', '_page')])
  return { after, asked: id }
}
