import type { EpisodeDocument, PersonDocument } from './documents.ts'
import type { Store } from './store.ts'

export type HomeFigures = {
  readonly messages: number
  readonly facts: number
  readonly persons: number
  readonly episodes: number
  readonly linkedEpisodes: number
  readonly reviews: number
}

/** Sizes of the collections, from their metadata where that is enough: the first page costs the same at any size. */
export async function homeFigures(store: Store): Promise<HomeFigures> {
  const [messages, facts, persons, episodes, linkedEpisodes, reviews] = await Promise.all([
    store.inbox.estimatedDocumentCount(),
    store.facts.estimatedDocumentCount(),
    store.persons.estimatedDocumentCount(),
    store.episodes.estimatedDocumentCount(),
    store.episodes.countDocuments({ isLinked: true }, { limit: 100_000, maxTimeMS: 2_000 }),
    store.reviews.estimatedDocumentCount(),
  ])
  return { messages, facts, persons, episodes, linkedEpisodes, reviews }
}

/** One linked episode with its person, the same at every call while nothing changes: for the demo's first page only. */
export async function sampleEpisode(
  store: Pick<Store, 'episodes' | 'persons'>,
): Promise<{ episode: EpisodeDocument; person: PersonDocument | undefined } | undefined> {
  const [episode] = await store.episodes
    .find({ isLinked: true, status: { $in: ['identified', 'submitted', 'candidate'] } }, { maxTimeMS: 2_000 })
    .sort({ diagnosedOn: -1, _id: 1 })
    .limit(1)
    .toArray()
  if (!episode) return undefined
  const person = await store.persons.findOne({ _id: { $eq: episode.personId } })
  return { episode, person: person ?? undefined }
}
