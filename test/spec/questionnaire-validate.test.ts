import { describe, expect, test } from '@jest/globals'
import { readStrictJson } from '../../src/sources/fhir/strict-json.ts'
import { validateResponse } from '../../src/sources/form/validate-response.ts'

/** Rows of fhir.md 2.4. Findings are written `code linkId`; warnings end in `?`. */
const core = 'http://hl7.org/fhir/StructureDefinition'
const sdc = 'http://hl7.org/fhir/uv/sdc/StructureDefinition'
const statuses = ['in-progress', 'completed', 'amended', 'entered-in-error'] as const
type Json = Record<string, unknown>

const q = (linkId: string, type: string, more: Json = {}) => ({ linkId, type, ...more })
const ext = (url: string, value: Json) => ({ url: url.startsWith('http') ? url : `${core}/${url}`, ...value })
const form = (item: Json[], more: Json = {}) => ({
  resourceType: 'Questionnaire',
  url: 'http://example.org/q',
  version: '1',
  status: 'active',
  item,
  ...more,
})
const said = (linkId: string, ...values: Json[]) => ({ linkId, answer: values })
const group = (linkId: string, ...item: Json[]) => ({ linkId, item })
const response = (item: Json[], status: string = 'completed', more: Json = {}) => ({
  resourceType: 'QuestionnaireResponse',
  questionnaire: 'http://example.org/q|1',
  status,
  ...(item.length > 0 ? { item } : {}),
  ...more,
})

function check(items: Json[], answers: Json[], status = 'completed', more: Json = {}, formMore: Json = {}): string[] {
  return read(JSON.stringify(response(answers, status, more)), form(items, formMore))
}
function read(text: string, questionnaire: Json): string[] {
  const { read: body } = readStrictJson(text)
  if (!body) throw new Error('not JSON')
  return validateResponse(body.value as never, questionnaire as never, { literals: body.literals }).map(
    ({ code, item, severity }) => `${code} ${item ?? '-'}${severity === 'warning' ? '?' : ''}`,
  )
}
const text = (value: string) => ({ valueString: value })
const coded = (code: string, system = 'http://s') => ({ valueCoding: { system, code } })

describe('expressions that are not evaluated here warn and never refuse', () => {
  const when = (expression: string, language = 'text/fhirpath') =>
    check(
      [
        q('a', 'string'),
        q('b', 'string', {
          extension: [
            {
              url: `${sdc}/sdc-questionnaire-enableWhenExpression`,
              valueExpression: { language, expression },
            },
          ],
        }),
      ],
      [said('a', text('x')), said('b', text('y'))],
    ).filter(found => !found.endsWith('?'))
  const first = "%resource.item.where(linkId = 'a').answer.value"
  test.each([
    ['another language', 'IsFemale', 'text/cql', []],
    ['a type the answer has not', `${first}.ofType(Coding).exists().not()`, 'text/fhirpath', []],
    ['a type it has', `${first}.ofType(string).exists()`, 'text/fhirpath', []],
    ['a type it has not, asked for', `${first}.ofType(Coding).exists()`, 'text/fhirpath', ['item-disabled b']],
    ['a type JSON does not show', `${first}.ofType(time).exists()`, 'text/fhirpath', []],
  ])('%s', (_what, expression, language, expected) => {
    expect(when(expression, language)).toEqual(expected)
  })
})

describe('rows 1 and 2: the form named', () => {
  const named = (questionnaire: string | undefined) =>
    read(JSON.stringify({ ...response([]), questionnaire }), form([]))
  test('by url and version, or by url alone', () => {
    expect(named('http://example.org/q|1')).toEqual([])
    expect(named('http://example.org/q')).toEqual([])
    expect(named('http://example.org/q|2')).toEqual(['questionnaire-unknown -'])
    expect(named('http://example.org/other')).toEqual(['questionnaire-unknown -'])
    expect(named(undefined)).toEqual(['element-required -'])
  })
  test.each([['draft'], ['retired'], ['unknown']])('%s: a warning', status => {
    expect(check([], [], 'completed', {}, { status })).toEqual(['questionnaire-not-active -?'])
  })
  test.each([
    ['2023-12-31', ['questionnaire-not-active -?']],
    ['2024-01-01', []],
    ['2024-12-31', []],
    ['2025-01-01', ['questionnaire-not-active -?']],
  ])('filled in on %s, in force during 2024', (authored, expected) => {
    expect(
      check([], [], 'completed', { authored }, { effectivePeriod: { start: '2024-01-01', end: '2024-12-31' } }),
    ).toEqual(expected)
  })
})

describe('rows 3, 4, 5, 14: the place of items', () => {
  const items = [
    q('g', 'group', { item: [q('a', 'string'), q('b', 'string', { item: [q('c', 'string')] })] }),
    q('d', 'display'),
    q('r', 'group', { repeats: true, item: [q('e', 'string', { repeats: true })] }),
  ]
  test.each<[string, string[], Json[]]>([
    [
      'all in place',
      [],
      [
        group('g', said('a', text('1')), said('b', { ...text('1'), item: [said('c', text('1'))] })),
        { linkId: 'd' },
        group('r', said('e', text('1'))),
      ],
    ],
    ['unknown linkId', ['item-unknown -'], [said('x', text('1'))]],
    ['a question outside its group', ['item-misplaced a'], [said('a', text('1'))]],
    [
      'a child beside its question instead of inside the answer',
      ['item-misplaced c'],
      [group('g', said('b', text('1')), said('c', text('1')))],
    ],
    [
      'a child in item instead of answer.item',
      ['item-misplaced b'],
      [group('g', { ...said('b', text('1')), item: [said('c', text('1'))] })],
    ],
    ['out of order', ['item-order a'], [group('g', said('b', text('1')), said('a', text('1')))]],
    ['a question twice', ['item-repeated a'], [group('g', said('a', text('1')), said('a', text('2')))]],
    [
      'a group that does not repeat, twice',
      ['item-repeated g'],
      [group('g', said('a', text('1'))), group('g', said('a', text('1')))],
    ],
    ['a repeating group, twice', [], [group('r', said('e', text('1'))), group('r', said('e', text('2')))]],
    ['a repeating question repeats answers', [], [group('r', said('e', text('1'), text('2')))]],
    ['a group with an answer', ['answer-not-allowed g'], [said('g', text('1'))]],
    ['a display with an answer', ['answer-not-allowed d'], [said('d', text('1'))]],
  ])('%s', (_name, expected, answers) => {
    for (const status of ['in-progress', 'completed', 'amended'])
      expect(check(items, answers, status)).toEqual(expected)
    expect(check(items, answers, 'entered-in-error')).toEqual([])
  })
})

describe('rows 6 to 8: what is enabled', () => {
  const yes = { valueBoolean: true }
  const no = { valueBoolean: false }
  const when = (question: string, operator: string, answer: Json) => ({
    enableWhen: [{ question, operator, ...answer }],
  })
  const items = [
    q('a', 'boolean'),
    q('b', 'boolean', when('a', '=', { answerBoolean: true })),
    q('c', 'boolean', when('b', '=', { answerBoolean: true })),
    q('g', 'group', {
      ...when('a', '=', { answerBoolean: true }),
      item: [q('h', 'group', { item: [q('i', 'string')] })],
    }),
  ]
  test.each<[string, string[], Json[]]>([
    ['enabled by its condition', [], [said('a', yes), said('b', yes), said('c', yes)]],
    ['disabled', ['item-disabled b'], [said('a', no), said('b', no)]],
    ['disabled when its question is unanswered', ['item-disabled b'], [said('b', no)]],
    [
      'answers of a disabled question count as absent',
      ['item-disabled b', 'item-disabled c'],
      [said('a', no), said('b', yes), said('c', yes)],
    ],
    [
      'everything below a disabled group',
      ['item-disabled i'],
      [said('a', no), group('g', group('h', said('i', text('1'))))],
    ],
    ['an empty item in a disabled place says nothing', [], [said('a', no), group('g', { linkId: 'h' })]],
  ])('%s', (_name, expected, answers) => {
    expect(check(items, answers)).toEqual(expected)
    expect(check(items, answers, 'in-progress')).toEqual(expected.map(found => `${found}?`))
    expect(check(items, answers, 'entered-in-error')).toEqual([])
  })

  test.each<[string, Json, Json[], boolean]>([
    // operator and expectation                         answers of the question        enabled
    ['exists', { answerBoolean: true }, [{ valueInteger: 1 }], true],
    ['exists', { answerBoolean: true }, [], false],
    ['exists', { answerBoolean: false }, [], true],
    ['exists', { answerBoolean: false }, [{ valueInteger: 1 }], false],
    ['=', { answerInteger: 2 }, [{ valueInteger: 1 }, { valueInteger: 2 }], true],
    ['!=', { answerInteger: 2 }, [{ valueInteger: 1 }, { valueInteger: 2 }], false],
    ['!=', { answerInteger: 2 }, [{ valueInteger: 1 }], true],
    ['!=', { answerInteger: 2 }, [], true],
    ['>', { answerInteger: 2 }, [{ valueInteger: 2 }], false],
    ['>', { answerInteger: 2 }, [{ valueInteger: 1 }, { valueInteger: 3 }], true],
    ['>=', { answerInteger: 2 }, [{ valueInteger: 2 }], true],
    ['<', { answerInteger: 2 }, [{ valueInteger: 2 }], false],
    ['<=', { answerInteger: 2 }, [{ valueInteger: 2 }], true],
    ['<=', { answerInteger: 2 }, [], false],
    ['>', { answerInteger: 2 }, [text('3')], false],
    ['>', { answerDate: '2024-01-01' }, [{ valueDate: '2024-01-02' }], true],
    ['>', { answerDate: '2024-01-01' }, [{ valueDate: '2024' }], false],
    ['=', { answerCoding: { system: 'http://s', code: 'x' } }, [coded('x')], true],
    ['=', { answerCoding: { system: 'http://s', code: 'x' } }, [coded('x', 'http://t')], false],
  ])('%s %j against %j', (operator, answer, answers, isEnabled) => {
    const kind = Object.keys(answer)[0] ?? ''
    const type =
      { answerInteger: 'integer', answerDate: 'date', answerCoding: 'open-choice', answerBoolean: 'integer' }[kind] ??
      'integer'
    const found = check(
      [
        q('a', type, {
          repeats: true,
          ...(type === 'open-choice' ? { answerOption: [coded('x'), coded('x', 'http://t')] } : {}),
        }),
        q('b', 'string', when('a', operator, answer)),
      ],
      [...(answers.length > 0 ? [said('a', ...answers)] : []), said('b', text('1'))],
    )
    expect(found.includes('item-disabled b')).toBe(!isEnabled)
  })

  test('all, any', () => {
    const both = (enableBehavior: string) => [
      q('a', 'boolean'),
      q('b', 'boolean'),
      q('c', 'string', {
        enableBehavior,
        enableWhen: [
          { question: 'a', operator: '=', answerBoolean: true },
          { question: 'b', operator: '=', answerBoolean: true },
        ],
      }),
    ]
    const answers = [said('a', yes), said('b', no), said('c', text('1'))]
    expect([check(both('all'), answers), check(both('any'), answers)]).toEqual([['item-disabled c'], []])
  })

  test('in a repeating group each repetition looks at its own question, even when that was left out', () => {
    const items = [
      q('r', 'group', {
        repeats: true,
        item: [q('a', 'boolean'), q('b', 'string', when('a', '=', { answerBoolean: true }))],
      }),
    ]
    const found = (...groups: Json[]) => check(items, groups)
    expect(
      found(group('r', said('a', yes), said('b', text('1'))), group('r', said('a', no), said('b', text('1')))),
    ).toEqual(['item-disabled b'])
    expect(found(group('r', said('a', yes), said('b', text('1'))), group('r', said('b', text('1'))))).toEqual([
      'item-disabled b',
    ])
  })

  test.each<[string, string, string[]]>([
    ["%resource.item.where(linkId = 'a').answer.value = true", 'enabled', []],
    ["%resource.item.where(linkId = 'a').answer.value.not()", 'disabled', ['item-disabled b']],
    ["%resource.item.where(linkId = 'z').answer.value", 'empty is false', ['item-disabled b']],
    ['%resource.frobnicate()', 'not evaluable: neither presence nor absence is a fault', []],
  ])('expression %s: %s', (expression, _why, expected) => {
    const items = [
      q('a', 'boolean'),
      q('b', 'string', {
        required: true,
        extension: [
          ext(`${sdc}/sdc-questionnaire-enableWhenExpression`, {
            valueExpression: { language: 'text/fhirpath', expression },
          }),
        ],
      }),
    ]
    expect(check(items, [said('a', yes), said('b', text('1'))])).toEqual(expected)
  })
})

describe('rows 11 and 12: required, counts', () => {
  const many = (min: number, max: number, more: Json = {}) => [
    q('a', 'integer', {
      repeats: true,
      extension: [
        ext('questionnaire-minOccurs', { valueInteger: min }),
        ext('questionnaire-maxOccurs', { valueInteger: max }),
      ],
      ...more,
    }),
  ]
  const answers = (count: number) =>
    count === 0 ? [] : [said('a', ...Array.from({ length: count }, (_one, index) => ({ valueInteger: index })))]
  test.each<[number, string[], boolean]>([
    [0, [], false],
    [0, ['item-required a'], true],
    [1, ['item-too-few a'], false],
    [1, ['item-too-few a'], true],
    [2, [], false],
    [3, [], true],
    [4, ['item-too-many a'], false],
  ])('%i answers of 2 to 3: %j (required: %s)', (count, expected, required) => {
    for (const status of statuses) {
      const isFinal = status === 'completed' || status === 'amended'
      expect(check(many(2, 3, { required }), answers(count), status)).toEqual(isFinal ? expected : [])
    }
  })

  test.each<[number, string[]]>([
    [1, ['item-too-few g']],
    [2, []],
    [3, []],
    [4, ['item-too-many g']],
  ])('a group %i times of 2 to 3', (count, expected) => {
    const items = [
      q('g', 'group', {
        repeats: true,
        extension: [
          ext('questionnaire-minOccurs', { valueInteger: 2 }),
          ext('questionnaire-maxOccurs', { valueInteger: 3 }),
        ],
        item: [q('a', 'string')],
      }),
    ]
    expect(
      check(
        items,
        Array.from({ length: count }, () => group('g', said('a', text('1')))),
      ),
    ).toEqual(expected)
  })

  const nested = (isGroupRequired: boolean) => [
    q('g', 'group', { required: isGroupRequired, item: [q('a', 'string', { required: true }), q('b', 'string')] }),
  ]
  test.each<[string, string[], boolean, Json[]]>([
    ['children of an absent optional group are not asked', [], false, []],
    ['nor of an empty one', [], false, [{ linkId: 'g' }]],
    ['a required group needs an answer below', ['item-required g'], true, []],
    ['items alone are none', ['item-required g'], true, [group('g', { linkId: 'a' })]],
    ['begun, so its required question is asked', ['item-required a'], false, [group('g', said('b', text('1')))]],
    ['answered', [], true, [group('g', said('a', text('1')))]],
  ])('%s', (_name, expected, isGroupRequired, given) => {
    expect(check(nested(isGroupRequired), given)).toEqual(expected)
    expect(check(nested(isGroupRequired), given, 'in-progress')).toEqual([])
  })

  test('a required question that is disabled is not asked', () => {
    const items = [
      q('a', 'boolean'),
      q('b', 'string', { required: true, enableWhen: [{ question: 'a', operator: '=', answerBoolean: true }] }),
    ]
    expect(check(items, [said('a', { valueBoolean: false })])).toEqual([])
    expect(check(items, [said('a', { valueBoolean: true })])).toEqual(['item-required b'])
  })
  test('a question takes one answer unless it repeats', () => {
    expect(check([q('a', 'integer')], answers(2))).toEqual(['item-too-many a'])
    expect(check([q('a', 'integer', { repeats: true })], answers(2))).toEqual([])
  })
  test('required children of every answer', () => {
    const items = [q('a', 'integer', { repeats: true, item: [q('b', 'string', { required: true })] })]
    expect(check(items, [said('a', { valueInteger: 1, item: [said('b', text('1'))] }, { valueInteger: 2 })])).toEqual([
      'item-required b',
    ])
    expect(check(items, [])).toEqual([])
  })
})

describe('row 13: the type of an answer', () => {
  const values: Record<string, Json> = {
    boolean: { valueBoolean: true },
    decimal: { valueDecimal: 1.5 },
    integer: { valueInteger: 1 },
    date: { valueDate: '2024-02-29' },
    dateTime: { valueDateTime: '2024-02-29T10:00:00Z' },
    time: { valueTime: '10:00:00' },
    string: { valueString: 'x' },
    url: { valueUri: 'http://example.org' },
    attachment: { valueAttachment: { title: 'x' } },
    reference: { valueReference: { reference: 'Patient/1' } },
    quantity: { valueQuantity: { value: 1 } },
    choice: { valueCoding: { code: 'x' } },
  }
  const cases = Object.keys(values).flatMap(type =>
    Object.entries(values).map(([given, value]) => [type, given, value] as const),
  )
  test.each(cases)('%s asked, %s given', (type, given, value) => {
    const found = check([q('a', type)], [said('a', value)], 'in-progress')
    expect(found).toEqual(type === given ? [] : ['answer-type a'])
  })
  test.each<[string, Json]>([
    ['date', { valueDate: '2024-02-30' }],
    ['dateTime', { valueDateTime: '2024-02-29T10:00:00' }],
    ['time', { valueTime: '25:00:00' }],
    ['integer', { valueInteger: 1.5 }],
    ['date', { valueDate: '2024-02-29', valueString: 'x' }],
  ])('%s: %j is none', (type, value) => {
    expect(check([q('a', type)], [said('a', value)])).toEqual(['answer-type a'])
  })
  test('years and months are dates', () => {
    expect(
      check([q('a', 'date', { repeats: true })], [said('a', { valueDate: '2024' }, { valueDate: '2024-02' })]),
    ).toEqual([])
  })
})

describe('rows 15 to 17: options', () => {
  const options = [
    coded('x'),
    coded('y'),
    { ...coded('none'), extension: [ext('questionnaire-optionExclusive', { valueBoolean: true })] },
  ]
  const contained = {
    contained: [
      {
        resourceType: 'ValueSet',
        id: 'v',
        status: 'active',
        compose: {
          include: [{ system: 'http://s', concept: [{ code: 'x' }] }],
          exclude: [{ system: 'http://s', concept: [{ code: 'z' }] }],
        },
      },
    ],
  }
  test.each<[string, string[], Json, Json[]]>([
    ['an option', [], { type: 'choice' }, [coded('x')]],
    [
      'its display does not matter',
      [],
      { type: 'choice' },
      [{ valueCoding: { system: 'http://s', code: 'x', display: 'else' } }],
    ],
    ['another system', ['word-not-allowed a'], { type: 'choice' }, [coded('x', 'http://t')]],
    ['no option', ['word-not-allowed a'], { type: 'choice' }, [coded('q')]],
    ['text for a choice', ['answer-type a'], { type: 'choice' }, [text('x')]],
    ['text for an open choice', [], { type: 'open-choice' }, [text('anything')]],
    ['two options', [], { type: 'choice' }, [coded('x'), coded('y')]],
    ['an exclusive one alone', [], { type: 'choice' }, [coded('none')]],
    ['an exclusive one beside another', ['answer-exclusive a'], { type: 'choice' }, [coded('x'), coded('none')]],
  ])('%s', (_name, expected, more, answers) => {
    expect(
      check(
        [q('a', 'choice', { repeats: true, answerOption: options, ...more })],
        [said('a', ...answers)],
        'in-progress',
      ),
    ).toEqual(expected)
  })
  test('primitive options', () => {
    const items = [q('a', 'choice', { answerOption: [{ valueInteger: 1 }, { valueInteger: 2 }] })]
    expect([check(items, [said('a', { valueInteger: 2 })]), check(items, [said('a', { valueInteger: 3 })])]).toEqual([
      [],
      ['word-not-allowed a'],
    ])
  })
  test('a contained value set', () => {
    const items = [q('a', 'choice', { answerValueSet: '#v' })]
    expect(check(items, [said('a', coded('x'))], 'completed', {}, contained)).toEqual([])
    expect(check(items, [said('a', coded('y'))], 'completed', {}, contained)).toEqual(['word-not-allowed a'])
  })
  test('a value set of ours, and one nobody knows', () => {
    const answers = response([said('a', coded('x'))]) as never
    const items = form([q('a', 'choice', { answerValueSet: 'http://v' })]) as never
    const codes = (list: string[]) =>
      validateResponse(answers, items, { expand: url => (url === 'http://v' ? new Set(list) : undefined) }).map(
        found => found.code,
      )
    expect([codes(['http://s|x']), codes(['http://s|y'])]).toEqual([[], ['word-not-allowed']])
    expect(check([q('a', 'choice', { answerValueSet: 'http://w' })], [said('a', coded('x'))])).toEqual([
      'value-set-unresolved a',
    ])
  })
})

describe('rows 18 to 22: limits', () => {
  const limits = (type: string, min: Json, max: Json) => [
    q('a', type, { extension: [ext('minValue', min), ext('maxValue', max)] }),
  ]
  const cases: [string, Json[], Json, boolean][] = [
    ['integer', limits('integer', { valueInteger: 2 }, { valueInteger: 4 }), { valueInteger: 1 }, false],
    ['integer', limits('integer', { valueInteger: 2 }, { valueInteger: 4 }), { valueInteger: 2 }, true],
    ['integer', limits('integer', { valueInteger: 2 }, { valueInteger: 4 }), { valueInteger: 4 }, true],
    ['integer', limits('integer', { valueInteger: 2 }, { valueInteger: 4 }), { valueInteger: 5 }, false],
    ['decimal', limits('decimal', { valueDecimal: -8 }, { valueDecimal: 6 }), { valueDecimal: -8.01 }, false],
    ['decimal', limits('decimal', { valueDecimal: -8 }, { valueDecimal: 6 }), { valueDecimal: -8 }, true],
    ['decimal', limits('decimal', { valueDecimal: -8 }, { valueDecimal: 6 }), { valueDecimal: 6 }, true],
    ['decimal', limits('decimal', { valueDecimal: -8 }, { valueDecimal: 6 }), { valueDecimal: 6.01 }, false],
    [
      'date',
      limits('date', { valueDate: '2016-01-01' }, { valueDate: '2024-06-30' }),
      { valueDate: '2015-12-31' },
      false,
    ],
    [
      'date',
      limits('date', { valueDate: '2016-01-01' }, { valueDate: '2024-06-30' }),
      { valueDate: '2016-01-01' },
      true,
    ],
    [
      'date, month',
      limits('date', { valueDate: '2016-01-15' }, { valueDate: '2024-06-15' }),
      { valueDate: '2016-01' },
      true,
    ],
    [
      'date, month',
      limits('date', { valueDate: '2016-01-15' }, { valueDate: '2024-06-15' }),
      { valueDate: '2015-12' },
      false,
    ],
    [
      'date, month',
      limits('date', { valueDate: '2016-01-15' }, { valueDate: '2024-06-15' }),
      { valueDate: '2024-06' },
      true,
    ],
    [
      'date',
      limits('date', { valueDate: '2016-01-01' }, { valueDate: '2024-06-30' }),
      { valueDate: '2024-07-01' },
      false,
    ],
    [
      'dateTime',
      limits('dateTime', { valueDateTime: '2024-01-01T10:00:00Z' }, { valueDateTime: '2024-01-01T12:00:00Z' }),
      { valueDateTime: '2024-01-01T10:59:59+01:00' },
      false,
    ],
    [
      'dateTime',
      limits('dateTime', { valueDateTime: '2024-01-01T10:00:00Z' }, { valueDateTime: '2024-01-01T12:00:00Z' }),
      { valueDateTime: '2024-01-01T11:00:00+01:00' },
      true,
    ],
    ['time', limits('time', { valueTime: '09:00:00' }, { valueTime: '17:00:00' }), { valueTime: '08:59:59' }, false],
    ['time', limits('time', { valueTime: '09:00:00' }, { valueTime: '17:00:00' }), { valueTime: '17:00:00' }, true],
  ]
  test.each(cases)('%s %j: %j', (_type, items, value, isIn) => {
    for (const status of ['in-progress', 'completed', 'amended'])
      expect(check(items, [said('a', value)], status)).toEqual(isIn ? [] : ['value-out-of-range a'])
    expect(check(items, [said('a', value)], 'entered-in-error')).toEqual([])
  })

  const ucum = 'http://unitsofmeasure.org'
  test.each<[string, string[], Json]>([
    ['in', [], { value: 2, system: ucum, code: 'kg' }],
    ['below', ['value-out-of-range a'], { value: 1.9, system: ucum, code: 'kg' }],
    ['another unit cannot be compared', ['unit-not-comparable a'], { value: 5, system: ucum, code: 'cm' }],
    ['no unit neither', ['unit-not-comparable a'], { value: 5 }],
  ])('quantity: %s', (_name, expected, valueQuantity) => {
    expect(
      check(
        [
          q('a', 'quantity', {
            extension: [
              ext(`${sdc}/sdc-questionnaire-minQuantity`, { valueQuantity: { value: 2, system: ucum, code: 'kg' } }),
            ],
          }),
        ],
        [said('a', { valueQuantity })],
      ),
    ).toEqual(expected)
  })

  test.each<[string, string[]]>([
    ['1', []],
    ['1.5', []],
    ['1.50', []],
    ['1.500', ['answer-precision a']],
    ['1.234', ['answer-precision a']],
    ['12e-1', []],
    ['1234e-3', ['answer-precision a']],
    ['1.5e1', []],
  ])('two places at most, as written: %s', (literal, expected) => {
    const body = `{"resourceType":"QuestionnaireResponse","questionnaire":"http://example.org/q|1","status":"completed","item":[{"linkId":"a","answer":[{"valueDecimal":${literal}}]}]}`
    expect(
      read(body, form([q('a', 'decimal', { extension: [ext('maxDecimalPlaces', { valueInteger: 2 })] })])),
    ).toEqual(expected)
  })

  test.each<[string, string[]]>([
    ['a', ['answer-length a']],
    ['ab', []],
    ['abcd', []],
    ['abcde', ['answer-length a']],
    ['😀😀😀😀', []],
    ['😀😀😀😀😀', ['answer-length a']],
    ['a\nb', ['answer-length a']],
  ])('two to four characters on one line: %j', (value, expected) => {
    expect(
      check(
        [q('a', 'string', { maxLength: 4, extension: [ext('minLength', { valueInteger: 2 })] })],
        [said('a', text(value))],
      ),
    ).toEqual(expected)
  })
  test('a text may have lines', () => {
    expect(check([q('a', 'text')], [said('a', text('a\nb'))])).toEqual([])
  })

  test.each<[string, string, string[]]>([
    ['[0-9]{3}', '123', []],
    ['[0-9]{3}', '1234', ['answer-pattern a']],
    ['^(ab|c)+$', 'abcab', []],
    ['(a)\\1', 'aa', ['answer-pattern a?']],
  ])('pattern %s on %s', (pattern, value, expected) => {
    expect(
      check([q('a', 'string', { extension: [ext('regex', { valueString: pattern })] })], [said('a', text(value))]),
    ).toEqual(expected)
  })
  test('a pattern made to run away ends at once', () => {
    const started = performance.now()
    expect(
      check(
        [q('a', 'string', { extension: [ext('regex', { valueString: '(a+)+b' })] })],
        [said('a', text('a'.repeat(20_000)))],
      ),
    ).toEqual(['answer-pattern a'])
    expect(performance.now() - started).toBeLessThan(2_000)
  })

  test.each<[string, string, string[]]>([
    ['answer.value.length() > 1', 'error', ['answer-pattern a']],
    ['answer.value.length() > 1', 'warning', ['answer-pattern a?']],
    ['answer.value.length() = 1', 'error', []],
    ['answer.frobnicate()', 'error', ['answer-pattern a?']],
  ])('constraint %s (%s)', (expression, severity, expected) => {
    const constraint = {
      url: `${core}/questionnaire-constraint`,
      extension: [
        { url: 'key', valueId: 'c1' },
        { url: 'severity', valueCode: severity },
        { url: 'expression', valueString: expression },
      ],
    }
    expect(check([q('a', 'string', { extension: [constraint] })], [said('a', text('x'))])).toEqual(expected)
  })

  test('attachments, references, addresses, units', () => {
    const one = (type: string, extension: Json[], value: Json) =>
      check([q('a', type, { extension })], [said('a', value)])
    const pdf = [ext('mimeType', { valueCode: 'application/pdf' }), ext('maxSize', { valueDecimal: 1 })]
    expect(one('attachment', pdf, { valueAttachment: { contentType: 'application/pdf', size: 1_048_576 } })).toEqual([])
    expect(one('attachment', pdf, { valueAttachment: { contentType: 'application/pdf', size: 1_048_577 } })).toEqual([
      'answer-length a',
    ])
    expect(one('attachment', pdf, { valueAttachment: { contentType: 'image/png' } })).toEqual(['answer-type a'])
    const patient = [ext('questionnaire-referenceResource', { valueCode: 'Patient' })]
    expect(one('reference', patient, { valueReference: { reference: 'http://x/fhir/Patient/1' } })).toEqual([])
    expect(one('reference', patient, { valueReference: { reference: 'Device/1' } })).toEqual(['answer-type a'])
    expect(one('url', [], { valueUri: 'no address' })).toEqual(['answer-type a'])
    const units = [ext('questionnaire-unitOption', { valueCoding: { system: ucum, code: 'kg' } })]
    expect(one('quantity', units, { valueQuantity: { value: 1, system: ucum, code: 'kg' } })).toEqual([])
    expect(one('quantity', units, { valueQuantity: { value: 1, system: ucum, code: 'g' } })).toEqual([
      'word-not-allowed a',
    ])
  })
})

describe('rows 23 to 25 and reporting', () => {
  test("item.text, when sent, is the form's", () => {
    const items = [q('a', 'string', { text: 'Name?' })]
    expect(check(items, [{ ...said('a', text('x')), text: 'Name?' }])).toEqual([])
    expect(check(items, [{ ...said('a', text('x')), text: 'Other?' }])).toEqual(['answer-text-differs a'])
  })
  test.each<[number, boolean, string[]]>([
    [3, false, []],
    [4, false, ['answer-calculated c?']],
    [4, true, ['answer-calculated c']],
  ])('calculated %i (read-only: %s)', (value, readOnly, expected) => {
    const expression = "%resource.item.where(linkId='a').answer.value + %resource.item.where(linkId='b').answer.value"
    const items = [
      q('a', 'integer'),
      q('b', 'integer'),
      q('c', 'integer', {
        readOnly,
        extension: [
          ext(`${sdc}/sdc-questionnaire-calculatedExpression`, {
            valueExpression: { language: 'text/fhirpath', expression },
          }),
        ],
      }),
    ]
    expect(
      check(items, [
        said('a', { valueInteger: 1 }),
        said('b', { valueInteger: 2 }),
        said('c', { valueInteger: value }),
      ]),
    ).toEqual(expected)
  })
  test('an answer to what is hidden and read-only', () => {
    expect(
      check(
        [q('a', 'string', { readOnly: true, extension: [ext('questionnaire-hidden', { valueBoolean: true })] })],
        [said('a', text('x'))],
      ),
    ).toEqual(['answer-read-only a?'])
  })
  test('findings say where, and never what', () => {
    const body = response([group('g', said('a', text('secret value')))]) as never
    const [found] = validateResponse(body, form([q('g', 'group', { item: [q('a', 'integer')] })]) as never)
    expect(found).toEqual({
      code: 'answer-type',
      severity: 'error',
      where: 'QuestionnaireResponse.item[0].item[0].answer[0].valueString',
      item: 'a',
      hint: 'expects valueInteger',
    })
  })
  test('no early stop, 200 at most', () => {
    const items = Array.from({ length: 300 }, (_one, index) => q(`a${index}`, 'integer'))
    expect(
      check(
        items,
        items.map(item => said(item.linkId, text('x'))),
      ),
    ).toHaveLength(200)
  })
  test('800 items, hundreds of conditions, dozens of calculations: under a second', () => {
    const items = Array.from({ length: 40 }, (_group, g) =>
      q(`g${g}`, 'group', {
        item: Array.from({ length: 20 }, (_item, i) => {
          const expression = `%resource.item.where(linkId='g${g}').item.where(linkId='g${g}.0').answer.value + 1`
          return q(`g${g}.${i}`, 'integer', {
            required: true,
            ...(i > 0 && i < 19
              ? { enableWhen: [{ question: `g${g}.${i - 1}`, operator: 'exists', answerBoolean: true }] }
              : {}),
            ...(i === 19
              ? {
                  extension: [
                    ext(`${sdc}/sdc-questionnaire-calculatedExpression`, { valueExpression: { expression } }),
                  ],
                }
              : {}),
          })
        }),
      }),
    )
    const answers = items.map(one => ({
      linkId: one.linkId,
      item: (one as unknown as { item: { linkId: string }[] }).item.map((item, i) =>
        said(item.linkId, { valueInteger: i === 19 ? 1 : i }),
      ),
    }))
    const started = performance.now()
    expect(check(items, answers)).toEqual([])
    expect(performance.now() - started).toBeLessThan(1_000)
  })
})
