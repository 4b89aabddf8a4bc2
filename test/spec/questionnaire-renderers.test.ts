import { describe, expect, test } from '@jest/globals'
import type { Questionnaire, QuestionnaireItem } from 'fhir/r4.js'
import { patientAuditQuestionnaire } from '../../src/sources/form/questionnaire.ts'

/**
 * What two widely used renderers publish about the forms they open, and whether ours keeps to it. LHC-Forms 40.1.3: its `r4-support.md` and
 * `sdc-support.md`; smart-forms: "Advanced Rendering/Behavior" of smartforms.csiro.au/docs. `npm run lhc-forms` opens the form in the first.
 */
type Renderer = {
  readonly types: ReadonlySet<string>
  readonly elements: ReadonlySet<string>
  /** Last part of the URL of an extension it acts on. */
  readonly extensions: ReadonlySet<string>
  /** What it passes over, and why that misleads nobody: our door judges the response anyway. */
  readonly passedOver: Readonly<Record<string, string>>
  /** Item types on which it reads minValue and maxValue. */
  readonly limits: ReadonlySet<string>
}
const types = new Set(['group', 'string', 'date', 'decimal', 'choice', 'integer', 'text', 'boolean', 'open-choice'])
const elements = new Set([
  ...['linkId', 'prefix', 'text', 'type', 'enableWhen', 'enableBehavior', 'required', 'repeats', 'readOnly'],
  ...['maxLength', 'answerOption', 'answerValueSet', 'initial', 'item', 'extension', 'code'],
])
const takesBackLater = 'says to the server what to make of an answer'
const renderers: Readonly<Record<string, Renderer>> = {
  'LHC-Forms': {
    types,
    elements,
    extensions: new Set(['regex', 'minValue', 'maxValue', 'minLength', 'questionnaire-unit', 'questionnaire-hidden']),
    passedOver: {
      maxDecimalPlaces: 'a height of three decimals is refused on sending',
      'questionnaire-optionExclusive': 'a drug beside a refusal is refused on sending',
      targetConstraint: 'each question of a section is marked as required by itself',
      'sdc-questionnaire-templateExtract': takesBackLater,
    },
    limits: new Set(['integer', 'decimal']),
  },
  'smart-forms': {
    types,
    elements,
    extensions: new Set(['regex', 'minValue', 'maxValue', 'minLength', 'maxDecimalPlaces', 'targetConstraint']),
    passedOver: {
      'questionnaire-optionExclusive': 'a drug beside a refusal is refused on sending',
      'sdc-questionnaire-templateExtract': takesBackLater,
    },
    limits: new Set(['integer', 'decimal', 'date', 'dateTime']),
  },
}

const form: Questionnaire = patientAuditQuestionnaire()
const inside = (items: readonly QuestionnaireItem[]): QuestionnaireItem[] =>
  items.flatMap(item => [item, ...inside(item.item ?? [])])
const items = inside(form.item ?? [])
const nameOf = ({ url }: { url: string }) => url.slice(url.lastIndexOf('/') + 1)

describe.each(Object.entries(renderers))('%s', (_name, renderer) => {
  test('shows every type of item we use', () => {
    expect([...new Set(items.map(item => item.type))].filter(type => !renderer.types.has(type))).toEqual([])
  })

  test('knows every element of an item we use', () => {
    expect([...new Set(items.flatMap(Object.keys))].filter(element => !renderer.elements.has(element))).toEqual([])
  })

  test('acts on every extension we use, or passes it over without misleading', () => {
    const used = [...(form.extension ?? []), ...items.flatMap(item => item.extension ?? [])]
    const options = items.flatMap(item => item.answerOption?.flatMap(option => option.extension ?? []) ?? [])
    const names = new Set([...used, ...options].map(nameOf))
    const told = new Set([...renderer.extensions, ...Object.keys(renderer.passedOver)])
    expect([...names].filter(name => !told.has(name))).toEqual([])
    expect(Object.keys(renderer.passedOver).filter(name => !names.has(name))).toEqual([])
  })

  test('reads the limits of the items we put them on', () => {
    const limited = items.filter(item => item.extension?.some(one => ['minValue', 'maxValue'].includes(nameOf(one))))
    expect(limited.filter(item => !renderer.limits.has(item.type)).map(item => item.linkId)).toEqual([])
  })

  test('needs no terminology server: options stand in the form', () => {
    expect(items.filter(item => item.answerValueSet).map(item => item.linkId)).toEqual([])
    const choices = items.filter(({ type }) => type === 'choice')
    expect(choices.filter(item => !item.answerOption?.every(option => option.valueCoding?.display))).toEqual([])
  })

  test('finds conditions among equals and existence, on questions that stand in the form', () => {
    const linkIds = new Set(items.map(item => item.linkId))
    const conditions = items.flatMap(item => item.enableWhen ?? [])
    expect(conditions.filter(({ operator }) => operator !== '=' && operator !== 'exists')).toEqual([])
    expect(conditions.filter(({ question }) => !linkIds.has(question))).toEqual([])
  })

  // LHC-Forms asks a required group for a value of its own, which no group has.
  test('is asked for no value of a group', () => {
    expect(items.filter(({ type, required }) => type === 'group' && required)).toEqual([])
  })

  test('can evaluate the patterns: no look-behind, no flags, anchored by us', () => {
    const patterns = items.flatMap(item => item.extension?.filter(one => nameOf(one) === 'regex') ?? [])
    for (const { valueString } of patterns) {
      expect(() => new RegExp(`^(?:${valueString})$`)).not.toThrow()
      expect(valueString).not.toMatch(/\(\?/)
    }
    expect(patterns.length).toBeGreaterThan(0)
  })
})
