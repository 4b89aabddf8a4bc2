import { dayNumber, daysOf } from '../fls/dates.ts'
import type { SiteTree } from '../terminology/site-tree.ts'
import { dateOf, lateralityOf, siteOf, statusOf } from './fracture-consensus.ts'
import { explainDoubt, explainPlace, weighPlaces } from './fracture-explanation.ts'
import { readRules } from './fracture-rules.ts'
import { bestSorting, rememberScores } from './fracture-search.ts'
import { scoreInjury } from './injury-score.ts'
import type { CurrentFacts, Explanation, FractureSolution, FracturesSolution } from './linkage.ts'
import type { FractureModel } from './models.ts'
import { knownSite, type SiteEvidence, siteEvidence } from './site-evidence.ts'
import { type Diagnosis, readStatements, type Statement } from './statements.ts'
import { supportingFacts } from './supporting-facts.ts'

/**
 * The fractures of one person from the current facts: coded diagnoses found them, procedures and radiology text only support.
 * A pure function; any order and repetition of the facts gives the same result. Fractures stand in order of their first statement, which is the
 * founder; those of one injury share `injury`. Excluded sites are returned with their site. A fact may belong to two fractures (bilateral code).
 * `reviews`: facts whose place is less certain than the link threshold, each as a question about it and the fact named as `candidate`; and facts
 * dated after death, which open nothing.
 */
export function solveFractures(facts: CurrentFacts, siteTree: SiteTree, model: FractureModel): FracturesSolution {
  const evidence = evidenceFor(siteTree, model)
  const { dated, undated } = readStatements(facts, siteTree, evidence, model)
  const { rules, decided } = readRules(facts, siteTree)
  const score = rememberScores(injury => scoreInjury(injury, evidence, model, rules))
  const sorting = bestSorting(dated, score)
  const weighed = dated.map(statement => weighPlaces(statement, sorting, score))
  const isDecided = (statement: Statement) => decided.has(statement.fact.id)
  const explained = new Map(
    weighed.map(one => [one.statement, explainPlace(one, score, model, isDecided(one.statement))]),
  )
  const injuries = sorting.filter(injury => injury.flat().some(statement => !statement.isAfterDeath))
  const found = injuries.flatMap((injury, number) =>
    injury.map(fracture => solutionOf(fracture, number, { siteTree, model, evidence, facts, explained })),
  )
  const old = undatedFractures(undated, injuries.length, siteTree)
  const doubtful = weighed.filter(
    ({ statement }) => explained.get(statement)?.decision === 'review' || statement.isAfterDeath,
  )
  const reviews = new Map(
    doubtful.map(one => [one.statement.fact.id, explainDoubt(one, score, model, isDecided(one.statement))]),
  )
  return {
    fractures: [...found, ...old],
    reviews: [...reviews].map(([factId, explanation]) => ({ factId, explanation })),
  }
}

type Settled = {
  readonly siteTree: SiteTree
  readonly model: FractureModel
  readonly evidence: SiteEvidence
  readonly facts: CurrentFacts
  readonly explained: ReadonlyMap<Statement, Explanation>
}

function solutionOf(fracture: readonly Statement[], injury: number, settled: Settled): FractureSolution {
  const site = siteOf(fracture, settled.evidence, settled.siteTree, settled.model)
  const laterality = lateralityOf(fracture)
  const dated = dateOf(fracture)
  const days = dated ? daysOf(dated.date) : undefined
  const window = days ? { first: dayNumber(days.first), last: dayNumber(days.last) } : undefined
  return {
    members: fracture.map(statement => {
      const explanation = settled.explained.get(statement)
      return {
        factId: statement.fact.id,
        probability: explanation?.probability ?? 1,
        ...(explanation ? { explanation } : {}),
      }
    }),
    status: statusOf(fracture),
    site,
    ...(laterality ? { laterality } : {}),
    ...(dated ? { date: dated.date, dateFactId: dated.fact.id } : {}),
    injury,
    supporting: window ? supportingFacts(settled.facts, site, window, settled.siteTree, settled.model) : [],
  }
}

/** "History of" without an onset points nowhere: one old fracture per group of sites, without a date. */
function undatedFractures(undated: readonly Diagnosis[], from: number, tree: SiteTree): FractureSolution[] {
  const siteOfFact = (fact: Diagnosis) => knownSite(fact.concept?.id ?? 'unspecified', tree)
  const groups = Map.groupBy(undated, fact => tree.groupOf(siteOfFact(fact))?.id ?? 'unspecified')
  return [...groups.values()].map((facts, index) => ({
    members: facts.map(fact => ({ factId: fact.id, probability: 1 })),
    status: 'old',
    site:
      facts
        .map(siteOfFact)
        .sort(
          (left, right) => tree.ancestorsOf(right).length - tree.ancestorsOf(left).length || (left < right ? -1 : 1),
        )[0] ?? 'unspecified',
    injury: from + index,
    supporting: [],
  }))
}

const tabulated = new WeakMap<SiteTree, WeakMap<FractureModel, SiteEvidence>>()

function evidenceFor(tree: SiteTree, model: FractureModel): SiteEvidence {
  const byModel = tabulated.get(tree) ?? new WeakMap<FractureModel, SiteEvidence>()
  const evidence = byModel.get(model) ?? siteEvidence(tree, model)
  tabulated.set(tree, byModel.set(model, evidence))
  return evidence
}
