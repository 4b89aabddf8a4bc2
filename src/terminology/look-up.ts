import type { Certainty, Coding, Laterality } from '../fls/fact.ts'
import type { CodeRow } from './code-row.ts'
import { normaliseCode } from './normalise-code.ts'
import { aliasKey, systemOf } from './systems.ts'
import { codeKey, type Terminology } from './terminology.ts'

/** What one coding means. `coding` carries our short system name, or the sender's own text for a local system. */
export type Meaning = {
  readonly coding: Coding
  readonly row?: CodeRow
  /** Site when it is not the row's own: from a fifth character, a Read prefix or a post-coordinated finding site. */
  readonly site?: string
  readonly kind?: CodeRow['kind']
  readonly laterality?: Laterality
  readonly certainty?: Certainty
  readonly isDamaged?: true
}

const laterality = '272741003'
const findingSite = '363698007'
const contexts: ReadonlySet<string> = new Set(['408729009', '408731000'])
const associatedFinding = '246090004'

/** Looks one coding up in the sets asked, exact form first, then the tables of prefixes. The display is never read. */
export function lookUp(sent: Coding, terminology: Terminology, sets: readonly string[]): Meaning {
  const system = systemOf(sent.system, terminology.systems)
  const coding = { ...sent, system: system ?? sent.system.trim() }
  const own = exact(aliasKey(sent.system), [sent.code.trim()], terminology, sets)
  if (own) return fromRow(coding, own)
  if (!system) return { coding }
  const normal = normaliseCode(system, sent.code)
  if (normal.isDamaged) return { coding, isDamaged: true }
  if (normal.isForeign) return { coding }
  const refined = refinements(normal.refinements ?? [], terminology)
  const finding = normal.refinements?.find(([attribute]) => attribute === associatedFinding)?.[1]
  const forms = finding ? [...normal.lookups, finding] : normal.lookups
  const row =
    exact(system, forms, terminology, sets) ??
    byPrefix(system, forms, terminology, sets) ??
    byReadChapter(system, forms, terminology, sets)
  if (!row) return { coding, ...refined }
  const fifth =
    /^M8[04]/.test(row.code) && system === 'icd-10' ? terminology.fifthCharacters.get(normal.fifth ?? '') : undefined
  const { site, ...rest } = refined
  const narrower = site !== undefined && isNarrower(site, row.concept, terminology) ? site : fifth
  return { ...fromRow(coding, row), ...(narrower ? { site: narrower } : {}), ...rest }
}

function isNarrower(site: string, than: string, { sites }: Terminology): boolean {
  return than === 'unspecified' || sites.ancestorsOf(site).includes(than)
}

function fromRow(coding: Coding, row: CodeRow): Meaning {
  return {
    coding,
    row,
    ...(row.laterality ? { laterality: row.laterality } : {}),
    ...(row.certainty ? { certainty: row.certainty } : {}),
  }
}

function exact(
  system: string,
  forms: readonly string[],
  { byCode }: Terminology,
  sets: readonly string[],
): CodeRow | undefined {
  for (const form of forms) {
    const row = best(byCode.get(codeKey(system, form)) ?? [], sets)
    if (row) return row
  }
  return undefined
}

function best(rows: readonly CodeRow[], sets: readonly string[]): CodeRow | undefined {
  for (const set of sets) {
    const row = rows.find(candidate => candidate.set === set)
    if (row) return row
  }
  return undefined
}

function byPrefix(
  system: string,
  forms: readonly string[],
  { prefixes }: Terminology,
  sets: readonly string[],
): CodeRow | undefined {
  const rows = (prefixes.get(system) ?? []).filter(({ prefix }) => forms.some(form => form.startsWith(prefix)))
  const longest = rows[0]?.prefix.length
  return best(
    rows.filter(({ prefix }) => prefix.length === longest).map(({ row }) => row),
    sets,
  )
}

/** Read v2 is hierarchical by string: a fracture code that is in no table takes the site of its first four bytes. CTV3 is not. */
function byReadChapter(
  system: string,
  forms: readonly string[],
  { sites }: Terminology,
  sets: readonly string[],
): CodeRow | undefined {
  if (system !== 'read-v2' || !sets.includes('fracture-site')) return undefined
  for (const form of forms) {
    const chapters = [form.slice(0, 4), `${form.slice(0, 3)}.`]
    const group = chapters.map(chapter => sites.groups.find(each => each.readPrefixes.includes(chapter))).find(Boolean)
    const concept = group?.members.find(member => member === `${group.id}.unspecified`) ?? group?.members[0]
    if (!group || !concept) continue
    const kind = group.default === 'exclude' ? 'exclude' : 'include'
    return {
      set: 'fracture-site',
      system,
      code: form,
      display: '',
      concept,
      kind,
      specificity: ['site_from_hierarchy'],
      source: 'sites.json readPrefixes',
      tier: 'wide',
      at: 'terminology/fracture-site/sites.json',
    }
  }
  return undefined
}

/** Side, site and context of a post-coordinated SNOMED CT expression (terminology.md 1.4). */
function refinements(pairs: readonly (readonly [string, string])[], terminology: Terminology): Partial<Meaning> {
  const found: { -readonly [Key in keyof Meaning]?: Meaning[Key] } = {}
  for (const [attribute, value] of pairs) {
    const sets = attribute === findingSite ? ['body-site'] : ['laterality']
    const row = exact('snomed', [value], terminology, sets)
    if (!row) continue
    if (attribute === laterality && row.laterality) found.laterality = row.laterality
    if (attribute === findingSite) found.site = row.concept
    if (contexts.has(attribute) && row.certainty) found.certainty = row.certainty
    if (contexts.has(attribute) && row.kind === 'history') found.kind = 'history'
  }
  return found
}
