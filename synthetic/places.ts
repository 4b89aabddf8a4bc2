import type { OdsCode } from '../src/fls/fact.ts'
import type { Random } from './random.ts'

/** How a trust writes HL7 v2 (hl7v2.md 1.2): the wire differs, the meaning does not. */
export type Spelling = {
  readonly version: string
  readonly charset?: 'UNICODE UTF-8' | '8859/1'
  readonly nhsNumber: 'NHS^NH' | 'NHS^HN' | 'NHSNBR^NHSNMBR' | '^NH in PID-3' | '^NH in PID-2' | 'NHS'
  readonly traceStatus: 'PID-32' | 'CX-2' | 'none'
  readonly localType: 'MR' | 'PI' | 'HOSP' | 'MRN'
  /** Trust (3 characters) or site (5) as the numbering authority. */
  readonly authority: 'trust' | 'site'
  readonly sex: 'letters' | 'digits'
  readonly isZoned: boolean
  readonly hasVisitNumber: boolean
  readonly diagnosis: 'I10' | 'ICD10' | 'ICD10 without dot' | 'SCT' | 'local'
  readonly acknowledge?: readonly [string, string]
}

export type Trust = {
  readonly index: number
  readonly ods: OdsCode
  readonly site: OdsCode
  readonly name: string
  readonly postArea: string
  readonly town: string
  readonly hipFractures: number
  readonly spelling: Spelling
  readonly pasFeed: string
  readonly risFeed: string
  readonly flsFeed: string
}

export type Practice = {
  readonly index: number
  readonly ods: OdsCode
  readonly name: string
  readonly trust: Trust
  readonly supplier: 'gp-emis' | 'gp-tpp'
  readonly shape: 'emis' | 'tpp' | 'neutral'
  readonly isOptedIn: boolean
}

const plain: Spelling = {
  version: '2.4',
  nhsNumber: 'NHS^NH',
  traceStatus: 'PID-32',
  localType: 'MR',
  authority: 'trust',
  sex: 'letters',
  isZoned: false,
  hasVisitNumber: true,
  diagnosis: 'I10',
}

// biome-ignore format: a table, one trust a line
const trustTable: readonly (readonly [ods: string, site: string, town: string, postArea: string, hips: number, Spelling])[] = [
  ['RXX', 'RXX01', 'Norwold', 'AD', 460, { ...plain, charset: 'UNICODE UTF-8', acknowledge: ['AL', 'NE'] }],
  ['RYY', 'RYY02', 'Easterby', 'AE', 390, { ...plain, version: '2.3', nhsNumber: 'NHSNBR^NHSNMBR', traceStatus: 'CX-2', localType: 'HOSP', sex: 'digits', isZoned: true, diagnosis: 'local' }],
  ['RZ1', 'RZ101', 'Marlby', 'AF', 520, { ...plain, diagnosis: 'ICD10' }],
  ['RZ2', 'RZ201', 'Thornsea', 'AG', 310, { ...plain, diagnosis: 'SCT', version: '2.5.1', charset: 'UNICODE UTF-8' }],
  ['RZ3', 'RZ301', 'Calderwick', 'AH', 280, { ...plain, authority: 'site', localType: 'PI', diagnosis: 'ICD10 without dot' }],
  ['RZ4', 'RZ401', 'Penholt', 'AK', 350, { ...plain, nhsNumber: 'NHS', sex: 'digits', hasVisitNumber: false }],
  ['RZ5', 'RZ501', 'Hartmouth', 'AM', 430, { ...plain, nhsNumber: 'NHS^HN', charset: '8859/1' }],
  ['RZ6', 'RZ601', 'Alderley Cross', 'AN', 260, { ...plain, nhsNumber: '^NH in PID-3', localType: 'MRN', traceStatus: 'none' }],
  ['RZ7', 'RZ701', 'Brackenfold', 'AP', 370, { ...plain, nhsNumber: '^NH in PID-2', isZoned: true, diagnosis: 'ICD10' }],
  ['RZ8', 'RZ801', 'Winsterton', 'AR', 300, { ...plain, diagnosis: 'SCT', sex: 'digits', charset: 'UNICODE UTF-8' }],
  ['RZ9', 'RZ901', 'Ravenport', 'AS', 410, { ...plain, version: '2.5', traceStatus: 'none' }],
  ['RZA', 'RZA01', 'Langstow', 'AT', 330, { ...plain, hasVisitNumber: false, diagnosis: 'ICD10 without dot', acknowledge: ['AL', 'NE'] }],
]

export const trusts: readonly Trust[] = trustTable.map(
  ([ods, site, town, postArea, hipFractures, spelling], index) => ({
    index,
    ods: ods as OdsCode,
    site: site as OdsCode,
    town,
    postArea,
    hipFractures,
    spelling,
    name: `${town} Hospitals`,
    pasFeed: `${site.toLowerCase()}-pas`,
    risFeed: `${site.toLowerCase()}-ris`,
    flsFeed: `${site.toLowerCase()}-fls`,
  }),
)

const practiceWords = [
  'Church Lane',
  'Mill View',
  'The Old School',
  'Riverside',
  'Park Road',
  'High Green',
  'Station House',
  'Abbey',
  'Meadowbank',
  'Kingsway',
]

/** Forty practices, P81001 to P81040; 26 opted in. Five send the neutral file, the others the shape of their supplier. */
export const practices: readonly Practice[] = Array.from({ length: 40 }, (_, index) => {
  const trust = trusts[index % trusts.length] ?? trusts[0]
  if (!trust) throw new RangeError('no trust')
  const supplier = (index * 7) % 20 < 12 ? 'gp-emis' : 'gp-tpp'
  const shape = index % 8 === 5 ? 'neutral' : supplier === 'gp-emis' ? 'emis' : 'tpp'
  return {
    index,
    trust,
    supplier,
    shape,
    ods: `P81${String(index + 1).padStart(3, '0')}` as OdsCode,
    name: `${practiceWords[index % practiceWords.length]} Surgery, ${trust.town}`,
    isOptedIn: (index * 13) % 40 < 26,
  }
})

const streets = [
  'High Street',
  'Church Lane',
  'Mill Road',
  'Station Road',
  'Victoria Terrace',
  'The Crescent',
  'Beck Side',
  'Moor View',
  'Orchard Close',
  'Low Garth',
  'Albert Road',
  'Priory Walk',
  'Kiln Lane',
  'Sandpit Hill',
  'Tenter Croft',
  'Quarry Bank',
  'Ings Lane',
  'West Parade',
  'Northgate',
  'Back Lane',
]
const homes = [
  'Beech House',
  'The Laurels',
  'Hillcrest',
  'Ivy Court',
  'Sycamore Lodge',
  'Fairhaven',
  'Rosemount',
  'Westfield Grange',
]
const inward = 'ABDEFGHJLNPQRSTUWXYZ'

export type Address = {
  readonly lines: readonly string[]
  readonly town: string
  readonly postcode: string
  readonly isCareHome: boolean
}

/** A street address. Areas AD to AT are not in use; the syntax is that of a real postcode. About fifteen addresses share one. */
export function drawAddress(random: Random, trust: Trust): Address {
  const street = random.int(0, 899)
  const house = random.int(1, 60)
  const line = `${house} ${streets[street % streets.length]}`
  const lines = random.chance(0.12) ? [`Flat ${random.int(1, 12)}`, line] : [line]
  return {
    lines,
    town: trust.town,
    postcode: postcodeOf(trust, street * 4 + Math.floor(house / 16)),
    isCareHome: false,
  }
}

/** One of eight care homes of the trust's town, each with a postcode of its own. */
export function drawCareHome(random: Random, trust: Trust): Address {
  const index = random.int(0, homes.length - 1)
  return {
    lines: [`${homes[index]} Care Home`, `${10 + index} ${streets[index]}`],
    town: trust.town,
    postcode: postcodeOf(trust, 3700 + index),
    isCareHome: true,
  }
}

function postcodeOf(trust: Trust, unit: number): string {
  const letters = `${inward[Math.floor(unit / 20) % 20]}${inward[unit % 20]}`
  return `${trust.postArea}${1 + (Math.floor(unit / 400) % 9)} ${Math.floor(unit / 3600) % 10}${letters}`
}
