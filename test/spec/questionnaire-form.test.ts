import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, expect, test } from '@jest/globals'
import { generatedFromItems } from '../../scripts/generate/questionnaire.ts'
import { items } from '../../src/fls/items.ts'
import { validateResource } from '../../src/sources/fhir/validate.ts'
import { lintQuestionnaire } from '../../src/sources/form/lint-questionnaire.ts'
import { episodeEverythingDefinition } from '../../src/sources/form/operation-definition.ts'
import { patientAuditQuestionnaire } from '../../src/sources/form/questionnaire.ts'

const root = path.join(import.meta.dirname, '../..')
const form = JSON.parse(JSON.stringify(patientAuditQuestionnaire()))

describe('the published form', () => {
  test.each([...generatedFromItems()])('%s is fresh (npm run generate)', (file, content) => {
    expect(existsSync(path.join(root, file)) && readFileSync(path.join(root, file), 'utf8')).toBe(content)
  })
  test('it is a valid R4 Questionnaire without faults of design', () => {
    expect(validateResource(form)).toEqual([])
    expect(lintQuestionnaire(form)).toEqual([])
    expect(validateResource(episodeEverythingDefinition())).toEqual([])
  })
  test('it asks every question of the table under its number, in order', () => {
    const linkIds = form.item.flatMap((group: { item: { linkId: string }[] }) => group.item.map(item => item.linkId))
    expect(linkIds).toEqual(items.map(item => item.id))
  })
})

const question = (linkId: string, more: object = {}) => ({ linkId, type: 'boolean', ...more })
const lint = (...item: object[]) =>
  lintQuestionnaire({
    resourceType: 'Questionnaire',
    url: 'http://example.org/q',
    status: 'active',
    item,
  } as never).map(({ code, where }) => `${code} ${where}`)

describe('faults of a form', () => {
  const condition = (more: object = {}) => ({ question: 'a', operator: '=', answerBoolean: true, ...more })
  test.each<[string, string[], object[]]>([
    ['none', [], [question('a'), question('b', { enableWhen: [condition()] })]],
    [
      'two conditions without enableBehavior (exactly two slip through que-12)',
      ['element-required Questionnaire.item[1].enableBehavior'],
      [question('a'), question('b', { enableWhen: [condition(), condition()] })],
    ],
    [
      'two conditions with it',
      [],
      [question('a'), question('b', { enableBehavior: 'any', enableWhen: [condition(), condition()] })],
    ],
    [
      'exists without answerBoolean',
      ['answer-type Questionnaire.item[1].enableWhen[0]'],
      [question('a'), question('b', { enableWhen: [{ question: 'a', operator: 'exists', answerString: 'x' }] })],
    ],
    [
      '!= alone',
      ['structure-invalid Questionnaire.item[1].enableWhen[0]'],
      [question('a'), question('b', { enableWhen: [condition({ operator: '!=' })] })],
    ],
    [
      'a condition on no question',
      ['item-unknown Questionnaire.item[0].enableWhen[0].question'],
      [question('b', { enableWhen: [condition()] })],
    ],
    ['a linkId twice', ['item-repeated Questionnaire.item[1]'], [question('a'), question('a')]],
    [
      'a pattern that could run away',
      ['answer-pattern Questionnaire.item[0]'],
      [
        question('a', {
          type: 'string',
          extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/regex', valueString: '(a)\\1' }],
        }),
      ],
    ],
  ])('%s', (_name, expected, list) => {
    expect(lint(...list)).toEqual(expected)
  })
})
