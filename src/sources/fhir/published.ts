import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import type { FhirAnswer, FhirCall, TypeHandlers } from './call.ts'
import { historyBundle } from './history.ts'
import type { Hmac } from './identity.ts'
import { type JsonObject, textAt } from './json.ts'
import { meets } from './search-conditions.ts'
import { searchParametersOf } from './search-parameters.ts'
import { askedSearch } from './search-query.ts'
import { searchTermsOf } from './search-terms.ts'
import { searchset } from './searchset.ts'

/** What serving resources that come with the release needs. */
export type PublishedDeps = {
  /** `FLSDB_PUBLIC_URL` with `/fhir`. */
  readonly base: string
  readonly hmac: Hmac
  readonly clock: () => Date
}

/**
 * Read, vread, history and search over resources that come with the release: forms, terminology, definitions. `all`: every version, newest
 * last; the version of a resource names its version on the wire. Nothing here is about a patient.
 */
export function publishedHandlers(
  all: () => readonly JsonObject[] | Promise<readonly JsonObject[]>,
  deps: PublishedDeps,
): TypeHandlers {
  const versionsOf = async (call: FhirCall): Promise<readonly JsonObject[]> => {
    const versions = (await all()).filter(one => one['id'] === call.id)
    if (versions.length === 0) throw notFound(call)
    return versions
  }
  const read = async (call: FhirCall): Promise<FhirAnswer> => {
    const versions = await versionsOf(call)
    const wanted = call.version === undefined ? versions.at(-1) : versions.find(one => versionOf(one) === call.version)
    if (!wanted) throw notFound(call)
    return answerOf(wanted)
  }
  return {
    read,
    vread: read,
    search: async call => search(call, await all(), deps),
    history: async call => {
      const versions = (await versionsOf(call)).map((resource, index) => ({
        ordinal: index + 1,
        versionId: versionOf(resource),
        load: async () => answerOf(resource),
      }))
      return historyBundle(call, `${deps.base}/${call.type}/${call.id ?? ''}`, versions, deps.hmac)
    },
  }
}

function notFound(call: FhirCall): Refusal {
  return new Refusal(404, [issue('not-found', call.type)])
}

function versionOf(resource: JsonObject): string {
  return textAt(resource, 'version') ?? '1'
}

function answerOf(resource: JsonObject): FhirAnswer {
  const modified = Date.parse(textAt(resource, 'date') ?? '')
  const headers = {
    ETag: `W/"${versionOf(resource)}"`,
    ...(Number.isNaN(modified) ? {} : { 'Last-Modified': new Date(modified).toUTCString() }),
  }
  return { status: 200, headers, resource }
}

function search(call: FhirCall, all: readonly JsonObject[], { base, hmac, clock }: PublishedDeps): FhirAnswer {
  const parameters = searchParametersOf(call.type)
  const asked = askedSearch(call, { parameters }, hmac, clock())
  if (asked.lastUpdated.length > 0)
    throw new Refusal(400, [issue('parameter-not-supported', '_lastUpdated', { hint: 'search by date' })])
  const found = all
    .filter(one => asked.ids === undefined || asked.ids.includes(textAt(one, 'id') ?? ''))
    .filter(one => {
      const terms = searchTermsOf(one, parameters)
      return asked.conditions.every(condition => meets(condition, terms))
    })
    .map(resource => ({ id: `${textAt(resource, 'id') ?? ''}/${versionOf(resource)}`, resource }))
    .toSorted((a, b) => (a.id < b.id ? -1 : 1))
  const { after } = asked
  const behind = after === undefined ? found : found.filter(({ id }) => id > after)
  const page = behind.slice(0, asked.count)
  const last = page.at(-1)
  return searchset(`${base}/${call.type}`, asked, {
    matches: page.map(({ resource }) => ({
      fullUrl: `${base}/${call.type}/${textAt(resource, 'id') ?? ''}`,
      answer: answerOf(resource),
    })),
    total: found.length,
    ...(last && behind.length > page.length ? { nextAfter: last.id } : {}),
  })
}
