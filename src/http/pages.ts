import { readdir, readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { instantOf } from '../fls/dates.ts'
import type { SideEntry } from '../fls/episode.ts'
import { issue } from '../fls/issue.ts'
import type { Explanation } from '../linkage/linkage.ts'
import { loadDirectory } from '../store/directory.ts'
import type { EpisodeDocument, PersonDocument } from '../store/documents.ts'
import { homeFigures, sampleEpisode } from '../store/home-figures.ts'
import type { Store } from '../store/store.ts'
import type { HomeView, SampleEntry, SampleEpisode, SampleReason } from '../web/home-view.ts'
import { parseMarkdown } from '../web/markdown.ts'
import type { Pages } from '../web/render.ts'
import { openapiOf } from './openapi.ts'
import { Refusal } from './refusal.ts'
import type { Route } from './route.ts'
import { smartConfigurationRoutes } from './smart-configuration.ts'

export type PageDependencies = {
  readonly store: Store
  /** Asked for at the first visit: the service is ready long before anybody reads. */
  readonly pages: () => Promise<Pages>
  readonly profile: 'demo' | 'test' | 'production'
  readonly baseUrl: string
  readonly issuer?: string
  readonly mllp?: { readonly host: string; readonly port: number }
  readonly mongod?: string
  /** Path of the demo file as a person would type it; never given in production. */
  readonly demoFile?: string
  readonly clock: () => Date
  /** All routes of the service, for the API description. */
  readonly routes: () => readonly Route[]
}

const figuresKeptMs = 5_000

/** The pages people see: what runs here, the guides, the API browser and its description. */
export function pageRoutes(deps: PageDependencies): Route[] {
  let shown: { at: number; html: string } | undefined
  const home = async (): Promise<string> => {
    const now = deps.clock().getTime()
    if (!shown || now - shown.at > figuresKeptMs)
      shown = { at: now, html: (await deps.pages()).home(await homeView(deps)) }
    return shown.html
  }
  return [
    ...(deps.issuer ? smartConfigurationRoutes({ issuer: deps.issuer }) : []),
    page('GET /', 'What runs here and what to try next.', home),
    page('GET /api/docs', 'This description, readable and to try.', async () => (await deps.pages()).apiDocs()),
    page('GET /docs/:page', 'Guides.', async name => guide(await deps.pages(), name)),
    {
      key: 'GET /api/openapi.json',
      summary: 'This description as OpenAPI 3.1.',
      touchesPatientData: false,
      handle: async ({ response }) => {
        const { baseUrl, issuer } = deps
        response.json(openapiOf(deps.routes(), { baseUrl, ...(issuer ? { issuer } : {}) }))
      },
    },
  ]
}

function page(key: Route['key'], summary: string, render: (name: string) => Promise<string>): Route {
  return {
    key,
    summary,
    touchesPatientData: false,
    handle: async ({ request, response }) => {
      const html = await render(String(request.params['page'] ?? ''))
      response.set('Cache-Control', 'no-store').type('html').send(html)
    },
  }
}

async function homeView(deps: PageDependencies): Promise<HomeView> {
  const { profile, baseUrl, mllp, mongod, demoFile, store } = deps
  const isDemo = profile !== 'production'
  const [figures, directory, sample, guides] = await Promise.all([
    homeFigures(store),
    loadDirectory(store.db),
    isDemo ? sampleEpisode(store) : undefined,
    guideNames(),
  ])
  const open = [...directory.practices.values()].filter(one =>
    directory.isPracticeOpen(one.ods, instantNow(deps.clock)),
  )
  const counts = [
    { label: 'Messages, bundles and extract parts kept', value: figures.messages },
    { label: 'Facts read from them', value: figures.facts },
    { label: 'Persons', value: figures.persons },
    { label: 'Episodes', value: figures.episodes },
    { label: 'Episodes with a hospital and a GP side', value: figures.linkedEpisodes },
    { label: 'Pairs waiting for a reviewer', value: figures.reviews },
    { label: 'Feeds enrolled', value: directory.feeds.size },
    { label: `Practices opted in (of ${directory.practices.size})`, value: open.length },
  ]
  return {
    profile,
    baseUrl,
    counts,
    guides,
    ...(mllp ? { mllp } : {}),
    ...(mongod ? { mongod } : {}),
    ...(isDemo && demoFile ? { demoFile } : {}),
    ...(sample ? { sample: sampleView(sample.episode, sample.person) } : {}),
  }
}

function instantNow(clock: () => Date) {
  return instantOf(clock())
}

/** No names, numbers or addresses: codes, dates, fields and weights. */
export function sampleView(episode: EpisodeDocument, person: PersonDocument | undefined): SampleEpisode {
  const { injuryDate, ageAtDiagnosis } = episode
  const reasons = [
    ...(person?.members ?? []).flatMap(member => (member.explanation ? [reasonOf(member.explanation)] : [])),
    ...episode.fractures.flatMap(fracture =>
      fracture.facts.flatMap(fact => (fact.explanation ? [reasonOf(fact.explanation)] : [])),
    ),
  ]
  return {
    id: episode._id,
    status: episode.status,
    sites: episode.fractures.map(({ site, laterality }) => (laterality ? `${site} (${laterality})` : site)),
    ...(injuryDate ? { injuryDate } : {}),
    ...(ageAtDiagnosis === undefined ? {} : { ageAtDiagnosis }),
    hospital: episode.hospital.slice(0, 12).map(entryOf),
    gp: episode.gp.slice(0, 12).map(entryOf),
    reasons: reasons.slice(0, 6),
    checks: episode.checks,
  }
}

function entryOf({ kind, concept, coding, when, organisation, path, value, unit }: SideEntry): SampleEntry {
  const measured = value === undefined ? '' : `: ${value}${unit ? ` ${unit}` : ''}`
  return {
    what: `${concept ?? kind}${measured}`,
    code: coding ? `${coding.code} (${coding.system})` : '',
    date: when ?? '',
    organisation,
    path,
  }
}

function reasonOf({
  kind,
  decidedBy,
  probability,
  totalBits,
  parts,
  adjustments,
  priorBits,
}: Explanation): SampleReason {
  const prior =
    priorBits === undefined ? [] : [{ field: 'prior', level: 'before anything is compared', bits: priorBits }]
  return {
    kind,
    decidedBy,
    probability,
    totalBits,
    parts: [...prior, ...parts, ...adjustments].map(({ field, level, bits }) => ({ field, level, bits })),
  }
}

const docsFolder = fileURLToPath(new URL('../../docs/', import.meta.url))
const guidesFolder = fileURLToPath(new URL('../../docs/guides/', import.meta.url))
const guideName = /^([a-z0-9][a-z0-9-]{0,60})\.md$/

async function guideNames(): Promise<string[]> {
  const names = await Promise.all([guidesFolder, docsFolder].map(folder => readdir(folder).catch(() => [])))
  return [...new Set(names.flat().flatMap(name => guideName.exec(name)?.[1] ?? []))].sort()
}

async function guide(pages: Pages, name: string): Promise<string> {
  const names = await guideNames()
  if (name === 'index') {
    const titled = await Promise.all(names.map(async one => ({ name: one, title: titleOf(await guideText(one), one) })))
    return pages.guides(titled)
  }
  // The name is looked up in the list of files there are, so no address can lead outside the folder.
  if (!names.includes(name)) throw new Refusal(404, [issue('not-found', 'address')])
  const text = await guideText(name)
  return pages.guide(titleOf(text, name), parseMarkdown(text))
}

async function guideText(name: string): Promise<string> {
  return readFile(`${guidesFolder}${name}.md`, 'utf8').catch(() => readFile(`${docsFolder}${name}.md`, 'utf8'))
}

function titleOf(text: string, name: string): string {
  return /^#\s+(.+)$/m.exec(text)?.[1] ?? name
}
