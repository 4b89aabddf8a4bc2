import type { NhsNumber } from '../src/fls/nhs-number.ts'
import { type Site, sites } from './fracture-sites.ts'
import type { Knobs } from './knobs.ts'
import { type Day, dayOf } from './moments.ts'
import { type Culture, drawCulture, drawFamily, drawGiven, familyFor } from './names.ts'
import { nhsNumberOf } from './nhs-numbers.ts'
import { type Address, drawAddress, drawCareHome, type Practice, practices, type Trust, trusts } from './places.ts'
import { makeRandom, type Random } from './random.ts'

export type Setting = {
  readonly seed: string
  readonly knobs: Knobs
  /** First day of the index period, day after which nothing is sent any more. */
  readonly start: Day
  readonly until: Day
  /** Households in this world, of every kind. */
  readonly households: number
  /** Days between two extracts of a practice. */
  readonly extractEveryDays: number
}

export type Person = {
  readonly serial: number
  readonly id: string
  readonly nhsNumber: NhsNumber
  readonly secondNhsNumber?: NhsNumber
  readonly role: 'subject' | 'spouse' | 'twin' | 'child'
  readonly sex: 'male' | 'female'
  readonly birth: Day
  readonly culture: Culture
  readonly family: string
  readonly given: readonly string[]
  readonly renamed?: { readonly on: Day; readonly family: string }
  /** Oldest first. */
  readonly homes: readonly { readonly from: Day; readonly address: Address }[]
  readonly practices: readonly { readonly from: Day; readonly practice: Practice }[]
  readonly deathOn?: Day
}

/** `fracture`: the subject breaks a bone the audit counts. The other kinds arrive at the doors and must open nothing. */
export type HouseholdKind = 'fracture' | 'not-a-fracture' | 'excluded-site' | 'under-fifty'
export type Household = {
  readonly index: number
  readonly kind: HouseholdKind
  readonly trust: Trust
  readonly practice: Practice
  readonly indexDay: Day
  readonly site: Site
  readonly subject: Person
  readonly relatives: readonly Person[]
}

const perHousehold = 4

/** The practice of a household without building it: extracts walk one practice at a time. */
export function practiceOf(setting: Setting, index: number): Practice {
  return makeRandom(`${setting.seed}/practice/${index}`).pick(practices)
}

/** Households come in the order of their index day; the same index is the same household, whoever asks. */
export function makeHousehold(setting: Setting, index: number): Household {
  const { knobs } = setting
  const random = makeRandom(`${setting.seed}/household/${index}`)
  const practice = practiceOf(setting, index)
  const kind = random.weighted<HouseholdKind>([
    ['fracture', 1],
    ['not-a-fracture', knobs.edNotFractureShare],
    ['excluded-site', knobs.excludedSiteShare],
    ['under-fifty', knobs.underFiftyShare],
  ])
  const site = random.weighted(sites.map(one => [one, one.share] as const))
  const trust = random.chance(knobs.attendElsewhereShare) ? random.pick(trusts) : practice.trust
  const indexDay = setting.start + Math.floor(((index + random.next()) / setting.households) * knobs.yearDays)
  const subject = drawSubject(setting, random, { index, kind, site, practice, indexDay })
  const relatives = kind === 'fracture' ? drawRelatives(setting, random, subject, index) : []
  return { index, kind, trust, practice, indexDay, site, subject, relatives }
}

type Frame = { index: number; kind: HouseholdKind; site: Site; practice: Practice; indexDay: Day }

function drawSubject(setting: Setting, random: Random, { index, kind, site, practice, indexDay }: Frame): Person {
  const { knobs } = setting
  const sex = random.chance(site.female) ? 'female' : 'male'
  const birth = drawBirth(random, knobs, kind, site, indexDay)
  const age = (indexDay - birth) / 365.25
  const culture = drawCulture(random, knobs.nonBritishNames)
  const family = familyFor(random, culture, drawFamily(random, culture), sex)
  const inCareHome = random.chance(knobs.careHomeShare * (age > 80 ? 2.6 : age > 70 ? 0.7 : 0.1))
  const first = inCareHome ? drawCareHome(random, practice.trust) : drawAddress(random, practice.trust)
  const mortality = site.group === 'hip' ? 0.27 : age > 80 ? 0.14 : 0.04
  const deathOn =
    kind === 'fracture' && random.chance(mortality) ? indexDay + 3 + Math.floor(random.exponential(110)) : undefined
  const renamedOn = indexDay + random.int(-60, 240)
  const hasNewName = sex === 'female' && random.chance(knobs.nameChangeShare)
  return {
    serial: index * perHousehold,
    id: `person-${index * perHousehold}`,
    nhsNumber: nhsNumberOf(index * perHousehold),
    ...(random.chance(knobs.secondNhsShare) ? { secondNhsNumber: nhsNumberOf(index * perHousehold + 3) } : {}),
    role: 'subject',
    sex,
    birth,
    culture,
    family,
    given: drawGiven(random, culture, sex),
    ...(hasNewName
      ? { renamed: { on: renamedOn, family: familyFor(random, culture, drawFamily(random, culture), sex) } }
      : {}),
    homes: drawHomes(random, knobs, practice.trust, first, indexDay),
    practices: drawPractices(random, knobs, practice, indexDay),
    ...(deathOn ? { deathOn } : {}),
  }
}

function drawBirth(random: Random, knobs: Knobs, kind: HouseholdKind, site: Site, indexDay: Day): Day {
  if (knobs.sliceYears) return dayOf('1948-01-01') + random.int(0, 365)
  if (kind === 'under-fifty') return indexDay - random.int(18 * 365, 49 * 365)
  let age = random.normal(...site.age)
  while (age < 50.1 || age > 104) age = random.normal(...site.age)
  return indexDay - Math.floor(age * 365.25)
}

function drawHomes(random: Random, knobs: Knobs, trust: Trust, first: Address, indexDay: Day): Person['homes'] {
  const homes = [{ from: indexDay - random.int(400, 9000), address: first }]
  if (random.chance(knobs.moveRate))
    homes.push({
      from: indexDay + random.int(-180, 300),
      address: random.chance(0.2) ? drawCareHome(random, trust) : drawAddress(random, trust),
    })
  return homes
}

function drawPractices(random: Random, knobs: Knobs, practice: Practice, indexDay: Day): Person['practices'] {
  const list = [{ from: indexDay - random.int(400, 12000), practice }]
  if (random.chance(knobs.practiceMoveRate))
    list.push({ from: indexDay + random.int(20, 300), practice: random.pick(practices) })
  return list
}

function drawRelatives(setting: Setting, random: Random, subject: Person, index: number): Person[] {
  const { knobs } = setting
  const relatives: Person[] = []
  const add = (change: Partial<Person>): void => {
    const place = relatives.length + 1
    const serial = index * perHousehold + place
    const { secondNhsNumber: _second, renamed: _renamed, deathOn: _death, ...kept } = subject
    relatives.push({ ...kept, serial, id: `person-${serial}`, nhsNumber: nhsNumberOf(serial), ...change })
  }
  if (random.chance(knobs.twinShare)) {
    const sex = random.chance(0.66) ? subject.sex : subject.sex === 'male' ? 'female' : 'male'
    add({ role: 'twin', sex, given: otherGiven(random, subject, sex), nhsNumber: nhsNumberOf(subject.serial, 1) })
  }
  if (random.chance(knobs.spouseShare)) {
    const sex = subject.sex === 'male' ? 'female' : 'male'
    add({
      role: 'spouse',
      sex,
      given: drawGiven(random, subject.culture, sex),
      birth: subject.birth + random.int(-2500, 2500),
      ...(subject.culture === 'sikh' || subject.culture === 'muslim'
        ? { family: familyFor(random, subject.culture, subject.family, sex) }
        : {}),
    })
  }
  if (relatives.length < 2 && random.chance(knobs.childSameNameShare))
    add({ role: 'child', birth: subject.birth + random.int(19 * 365, 34 * 365) })
  return relatives
}

function otherGiven(random: Random, twin: Person, sex: Person['sex']): readonly string[] {
  const given = drawGiven(random, twin.culture, sex)
  return given[0] === twin.given[0] ? [...given].reverse().concat('Ann').slice(0, 2) : given
}

export function addressOn(person: Person, day: Day): Address {
  return (person.homes.findLast(home => home.from <= day) ?? person.homes[0] ?? never()).address
}
export function practiceOn(person: Person, day: Day): Practice {
  return (person.practices.findLast(one => one.from <= day) ?? person.practices[0] ?? never()).practice
}
export function familyOn(person: Person, day: Day): string {
  return person.renamed && person.renamed.on <= day ? person.renamed.family : person.family
}
export function ageOnDay(person: Person, day: Day): number {
  return Math.floor((day - person.birth) / 365.25)
}
function never(): never {
  throw new RangeError('a person has a home and a practice')
}
