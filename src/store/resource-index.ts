import type { Db } from 'mongodb'
import type { OdsCode } from '../fls/fact.ts'
import { grouped } from './grouped.ts'
import { type IndexedResource, indexResources, type ResourceDocument, resourcesOf } from './resources.ts'

/** All one request must know before it writes: resources by `Type/id`, and by an identifier (`system|value`) of their current version. */
export type ResourceQuestion = {
  readonly sender: string
  /** Of this organisation only: the practice a supplier speaks for. */
  readonly organisation?: OdsCode
  readonly keys: readonly string[]
  readonly identifiers: readonly { readonly type: string; readonly token: string }[]
}
/** The answers, of this sender and organisation only. `byIdentifier`: none, one, or more than one; of many not all. */
export type KnownResources = {
  readonly byKey: (key: string) => ResourceDocument | undefined
  readonly byIdentifier: (type: string, token: string) => readonly ResourceDocument[]
}
/** The index as the door uses it: questions, and versions to add, of all requests of a moment go in one statement. */
export type ResourceIndex = {
  readonly lookUp: (question: ResourceQuestion) => Promise<KnownResources>
  readonly add: (resources: readonly IndexedResource[]) => Promise<void>
}

const mostRequests = 100

export function openResourceIndex(db: Db): ResourceIndex {
  const ask = grouped(mostRequests, (questions: readonly ResourceQuestion[]) => answer(db, questions))
  const add = grouped(mostRequests, async (all: readonly (readonly IndexedResource[])[]) => {
    await indexResources(db, all.flat())
    return all.map(() => undefined)
  })
  return {
    lookUp: async question =>
      question.keys.length + question.identifiers.length === 0 ? knownOf(question, []) : ask(question),
    add: async resources => {
      if (resources.length > 0) await add(resources)
    },
  }
}

async function answer(db: Db, questions: readonly ResourceQuestion[]): Promise<KnownResources[]> {
  const named = await identified(db, questions)
  const isFound = new Set(named.map(document => document._id))
  const keys = new Set(questions.flatMap(({ keys }) => keys).filter(key => !isFound.has(key)))
  const keyed = keys.size > 0 ? await find(db, { _id: { $in: [...keys] } }) : []
  const bySender = Map.groupBy([...named, ...keyed], document => document.sender)
  return questions.map(question => knownOf(question, bySender.get(question.sender) ?? []))
}

async function identified(db: Db, questions: readonly ResourceQuestion[]): Promise<ResourceDocument[]> {
  const asked = questions.flatMap(({ sender, organisation, identifiers }) =>
    identifiers.map(one => ({ ...one, sender, ...(organisation ? { organisation } : {}) })),
  )
  if (asked.length === 0) return []
  const anyOf = (field: 'sender' | 'type' | 'token') => ({ $in: [...new Set(asked.map(one => one[field]))] })
  const most = 4 * asked.length
  const all = { 'search.identifier': anyOf('token'), sender: anyOf('sender'), type: anyOf('type') }
  const found = await find(db, all, most)
  if (found.length < most) return found
  // An identifier many resources carry (an accession number) would fill the answer: then each is asked for by itself, and two are enough.
  const apart = asked.map(({ token, ...own }) => find(db, { 'search.identifier': token, ...own }, 2))
  return (await Promise.all(apart)).flat()
}

const projection = { type: 1, id: 1, sender: 1, organisation: 1, current: 1, patient: 1, medication: 1 }

function find(db: Db, filter: Parameters<ReturnType<typeof resourcesOf>['find']>[0], most = 0) {
  return resourcesOf(db)
    .find(filter, { projection: { ...projection, 'search.identifier': 1 } })
    .limit(most)
    .toArray()
}

function knownOf(
  { sender, organisation }: Pick<ResourceQuestion, 'sender' | 'organisation'>,
  documents: readonly ResourceDocument[],
): KnownResources {
  const isOwn = (one: ResourceDocument): boolean =>
    one.sender === sender && (organisation === undefined || one.organisation === organisation)
  const own = new Map(documents.filter(isOwn).map(one => [one._id, one]))
  return {
    byKey: key => own.get(key),
    byIdentifier: (type, token) =>
      [...own.values()].filter(one => one.type === type && one.search.identifier.includes(token)),
  }
}
