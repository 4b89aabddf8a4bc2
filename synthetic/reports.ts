import type { Parcel } from './delivery.ts'
import { statedSide } from './diagnosis.ts'
import type { Segment } from './hl7.ts'
import { drawsFor, type Message, parcel } from './hospital-wire.ts'
import type { Household, Setting } from './households.ts'
import type { Journey } from './journey.ts'
import { hl7Stamp, type Moment, momentOf } from './moments.ts'
import type { Trust } from './places.ts'
import type { Random } from './random.ts'

/** X-ray, DXA and blood results of one injury; a small share is corrected or withdrawn later. */
export function reports(setting: Setting, household: Household, journey: Journey): Parcel[] {
  const members = [household.subject, ...household.relatives]
  const random = drawsFor(setting, journey.person, `reports/${journey.injuryId}`)
  const messages = [
    ...imaging(setting, random.fork('x'), journey),
    ...dxa(setting, random.fork('d'), journey),
    ...bloods(random.fork('b'), journey),
  ]
  return messages.map(message => parcel(setting, members, message))
}

type Result = {
  label: string
  at: Moment
  performed: Moment
  code: readonly string[]
  number: string
  observations: readonly Segment[]
  status?: 'F' | 'C' | 'W'
}

function result(trust: Trust, journey: Journey, what: Result): Message {
  const stamp = hl7Stamp(what.performed, trust.spelling.isZoned)
  return {
    trust,
    system: 'ris',
    person: journey.person,
    label: what.label,
    event: ['ORU', 'R01'],
    at: what.at,
    segments: [
      ['ORC', { 1: 'RE', 3: what.number }],
      [
        'OBR',
        {
          1: '1',
          3: what.number,
          4: what.code,
          7: stamp,
          22: hl7Stamp(what.at, trust.spelling.isZoned),
          25: what.status ?? 'F',
        },
      ],
      ...what.observations,
    ],
  }
}

function observation(
  set: number,
  type: 'TX' | 'NM' | 'SN' | 'FT',
  code: readonly string[],
  value: string | readonly string[],
  unit: string | undefined,
  status = 'F',
): Segment {
  return ['OBX', { 1: String(set), 2: type, 3: code, 5: value, 6: unit, 11: status }]
}

function imaging(setting: Setting, random: Random, journey: Journey): Message[] {
  const { knobs } = setting
  const fracture = journey.fractures[0]
  if (!fracture || journey.edDay === undefined || !random.chance(knobs.radiologyShare)) return []
  const performed = momentOf(journey.edDay, random.int(8 * 60, 23 * 60))
  const at = performed + random.int(1, 70) * 3_600_000
  const number = `XR${journey.injuryId.slice(7)}`
  const code = [`X${fracture.site.imaging.slice(3, 7).toUpperCase().trim()}`, fracture.site.imaging, 'NICIP']
  const side = statedSide(random, { ...knobs, sideMissingShare: 0.1 }, fracture.side)
  const lines = xrayText(random, fracture.site.words, side, false)
  const text = lines.map((line, index) => observation(index + 1, 'TX', ['REPORT', 'Report'], line, undefined))
  const first = result(journey.trust, journey, {
    label: `X${journey.injuryId.split('-')[2]}`,
    at,
    performed,
    code,
    number,
    observations: text,
  })
  if (!random.chance(knobs.resultCorrectedShare)) return [first]
  const corrected = xrayText(random, fracture.site.words, fracture.side, true).map((line, index) =>
    observation(index + 1, 'TX', ['REPORT', 'Report'], line, undefined, 'C'),
  )
  return [
    first,
    result(journey.trust, journey, {
      label: `Y${journey.injuryId.split('-')[2]}`,
      at: at + 26 * 3_600_000,
      performed,
      code,
      number,
      observations: corrected,
      status: 'C',
    }),
  ]
}

function xrayText(random: Random, words: string, side: string | undefined, isCorrected: boolean): string[] {
  const where = `${side ? `${side} ` : ''}${words}`
  const finding = random.pick([
    `There is a fracture of the ${where}.`,
    `Minimally displaced fracture through the ${where}.`,
    `Impacted fracture of the ${where} with mild angulation.`,
    `Appearances consistent with an acute fracture of the ${where}.`,
  ])
  return [
    ...(isCorrected ? ['CORRECTED REPORT'] : []),
    'Clinical history: fall from standing height, ? fracture',
    finding,
    random.pick([
      'Bones appear osteopenic.',
      'No other bony injury seen.',
      'No dislocation.',
      'Degenerative change noted.',
    ]),
  ]
}

/** T-scores as numbers in half of the trusts, as text in the others. */
function dxa(setting: Setting, random: Random, journey: Journey): Message[] {
  const { dxa: scan, trust } = journey
  if (scan.day === undefined || scan.decision === 'not-ordered') return []
  const performed = momentOf(scan.day, random.int(9 * 60, 16 * 60))
  const at = performed + random.int(2, 240) * 3_600_000
  const code = trust.ods === 'RYY' ? ['DEXA1', 'DEXA scan hip and spine', 'RYYRIS'] : ['38269-7', 'DXA report', 'LN']
  const number = `DX${journey.injuryId.slice(7)}`
  const isText = trust.index % 2 === 1
  const numeric = [
    observation(
      1,
      'NM',
      trust.ods === 'RYY' ? ['TSH', 'T-score total hip', 'RYYRIS'] : ['38264-8', 'T-score hip', 'LN'],
      scan.hip.toFixed(1),
      '{Tscore}',
    ),
    observation(
      2,
      'NM',
      trust.ods === 'RYY' ? ['TSL', 'T-score lumbar spine', 'RYYRIS'] : ['38267-1', 'T-score lumbar spine', 'LN'],
      scan.spine.toFixed(1),
      '{Tscore}',
    ),
    observation(3, 'NM', ['38265-5', 'T-score radius and ulna', 'LN'], (scan.hip + 0.4).toFixed(1), '{Tscore}'),
  ]
  const text = [
    observation(1, 'TX', ['REPORT', 'Report'], `Total hip T-score ${scan.hip.toFixed(1)}.`, undefined),
    observation(2, 'TX', ['REPORT', 'Report'], `L1-L4 T-score ${scan.spine.toFixed(1)}.`, undefined),
  ]
  const observations = isText && trust.ods !== 'RYY' ? text : numeric
  const label = journey.injuryId.split('-')[2] ?? '0'
  const first = result(trust, journey, { label: `D${label}`, at, performed, code, number, observations })
  if (!random.chance(setting.knobs.resultCorrectedShare)) return [first]
  const withdrawn = observations.map<Segment>(([name, fields]) => [name, { ...fields, 11: 'W' }])
  return [
    first,
    result(trust, journey, {
      label: `DW${label}`,
      at: at + 30 * 3_600_000,
      performed,
      code,
      number,
      observations: withdrawn,
      status: 'W',
    }),
    result(trust, journey, {
      label: `DN${label}`,
      at: at + 50 * 3_600_000,
      performed,
      code,
      number: `${number}B`,
      observations,
    }),
  ]
}

function bloods(random: Random, journey: Journey): Message[] {
  if (journey.flsAssessDay === undefined || !random.chance(0.6)) return []
  const performed = momentOf(journey.flsAssessDay - random.int(0, 5), random.int(8 * 60, 12 * 60))
  const vitaminD = Math.max(4, Math.round(random.normal(52, 22)))
  const isLow = vitaminD < 10
  const observations = [
    observation(
      1,
      isLow ? 'SN' : 'NM',
      ['14635-7', '25-hydroxyvitamin D', 'LN'],
      isLow ? ['<', '10'] : String(vitaminD),
      'nmol/L',
    ),
    observation(2, 'NM', ['29265-6', 'Adjusted calcium', 'LN'], random.normal(2.38, 0.09).toFixed(2), 'mmol/L'),
    observation(
      3,
      'NM',
      ['14682-9', 'Creatinine', 'LN'],
      String(Math.round(Math.max(35, random.normal(82, 24)))),
      'umol/L',
    ),
  ]
  return [
    result(journey.trust, journey, {
      label: `B${journey.injuryId.split('-')[2]}`,
      at: performed + random.int(3, 48) * 3_600_000,
      performed,
      code: ['BONE', 'Bone profile', 'L'],
      number: `LB${journey.injuryId.slice(7)}`,
      observations,
    }),
  ]
}
