import { type Drug, drugs } from './drugs.ts'
import { type Site, sites } from './fracture-sites.ts'
import { ageOnDay, type Household, type Person, type Setting } from './households.ts'
import type { Day } from './moments.ts'
import { type Trust, trusts } from './places.ts'
import { makeRandom, type Random } from './random.ts'

export type Side = 'left' | 'right'
export type Fracture = { readonly id: string; readonly site: Site; readonly side?: Side }

/** One fall of one person and what the services then did; days are absolute, absent = did not happen. */
export type Journey = {
  readonly injuryId: string
  readonly person: Person
  readonly trust: Trust
  readonly day: Day
  /** The first is the one the audit lists first. */
  readonly fractures: readonly Fracture[]
  readonly edDay?: Day
  readonly admitDay?: Day
  readonly dischargeDay?: Day
  readonly transferTo?: Trust
  readonly flsContactDay?: Day
  readonly flsAssessDay?: Day
  readonly dxa: {
    readonly decision: 'ordered' | 'recommended' | 'done-within-2y' | 'not-ordered'
    readonly day?: Day
    readonly hip: number
    readonly spine: number
  }
  readonly advice: Drug | 'declined' | 'inappropriate' | 'ref-gp' | 'unknown'
  readonly startDay?: Day
  readonly stopDay?: Day
  readonly fallsAssessed: boolean
  readonly week16?: { readonly day: Day; readonly isOnDrug: boolean; readonly exercise: boolean }
  readonly week52?: { readonly day: Day; readonly isOnDrug: boolean }
  readonly isSubmitted: boolean
  readonly isAdmitted: boolean
  readonly height: number
  readonly weight: number
  readonly isSmoker: boolean
  readonly hadPrior: boolean
}

/** Every injury of a household the audit counts: the index fall, a later one, now and then one of a relative. */
export function journeysOf(setting: Setting, household: Household): Journey[] {
  if (household.kind !== 'fracture') return []
  const random = makeRandom(`${setting.seed}/journeys/${household.index}`)
  const first = drawJourney(setting, random.fork('first'), household, {
    person: household.subject,
    day: household.indexDay,
    site: household.site,
    number: 0,
  })
  const list = [first]
  if (random.chance(setting.knobs.refractureYearOne)) {
    const day = household.indexDay + 15 + Math.floor(random.exponential(150))
    const isAlive = !household.subject.deathOn || day < household.subject.deathOn
    if (isAlive && day < household.indexDay + 365) {
      const again = random.chance(0.25)
        ? household.site
        : random.weighted(sites.map(site => [site, site.share] as const))
      list.push(
        drawJourney(setting, random.fork('again'), household, {
          person: household.subject,
          day,
          site: again,
          number: 1,
          before: first,
        }),
      )
    }
  }
  const relative = household.relatives[0]
  if (relative && ageOnDay(relative, household.indexDay) >= 50 && random.chance(0.02)) {
    list.push(
      drawJourney(setting, random.fork('relative'), household, {
        person: relative,
        day: household.indexDay + random.int(1, 250),
        site: random.pick(sites),
        number: 2,
      }),
    )
  }
  return list
}

type Draw = { person: Person; day: Day; site: Site; number: number; before?: Journey }

function drawJourney(
  setting: Setting,
  random: Random,
  household: Household,
  { person, day, site, number, before }: Draw,
): Journey {
  const { knobs } = setting
  const injuryId = `injury-${household.index}-${number}`
  const fractures = drawFractures(random, knobs, injuryId, site, before)
  const alive = (on: Day | undefined): Day | undefined =>
    on !== undefined && person.deathOn !== undefined && on >= person.deathOn ? undefined : on
  const edDay = random.chance(knobs.edShare) ? day + (random.chance(0.88) ? 0 : random.int(1, 9)) : undefined
  const isAdmitted = random.chance(site.admitted)
  const stay = site.group === 'hip' ? 6 + Math.floor(random.exponential(10)) : 2 + Math.floor(random.exponential(5))
  const admitDay = isAdmitted && edDay !== undefined ? edDay : undefined
  const lastDay = person.deathOn ?? Number.POSITIVE_INFINITY
  const flsContactDay = alive(
    random.chance(knobs.flsShare) ? day + 2 + Math.floor(random.exponential(admitDay ? 12 : 26)) : undefined,
  )
  const flsAssessDay = alive(
    flsContactDay !== undefined && random.chance(0.86) ? flsContactDay + Math.floor(random.exponential(34)) : undefined,
  )
  return {
    injuryId,
    person,
    day,
    fractures,
    isAdmitted,
    trust: household.trust,
    ...some('edDay', edDay),
    ...some('admitDay', admitDay),
    ...some('dischargeDay', admitDay === undefined ? undefined : Math.min(admitDay + stay, lastDay)),
    ...(admitDay !== undefined && random.chance(knobs.transferShare)
      ? { transferTo: random.pick(trusts.filter(one => one !== household.trust)) }
      : {}),
    ...some('flsContactDay', flsContactDay),
    ...some('flsAssessDay', flsAssessDay),
    ...drawCare(random, day, flsAssessDay, alive),
    fallsAssessed: flsAssessDay !== undefined && random.chance(person.sex === 'female' ? 0.78 : 0.7),
    isSubmitted: flsContactDay !== undefined && random.chance(0.8),
    height: Math.round(random.normal(person.sex === 'female' ? 160 : 173, 7)),
    weight: Math.round(random.normal(person.sex === 'female' ? 66 : 79, 12) * 2) / 2,
    isSmoker: random.chance(0.13),
    hadPrior: before !== undefined || random.chance(0.22),
  }
}

type Care = Pick<Journey, 'dxa' | 'advice' | 'startDay' | 'stopDay' | 'week16' | 'week52'>

function drawCare(
  random: Random,
  day: Day,
  assessed: Day | undefined,
  alive: (on: Day | undefined) => Day | undefined,
): Care {
  const decision = random.weighted<Journey['dxa']['decision']>([
    ['ordered', 0.48],
    ['recommended', 0.1],
    ['done-within-2y', 0.08],
    ['not-ordered', 0.34],
  ])
  const planned =
    assessed !== undefined && decision === 'ordered' && random.chance(0.85)
      ? assessed + 7 + Math.floor(random.exponential(28))
      : undefined
  const earlier = decision === 'done-within-2y' ? day - random.int(20, 700) : undefined
  const dxaDay = alive(earlier ?? planned)
  const hip = Math.max(-5.5, Math.round(random.normal(-1.9, 1) * 10) / 10)
  const spine = Math.max(-5.5, Math.round((hip * 0.6 + random.normal(-0.8, 0.9)) * 10) / 10)
  const drug = random.weighted(drugs.map(one => [one, one.share] as const))
  const advice = random.weighted<Journey['advice']>([
    [drug, 0.6],
    ['ref-gp', 0.08],
    ['declined', 0.06],
    ['inappropriate', 0.2],
    ['unknown', 0.06],
  ])
  const isTreated = typeof advice === 'object'
  const startDay = alive(
    isTreated && assessed !== undefined && random.chance(0.72)
      ? assessed + 3 + Math.floor(random.exponential(24))
      : undefined,
  )
  const stopDay =
    startDay !== undefined && random.chance(0.35) ? startDay + 30 + Math.floor(random.exponential(140)) : undefined
  const onDrug = (on: Day): boolean =>
    startDay !== undefined && startDay <= on && (stopDay === undefined || stopDay > on)
  const day16 = alive(
    assessed !== undefined && random.chance(0.55) ? day + 80 + Math.floor(random.exponential(18)) : undefined,
  )
  const day52 = alive(day16 !== undefined && random.chance(0.55) ? day + 330 + random.int(0, 70) : undefined)
  return {
    dxa: { decision, hip, spine, ...some('day', dxaDay) },
    advice,
    ...some('startDay', startDay),
    ...some('stopDay', stopDay),
    ...(day16 !== undefined ? { week16: { day: day16, isOnDrug: onDrug(day16), exercise: random.chance(0.18) } } : {}),
    ...(day52 !== undefined ? { week52: { day: day52, isOnDrug: onDrug(day52) } } : {}),
  }
}

function drawFractures(
  random: Random,
  knobs: Setting['knobs'],
  injuryId: string,
  site: Site,
  before: Journey | undefined,
): Fracture[] {
  const earlier = before?.fractures.find(one => one.site === site)?.side
  const side = random.chance(earlier === undefined ? 0.5 : 0.65) === (earlier !== 'left') ? 'left' : 'right'
  const first: Fracture = { id: `${injuryId}-a`, site, ...(site.isPaired ? { side } : {}) }
  if (random.chance(knobs.multiSiteShare)) {
    const other = random.weighted(sites.filter(one => one.group !== site.group).map(one => [one, one.share] as const))
    const sameSide = random.chance(0.8) ? side : side === 'left' ? 'right' : 'left'
    return [first, { id: `${injuryId}-b`, site: other, ...(other.isPaired ? { side: sameSide } : {}) }]
  }
  if (site.isPaired && random.chance(knobs.bilateralShare))
    return [first, { id: `${injuryId}-b`, site, side: side === 'left' ? 'right' : 'left' }]
  return [first]
}

/** `{ [key]: value }`, or nothing when the value is absent. */
function some<K extends string>(key: K, value: number | undefined): Partial<Record<K, number>> {
  return (value === undefined ? {} : { [key]: value }) as Partial<Record<K, number>>
}
