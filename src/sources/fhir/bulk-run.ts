import type { Episode } from '../../fls/episode.ts'
import {
  addExportPart,
  beatExport,
  type ExportDocument,
  type ExportFile,
  recordsReadSince,
} from '../../store/bulk-exports.ts'
import { episodeOfCare, fractureCondition, type View } from '../form/episode-resources.ts'
import { researchResponse } from '../form/research-response.ts'
import type { BulkDeps } from './bulk-routes.ts'
import { type NumberLiterals, writeJson } from './json.ts'
import { jsonOf } from './served.ts'

type ResearchView = Extract<View, { kind: 'research' }>
/** Lines of one episode by type. */
const linesOf: Readonly<Record<string, (episode: Episode, view: ResearchView) => readonly string[]>> = {
  Condition: (episode, view) => episode.fractures.map(one => plain(fractureCondition(episode, one, view))),
  EpisodeOfCare: (episode, view) => [plain(episodeOfCare(episode, view))],
  QuestionnaireResponse: (episode, view) => {
    const { resource, literals } = researchResponse(episode, view)
    return [writeJson(resource, literals)]
  },
}

function plain(resource: object): string {
  const none: NumberLiterals = new WeakMap()
  return writeJson(jsonOf(resource), none)
}

/** Text of a piece before it is compressed. */
const pieceSize = 1024 * 1024
const group = 500
/** What was read just before the last export began may have been written just after: such episodes come twice rather than never. */
const overlapMs = 60_000

/**
 * Makes the files of an export, a group of episodes at a time. Ends quietly when the export was deleted meanwhile; whatever else goes wrong
 * leaves it `failed`.
 */
export async function runExport(document: ExportDocument, deps: BulkDeps): Promise<void> {
  const { db, research, clock } = deps
  const { _id, request } = document
  const view: ResearchView = { kind: 'research', pseudonym: research.pseudonym }
  const files = request.types.map(type => new ExportedFile(type, document, deps))
  let done = 0
  for await (const episodes of inGroups(research.episodes(document.owner, request.site))) {
    for (const episode of await changedOnly(episodes, request.since, deps)) {
      for (const file of files) await file.add(linesOf[file.type]?.(episode, view) ?? [])
      done++
    }
    if (!(await beatExport(db, _id, clock(), { done }))) return
  }
  const made: ExportFile[] = []
  for (const file of files) made.push(...(await file.close()))
  await beatExport(db, _id, clock(), { state: 'done', done, files: made })
}

async function changedOnly(
  episodes: readonly Episode[],
  since: Date | undefined,
  { db }: BulkDeps,
): Promise<readonly Episode[]> {
  if (since === undefined) return episodes
  const records = [...new Set(episodes.flatMap(episode => episode.records))]
  const changed = await recordsReadSince(db, records, new Date(since.getTime() - overlapMs))
  return episodes.filter(episode => episode.records.some(record => changed.has(record)))
}

async function* inGroups(episodes: AsyncIterable<Episode>): AsyncGenerator<Episode[]> {
  let some: Episode[] = []
  for await (const episode of episodes) {
    some.push(episode)
    if (some.length < group) continue
    yield some
    some = []
  }
  if (some.length > 0) yield some
}

/** A file while it is written: pieces go to the store as they fill. */
class ExportedFile {
  readonly type: string
  private readonly document: ExportDocument
  private readonly deps: BulkDeps
  private pieces = 0
  private count = 0
  private bytes = 0
  private text: string[] = []
  private size = 0
  constructor(type: string, document: ExportDocument, deps: BulkDeps) {
    this.type = type
    this.document = document
    this.deps = deps
  }

  async add(lines: readonly string[]): Promise<void> {
    for (const line of lines) {
      this.text.push(`${line}\n`)
      this.size += line.length + 1
      this.count++
    }
    if (this.size >= pieceSize) await this.flush()
  }

  /** A type without lines has no file. */
  async close(): Promise<ExportFile[]> {
    await this.flush()
    return this.count === 0 ? [] : [{ name: this.name, type: this.type, count: this.count, bytes: this.bytes }]
  }

  private get name(): string {
    return `${this.type}.ndjson`
  }

  private async flush(): Promise<void> {
    if (this.text.length === 0) return
    const text = this.text.join('')
    this.bytes += Buffer.byteLength(text)
    await addExportPart(this.deps.db, this.document, this.name, this.pieces++, text)
    this.text = []
    this.size = 0
  }
}
