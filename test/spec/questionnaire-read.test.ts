import { describe, expect, test } from '@jest/globals'
import { readForm } from '../../src/mapping/form.ts'
import type { InboxEntry } from '../../src/sources/arrival.ts'
import { patientAudit } from '../../src/sources/form/canonical.ts'

const system = (list: string) => `https://fls-db.org.uk/fhir/CodeSystem/${list}`
const date = (linkId: string, valueDate: string) => ({ linkId, answer: [{ valueDate }] })
const choice = (linkId: string, list: string, code: string) => ({
  linkId,
  answer: [{ valueCoding: { system: system(list), code } }],
})
const number = (value: string) => ({ linkId: '1.01', answer: [{ valueString: value }] })

function read(
  item: object[],
  more: { resource?: object; meta?: object; receivedAt?: string; acceptTestNumbers?: boolean } = {},
) {
  const resource = {
    resourceType: 'QuestionnaireResponse',
    questionnaire: `${patientAudit.url}|3.0.0`,
    status: 'completed',
    authored: '2024-05-01T09:00:00+01:00',
    item: [{ linkId: '1', item }],
    ...more.resource,
  }
  const entry = {
    id: 'inbox-1',
    sender: 'user:n1',
    organisation: 'RXX',
    side: 'site',
    protocol: 'form',
    controlId: '',
    type: 'QuestionnaireResponse',
    sha256: '',
    bytes: Buffer.from(JSON.stringify(resource)),
    receivedAt: more.receivedAt ?? '2024-06-01T10:00:00.000Z',
    meta: { response: 'r1', ordinal: 1, ...more.meta },
  } as unknown as InboxEntry
  return readForm(entry, { hash: 'hash', acceptTestNumbers: more.acceptTestNumbers ?? true })
}
const wrist = [number('9990001006'), date('1.09', '2024-01-01'), choice('1.11', 'cl-site', 'wrist')]

describe('a form as facts', () => {
  test('answers, identity, fracture; authored orders them', () => {
    const { facts, issues } = read(wrist)
    expect(issues).toEqual([])
    expect(facts.map(fact => fact.kind)).toEqual(['identity', 'diagnosis', 'answer', 'answer', 'answer'])
    expect(new Set(facts.map(fact => fact.revision.asOf))).toEqual(new Set(['2024-05-01T08:00:00.000Z']))
    expect(new Set(facts.map(fact => fact.record))).toEqual(new Set(['RXX|fls|nhs|9990001006']))
  })
  test.each<[string, string, object]>([
    ['authored in the future counts as received', '2024-06-01T10:00:00.000Z', { resource: { authored: '2030-01-01' } }],
    ['not authored counts as received', '2024-06-01T10:00:00.000Z', { resource: { authored: undefined } }],
    [
      'a correction is never older than what it corrects',
      '2024-05-20T00:00:00.000Z',
      { meta: { notBefore: '2024-05-20T00:00:00.000Z' } },
    ],
  ])('%s', (_name, asOf, more) => {
    expect(read(wrist, more).facts[0]?.revision.asOf).toBe(asOf)
  })
  test("the FLS's own number makes the record", () => {
    const { facts } = read(wrist, {
      resource: { subject: { identifier: { system: 'http://fls.example.org', value: '77' } } },
    })
    expect(facts[0]?.record).toBe('RXX|fls|77')
  })
  test('pinned to an episode: answers only, in the record given', () => {
    const { facts } = read(wrist, { meta: { episode: 'e1', record: 'RXX|1' } })
    expect(facts.map(fact => [fact.kind, fact.record])).toEqual(Array.from({ length: 3 }, () => ['answer', 'RXX|1']))
  })
  test('edited questions only; what is gone from the form is cleared', () => {
    const { facts } = read(wrist, { meta: { episode: 'e1', record: 'RXX|1', items: ['1.11', '2.03'] } })
    expect(facts.map(fact => fact.kind === 'answer' && [fact.detail.item, fact.detail.values])).toEqual([
      ['1.11', ['wrist']],
      ['2.03', []],
    ])
  })
  test('a corrected NHS number leaves nothing behind in the record of the wrong one', () => {
    const { facts } = read(wrist, { meta: { movedFrom: ['RXX|fls|nhs|9990002002'] } })
    expect([facts[0]?.record, facts[0]?.status]).toEqual(['RXX|fls|nhs|9990002002', 'retracted'])
  })
  test('entered in error: one tombstone for the whole response', () => {
    const { facts } = read([], { resource: { status: 'entered-in-error', item: undefined } })
    expect(facts.map(fact => [fact.status, fact.revision.set])).toEqual([['retracted', 'QuestionnaireResponse/r1']])
  })
  test.each<[string, string[], object[], object]>([
    ['diagnosed after receipt', ['V03 1.09'], [number('9990001006'), date('1.09', '2024-06-02')], {}],
    ['on the day of receipt', [], [number('9990001006'), date('1.09', '2024-06-01')], {}],
    ['the day has begun in London', [], [date('1.09', '2024-06-02')], { receivedAt: '2024-06-01T23:30:00.000Z' }],
    ['another date after receipt', ['date-after-receipt 1.07'], [date('1.07', '2024-06-02')], {}],
    ['wrong check digit', ['nhs-number-invalid 1.01'], [number('9990001007')], {}],
    ['unknown code', ['V17 1.11'], [choice('1.11', 'cl-site', 'nose')], {}],
  ])('%s', (_name, expected, item, more) => {
    expect(read(item, more).issues.map(found => `${found.code} ${found.item}`)).toEqual(expected)
  })
  test('999 numbers are none where real patients are expected', () => {
    const { facts } = read(wrist, { acceptTestNumbers: false })
    expect(facts[0]?.kind === 'identity' && facts[0].detail.nhsNumber).toBeUndefined()
  })
  test('another form holds no facts about patients', () => {
    expect(read(wrist, { resource: { questionnaire: 'http://example.org/facilities' } })).toEqual({
      facts: [],
      issues: [],
    })
  })
  test('the same entry gives the same facts', () => {
    expect(read(wrist)).toEqual(read(wrist))
  })
})
