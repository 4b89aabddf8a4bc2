import { instantOf } from '../../fls/dates.ts'
import type { OdsCode } from '../../fls/fact.ts'
import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { searchResources } from '../../store/resource-search.ts'
import { versionsOf } from '../../store/resource-versions.ts'
import { findResource, type ResourceDocument } from '../../store/resources.ts'
import { PracticeClosed } from '../arrival.ts'
import type { FhirAnswer, FhirCall } from './call.ts'
import { type FhirDeps, fhirBase } from './door.ts'
import { historyBundle } from './history.ts'
import { isFhirId } from './primitives.ts'
import { searchParametersOf } from './search-parameters.ts'
import { askedSearch } from './search-query.ts'
import { searchset } from './searchset.ts'
import { senderOf } from './sender.ts'
import { servedKept, servedVersion, urlOf } from './served.ts'

/** Read and vread of the sender's own resource; another sender's is 404. */
export async function read(call: FhirCall, deps: FhirDeps): Promise<FhirAnswer> {
  const document = await ownDocument(call, deps)
  const answer = await servedVersion(document, call.version, deps)
  call.log({ rows: 1 })
  return answer
}

/** Instance history, newest first. */
export async function history(call: FhirCall, deps: FhirDeps): Promise<FhirAnswer> {
  const document = await ownDocument(call, deps)
  const kept = await versionsOf(deps.db, document)
  const versions = kept.map((version, index) => ({
    ordinal: index + 1,
    versionId: version.versionId,
    at: version.at,
    load: () => servedKept(document, version, deps),
  }))
  return historyBundle(call, urlOf(document, deps), versions, deps.hmac)
}

/**
 * Whose resources are read: those of the feed, for a GP supplier those of the practice it speaks for. A practice that is not opted in now
 * reads nothing back, as nothing is taken from it.
 */
async function readerOf(
  call: FhirCall,
  { gate, clock }: FhirDeps,
): Promise<{ readonly sender: string; readonly organisation?: OdsCode }> {
  const { sender, practice } = senderOf(call)
  if (practice === undefined) return { sender }
  const { isOpen, since } = await gate(practice, instantOf(clock()))
  if (!isOpen) throw new PracticeClosed(since)
  return { sender, organisation: practice }
}

async function ownDocument(call: FhirCall, deps: FhirDeps): Promise<ResourceDocument> {
  const { sender, organisation } = await readerOf(call, deps)
  const document =
    call.id !== undefined && isFhirId(call.id) ? await findResource(deps.db, sender, call.type, call.id) : undefined
  if (!document || (organisation !== undefined && document.organisation !== organisation))
    throw new Refusal(404, [issue('not-found', call.type)])
  return document
}

/** Search over the sender's own resources by the parameters of the table. A resource whose content expired by retention is left out. */
export async function search(call: FhirCall, deps: FhirDeps): Promise<FhirAnswer> {
  const reader = await readerOf(call, deps)
  const asked = askedSearch(call, { parameters: searchParametersOf(call.type) }, deps.hmac, deps.clock())
  const found = await searchResources(deps.db, { ...reader, type: call.type, ...asked })
  const page = found.page.slice(0, asked.count)
  const served = await Promise.all(page.map(document => servedOrGone(document, deps)))
  const matches = page.flatMap((document, index) => {
    const answer = served[index]
    return answer ? [{ fullUrl: urlOf(document, deps), answer }] : []
  })
  call.log({ rows: matches.length })
  const last = page.at(-1)
  const hasNext = found.page.length > asked.count && last !== undefined
  return searchset(`${fhirBase(deps)}/${call.type}`, asked, {
    matches,
    total: found.total,
    ...(hasNext ? { nextAfter: last.id } : {}),
  })
}

async function servedOrGone(document: ResourceDocument, deps: FhirDeps): Promise<FhirAnswer | undefined> {
  try {
    return await servedVersion(document, undefined, deps)
  } catch (error) {
    if (error instanceof Refusal && error.status === 410) return undefined
    throw error
  }
}
