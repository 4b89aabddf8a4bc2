import type { InboxId } from '../fls/fact.ts'
import type { Store } from './store.ts'

/** How many facts of these entries stand in a fracture of an episode that has both sides. Grows while workers work. */
export async function linkedCount(
  store: Pick<Store, 'persons' | 'episodes'>,
  inboxIds: readonly InboxId[],
): Promise<number> {
  const wanted = new Set<string>(inboxIds)
  const persons = await store.persons
    .find(
      { 'fractures.facts.inboxId': { $in: [...inboxIds] } },
      { projection: { 'fractures.episodeId': 1, 'fractures.facts.inboxId': 1 } },
    )
    .toArray()
  const episodeIds = persons.flatMap(person => person.fractures.flatMap(fracture => fracture.episodeId ?? []))
  const linked = new Set(
    (await store.episodes.find({ _id: { $in: episodeIds }, isLinked: true }, { projection: { _id: 1 } }).toArray()).map(
      episode => episode._id,
    ),
  )
  return persons
    .flatMap(person => person.fractures)
    .filter(fracture => fracture.episodeId !== undefined && linked.has(fracture.episodeId))
    .reduce((count, fracture) => count + fracture.facts.filter(fact => wanted.has(fact.inboxId)).length, 0)
}
