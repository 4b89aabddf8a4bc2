import type { Coding, Laterality } from '../fls/fact.ts'
import type { IssueCode } from '../fls/issue.ts'
import { isConceptId } from './check-digits.ts'
import type { CodeRow } from './code-row.ts'
import { lookUp, type Meaning } from './look-up.ts'
import { defaultSets, type Terminology, type Translation } from './terminology.ts'

/** SNOMED CT, CTV3, Read v2, ICD-10, then the rest (terminology.md 6.2, rule 4). */
const preference = ['snomed', 'dmd', 'ctv3', 'read-v2', 'icd-10', 'opcs-4', 'loinc', 'bnf', 'atc']

/**
 * What several codings of one entry mean together. `sets`: sets to ask, in order of preference; none = all. `places`: codings that only say
 * where (body site, the examination a result belongs to): they narrow a site or carry a side, and never mean anything alone.
 * Issues: `coding-disagreement` (two sites that cannot be one: the site becomes `unspecified`), `side-conflict`, and for codes nobody knows
 * `code-unknown`, `code-local` or `code-damaged`.
 */
export function translate(
  codings: readonly Coding[],
  terminology: Terminology,
  sets: readonly string[] = [],
  places: readonly Coding[] = [],
): Translation {
  const asked = sets.length > 0 ? sets : defaultSets
  const meanings = codings.map(coding => lookUp(coding, terminology, asked))
  const where = places.map(coding => lookUp(coding, terminology, ['body-site', 'laterality', ...asked]))
  const ranked = meanings.filter(meaning => meaning.row !== undefined).sort((a, b) => rank(a, asked) - rank(b, asked))
  const side = agreedSide([...meanings, ...where])
  const sideParts = side === 'conflict' ? {} : side ? { laterality: side } : {}
  const sideIssues: IssueCode[] = side === 'conflict' ? ['side-conflict'] : []
  const [decider] = ranked
  if (!decider?.row) {
    const named = meanings.map(meaning => meaning.coding)
    return { codings: named, ...sideParts, issues: [...sideIssues, ...whyUnknown(meanings, terminology)] }
  }
  const { concept, isDisagreement } = narrow(decider, ranked.slice(1), where, terminology)
  const certainty = ranked.map(meaning => meaning.certainty).find(found => found !== undefined)
  return {
    concept: {
      set: decider.row.set,
      id: concept,
      kind: kindFor(decider, concept, terminology),
      ...specificityFor(decider.row, concept),
    },
    ...sideParts,
    ...(certainty ? { certainty } : {}),
    codings: [decider.coding, ...meanings.filter(meaning => meaning !== decider).map(meaning => meaning.coding)],
    row: decider.row,
    equivalence: isResidual(decider.row) ? 'narrower' : 'equivalent',
    issues: isDisagreement ? [...sideIssues, 'coding-disagreement'] : sideIssues,
  }
}

const tokensOfWideCodes: ReadonlySet<string> = new Set(['no_site', 'site_generic'])

/** A code narrowed by another coding no longer lacks its site. */
function specificityFor(row: CodeRow, concept: string): { specificity?: readonly string[] } {
  const tokens =
    concept === row.concept ? row.specificity : row.specificity.filter(token => !tokensOfWideCodes.has(token))
  return tokens.length > 0 ? { specificity: tokens } : {}
}

function rank(meaning: Meaning, sets: readonly string[]): number {
  const set = sets.indexOf(meaning.row?.set ?? '')
  const system = preference.indexOf(meaning.coding.system)
  return (set < 0 ? sets.length : set) * 100 + (system < 0 ? preference.length : system)
}

function narrow(decider: Meaning, others: readonly Meaning[], places: readonly Meaning[], terminology: Terminology) {
  const concept = decider.site ?? decider.row?.concept ?? ''
  if (decider.row?.set === 'fracture-site') return narrowSite(concept, others, places, terminology)
  return { concept: withRegion(concept, places), isDisagreement: false }
}

function narrowSite(start: string, others: readonly Meaning[], places: readonly Meaning[], { sites }: Terminology) {
  let concept = start
  const stated = others.filter(meaning => meaning.row?.set === 'fracture-site')
  const bodySites = places.filter(meaning => meaning.row?.set === 'body-site' || meaning.row?.set === 'fracture-site')
  for (const other of [...stated, ...bodySites]) {
    const site = other.site ?? other.row?.concept ?? ''
    if (site === concept || sites.ancestorsOf(concept).includes(site)) continue
    if (sites.ancestorsOf(site).includes(concept) || concept === 'unspecified') concept = site
    else if (!sites.isCompatible(concept, site)) return { concept: 'unspecified', isDisagreement: true }
  }
  return { concept, isDisagreement: false }
}

/** A narrowed site may be an excluded one (a fracture of bone at a finger). */
function kindFor(decider: Meaning, concept: string, { sites }: Terminology): CodeRow['kind'] {
  const kind = decider.kind ?? decider.row?.kind ?? 'include'
  if (kind === 'include' && decider.row?.set === 'fracture-site' && sites.isExcluded(concept)) return 'exclude'
  return kind
}

const regionOfSite: Readonly<Record<string, string>> = {
  hip: 'hip',
  femur: 'hip',
  spine: 'spine',
  wrist: 'forearm',
  forearm: 'forearm',
  foot: 'heel',
}

/** `dxa.tscore` with an examination of the hip → `dxa.tscore.hip`; a result that names its own region keeps it. */
function withRegion(concept: string, places: readonly Meaning[]): string {
  if (!/^dxa\.(tscore|bmd|zscore)(\.unspecified)?$/.test(concept)) return concept
  const stem = concept.replace(/\.unspecified$/, '')
  for (const place of places) {
    const named = /^dxa\.[a-z]+\.([a-z_]+)(?:\.|$)/.exec(place.row?.concept ?? '')?.[1]
    const region = named ?? regionForSite(place)
    if (region && region !== 'unspecified') return `${stem}.${region}`
  }
  return `${stem}.unspecified`
}

function regionForSite(place: Meaning): string | undefined {
  if (place.row?.set !== 'body-site') return undefined
  if (place.row.concept === 'hip.neck') return 'femoral_neck'
  if (place.row.concept === 'spine.lumbar') return 'lumbar'
  return regionOfSite[place.row.concept.split('.')[0] ?? '']
}

function agreedSide(meanings: readonly Meaning[]): Laterality | 'conflict' | undefined {
  const sides = new Set(meanings.flatMap(meaning => meaning.laterality ?? []))
  if (sides.size > 1) return 'conflict'
  return [...sides][0]
}

function isResidual(row: CodeRow): boolean {
  return row.system === 'icd-10' && (row.code === 'S52.8' || row.code === 'S82.8')
}

/** Local codes of EMIS (`^ESCT…`, `EMIS…`) and TPP (`Y…`) stand in Read fields without being Read. */
function isLocalGpCode(coding: Coding): boolean {
  if (coding.system !== 'read-v2' && coding.system !== 'ctv3') return false
  return /^(\^|EMIS)/.test(coding.code) || (coding.system === 'ctv3' && coding.code.startsWith('Y'))
}

function whyUnknown(meanings: readonly Meaning[], terminology: Terminology): readonly IssueCode[] {
  const real = meanings.filter(meaning => meaning.coding.code !== '')
  if (real.length === 0) return []
  if (real.some(meaning => meaning.isDamaged || isMalformed(meaning.coding))) return ['code-damaged']
  if (real.some(meaning => isLocalGpCode(meaning.coding))) return ['code-local']
  return real.some(meaning => isReported(meaning.coding, terminology)) ? ['code-unknown'] : []
}

function isMalformed(coding: Coding): boolean {
  return (
    (coding.system === 'snomed' || coding.system === 'dmd') && /^\d+$/.test(coding.code) && !isConceptId(coding.code)
  )
}

function isReported(coding: Coding, terminology: Terminology): boolean {
  const prefixes = terminology.reported.get(coding.system)
  return (
    prefixes === undefined ||
    prefixes.some(prefix => coding.code.replace(/\./g, '').startsWith(prefix.replace(/\./g, '')))
  )
}
