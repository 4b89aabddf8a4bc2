import type { Parcel, Sent } from './delivery.ts'
import { drawsFor } from './hospital-wire.ts'
import type { Household, Setting } from './households.ts'
import { addressOn } from './households.ts'
import { type Journey, journeysOf } from './journey.ts'
import { instantAt, isoDay, isoStamp, londonDayOf, momentOf } from './moments.ts'
import { uuidOf } from './random.ts'
import { stated } from './stated.ts'

const canonical = 'https://fls-db.org.uk/fhir/Questionnaire/patient-audit|3.0.0'

/** `code` answers stand in a list of the audit (audit.md 2.6); the others are text, dates and numbers. */
type Answer =
  | { readonly date: string }
  | { readonly decimal: number }
  | { readonly text: string }
  | { readonly codes: readonly string[]; readonly list: string }
type Item = { readonly linkId: string; readonly answer: Answer }

/** The audit form of one injury as an FLS submits it: after the first weeks, and again (complete) when follow-up is over. */
export function flsResponse(setting: Setting, household: Household, journey: Journey): Parcel[] {
  if (!journey.isSubmitted || journey.flsContactDay === undefined) return []
  const random = drawsFor(setting, journey.person, `response/${journey.injuryId}`)
  const last = journey.week52?.day ?? journey.week16?.day ?? journey.flsAssessDay ?? journey.flsContactDay
  const at = momentOf(last + random.int(3, 40), random.int(9 * 60, 17 * 60))
  return [{ at, make: () => submit(setting, household, journey, at) }]
}

function submit(setting: Setting, household: Household, journey: Journey, at: number): Sent {
  const { trust, person } = journey
  const controlId = uuidOf(`${setting.seed}/${journey.injuryId}/response`).toLowerCase()
  const said = stated(setting, person, { kind: 'fls', key: trust.ods }, londonDayOf(at), controlId, [
    household.subject,
    ...household.relatives,
  ])
  const nhsNumber = said.nhsNumber ?? person.nhsNumber
  const items = [
    ...first(journey, nhsNumber, said.birthDate, said.address.postcode),
    ...risk(journey),
    ...scanAndAdvice(journey),
    ...falls(journey),
    ...followUps(setting, household, journey),
  ]
  const response = {
    resourceType: 'QuestionnaireResponse',
    identifier: { system: `https://${trust.ods.toLowerCase()}.nhs.uk/Id/fls-response`, value: journey.injuryId },
    questionnaire: canonical,
    status: 'completed',
    subject: { type: 'Patient', identifier: { system: 'https://fhir.nhs.uk/Id/nhs-number', value: nhsNumber } },
    authored: isoStamp(at),
    author: {
      type: 'Organization',
      identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value: trust.ods },
    },
    item: sections(items),
  }
  const who = {
    sender: trust.flsFeed,
    controlId,
    record: `${trust.ods}|fls|${journey.injuryId}`,
    personId: person.id,
    trueNhsNumber: person.nhsNumber,
  }
  return {
    delivery: {
      door: 'fhir',
      feed: trust.flsFeed,
      controlId,
      type: 'QuestionnaireResponse',
      path: '/fhir/QuestionnaireResponse',
      bytes: Buffer.from(JSON.stringify(response)),
      at: instantAt(at),
    },
    truth: [{ ...who, path: `QuestionnaireResponse/${journey.injuryId}`, kind: 'patient' }],
  }
}

function sections(items: readonly Item[]): unknown[] {
  return ['1', '2', '3', '4', '5', '6', '7']
    .map(linkId => ({
      linkId,
      item: items
        .filter(item => item.linkId.startsWith(`${linkId}.`))
        .map(item => ({ linkId: item.linkId, answer: values(item.answer) })),
    }))
    .filter(section => section.item.length > 0)
}

function values(answer: Answer): unknown[] {
  if ('date' in answer) return [{ valueDate: answer.date }]
  if ('decimal' in answer) return [{ valueDecimal: answer.decimal }]
  if ('text' in answer) return [{ valueString: answer.text }]
  return answer.codes.map(code => ({
    valueCoding: { system: `https://fls-db.org.uk/fhir/CodeSystem/${answer.list.toLowerCase()}`, code },
  }))
}

const code = (linkId: string, list: string, ...codes: string[]): Item => ({ linkId, answer: { codes, list } })
const date = (linkId: string, day: number | undefined): Item[] =>
  day === undefined ? [] : [{ linkId, answer: { date: isoDay(day) } }]
const yesNo = (is: boolean): string => (is ? 'yes' : 'no')

function first(journey: Journey, nhsNumber: string, birthDate: string, postcode: string): Item[] {
  const { person, fractures } = journey
  return [
    { linkId: '1.01', answer: { text: nhsNumber } },
    { linkId: '1.02', answer: { date: birthDate } },
    code('1.03', 'CL-SEX', person.sex),
    { linkId: '1.04', answer: { text: postcode } },
    code('1.05', 'CL-YNU', yesNo(addressOn(person, journey.day).isCareHome)),
    ...date('1.06', journey.flsContactDay),
    ...date('1.07', journey.flsAssessDay),
    code('1.08', 'CL-ADMIT', yesNo(journey.admitDay !== undefined)),
    ...date('1.09', journey.edDay ?? journey.day),
    code('1.10', 'CL-FTYPE', kindOf(journey)),
    ...fractures.map((fracture, index) => code(`1.1${index + 1}`, 'CL-SITE', fracture.site.group)),
  ]
}

function kindOf({ fractures }: Journey): string {
  const group = fractures[0]?.site.group
  return group === 'hip' ? 'clinical-hip' : group === 'spine' ? 'clinical-spine' : 'clinical-nonhip-nonspine'
}

function risk(journey: Journey): Item[] {
  return [
    { linkId: '2.01', answer: { decimal: journey.height } },
    { linkId: '2.02', answer: { decimal: journey.weight } },
    code('2.03', 'CL-YNU', yesNo(journey.hadPrior)),
    code('2.04', 'CL-YNU', 'no'),
    code('2.05', 'CL-YNU', yesNo(journey.isSmoker)),
    code('2.06', 'CL-PRIORTX', 'none'),
  ]
}

function scanAndAdvice(journey: Journey): Item[] {
  const { dxa, advice } = journey
  return [
    code('3.01', 'CL-DXA', dxa.decision),
    ...(dxa.decision === 'not-ordered'
      ? [code('3.02', 'CL-DXANOT', 'age-or-risk-makes-unnecessary')]
      : date('3.03', dxa.day)),
    ...(dxa.decision !== 'not-ordered' && dxa.day !== undefined
      ? [{ linkId: '3.04', answer: { decimal: Math.min(dxa.hip, dxa.spine) } }]
      : []),
    code('4.01', 'CL-TXREC', typeof advice === 'object' ? advice.id : advice),
    code('4.02', 'CL-CAVD', 'yes-both'),
  ]
}

function falls(journey: Journey): Item[] {
  const assessed = journey.fallsAssessed
  const detail = ['5.02', '5.03', '5.04', '5.06', '5.07', '5.08', '5.09'].map(linkId =>
    code(linkId, 'CL-YNU', linkId === '5.03' ? 'yes' : 'no'),
  )
  return [
    code('5.01', 'CL-FALLS', yesNo(assessed)),
    ...(assessed ? [...detail.slice(0, 3), code('5.05', 'CL-MOB', 'independent-no-aid'), ...detail.slice(3)] : []),
    code('5.10', 'CL-FALLREF', assessed ? 'strength-balance' : 'none'),
  ]
}

function followUps(setting: Setting, household: Household, journey: Journey): Item[] {
  const drug = typeof journey.advice === 'object' ? journey.advice.id : 'not-started'
  const { week16, week52 } = journey
  return [
    ...(week16
      ? [
          code('6.01', 'CL-FUP', 'yes'),
          ...date('6.02', week16.day),
          code('6.03', 'CL-WHO', 'fls'),
          code('6.05', 'CL-TXFU', week16.isOnDrug ? drug : 'not-started'),
          code('6.06', 'CL-EXSTART', yesNo(week16.exercise)),
        ]
      : [code('6.01', 'CL-FUP', 'no')]),
    ...(week52
      ? [
          code('7.01', 'CL-FUP', 'yes'),
          ...date('7.02', week52.day),
          code('7.03', 'CL-WHO', 'fls'),
          code('7.05', 'CL-TXFU', week52.isOnDrug ? drug : 'not-started'),
          ...refractures(laterFalls(setting, household, journey)),
        ]
      : []),
  ]
}

/** 7.06: how many; 7.07 to 7.09: of which kind each was. */
function refractures(later: readonly Journey[]): Item[] {
  const kinds = later.slice(0, 3).map((one, index) => code(`7.0${7 + index}`, 'CL-FTYPE', kindOf(one)))
  return [code('7.06', 'CL-REFRACTURES', later.length > 2 ? '3+' : String(later.length)), ...kinds]
}

/** Further falls with a fracture the clinic heard of by the second follow-up. */
function laterFalls(setting: Setting, household: Household, journey: Journey): readonly Journey[] {
  const end = journey.week52?.day ?? journey.day
  return journeysOf(setting, household).filter(
    one => one.person.serial === journey.person.serial && one.day > journey.day && one.day <= end,
  )
}
