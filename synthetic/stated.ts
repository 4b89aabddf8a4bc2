import { addressOn, familyOn, type Person, practiceOn, type Setting } from './households.ts'
import { type Day, isoDay } from './moments.ts'
import { ethnicCategory, shortForm } from './names.ts'
import type { Address } from './places.ts'
import { makeRandom, type Random } from './random.ts'

/** What one source states about a person at one time: true, old, mistyped or missing. */
export type Stated = {
  readonly nhsNumber?: string
  readonly isVerified: boolean
  readonly family: string
  readonly given: readonly string[]
  /** `YYYY-MM-DD` as the source holds it. */
  readonly birthDate: string
  readonly sex: 'male' | 'female'
  readonly address: Address
  readonly practice: string
  readonly ethnicCategory: string
}

/** A source of statements: `key` is the organisation, which may be more careless than others. */
export type StatingSource = { readonly kind: 'pas' | 'fls' | 'gp'; readonly key: string }

/** `message`: a label of the single message, used when errors are not repeated. `household`: whose number may be borrowed. */
export function stated(
  setting: Setting,
  person: Person,
  source: StatingSource,
  day: Day,
  message: string,
  household: readonly Person[],
): Stated {
  const { knobs } = setting
  const label = `${setting.seed}/stated/${person.serial}/${source.kind}/${source.key}`
  const own = makeRandom(label)
  const slip = knobs.repeatedErrors ? own : makeRandom(`${label}/${message}`)
  const factor = carelessness(setting, source.key)
  const family = familyOn(person, day)
  const names = slipNames(
    slip,
    knobs,
    factor,
    source.kind === 'gp' ? (person.family === family || slip.chance(0.6) ? family : person.family) : family,
    person.given,
  )
  const moved = person.homes.length > 1 && own.chance(knobs.addressOldShare)
  return {
    ...statedNumber(own, slip, setting, person, source, household, factor),
    isVerified: source.kind === 'gp' ? own.chance(0.99) : !own.chance(knobs.nhsUnverifiedShare),
    ...names,
    birthDate: slipBirthDate(slip, knobs, factor, isoDay(person.birth)),
    sex: slip.chance(0.001 * factor) ? (person.sex === 'male' ? 'female' : 'male') : person.sex,
    address: moved ? (person.homes[0]?.address ?? addressOn(person, day)) : addressOn(person, day),
    practice: practiceOn(person, moved ? day - 400 : day).ods,
    ethnicCategory: own.chance(0.15) ? 'Z' : ethnicCategory(person.culture),
  }
}

function statedNumber(
  own: Random,
  slip: Random,
  setting: Setting,
  person: Person,
  source: StatingSource,
  household: readonly Person[],
  factor: number,
): { nhsNumber?: string } {
  const { knobs } = setting
  const missing =
    source.kind === 'gp' ? knobs.nhsMissingGp : source.kind === 'fls' ? knobs.nhsMissingFls : knobs.nhsMissingPas
  if (own.chance(missing)) return {}
  const other = household.find(member => member.serial !== person.serial)
  if (source.kind !== 'gp' && other && own.chance((knobs.nhsBorrowedShare * factor) / knobs.spouseShare))
    return { nhsNumber: other.nhsNumber }
  const number = person.secondNhsNumber && own.chance(0.5) ? person.secondNhsNumber : person.nhsNumber
  return { nhsNumber: slip.chance(knobs.nhsMistypedShare * factor) ? oneDigit(slip, number, 3, 9) : number }
}

function slipNames(
  random: Random,
  knobs: Setting['knobs'],
  factor: number,
  family: string,
  given: readonly string[],
): { family: string; given: readonly string[] } {
  const halves = family.split('-')
  const half = halves.length > 1 && random.chance(knobs.hyphenHalfShare) ? random.pick(halves) : family
  const short = random.chance(knobs.nicknameShare) ? shortForm(random, given[0] ?? '') : undefined
  const withMiddle = random.chance(0.6) ? given : given.slice(0, 1)
  const forenames = short ? [short, ...withMiddle.slice(1)] : withMiddle
  const typo = random.chance(knobs.nameTypoShare * factor)
  const inFamily = random.chance(0.6)
  const familyOut = typo && inFamily ? slipWord(random, half) : half
  const givenOut = typo && !inFamily ? [slipWord(random, forenames[0] ?? ''), ...forenames.slice(1)] : forenames
  if (random.chance(knobs.nameSwapShare * factor)) return { family: givenOut[0] ?? familyOut, given: [familyOut] }
  return { family: familyOut, given: givenOut }
}

const sounds: readonly (readonly [string, string])[] = [
  ['ph', 'f'],
  ['ck', 'k'],
  ['y', 'ie'],
  ['ee', 'ea'],
  ['s', 'z'],
  ['c', 'k'],
  ['ou', 'oo'],
  ['tt', 't'],
  ['ll', 'l'],
  ['e', ''],
]
const scans: readonly (readonly [string, string])[] = [
  ['m', 'rn'],
  ['l', 'i'],
  ['cl', 'd'],
  ['h', 'b'],
  ['u', 'v'],
  ['a', 'o'],
]

/** One slip of typing, hearing or scanning. */
function slipWord(random: Random, word: string): string {
  if (word.length < 3) return word
  const place = random.int(1, word.length - 2)
  const kind = random.int(0, 5)
  if (kind === 0) return word.slice(0, place) + word.slice(place + 1)
  if (kind === 1) return word.slice(0, place) + (word[place + 1] ?? '') + (word[place] ?? '') + word.slice(place + 2)
  if (kind === 2) return word.slice(0, place) + (word[place] ?? '') + word.slice(place)
  if (kind === 3) return `${word.slice(0, place)}${random.pick([...'aeiorstnl'])}${word.slice(place + 1)}`
  const [from, to] = random.pick(kind === 4 ? sounds : scans)
  return word.slice(0, 1) + word.slice(1).replace(from, to)
}

function slipBirthDate(random: Random, knobs: Setting['knobs'], factor: number, date: string): string {
  const [year = '', month = '', day = ''] = date.split('-')
  if (random.chance(knobs.birthDatePlaceholderShare * factor))
    return random.chance(0.5) ? `${year}-01-01` : '1900-01-01'
  if (random.chance(knobs.birthDateSwapShare * factor) && Number(day) <= 12) return `${year}-${day}-${month}`
  if (!random.chance(knobs.birthDateDigitShare * factor)) return date
  if (random.chance(0.6)) return `${year.slice(0, 3)}${(Number(year.slice(3)) + random.int(1, 9)) % 10}-${month}-${day}`
  return `${year}-${month}-${String(1 + ((Number(day) + random.int(1, 26)) % 28)).padStart(2, '0')}`
}

function oneDigit(random: Random, digits: string, from: number, to: number): string {
  const place = random.int(from, to)
  const digit = (Number(digits[place]) + random.int(1, 9)) % 10
  return digits.slice(0, place) + digit + digits.slice(place + 1)
}

const knownFactors = new Map<string, number>()
function carelessness(setting: Setting, key: string): number {
  const label = `${setting.seed}/care/${key}/${setting.knobs.clusteredErrors}/${setting.knobs.errorFactor}`
  const known = knownFactors.get(label)
  if (known !== undefined) return known
  const cluster = setting.knobs.clusteredErrors ? (makeRandom(label).chance(1 / 3) ? 5 : 1 / 3) : 1
  knownFactors.set(label, setting.knobs.errorFactor * cluster)
  return setting.knobs.errorFactor * cluster
}
