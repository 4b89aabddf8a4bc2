import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { isConceptId, isLoinc } from '../../src/terminology/check-digits.ts'
import { mentionsIn } from '../../src/terminology/fracture-words.ts'
import { loadTerminology } from '../../src/terminology/load-terminology.ts'
import { judgeValue } from '../../src/terminology/ranges.ts'
import { TablesRefused } from '../../src/terminology/table-file.ts'
import { translate } from '../../src/terminology/translate.ts'
import { tScoresIn } from '../../src/terminology/tscore-words.ts'
import { certaintyIn, sideIn } from '../../src/terminology/words.ts'

const directory = join(import.meta.dirname, '..', '..', 'terminology')
const terminology = loadTerminology(directory)
const meaning = (system: string, code: string) => translate([{ system, code }], terminology)

function faultsOf(load: () => unknown): readonly string[] {
  try {
    load()
    return []
  } catch (error) {
    if (error instanceof TablesRefused) return error.faults
    throw error
  }
}

describe('check digits', () => {
  test.each([
    ['443165006', true, 'osteoporotic fracture of bone'],
    ['704164000', false, 'circulates in public lists, fails Verhoeff'],
    ['302222001', false, 'fails Verhoeff'],
    ['306171000000106', true, 'UK extension'],
    ['5913000', true, 'seven digits'],
    ['591300', false, 'a digit lost'],
    ['5.913E+06', false, 'a spreadsheet was here'],
  ])('SNOMED CT %s → %s (%s)', (id, isGood) => {
    expect(isConceptId(id)).toBe(isGood)
  })
  test.each([
    ['38265-5', true],
    ['38265-4', false],
    ['8302-2', true],
    ['8302', false],
  ])('LOINC %s → %s', (code, isGood) => {
    expect(isLoinc(code)).toBe(isGood)
  })
  test('one changed digit never passes Verhoeff', () => {
    const ids = terminology.rows.filter(row => row.system === 'snomed').map(row => row.code)
    fc.assert(
      fc.property(fc.constantFrom(...ids), fc.nat(), fc.integer({ min: 1, max: 9 }), (id, at, by) => {
        const place = at % id.length
        const changed = id.slice(0, place) + String((Number(id[place]) + by) % 10) + id.slice(place + 1)
        expect(isConceptId(changed)).toBe(false)
      }),
    )
  })
})

describe('one code', () => {
  test.each([
    // system   code           site                   kind       why
    ['I10', 'S72.0', 'hip.neck', 'include', 'as in the book'],
    ['ICD10', 'S720', 'hip.neck', 'include', 'without its dot'],
    ['ICD10', 's72.0', 'hip.neck', 'include', 'lower case'],
    ['ICD-10', 'S7200', 'hip.neck', 'include', 'fifth character: closed'],
    ['ICD10', 'S720X', 'hip.neck', 'include', 'padded'],
    ['ICD10', 'S72.0D', 'hip.neck', 'include', 'dagger letter'],
    ['ICD10', 'S72X', 'femur.unspecified', 'include', 'three characters, padded'],
    ['http://hl7.org/fhir/sid/icd-10', 'S52.5', 'wrist', 'include', 'FHIR name'],
    ['I10', 'M80.08', 'trunk.unspecified', 'include', 'M80 fifth character 8: trunk, vertebrae'],
    ['I10', 'M8005', 'unspecified', 'include', 'region 5 cannot tell hip, femur and pelvis'],
    ['I10', 'M80.0', 'unspecified', 'include', 'M80 without a fifth character'],
    ['I10', 'S02.1', 'skull_face', 'exclude', 'skull'],
    ['I10', 'S62.6', 'finger', 'exclude', 'finger'],
    ['I10', 'S92.4', 'toe', 'exclude', 'toe'],
    ['I10', 'M84.30', 'unspecified', 'exclude', 'stress fracture'],
    ['I10', 'T93.1', 'femur.unspecified', 'history', 'sequelae'],
    ['READ2', 'S30..', 'hip.neck', 'include', 'Read v2 chapter S'],
    ['READ2', 'S30', 'hip.neck', 'include', 'dots lost on the way'],
    ['READ2', 'S30..11', 'hip.unspecified', 'include', 'seven bytes: a synonym with its own row'],
    ['READ2', 'S30..99', 'hip.neck', 'include', 'seven bytes: falls back to five'],
    ['READ2', 'S30zz', 'hip.unspecified', 'include', 'in no table: site of its first four bytes'],
    ['READ2', 'S26zz', 'finger', 'exclude', 'excluded by its first four bytes'],
    ['READ2', '14G7.', 'hip.unspecified', 'history', 'history of hip fracture'],
    ['CTV3', 'XE1l3', 'hip.neck', 'include', 'CTV3'],
    ['SCT', '263199001', 'wrist', 'include', 'SNOMED CT'],
    [
      'http://snomed.info/sct/83821000000107/version/20260401',
      '263199001',
      'wrist',
      'include',
      'edition and version in the URI',
    ],
    ['snomed.info.sct', '263199001', 'wrist', 'include', 'typing error seen in the wild'],
    ['urn:oid:2.16.840.1.113883.6.96', '263199001', 'wrist', 'include', 'OID'],
    ['SCT', '391092009', 'unspecified', 'history', 'history of fragility fracture never opens an episode'],
    ['SCT', '125605004:363698007=75129005', 'wrist', 'include', 'post-coordinated finding site'],
    [
      'SCT',
      '71620000 |Fracture of femur| : 363698007 |Finding site| = 29627003 |Neck of femur|',
      'hip.neck',
      'include',
      'with terms',
    ],
  ])('%s %s → %s, %s (%s)', (system, code, site, kind) => {
    const { concept, issues } = meaning(system, code)
    expect(concept).toMatchObject({ set: 'fracture-site', id: site, kind })
    expect(issues).toEqual([])
  })

  test.each([
    ['I10', 'S30', 'code-unknown', 'Read looks like ICD-10: the system is told, never guessed'],
    ['I10', 'S72.001A', 'code-unknown', 'ICD-10-CM is another system'],
    ['I10C', 'M80.0', 'code-unknown', 'ICD-10-CM M80.0 is not WHO M80.0'],
    ['CTV3', 'XAZ89', 'code-unknown', 'case matters'],
    ['CTV3', 'S30zz', 'code-unknown', 'CTV3 has no hierarchy by string'],
    ['SCT', '704164000', 'code-damaged', 'check digit'],
    ['SCT', '5.91E+06', 'code-damaged', 'spreadsheet'],
    ['READ2', '^ESCTFR123', 'code-local', 'EMIS local'],
    ['CTV3', 'Y1234', 'code-local', 'TPP local'],
    ['L', 'FNOF', 'code-unknown', 'a hospital of its own'],
  ])('%s %s is kept without a meaning: %s (%s)', (system, code, issue) => {
    expect(meaning(system, code)).toMatchObject({ issues: [issue], codings: [{ code }] })
    expect(meaning(system, code).concept).toBeUndefined()
  })

  test('what the audit never asks for is no finding: essential hypertension', () => {
    expect(meaning('I10', 'I10')).toMatchObject({ issues: [] })
  })
  test('opt-out codes that differ in case mean the opposite', () => {
    expect(meaning('CTV3', 'XaZ89').concept?.id).toBe('optout.type1')
    expect(meaning('CTV3', 'XaZ8a').concept?.id).toBe('optout.type1.withdrawn')
  })
  test('the forearm T-score never is one of hip or spine', () => {
    expect(meaning('LN', '38265-5').concept?.id).toBe('dxa.tscore.forearm')
  })
})

describe('several codings of one entry', () => {
  const sct = (code: string) => ({ system: 'SCT', code })
  const icd = (code: string) => ({ system: 'I10', code })
  test.each([
    ['SNOMED CT before ICD-10', [icd('S72.0'), sct('263226008')], 'hip.intracapsular', []],
    ['the wider term yields', [sct('71620000'), icd('S72.1')], 'hip.trochanteric', []],
    ['fragility without a site takes the site', [sct('443165006'), icd('S52.5')], 'wrist', []],
    ['two bones', [sct('5913000'), icd('S52.5')], 'unspecified', ['coding-disagreement']],
  ])('%s', (_name, codings, site, issues) => {
    expect(translate(codings, terminology)).toMatchObject({ concept: { id: site }, issues })
  })
  test('a body site narrows and carries the side', () => {
    const read = translate([sct('443165006')], terminology, [], [sct('75129005:272741003=7771000')])
    expect(read).toMatchObject({ concept: { id: 'wrist' }, laterality: 'left' })
  })
  test('a display never decides', () => {
    const lying = translate([{ system: 'I10', code: 'S52.5', display: 'Fracture of neck of femur' }], terminology)
    expect(lying.concept?.id).toBe('wrist')
  })
  test('two sides: neither', () => {
    const read = translate([sct('11874341000119106'), sct('11874381000119101')], terminology)
    expect(read.issues).toEqual(['side-conflict'])
    expect(read.laterality).toBeUndefined()
  })
  test('a fracture at a finger is outside the audit', () => {
    expect(translate([sct('125605004')], terminology, [], [sct('7569003')]).concept).toMatchObject({
      id: 'finger',
      kind: 'exclude',
    })
  })
})

describe('drugs', () => {
  test.each([
    ['dmd', '17301711000001109', 'drug.denosumab', 'include', 'denosumab 60 mg'],
    ['SCT', '17301711000001109', 'drug.denosumab', 'include', 'dm+d under its SNOMED name'],
    ['BNF', '0606020Z0AAABAB', 'drug.denosumab', 'exclude', 'denosumab 120 mg is oncology'],
    ['dmd', '39731311000001108', 'drug.alendronic_acid', 'include', 'alendronic acid 70 mg, current id'],
    ['dmd', '1273311000001106', 'drug.alendronic_acid', 'include', 'alendronic acid 70 mg, pack'],
    ['dmd', '36151611000001104', 'drug.zoledronic_acid', 'exclude', 'zoledronic acid 4 mg is oncology'],
    ['dmd', '39720811000001105', 'drug.zoledronic_acid', 'include', 'zoledronic acid 5 mg'],
    ['dmd', '325984003', 'drug.risedronate', 'exclude', 'risedronate 30 mg is Paget'],
    ['BNF', '0606020A0BBABAC', 'drug.alendronic_acid', 'include', 'a brand, by its chemical'],
    ['READ2', 'fo4ab', 'drug.alendronic_acid', 'include', 'Read drug chapter'],
    ['READ2', 'fu94.', 'drug.denosumab', 'exclude', 'the product wins over its chapter'],
    ['READ2', '8I3e.', 'bsa.declined', 'include', 'declined is not on treatment'],
  ])('%s %s → %s, %s (%s)', (system, code, id, kind) => {
    expect(meaning(system, code).concept).toMatchObject({ set: 'bone-drug', id, kind })
  })
  test.each([
    ['drug.alendronic_acid', 'alendronate'],
    ['drug.hrt', 'systemic-oestrogen'],
    ['drug.etidronate', undefined],
  ])('%s is option %s', (concept, option) => {
    expect(terminology.drugOptions.get(concept)).toBe(option)
  })
})

describe('the tables', () => {
  const core = terminology.rows.filter(row => row.set === 'fracture-site' && row.tier === 'core')
  test('every row of every table is found again under its own system and code', () => {
    const lost = terminology.rows.filter(row => {
      if (row.set === 'admin') return false
      const found = translate([{ system: row.system, code: row.code }], terminology, [row.set])
      return found.concept?.set !== row.set || found.concept.id !== row.concept
    })
    expect(lost.map(row => row.at)).toEqual([])
  })
  test('every core fracture code has a site of the tree, and no code two groups', () => {
    expect(core.length).toBeGreaterThan(280)
    expect(core.filter(row => !terminology.sites.sites.includes(row.concept))).toEqual([])
  })
  test.each([...new Set(terminology.rows.map(row => row.set))])('the README of %s counts its rows', set => {
    const readme = readFileSync(join(directory, set, 'README.md'), 'utf8')
    expect(readme).toContain(`Rows: ${terminology.rows.filter(row => row.set === set).length}\n`)
  })
  test('every group of the tree has a way up to unspecified, or is excluded', () => {
    const stuck = terminology.sites.sites.filter(
      site =>
        site !== 'unspecified' &&
        !terminology.sites.isExcluded(site) &&
        !terminology.sites.ancestorsOf(site).includes('unspecified'),
    )
    expect(stuck).toEqual([])
  })
  test('a damaged table is refused with file, row and column', () => {
    const copy = mkdtempSync(join(tmpdir(), 'terminology-'))
    cpSync(directory, copy, { recursive: true })
    appendFileSync(
      join(copy, 'fracture-site', 'codes.csv'),
      'snomed,704164000,Not a code,hip.nowhere,,include,site,core,nobody,unverified\n',
    )
    appendFileSync(join(copy, 'system-aliases.csv'), 'ZZZ,no-such-system,nobody\n')
    const line = readFileSync(join(copy, 'fracture-site', 'codes.csv'), 'utf8')
      .trimEnd()
      .split('\n').length
    expect(faultsOf(() => loadTerminology(copy))).toEqual([
      `terminology/fracture-site/codes.csv:${line}, code: wrong shape or check digit`,
      `terminology/fracture-site/codes.csv:${line}, concept: no such site`,
      expect.stringMatching(/^terminology\/system-aliases\.csv:\d+, system: not in systems\.csv$/),
    ])
    rmSync(copy, { recursive: true })
  })
})

describe('sites that may be one fracture', () => {
  const { sites } = terminology
  test.each([
    ['hip.neck', 'hip.trochanteric', true, 'neck is what GPs call any proximal femur fracture'],
    ['femur.unspecified', 'hip.neck', true, 'parent term'],
    ['unspecified', 'wrist', true, 'no site'],
    ['forearm.unspecified', 'wrist', true, 'radius and ulna'],
    ['tibia_fibula.fibula', 'ankle', true, 'fibula'],
    ['shoulder.unspecified', 'humerus.proximal', true, 'listed'],
    ['hip.neck', 'wrist', false, 'another bone'],
    ['spine.lumbar', 'spine.thoracic', false, 'two specific members'],
    ['finger', 'hand', false, 'excluded'],
    ['skull_face', 'unspecified', false, 'excluded'],
  ])('%s and %s → %s (%s)', (a, b, isOne) => {
    expect(sites.isCompatible(a, b)).toBe(isOne)
    expect(sites.isCompatible(b, a)).toBe(isOne)
  })
})

describe('words', () => {
  test.each([
    ['L #NOF', 'left'],
    ['(R) wrist', 'right'],
    ['# R.NOF', 'right'],
    ['Lt distal radius', 'left'],
    ['both hips', 'bilateral'],
    ['Right and left', 'bilateral'],
    ['both bones forearm', undefined],
    ['Fracture L1', undefined],
    ['L spine #', undefined],
    ['left after right', undefined],
  ])('side of "%s" → %s', (text, side) => {
    expect(sideIn(text)).toBe(side)
  })
  test.each([
    ['?#NOF', 'suspected'],
    ['Suspected scaphoid fracture', 'suspected'],
    ['fracture cannot be excluded', 'suspected'],
    ['to exclude fracture', 'suspected'],
    ['no evidence of fracture', 'refuted'],
    ['Fracture excluded', 'refuted'],
    ['Fracture of wrist', undefined],
  ])('certainty of "%s" → %s', (text, certainty) => {
    expect(certaintyIn(text)).toBe(certainty)
  })
  test.each([
    [
      'There is a fracture of the neck of the left femur. No fracture of the pelvis.',
      [
        ['hip.neck', false],
        ['pelvis.unspecified', true],
      ],
    ],
    ['No evidence of fracture at the wrist.', [['wrist', true]]],
    [
      'Wedge compression fracture of T12 and L1. Old healed rib fractures.',
      [
        ['spine.thoracic', false],
        ['spine.lumbar', false],
      ],
    ],
    ['No dislocation but there is a fracture of the distal radius.', [['wrist', false]]],
    ['Clinical history: fall, ? fracture hip\nNormal appearances.', []],
    ['Clinical details:\nfractured hip 2019\nReport: no acute fracture of the hip.', [['hip.unspecified', true]]],
    ['Referred to the fracture clinic.', []],
  ])('fractures spoken of in "%s"', (text, mentions) => {
    expect(mentionsIn(text).map(({ site, isNegated }) => [site, isNegated])).toEqual(mentions)
  })
  test.each([
    ['Total hip T-score -2.1.\nL1-L4 T-score -1.9.', { hip: '-2.1', spine: '-1.9' }],
    ['T-score of -2.5 at the femoral neck and -3.0 in the lumbar spine.', { hip: '-2.5', spine: '-3.0' }],
    ['Femoral neck: BMD 0.612 g/cm2, T-score -2.9, Z-score -1.1', { hip: '-2.9' }],
    ['T score forearm = -3.1', { forearm: '-3.1' }],
    ['BMD 0.9 at the hip', {}],
  ])('T-scores of "%s"', (text, scores) => {
    expect(Object.fromEntries(tScoresIn(text))).toEqual(scores)
  })
})

describe('values their concept cannot have', () => {
  test.each([
    ['dxa.tscore.hip', '-8.0', '', 'fits'],
    ['dxa.tscore.hip', '-27', '{Tscore}', 'outside'],
    ['dxa.tscore.hip', '0.712', 'g/cm²', 'other-concept'],
    ['body.height', '1.62', 'm', 'fits'],
    ['body.height', '1.62', 'cm', 'outside'],
    ['lab.creatinine', '1500', 'umol/L', 'fits'],
  ])('%s %s %s → %s', (concept, value, unit, kind) => {
    expect(judgeValue(concept, value, unit, terminology.ranges).kind).toBe(kind)
  })
})
