import { parseInstant } from '../../fls/dates.ts'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { ExportRequest } from '../../store/bulk-exports.ts'
import type { FhirCall } from './call.ts'
import { objectsAt, textAt } from './json.ts'
import { preferences } from './prefer.ts'
import { badParameter } from './search-conditions.ts'

/** What an export holds, by resource type: everything else is refused. */
export const exportedTypes = ['Condition', 'EpisodeOfCare', 'QuestionnaireResponse'] as const
const formats: ReadonlySet<string> = new Set(['application/fhir+ndjson', 'application/ndjson', 'ndjson'])

/**
 * Reads a kick-off (Bulk Data, STU2 and the STU4 ballot: repeated parameters and comma lists, GET and POST with Parameters). 400 without
 * `Prefer: respond-async`, for formats other than NDJSON, and for parameters and types that are not offered, unless `handling=lenient`.
 */
export function exportRequest(call: FhirCall, address: string): ExportRequest {
  const { isAsync, handling } = preferences(call.headers['prefer'])
  if (!isAsync) throw new Refusal(400, [issue('parameter-invalid', 'Prefer', { hint: 'respond-async' })])
  const types: string[] = []
  let since: Date | undefined
  for (const [name, value] of givenIn(call)) {
    if (name === '_type') types.push(...value.split(',').map(one => one.trim()))
    else if (name === '_since') since = sinceOf(value)
    else if (name === '_outputFormat') checkFormat(value)
    else if (name !== '_format' && handling !== 'lenient') {
      const where = /^[\w.:-]{1,64}$/.test(name) ? name : 'parameter'
      throw new Refusal(400, [issue('parameter-not-supported', where, { hint: '_type, _since, _outputFormat' })])
    }
  }
  const known = exportedTypes.filter(type => types.includes(type))
  if (new Set(types).size > known.length && (handling !== 'lenient' || known.length === 0))
    throw badParameter('_type', exportedTypes.join(', '))
  return {
    address: call.query.size > 0 ? `${address}?${call.query}` : address,
    types: known.length > 0 ? known : exportedTypes,
    ...(since ? { since } : {}),
    ...(call.id === undefined ? {} : { site: call.id }),
  }
}

function givenIn({ query, body }: FhirCall): readonly (readonly [string, string])[] {
  const inBody = objectsAt(body?.resource, 'parameter').map(parameter => {
    const member = Object.keys(parameter).find(name => name.startsWith('value')) ?? ''
    return [textAt(parameter, 'name') ?? '', textAt(parameter, member) ?? ''] as const
  })
  return [...query, ...inBody]
}

/** An instant, or a date: its first moment. */
function sinceOf(text: string): Date {
  const stated = text.replace(/ (\d{2}:\d{2})$/, '+$1')
  const instant = parseInstant(/^\d{4}-\d{2}-\d{2}$/.test(stated) ? `${stated}T00:00:00Z` : stated)
  if (!instant) throw badParameter('_since', 'an instant')
  return new Date(instant)
}

function checkFormat(text: string): void {
  // A blank stands for the plus sign of an unescaped type.
  if (!formats.has(text.replace('fhir ndjson', 'fhir+ndjson')))
    throw badParameter('_outputFormat', 'application/fhir+ndjson')
}
