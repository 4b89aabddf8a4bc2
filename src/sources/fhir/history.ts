import { parseInstant } from '../../fls/dates.ts'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { FhirAnswer, FhirCall } from './call.ts'
import type { Hmac } from './identity.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { pageMarks } from './page-mark.ts'
import { mergedLiterals } from './rewrite.ts'
import { badParameter } from './search-conditions.ts'

const mostVersions = 200

/** One version as history lists it: `ordinal` from 1 for the oldest; `at`: when it was kept; `load` reads its content. */
export type HistoryVersion = {
  readonly ordinal: number
  readonly versionId: string
  readonly at?: Date
  readonly load: () => Promise<FhirAnswer>
}

/**
 * Instance history, newest first; `_since` and `_count` narrow it, the rest comes on the next page. A version whose content expired by
 * retention is listed without it, as 410.
 */
export async function historyBundle(
  call: FhirCall,
  address: string,
  versions: readonly HistoryVersion[],
  hmac: Hmac,
): Promise<FhirAnswer> {
  const applied = new URLSearchParams([...call.query].filter(([name]) => name === '_since' || name === '_count'))
  const pages = pageMarks(call, applied, hmac)
  const since = sinceOf(call.query.get('_since'))
  const count = countOf(call.query.get('_count'))
  const listed = versions
    .filter(({ at }) => since === undefined || (at !== undefined && at.getTime() >= since))
    .toSorted((a, b) => b.ordinal - a.ordinal)
  const from = pages.asked === undefined ? 0 : listed.findIndex(({ ordinal }) => ordinal < Number(pages.asked))
  const page = from < 0 ? [] : listed.slice(from, from + count)
  const answers = await Promise.all(page.map(version => contentOf(version)))
  const last = page.at(-1)
  const link: JsonValue[] = [{ relation: 'self', url: withQuery(`${address}/_history`, applied) }]
  if (last && count > 0 && from + count < listed.length)
    link.push({ relation: 'next', url: withQuery(`${address}/_history`, pages.after(String(last.ordinal))) })
  const entry = page.map((version, index) => entryOf(call, address, version, answers[index]))
  call.log({ rows: entry.length })
  return {
    status: 200,
    resource: {
      resourceType: 'Bundle',
      type: 'history',
      total: listed.length,
      link,
      ...(entry.length > 0 ? { entry } : {}),
    },
    literals: mergedLiterals(answers.map(answer => answer?.literals)),
  }
}

async function contentOf({ load }: HistoryVersion): Promise<FhirAnswer | undefined> {
  try {
    return await load()
  } catch (error) {
    if (error instanceof Refusal && error.status === 410) return undefined
    throw error
  }
}

function entryOf(
  { type, id = '' }: FhirCall,
  address: string,
  { ordinal, versionId, at }: HistoryVersion,
  answer: FhirAnswer | undefined,
): JsonObject {
  const isFirst = ordinal === 1
  const status = answer === undefined ? '410 Gone' : isFirst ? '201 Created' : '200 OK'
  return {
    fullUrl: address,
    ...(answer?.resource ? { resource: answer.resource } : {}),
    request: { method: isFirst ? 'POST' : 'PUT', url: isFirst ? type : `${type}/${id}` },
    response: { status, etag: `W/"${versionId}"`, ...(at ? { lastModified: at.toISOString() } : {}) },
  }
}

function sinceOf(text: string | null): number | undefined {
  if (text === null) return undefined
  const instant = parseInstant(text.replace(/ (\d{2}:\d{2})$/, '+$1'))
  if (!instant) throw new Refusal(400, [issue('parameter-invalid', '_since', { hint: 'an instant with zone' })])
  return Date.parse(instant)
}

function countOf(text: string | null): number {
  if (text === null) return mostVersions
  if (!/^\d{1,9}$/.test(text)) throw badParameter('_count')
  return Math.min(Number(text), mostVersions)
}

function withQuery(address: string, query: URLSearchParams): string {
  return query.size > 0 ? `${address}?${query}` : address
}
