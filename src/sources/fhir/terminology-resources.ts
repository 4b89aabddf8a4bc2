import type { CodeSystem, ConceptMap, ConceptMapGroupElement, ValueSet, ValueSetComposeInclude } from 'fhir/r4.js'
import { issueCodes } from '../../fls/issue.ts'
import { lists } from '../../fls/lists.ts'
import type { CodeRow } from '../../terminology/code-row.ts'
import type { Terminology } from '../../terminology/terminology.ts'
import { canonicalBase, listSystem } from '../form/canonical.ts'
import { listCodeSystems } from '../form/questionnaire.ts'
import { issueSystem } from './operation-outcome.ts'

/** The system of our own concepts: fracture sites, drugs, results, as the `concept` column of the tables names them. */
export const conceptSystem = `${canonicalBase}/CodeSystem/concept`
const siteSystem = `${canonicalBase}/CodeSystem/fracture-site`
const changedOn = '2026-11-25'

/** The shipped tables as FHIR resources; made from the very rows that reading uses, so they say what the service does. */
export type TerminologyResources = {
  readonly codeSystems: readonly CodeSystem[]
  readonly valueSets: readonly ValueSet[]
  readonly conceptMaps: readonly ConceptMap[]
}

/** The licence note of a system goes into `copyright` of whatever holds codes of it. */
export function terminologyResources(terminology: Terminology): TerminologyResources {
  const rows = terminology.rows.filter(row => terminology.systemUris.has(row.system))
  const tables: Tables = { rows, terminology }
  const sets = [...new Set(terminology.rows.map(row => row.set))].sort()
  return {
    codeSystems: [
      ...listCodeSystems(),
      ...[...terminology.systemUris.keys()].flatMap(system => fragment(system, tables)),
      concepts(tables),
      siteCodes(tables),
      issuesSystem(),
      episodeTypes(),
    ],
    valueSets: [...sets.map(set => valueSet(set, tables)), ...Object.keys(lists).map(listValueSet)],
    conceptMaps: [...sets.map(set => conceptMap(set, tables)), drugOptions(tables)],
  }
}

/** What all of them are made from. `rows`: those whose system has a published name. */
type Tables = {
  readonly rows: readonly CodeRow[]
  readonly terminology: Terminology
}

type Kind = 'CodeSystem' | 'ValueSet' | 'ConceptMap'

function headOf(kind: Kind, id: string, title: string, systems: readonly string[], tables: Tables) {
  const notice = systems.flatMap(system => tables.terminology.licences.get(system) ?? []).join(' | ')
  return {
    id,
    url: `${canonicalBase}/${kind}/${id}`,
    version: tables.terminology.hash.slice(0, 12),
    name: nameOf(id),
    title,
    status: 'active' as const,
    experimental: false,
    date: changedOn,
    publisher: 'FLS-DB',
    ...(notice === '' ? {} : { copyright: notice }),
  }
}

function uriOf(system: string, { terminology }: Tables): string {
  return terminology.systemUris.get(system) ?? system
}

/** The codes of somebody else's system that our tables hold; never the system itself. */
function fragment(system: string, tables: Tables): CodeSystem[] {
  const own = distinct(tables.rows.filter(row => row.system === system))
  if (own.length === 0) return []
  return [
    {
      resourceType: 'CodeSystem',
      ...headOf('CodeSystem', system, `Codes of ${system} in the tables of FLS-DB`, [system], tables),
      url: uriOf(system, tables),
      caseSensitive: true,
      content: 'fragment',
      count: own.length,
      concept: own.map(({ code, display }) => ({ code, ...(display ? { display } : {}) })),
    },
  ]
}

function concepts(tables: Tables): CodeSystem {
  const codes = [...new Set(tables.terminology.rows.map(row => row.concept))].filter(code => code !== '').sort()
  return {
    resourceType: 'CodeSystem',
    ...headOf('CodeSystem', 'concept', 'Concepts of FLS-DB', [], tables),
    caseSensitive: true,
    content: 'complete',
    count: codes.length,
    concept: codes.map(code => ({ code })),
  }
}

function siteCodes(tables: Tables): CodeSystem {
  const { sites } = tables.terminology
  return {
    resourceType: 'CodeSystem',
    ...headOf('CodeSystem', 'fracture-site', 'Fracture sites of FLS-DB', [], tables),
    url: siteSystem,
    caseSensitive: true,
    content: 'complete',
    hierarchyMeaning: 'is-a',
    property: [
      { code: 'parent', type: 'code', uri: 'http://hl7.org/fhir/concept-properties#parent' },
      { code: 'reportingClass', type: 'string' },
    ],
    concept: sites.sites.map(code => {
      const group = sites.groupOf(code)
      const [parent] = sites.ancestorsOf(code)
      return {
        code,
        ...(group ? { display: group.label } : {}),
        property: [
          ...(parent ? [{ code: 'parent', valueCode: parent }] : []),
          ...(group ? [{ code: 'reportingClass', valueString: group.reportingClass }] : []),
        ],
      }
    }),
  }
}

function valueSet(set: string, tables: Tables): ValueSet {
  const rows = tables.rows.filter(row => row.set === set)
  const systems = [...new Set(rows.map(row => row.system))]
  const include = systems.map((system): ValueSetComposeInclude => {
    const own = distinct(rows.filter(row => row.system === system))
    return {
      system: uriOf(system, tables),
      concept: own.map(({ code, display }) => ({ code, ...(display ? { display } : {}) })),
    }
  })
  const head = headOf('ValueSet', set, `Codes read as ${set}`, systems, tables)
  return {
    resourceType: 'ValueSet',
    ...head,
    ...(include.length > 0 ? { compose: { include } } : {}),
  }
}

/** `wider`: several codes of one system come to the concept, so it says less than each; `narrower`: residual categories (S52.8, S82.8). */
function conceptMap(set: string, tables: Tables): ConceptMap {
  const rows = tables.rows.filter(row => row.set === set && row.concept !== '')
  const systems = [...new Set(rows.map(row => row.system))]
  const group = systems.map(system => {
    const own = distinct(rows.filter(row => row.system === system))
    const uses = countBy(own, row => row.concept)
    return { source: uriOf(system, tables), target: conceptSystem, element: own.map(row => elementOf(row, uses)) }
  })
  return {
    resourceType: 'ConceptMap',
    ...headOf('ConceptMap', set, `What codes of ${set} mean in FLS-DB`, systems, tables),
    ...(group.length > 0 ? { group } : {}),
  }
}

function drugOptions(tables: Tables): ConceptMap {
  const options = [...tables.terminology.drugOptions]
  return {
    resourceType: 'ConceptMap',
    ...headOf('ConceptMap', 'bone-drug-options', 'Drugs as options of question 4.01', [], tables),
    group: [
      {
        source: conceptSystem,
        target: listSystem('CL-TXREC'),
        element: options.map(([code, option]) => ({ code, target: [{ code: option, equivalence: 'equivalent' }] })),
      },
    ],
  }
}

function elementOf(
  { code, display, concept, system }: CodeRow,
  uses: ReadonlyMap<string, number>,
): ConceptMapGroupElement {
  const isResidual = system === 'icd-10' && (code === 'S52.8' || code === 'S82.8')
  const equivalence = isResidual ? 'narrower' : (uses.get(concept) ?? 0) > 1 ? 'wider' : 'equivalent'
  return { code, ...(display ? { display } : {}), target: [{ code: concept, equivalence }] }
}

/** Rows of one system, a code once. */
function distinct(rows: readonly CodeRow[]): readonly CodeRow[] {
  return [...new Map(rows.map(row => [row.code, row])).values()]
}

function countBy<T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const one of all) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1)
  return counts
}

function nameOf(id: string): string {
  return id
    .split('-')
    .map(word => (word[0]?.toUpperCase() ?? '') + word.slice(1))
    .join('')
}

function listValueSet(list: string): ValueSet {
  const id = list.toLowerCase()
  return {
    resourceType: 'ValueSet',
    id,
    url: `${canonicalBase}/ValueSet/${id}`,
    version: '3.0.0',
    name: nameOf(id),
    title: `FLS-DB option list ${list}`,
    status: 'active',
    experimental: false,
    date: changedOn,
    publisher: 'FLS-DB',
    compose: { include: [{ system: listSystem(list) }] },
  }
}

function ownSystem(id: string, url: string, title: string, concept: NonNullable<CodeSystem['concept']>): CodeSystem {
  return {
    resourceType: 'CodeSystem',
    id,
    url,
    version: '1.0.0',
    name: nameOf(id),
    title,
    status: 'active',
    experimental: false,
    date: changedOn,
    publisher: 'FLS-DB',
    caseSensitive: true,
    content: 'complete',
    count: concept.length,
    concept,
  }
}

function issuesSystem(): CodeSystem {
  const concepts = Object.entries(issueCodes).map(([code, { text, fix }]) => ({ code, display: text, definition: fix }))
  return ownSystem('issue', issueSystem, 'Everything FLS-DB can find wrong', concepts)
}

function episodeTypes(): CodeSystem {
  return ownSystem('episode-type', `${canonicalBase}/CodeSystem/episode-type`, 'Kinds of episode of care', [
    { code: 'fragility-fracture', display: 'Fragility fracture episode' },
  ])
}
