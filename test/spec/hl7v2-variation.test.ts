import { describe, expect, test } from '@jest/globals'
import type { Fact } from '../../src/fls/fact.ts'
import { readHl7v2 } from '../../src/mapping/hl7v2.ts'
import { loadTables } from '../../src/open-river.ts'
import { entryOf } from '../set-up/solved.ts'

/** How other hospitals write the same things (hl7v2.md 1.2): each row is one habit and what is understood. */
const { mapping } = loadTables({ acceptTestNumbers: true })
const msh = (type: string) => `MSH|^~\\&|PAS|RZ101|FLSDB|NOGW|20260310101112||${type}|M1|P|2.4`
const pid = 'PID|1||H1^^^RZ101^MR||WHITLOCK^MARJORIE||19420311|F'

function readBytes(bytes: Buffer) {
  return readHl7v2({ ...entryOf([]), bytes }, mapping)
}
const read = (...lines: string[]) => readBytes(Buffer.from(`${lines.join('\r')}\r`))
const only = <Kind extends Fact['kind']>(facts: readonly Fact[], kind: Kind) =>
  facts.filter((fact): fact is Extract<Fact, { kind: Kind }> => fact.kind === kind)
const codes = (issues: readonly { code: string }[]) => issues.map(found => found.code)

describe('line ends, marks and segments nobody asked for', () => {
  const segments = [
    msh('ADT^A01'),
    'EVN||20260310',
    pid,
    'PV1|1|I|||||||||||||||||V1',
    'DG1|1||S72.0^^I10|Left|20260310|F',
  ]
  const said = (text: string) => {
    const { facts, issues } = readBytes(Buffer.from(text))
    return { facts: facts.map(({ id: _id, source: _source, ...rest }) => rest), issues }
  }
  const plain = said(`${segments.join('\r')}\r`)
  test.each([
    ['LF', `${segments.join('\n')}\n`],
    ['CR LF', `${segments.join('\r\n')}\r\n`],
    ['no end of the last', segments.join('\r')],
    ['blank lines', `\r\n${segments.join('\r\r')}\r\r`],
    ['a byte-order mark', `\uFEFF${segments.join('\r')}\r`],
    ['lower case type', `${segments.join('\r')}\r`.replace('ADT^A01', 'adt^a01^ADT_A01')],
    ['Z segments everywhere', segments.flatMap(line => [line, 'ZPV|1|x^y~z', 'ZZ1']).join('\r')],
    [
      'segments of no use',
      [...segments.slice(0, 4), 'ROL|1', 'NK1|1|X^Y', 'AL1|1', ...segments.slice(4), 'GT1|1', 'IN1|1'].join('\r'),
    ],
    ['fields past the end', `${segments.map(line => `${line}${'|'.repeat(80)}`).join('\r')}\r`],
  ])('%s', (_what, text) => {
    expect(said(text)).toEqual(plain)
  })
  test.each([
    ['without EVN', segments.toSpliced(1, 1), ['identity', 'encounter', 'diagnosis']],
    ['without PV1', segments.toSpliced(3, 1), ['identity', 'diagnosis']],
    ['header and patient alone', segments.slice(0, 3), ['identity']],
  ])('%s', (_what, lines, kinds) => {
    const { facts, issues } = read(...lines)
    expect(facts.map(fact => fact.kind).sort()).toEqual([...kinds].sort())
    expect(issues).toEqual([])
  })
})

describe('who it is', () => {
  test.each<[why: string, pid: string, detail: object]>([
    [
      'four identifiers',
      '77^^^EPR^PI~9990000506^^^NHS^NH~V9^^^RZ101^VN~H1^^^RZ101^MR||WHITLOCK',
      { localNumber: { authority: 'RZ101', number: 'H1' }, nhsNumber: '9990000506' },
    ],
    [
      'two names',
      'H1^^^RZ101^MR||WHITLOCK^MARJORIE^ANN MAY~SMITH^MARJORIE^^^^^M',
      { familyName: 'WHITLOCK', givenNames: ['MARJORIE', 'ANN', 'MAY'], previousFamilyNames: ['SMITH'] },
    ],
    ['prefix in sub-components', 'H1^^^RZ101^MR||VAN DER BERG&VAN DER&BERG^A', { familyName: 'VAN DER BERG' }],
    ['escaped', 'H1^^^RZ101^MR||O\\T\\BRIEN^M', { familyName: 'O&BRIEN' }],
    ['ISO date, whole word', 'H1^^^RZ101^MR||W^M||1942-03-11|Female', { birthDate: '1942-03-11', sex: 'female' }],
    [
      'time and zone, UK digit',
      'H1^^^RZ101^MR||W^M||19420311000000.0000+0000|2',
      { birthDate: '1942-03-11', sex: 'female' },
    ],
    ['a year', 'H1^^^RZ101^MR||W^M||1942|F', { birthDate: '1942' }],
    [
      'postcode without blank',
      'H1^^^RZ101^MR||W^M||19420311|F|||1 HIGH ST^^LEEDS^^ls14ab^GBR^H~PO BOX^^^^ZZ99 3VZ^^BA',
      { postcode: 'LS1 4AB' },
    ],
    ['postcode in the last line', 'H1^^^RZ101^MR||W^M||19420311|F|||1 HIGH ST^LEEDS^LS1 4AB', { postcode: 'LS1 4AB' }],
  ])('%s', (_why, fields, detail) => {
    expect(only(read(msh('ADT^A31'), 'EVN||20260310', `PID|1||${fields}`).facts, 'identity')[0]?.detail).toMatchObject(
      detail,
    )
  })
  test('a deleted name and birth date say nothing', () => {
    const [identity] = only(read(msh('ADT^A31'), 'EVN||20260310', 'PID|1||H1^^^RZ101^MR||""||""|""').facts, 'identity')
    expect(identity?.detail).not.toHaveProperty('familyName')
    expect(identity?.detail).not.toHaveProperty('birthDate')
  })
})

describe('diagnoses', () => {
  test.each<[dg1: string, concept: string | undefined, side: string | undefined]>([
    ['DG1|1||S720^Fracture of neck of femur^I10|Left|20260310|F', 'hip.neck', 'left'],
    ['DG1|1||S72.0X^^ICD10|R hip|20260310|F', 'hip.neck', 'right'],
    ['DG1|1|I10|S72.0||20260310|F', 'hip.neck', undefined],
    ['DG1|1||s72.0^^ICD-10|LT|20260310|F', 'hip.neck', 'left'],
    ['DG1|1||FNOF^Local^L^S72.0^^I10||20260310|F', 'hip.neck', undefined],
    ['DG1|1||5913000^^SCT||20260310|F', 'hip.neck', undefined],
    ['DG1|1||263199001:272741003=7771000^^SNOMED-CT||20260310|F', 'wrist', 'left'],
  ])('%s → %s %s', (dg1, concept, side) => {
    const [fact] = only(read(msh('ADT^A01'), 'EVN||20260310', pid, 'PV1|1|I', dg1).facts, 'diagnosis')
    expect([fact?.concept?.id, fact?.laterality]).toEqual([concept, side])
  })
  test('sixty positions are all read', () => {
    const many = Array.from({ length: 60 }, (_, index) => `DG1|${index + 1}||S72.0^^I10||20260310|F`)
    expect(only(read(msh('ADT^A03'), 'EVN||20260310', pid, 'PV1|1|I', ...many).facts, 'diagnosis')).toHaveLength(60)
  })
})

describe('results of every type', () => {
  const result = (type: string, value: string) =>
    read(
      msh('ORU^R01'),
      pid,
      'OBR|1||R1|38269-7^DXA^LN|||20260412',
      `OBX|1|${type}|38264-8^T-score hip^LN||${value}||||||F`,
    )
  test.each<
    [type: string, value: string, read: string | undefined, comparator: string | undefined, issues: readonly string[]]
  >([
    ['NM', '-2.7', '-2.7', undefined, []],
    ['NM', ' -2.70 ', '-2.70', undefined, []],
    ['NM', '\u22122.7', '-2.7', undefined, []],
    ['NM', '-2,7', '-2.7', undefined, []],
    ['NM', '+0.4', '0.4', undefined, []],
    ['ST', '-2.7 SD', '-2.7', undefined, []],
    ['ST', '-2.7*', '-2.7', undefined, []],
    ['SN', '^-2.7', '-2.7', undefined, []],
    ['SN', '<^-4', '-4', '<', []],
    ['ST', '<=-4', '-4', '<=', []],
    ['SN', '^1^-^3', undefined, undefined, ['value-not-numeric']],
    ['SN', '^1^:^4', undefined, undefined, ['value-not-numeric']],
    ['ST', '1.0 - 3.0', undefined, undefined, ['value-not-numeric']],
    ['ST', '2026-04-12', undefined, undefined, ['value-not-numeric']],
    ['ST', '2/3', undefined, undefined, ['value-not-numeric']],
    ['ST', 'unreadable', undefined, undefined, ['value-not-numeric']],
    ['NM', '-27', undefined, undefined, ['value-out-of-range']],
  ])('%s %s → %s', (type, value, number, comparator, issues) => {
    const { facts, issues: found } = result(type, value)
    const [fact] = only(facts, 'observation')
    expect([fact?.value, fact?.comparator, codes(found)]).toEqual([number, comparator, issues])
  })
  test.each([
    ['CE', '8517006^Ex-smoker^SCT', 'smoking.ex'],
    ['CWE', 'X^Local^L^8517006^Ex-smoker^SCT', 'smoking.ex'],
    ['CF', '8517006^Ex-smoker^SCT', 'smoking.ex'],
  ])('%s %s → %s', (type, value, concept) => {
    expect(only(result(type, value).facts, 'observation')[0]?.concept?.id).toBe(concept)
  })
  test.each([
    ['TX', 'Fracture of the left hip.', 'dxa'],
    ['FT', 'Bone density.\\.br\\Osteoporosis.', 'dxa'],
    ['ED', '^application^pdf^Base64^JVBERi0xLjQ=', 'dxa'],
    ['RP', 'reports/9^RIS^application^pdf', 'dxa'],
  ])('%s is a document of its kind, and no diagnosis', (type, value, kind) => {
    const { facts, issues } = result(type, value)
    expect(only(facts, 'document').map(fact => fact.detail.type)).toEqual([kind])
    expect(only(facts, 'diagnosis')).toEqual([])
    expect(issues).toEqual([])
  })
  test('five megabytes of base64 are kept and leave no trace in the facts', () => {
    const { facts } = result('ED', `^application^pdf^Base64^${'QUJD'.repeat(1_300_000)}`)
    expect(JSON.stringify(facts).length).toBeLessThan(3_000)
  })
})
