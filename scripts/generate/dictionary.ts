import { type Item, items, sections } from '../../src/fls/items.ts'
import { type ListId, lists, optionsOf } from '../../src/fls/lists.ts'
import { supplyRules } from '../../src/fls/supply.ts'

const evidence: Readonly<Record<Item['evidence'], string>> = {
  'real-export': 'seen in real exports',
  inferred: 'inferred',
  recalled: 'recalled, unverified',
  ours: 'ours',
}

/** The data dictionary, made from items.ts, lists.ts and supply.ts. */
export function dataDictionary(): string {
  const parts = [
    '# Data dictionary of the patient audit (dataset v3)',
    '',
    'Generated from `src/fls/items.ts`, `src/fls/lists.ts` and `src/fls/supply.ts` by `npm run generate`; do not edit. The question number is the',
    'linkId of the Questionnaire `patient-audit` and the start of the CSV header. Days count from 1.09, both ends included.',
    '',
    ...([1, 2, 3, 4, 5, 6, 7] as const).flatMap(section => sectionLines(section)),
    '## Supply of a drug',
    '',
    `A supply lasts the days stated, else ${supplyRules.default.usualDays} days, and ${supplyRules.default.graceDays} days more;`,
    `denosumab ${supplyRules['drug.denosumab'].fixedDays} and ${supplyRules['drug.denosumab'].graceDays} days; zoledronate ${supplyRules['drug.zoledronic_acid'].fixedDays} days.`,
    '',
    '## Option lists',
    '',
    'Options marked ° are provisional: their wording is ours until the owner of the audit confirms it.',
    '',
    ...Object.keys(lists).flatMap(list => listLines(list as ListId)),
  ]
  return `${parts.join('\n').trimEnd()}\n`
}

function sectionLines(section: Item['section']): string[] {
  const rows = items.filter(item => item.section === section)
  return [
    `## ${section} ${sections[section]}`,
    '',
    '| question | header | asked as | type | asked | answered from (besides the site) | window | taken | evidence |',
    '|---|---|---|---|---|---|---|---|---|',
    ...rows.map(
      item =>
        `| ${cells(item)
          .map(cell => cell.replaceAll('|', '\\|'))
          .join(' | ')} |`,
    ),
    '',
  ]
}

function cells(item: Item): string[] {
  const { derivation, range } = item
  const limits = range ? ` ${range.min} to ${range.max} ${range.unit}, ${range.places} place` : ''
  const precedence = derivation?.precedence ? ` (${derivation.precedence.replaceAll('-', ' > ')})` : ''
  return [
    item.id,
    [item.header, ...(item.aliases ?? [])].join(', '),
    item.text,
    item.list ? `${item.type === 'codes' ? 'several of' : 'one of'} ${item.list}` : `${item.type}${limits}`,
    `${item.requirement}${conditionText(item)}`,
    derivation ? `${item.isSuggestionOnly ? 'suggested: ' : ''}${derivation.from}` : '–',
    derivation?.window ? `${derivation.window[0]}…${derivation.window[1]}` : '–',
    derivation ? `${derivation.pick}${precedence}` : '–',
    evidence[item.evidence],
  ]
}

function conditionText({ enableWhen }: Item): string {
  const texts = enableWhen?.conditions.map(one =>
    'exists' in one ? `${one.item} is answered` : `${one.item} is ${one.is.join(' or ')}`,
  )
  return texts ? `, when ${texts.join(enableWhen?.behaviour === 'all' ? ' and ' : ' or ')}` : ''
}

function listLines(list: ListId): string[] {
  return [
    `### ${list}`,
    '',
    '| code | label | also read |',
    '|---|---|---|',
    ...optionsOf(list).map(
      option =>
        `| ${option.code} | ${option.label}${option.published ? '' : ' °'}${option.exclusive ? ' (alone)' : ''} | ${(option.synonyms ?? []).join('; ')} |`,
    ),
    '',
  ]
}
