import type { RecordKey } from '../../src/fls/fact.ts'
import type { EpisodeDocument, PersonDocument, ReviewDocument } from '../../src/store/documents.ts'
import type { LinkLine } from '../../src/store/link-lines.ts'
import { canonical } from '../../src/store/replay-differences.ts'
import { type Answer, quiet, type RunningService } from './running.ts'

/** Every assignment, as the linkage reviewer's client gets it, once the river has run dry. */
export async function linkLines(service: RunningService): Promise<LinkLine[]> {
  await quiet(service)
  const answer = await service.call('linkage-reviewer', 'GET', '/api/links?format=ndjson')
  if (answer.status !== 200) throw new Error(`links: ${answer.status}`)
  return answer.text
    .split('\n')
    .filter(Boolean)
    .map(line => JSON.parse(line) as LinkLine)
}

/** The assignments made from messages whose control id starts so, in the order of control id and path. */
export async function linesOf(service: RunningService, controlId: string): Promise<LinkLine[]> {
  return (await linkLines(service))
    .filter(line => line.controlId.startsWith(controlId))
    .sort((a, b) => (`${a.controlId} ${a.path}` < `${b.controlId} ${b.path}` ? -1 : 1))
}

export const personsIn = (lines: readonly LinkLine[]): string[] => [...new Set(lines.map(line => line.personId))]

export const episodesIn = (lines: readonly LinkLine[]): string[] => [
  ...new Set(lines.flatMap(line => line.episodeId ?? [])),
]

/** What a reviewer reads of an episode, person or review. */
export async function explanationOf(service: RunningService, id: string): Promise<EpisodeView> {
  const answer = await service.call('linkage-reviewer', 'GET', `/api/links/${id}`)
  if (answer.status !== 200) throw new Error(`link: ${answer.status}`)
  return answer.json as EpisodeView
}
export type EpisodeView = Omit<EpisodeDocument, '_id'> &
  Pick<PersonDocument, 'members'> & { readonly id: string; readonly kind: string }

/** Episodes of these records as stored: where no public route shows an answer with its origin. */
export async function episodesOf(service: RunningService, ...records: string[]): Promise<EpisodeDocument[]> {
  await quiet(service)
  return service.mongo
    .db(service.database)
    .collection<EpisodeDocument>('episodes')
    .find({ records: { $in: records as RecordKey[] } })
    .sort({ injuryDate: 1, _id: 1 })
    .toArray()
}

export async function reviewsOf(service: RunningService): Promise<ReviewLine[]> {
  await quiet(service)
  const answer = await service.call('linkage-reviewer', 'GET', '/api/links?state=review&limit=200')
  return (answer.json as { items: ReviewLine[] }).items
}
export type ReviewLine = Pick<ReviewDocument, 'kind' | 'persons' | 'organisations'> & {
  readonly id: string
  readonly probability: number
  readonly guards: readonly string[]
  readonly decision: string
}

/** Issue codes of a refusal, whichever of the two error forms it has. */
export function issueCodesOf(answer: Answer): string[] {
  const body = answer.json as {
    issues?: { code: string }[]
    issue?: { details?: { coding?: { code?: string }[] } }[]
  }
  const told = body.issues?.map(one => one.code) ?? []
  return [
    ...told,
    ...(body.issue ?? []).flatMap(one => one.details?.coding?.flatMap(coding => coding.code ?? []) ?? []),
  ]
}

/** Persons, episodes and reviews as they stand, each as one text by which two are equal; the number of the solve is no part of it. */
export async function documentsOf(service: RunningService, ...records: string[]): Promise<string[]> {
  await quiet(service)
  const db = service.mongo.db(service.database)
  const about = (field: string) => (records.length > 0 ? { [field]: { $in: records } } : {})
  const persons = await db.collection('persons').find(about('members.record')).toArray()
  const ids = persons.map(person => String(person['_id']))
  const episodes = await db.collection('episodes').find(about('records')).toArray()
  const reviews = await db
    .collection('reviews')
    .find({ persons: { $in: ids } })
    .toArray()
  return [...persons, ...episodes, ...reviews].map(({ solve: _solve, ...document }) => canonical(document)).sort()
}
