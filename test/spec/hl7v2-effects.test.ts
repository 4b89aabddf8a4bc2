import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { solved } from '../set-up/solved.ts'

/** What messages do to what earlier, or later, ones said (hl7v2.md 1.3, 1.4): read, linked and solved like the worker does. */
type Lines = readonly string[]

let sent = 0
/** One message of the hospital; `at` = EVN-2, `happened` = EVN-6. Control ids count up, so that no two messages are the same bytes. */
function message(type: string, at: string, segments: Lines, happened = ''): Lines {
  sent += 1
  return [
    `MSH|^~\\&|PAS|RZ101|FLSDB|NOGW|${at}||${type}|E${String(sent).padStart(4, '0')}|P|2.4`,
    ...(type.startsWith('ADT') ? [`EVN||${at}||||${happened}`] : []),
    ...segments,
  ]
}

const marjorie =
  'PID|1||9990000506^^^NHS^NH~H1^^^RZ101^MR||WHITLOCK^MARJORIE||19420311|F|||1 BECK SIDE^^NORWOLD^^AD1 3CD'
const double = 'PID|1||H9^^^RZ101^MR||WHITLOCK^MARJ||19420311|F|||1 BECK SIDE^^NORWOLD^^AD1 3CD'
const stranger = 'PID|1||9990000646^^^NHS^NH~H2^^^RZ101^MR||OKAFOR^CHIDI||19380102|M|||9 MILL LANE^^NORWOLD^^AD9 7ZZ'
const stay = (visit: string, more = '') =>
  `PV1|1|I|||||||||||||||||${visit}|||||||||||||||||${more || '||||||||20260310093000'}`
const ended = (how = '1', where = '19') => `${how}|${where}|||||||20260310093000|20260320110000`
const hip = 'DG1|1||S72.0^Fracture of neck of femur^I10|Left neck of femur|20260310|F'

const admitted = message('ADT^A01', '20260310093500', [marjorie, stay('V1'), hip], '20260310093000')
const moved = message('ADT^A02', '20260310180000', [marjorie, stay('V1')])
const discharged = message('ADT^A03', '20260320110500', [marjorie, stay('V1', ended('4', '79'))], '20260320110000')
const dischargeUndone = message('ADT^A13', '20260320150000', [marjorie, stay('V1')], '20260320110000')
const dischargedAgain = message(
  'ADT^A03',
  '20260324100500',
  [marjorie, stay('V1', ended('1', '54').replace('20260320', '20260324'))],
  '20260324100000',
)
const updated = message('ADT^A08', '20260325090000', [
  marjorie,
  stay('V1', ended('1', '54').replace('20260320', '20260324')),
  hip,
])
const cancelled = message('ADT^A11', '20260310120000', [marjorie, stay('V1')], '20260310093000')
const merged = message('ADT^A40', '20260401080000', [marjorie, 'MRG|H9^^^RZ101^MR'])
const unlinked = message('ADT^A37', '20260402080000', [marjorie, double.replace('PID|1', 'PID|2')])

const told = (messages: readonly Lines[]) => {
  const { persons, episodes, reviews } = solved(messages)
  return {
    persons: persons.map(person => person.members.map(member => member.record.split('|')[1]).sort()).sort(),
    episodes: episodes
      .map(episode => ({
        status: episode.status,
        of: persons.find(person => person._id === episode.personId)?.members.map(one => one.record.split('|')[1]),
        careHome: episode.answers['1.05']?.values[0],
        inpatient: episode.answers['1.08']?.values[0],
      }))
      .sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1)),
    guards: reviews.flatMap(review => review.explanation.guards),
  }
}

describe('visits', () => {
  test('an admission opens an episode; cancelled, the episode is withdrawn and not forgotten', () => {
    expect(told([admitted]).episodes).toMatchObject([{ status: 'candidate', of: ['H1'] }])
    expect(told([admitted, cancelled]).episodes).toMatchObject([{ status: 'withdrawn', of: ['H1'] }])
    expect(told([cancelled, admitted])).toEqual(told([admitted, cancelled]))
  })
  test('a discharge to a care home counts, a cancelled one does not, also when it comes late', () => {
    const toCareHome = message('ADT^A03', '20260320110500', [marjorie, stay('V1', ended('1', '54'))], '20260320110000')
    expect(told([admitted, toCareHome]).episodes[0]?.careHome).toBe('yes')
    expect(told([admitted, toCareHome, dischargeUndone]).episodes[0]?.careHome).toBeUndefined()
    expect(told([admitted, dischargeUndone, toCareHome]).episodes[0]?.careHome).toBeUndefined()
  })
  test('a death by discharge goes with the cancelled discharge', () => {
    const death = (messages: readonly Lines[]) => solved(messages).episodes[0]?.answers['deathDate']?.values[0]
    expect(death([admitted, discharged])).toBe('2026-03-20')
    expect(death([admitted, discharged, dischargeUndone])).toBeUndefined()
    expect(death([dischargeUndone, discharged, admitted])).toBeUndefined()
  })
  test('any order, any repetition of a stay gives the same persons and episodes', () => {
    const all = [admitted, moved, discharged, dischargeUndone, dischargedAgain, updated, merged]
    const expected = solved(all)
    expect(told(all).episodes).toMatchObject([{ careHome: 'yes', inpatient: 'yes' }])
    const order = fc.tuple(
      fc.shuffledSubarray(all, { minLength: all.length }),
      fc.array(fc.constantFrom(...all), { maxLength: 4 }),
    )
    fc.assert(
      fc.property(order, ([shuffled, again]) => {
        expect(solved([...again, ...shuffled])).toEqual(expected)
      }),
      { seed: 20260310, numRuns: 60 },
    )
  })
})

describe('merges', () => {
  const other = message('ADT^A31', '20260301080000', [double])
  const home = message('ADT^A31', '20260301080000', [marjorie])
  const someoneElse = message('ADT^A31', '20260301080000', [stranger])
  const wrong = message('ADT^A40', '20260401080000', [stranger, 'MRG|H1^^^RZ101^MR'])
  const ofUnknown = message('ADT^A40', '20260401080000', [marjorie, 'MRG|H8^^^RZ101^MR'])
  test.each<[string, readonly Lines[], string[][], boolean]>([
    ['two numbers, one person', [home, other, merged], [['H1', 'H9']], false],
    ['sent twice', [home, other, merged, merged], [['H1', 'H9']], false],
    ['of a number nobody has seen', [home, ofUnknown], [['H1']], false],
    ['of two who are not alike: parked', [home, someoneElse, wrong], [['H1'], ['H2']], true],
  ])('a merge %s, in any order', (_what, messages, persons, isParked) => {
    const found = told(messages)
    expect(found.persons).toEqual(persons)
    expect(found.guards.includes('merge-doubtful')).toBe(isParked)
    expect(told([...messages].reverse())).toEqual(found)
  })
  test('taken back, it is as if it had never been said', () => {
    expect(solved([home, other, merged, unlinked])).toEqual(solved([home, other, unlinked]))
  })
  test('into itself: nothing', () => {
    const self = message('ADT^A40', '20260401080000', [marjorie, 'MRG|H1^^^RZ101^MR'])
    expect(told([admitted, self])).toEqual(told([admitted]))
  })
  test('and the opposite merge: both wait for a person', () => {
    const opposite = message('ADT^A40', '20260403080000', [double, 'MRG|H1^^^RZ101^MR'])
    expect(told([home, other, merged, opposite]).guards).toContain('merge-cycle')
  })
  test('demographics beside a merge do not overwrite', () => {
    const renamed = message('ADT^A40', '20260501080000', [marjorie.replace('WHITLOCK', 'SMITH'), 'MRG|H9^^^RZ101^MR'])
    const names = (messages: readonly Lines[]) => solved(messages).episodes[0]?.answers['1.03']?.values
    expect(names([admitted, renamed])).toEqual(names([admitted]))
  })
})

describe('visits that change their number or their patient', () => {
  const home = message('ADT^A31', '20260301080000', [stranger])
  const wrongPatient = message('ADT^A01', '20260310093500', [stranger, stay('V1'), hip], '20260310093000')
  const known = message('ADT^A31', '20260301080000', [marjorie])
  const move = (pid: string, from: string, at: string) =>
    message('ADT^A45', at, [pid, `MRG|${from}^^^RZ101^MR||||V1`, 'PV1|1|I|||||||||||||||||V1'])

  test('a visit moved to the right patient takes its episode along, whenever its messages come', () => {
    const toMarjorie = move(marjorie, 'H2', '20260311080000')
    const all = [home, known, wrongPatient, toMarjorie]
    expect(told([home, known, wrongPatient]).episodes).toMatchObject([{ of: ['H2'], status: 'candidate' }])
    expect(told(all).episodes).toMatchObject([{ of: ['H1'], status: 'candidate' }])
    expect(told([toMarjorie, wrongPatient, known, home])).toEqual(told(all))
    const late = message('ADT^A03', '20260320110500', [stranger, stay('V1', ended('1', '54'))], '20260320110000')
    expect(told([...all, late]).episodes).toMatchObject([{ of: ['H1'], careHome: 'yes' }])
    const back = move(stranger, 'H1', '20260312080000')
    expect(told([...all, back]).episodes).toEqual(told([home, known, wrongPatient]).episodes)
  })
  test('one patient, two numbers of one stay: the A11 of the surviving one takes both', () => {
    const provisional = message('ADT^A01', '20260310093500', [marjorie, stay('V0'), hip], '20260310093000')
    const renumbered = message('ADT^A42', '20260310100000', [
      marjorie,
      'MRG|H1^^^RZ101^MR||||V0',
      'PV1|1|I|||||||||||||||||V1',
    ])
    expect(told([provisional, cancelled]).episodes).toMatchObject([{ status: 'candidate' }])
    expect(told([provisional, renumbered, cancelled]).episodes).toMatchObject([{ status: 'withdrawn' }])
    expect(told([cancelled, renumbered, provisional]).episodes).toMatchObject([{ status: 'withdrawn' }])
  })
})

describe('letters', () => {
  const letter = (trigger: string, at: string, txa: string) =>
    message(`MDM^${trigger}`, at, [marjorie, txa, 'OBX|1|TX|L||Fracture of the right hip, spine and wrist'])
  const first = letter('T02', '20260401090000', 'TXA|1|FLSL^Fracture liaison clinic|TX|20260401||||||||D1')
  const replaced = letter('T10', '20260403090000', 'TXA|1|FLSL^Fracture liaison clinic|TX|20260402||||||||D2|D1')
  const contact = (messages: readonly Lines[]) => solved(messages).episodes.map(one => one.answers['1.06']?.values[0])

  test.each([
    ['none', [admitted], [undefined]],
    ['of the FLS', [admitted, first], ['2026-04-01']],
    ['replaced', [admitted, first, replaced], ['2026-04-02']],
    ['replaced before it came', [replaced, admitted, first], ['2026-04-02']],
    ['cancelled', [admitted, first, letter('T11', '20260404090000', 'TXA|1|FLSL|TX|20260401||||||||D1')], [undefined]],
    [
      'from another clinic',
      [admitted, letter('T02', '20260401090000', 'TXA|1|CARD^Cardiology|TX|20260401||||||||D3')],
      [undefined],
    ],
    ['that speaks of fractures, and nothing else', [first], []],
  ])('%s: first contact with the FLS', (_what, messages, expected) => {
    expect(contact(messages)).toEqual(expected)
  })
})

describe('T-scores', () => {
  const report = (at: string, ...obx: string[]) =>
    message('ORU^R01', at, [marjorie, 'OBR|1||D1^RIS|38269-7^DXA^LN|||20260415', ...obx])
  const inWords = report('20260415120000', 'OBX|1|TX|REPORT||Total hip T-score -2.7, L1-L4 T-score -1.9.||||||F')
  const asNumber = report('20260416120000', 'OBX|1|NM|38264-8^T-score hip^LN||-2.6||||||F')
  const of304 = (messages: readonly Lines[]) =>
    solved(messages).episodes.map(({ answers, suggestions }) => [
      answers['3.04']?.values[0],
      suggestions['3.04']?.values[0],
      answers['3.03']?.values[0],
    ])

  test.each([
    ['as a number: the answer', [asNumber], ['-2.6', undefined, '2026-04-15']],
    ['in words: a suggestion, and the day of the scan', [inWords], [undefined, '-2.7', '2026-04-15']],
    ['corrected from words to a number', [inWords, asNumber], ['-2.6', undefined, '2026-04-15']],
  ])('%s', (_what, reports, expected) => {
    expect(of304([admitted, ...reports])).toEqual([expected])
    expect(of304([...reports, admitted].reverse())).toEqual([expected])
  })
})

describe('what strange senders leave out, leave open or mistype', () => {
  const scan = (at: string, numbers: { orc?: string; obr2?: string; obr3?: string }, tScore: string) =>
    message('ORU^R01', at, [
      marjorie,
      ...(numbers.orc ? [`ORC|RE||${numbers.orc}`] : []),
      `OBR|1|${numbers.obr2 ?? ''}|${numbers.obr3 ?? ''}|312681000^DXA^SCT|||${at.slice(0, 8)}||||||||||||||||||F`,
      `OBX|1|NM|38267-1^T-score lumbar spine^LN||${tScore}|{Tscore}|||||F`,
    ])
  const tScores = (...messages: readonly Lines[]) =>
    solved([admitted, ...messages])
      .episodes.flatMap(({ hospital }) => hospital)
      .filter(entry => entry.concept === 'dxa.tscore.lumbar')
      .map(entry => entry.value)
      .sort()
  test.each([
    ['the filler number stands in ORC-3', { orc: 'F1' }, { orc: 'F2' }, ['-1.2', '-2.7']],
    ['the placer number in OBR-2', { obr2: 'P1' }, { obr2: 'P2' }, ['-1.2', '-2.7']],
    ['there is no number at all', {}, {}, ['-1.2', '-2.7']],
    ['a correction under the same number', { orc: 'F1' }, { orc: 'F1' }, ['-1.2']],
  ])('two scans: %s', (_what, one, other, expected) => {
    expect(tScores(scan('20260401090000', one, '-2.7'), scan('20260601090000', other, '-1.2'))).toEqual(expected)
  })

  test('an event time years ahead does not stop later messages of the visit', () => {
    const typo = message('ADT^A03', '20260320110500', [marjorie, stay('V1', ended('1', '54')), hip], '20620320110000')
    expect(told([admitted, typo, dischargeUndone]).episodes[0]?.careHome).toBeUndefined()
    const gone = message('ADT^A11', '20260321120000', [marjorie, stay('V1')])
    expect(told([typo, gone]).episodes).toMatchObject([{ status: 'withdrawn' }])
  })

  test('"" in one field of a visit hides no time in another', () => {
    const bare = 'PV1|1|I|||||||||||||||||V8'
    const blank = message('ADT^A01', '20260310093500', [marjorie, bare, hip], '""')
    const [episode] = solved([blank]).episodes
    expect(episode?.diagnosedOn).toBe('2026-03-10')
  })

  test.each([
    ['N in place of Y', `${marjorie}|||||||||||||||||||N`],
    ['N, the date left in', `${marjorie}||||||||||||||||||20260330|N`],
    ['an emptied PID-30', `${marjorie}|||||||||||||||||||""`],
  ])('a death told by mistake is taken back: %s', (_what, alive) => {
    const death = (messages: readonly Lines[]) => solved(messages).episodes[0]?.answers['deathDate']?.values[0]
    const dead = message('ADT^A31', '20260401090000', [`${marjorie}||||||||||||||||||20260330|Y`])
    expect(death([admitted, dead])).toBe('2026-03-30')
    expect(death([admitted, dead, message('ADT^A31', '20260402090000', [alive])])).toBeUndefined()
  })

  test('a date of birth is the day that is written, whatever offset stands behind it', () => {
    const summer = marjorie.replace('19420311', '19500405000000+0100')
    const [person] = solved([
      message('ADT^A01', '20260310093500', [summer, stay('V1'), hip], '20260310093000'),
    ]).episodes
    expect(person?.answers['1.02']?.values[0]).toBe('1950-04-05')
  })
})

test('a merge retires a number into one of the same authority, wherever that stands in PID-3', () => {
  const nameless = (number: string) => `PID|1||${number}^^^RZ101^MR||UNKNOWN^FEMALE||19420311|F`
  const elsewhere = 'PID|1||Z7^^^RZ202^MR~H1^^^RZ101^MR||WHITLOCK^MARJORIE||19420311|F'
  const seenThere = message('ADT^A01', '20260310093500', [nameless('H9'), stay('V5'), hip], '20260310093000')
  const merge = message('ADT^A40', '20260401080000', [elsewhere, 'MRG|H9^^^RZ101^MR'])
  expect(told([admitted, seenThere]).persons).not.toContainEqual(['H1', 'H9'])
  expect(told([admitted, seenThere, merge]).persons).toContainEqual(expect.arrayContaining(['H1', 'H9']))
})
