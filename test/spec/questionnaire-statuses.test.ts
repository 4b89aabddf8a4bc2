import { expect, test } from '@jest/globals'
import { readStrictJson } from '../../src/sources/fhir/strict-json.ts'
import { validateResponse } from '../../src/sources/form/validate-response.ts'

/** Every limit of a form, just below, at and just above it, in each status (fhir.md 2.4; SDC 4.0 "validation"). */
type Json = Record<string, unknown>
const core = 'http://hl7.org/fhir/StructureDefinition'
const limit = (name: string, value: Json) => ({ url: `${core}/${name}`, ...value })
const question = (type: string, extension: Json[], more: Json = {}) => ({ linkId: 'q', type, extension, ...more })
const texts = (count: number) => Array.from({ length: count }, () => '{"valueString":"x"}')
const three = question(
  'string',
  [limit('questionnaire-minOccurs', { valueInteger: 2 }), limit('questionnaire-maxOccurs', { valueInteger: 3 })],
  { repeats: true },
)

/** Which findings a status keeps: a draft may have too few or too many, what is withdrawn may be anything. */
const always = { 'in-progress': true, completed: true, amended: true, 'entered-in-error': false } as const
const whenFinal = { 'in-progress': false, completed: true, amended: true, 'entered-in-error': false } as const

test.each([
  // rule                       the question, its answers as they are written                                        finding
  ['minOccurs, below', three, texts(1), 'item-too-few', whenFinal],
  ['minOccurs, at', three, texts(2), '', always],
  ['maxOccurs, at', three, texts(3), '', always],
  ['maxOccurs, above', three, texts(4), 'item-too-many', whenFinal],
  ['required, without', question('string', [], { required: true }), [], 'item-required', whenFinal],
  ['required, with', question('string', [], { required: true }), texts(1), '', always],
  ...(
    [
      [
        'minValue',
        'integer',
        { valueInteger: 5 },
        ['{"valueInteger":4}', '{"valueInteger":5}', '{"valueInteger":6}'],
        'below',
      ],
      [
        'maxValue',
        'integer',
        { valueInteger: 5 },
        ['{"valueInteger":4}', '{"valueInteger":5}', '{"valueInteger":6}'],
        'above',
      ],
      [
        'minValue',
        'decimal',
        { valueDecimal: 1.5 },
        ['{"valueDecimal":1.49}', '{"valueDecimal":1.50}', '{"valueDecimal":1.51}'],
        'below',
      ],
      [
        'maxValue',
        'decimal',
        { valueDecimal: 1.5 },
        ['{"valueDecimal":1.49}', '{"valueDecimal":1.50}', '{"valueDecimal":1.51}'],
        'above',
      ],
      [
        'minValue',
        'date',
        { valueDate: '2024-02' },
        ['{"valueDate":"2024-01-31"}', '{"valueDate":"2024-02-01"}', '{"valueDate":"2024-03"}'],
        'below',
      ],
      [
        'maxValue',
        'date',
        { valueDate: '2024-02' },
        ['{"valueDate":"2024-01"}', '{"valueDate":"2024-02-29"}', '{"valueDate":"2024-03-01"}'],
        'above',
      ],
    ] as const
  ).flatMap(([name, type, value, [below, at, above], refused]) => {
    const asked = question(type, [limit(name, value)])
    return [
      [`${name} ${type}, below`, asked, [below], refused === 'below' ? 'value-out-of-range' : '', always],
      [`${name} ${type}, at`, asked, [at], '', always],
      [`${name} ${type}, above`, asked, [above], refused === 'above' ? 'value-out-of-range' : '', always],
    ] as const
  }),
  ['maxLength, at', question('string', [], { maxLength: 2 }), ['{"valueString":"😀é"}'], '', always],
  ['maxLength, above', question('string', [], { maxLength: 2 }), ['{"valueString":"abc"}'], 'answer-length', always],
  [
    'minLength, below',
    question('string', [limit('minLength', { valueInteger: 2 })]),
    ['{"valueString":"a"}'],
    'answer-length',
    always,
  ],
  [
    'minLength, at',
    question('string', [limit('minLength', { valueInteger: 2 })]),
    ['{"valueString":"ab"}'],
    '',
    always,
  ],
  [
    'decimal places, at',
    question('decimal', [limit('maxDecimalPlaces', { valueInteger: 1 })]),
    ['{"valueDecimal":2.5}'],
    '',
    always,
  ],
  [
    'decimal places, above, as written',
    question('decimal', [limit('maxDecimalPlaces', { valueInteger: 1 })]),
    ['{"valueDecimal":2.50}'],
    'answer-precision',
    always,
  ],
  ['type, another', question('integer', []), ['{"valueDecimal":2}'], 'answer-type', always],
  [
    'option, none of them',
    question('choice', [], { answerOption: [{ valueCoding: { code: 'a' } }] }),
    ['{"valueCoding":{"code":"b"}}'],
    'word-not-allowed',
    always,
  ],
] as const)('%s', (_rule, asked, answers, finding, applies) => {
  const form = {
    resourceType: 'Questionnaire',
    url: 'http://example.org/q',
    version: '1',
    status: 'active',
    item: [asked],
  }
  for (const status of Object.keys(applies)) {
    const item = answers.length > 0 ? `,"item":[{"linkId":"q","answer":[${answers.join(',')}]}]` : ''
    const text = `{"resourceType":"QuestionnaireResponse","questionnaire":"http://example.org/q|1","status":"${status}"${item}}`
    const { read } = readStrictJson(text)
    const found = validateResponse(read?.value as never, form as never, { literals: read?.literals ?? new WeakMap() })
    const expected = finding !== '' && applies[status as keyof typeof applies] ? [finding] : []
    expect([status, found.map(one => one.code)]).toEqual([status, expected])
  }
})
