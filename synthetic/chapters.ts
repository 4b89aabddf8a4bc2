import { admission } from './admission.ts'
import { attendance, fractureClinic, otherAttendance } from './attendance.ts'
import { clinics } from './clinics.ts'
import type { Parcel } from './delivery.ts'
import { flsBundles } from './fls-bundle.ts'
import { flsResponse } from './fls-response.ts'
import { type GpRow, gpChapters } from './gp-rows.ts'
import type { Household, Setting } from './households.ts'
import { type Journey, journeysOf } from './journey.ts'
import { type Day, type Moment, momentOf } from './moments.ts'
import { registrations } from './registrations.ts'
import { reports } from './reports.ts'

/** Days before the index day at which the first message of a household may be due. */
export const leadDays = 75

/** A stretch of care: nothing of it is due before `at`; its messages are made only when that time comes. */
export type Chapter = {
  readonly at: Moment
  readonly open: () => { readonly parcels: readonly Parcel[]; readonly rows: readonly GpRow[] }
}

export function chaptersOf(setting: Setting, household: Household): Chapter[] {
  const journeys = journeysOf(setting, household)
  const hospital = (day: Day, make: () => Parcel[]): Chapter => ({
    at: momentOf(day, 0),
    open: () => ({ parcels: make(), rows: [] }),
  })
  const members = [household.subject, ...household.relatives]
  const gp = members
    .flatMap(person => gpChapters(setting, household, person, journeys))
    .map<Chapter>(chapter => ({ at: chapter.from, open: () => ({ parcels: [], rows: chapter.open() }) }))
  return [
    hospital(household.indexDay - leadDays, () => registrations(setting, household, journeys)),
    hospital(household.indexDay, () => otherAttendance(setting, household)),
    ...journeys.flatMap(journey => journeyChapters(setting, household, journey, hospital)),
    ...gp,
  ]
}

function journeyChapters(
  setting: Setting,
  household: Household,
  journey: Journey,
  chapter: (day: Day, make: () => Parcel[]) => Chapter,
): Chapter[] {
  const early = Math.min(
    journey.day,
    journey.dxa.decision === 'done-within-2y' ? (journey.dxa.day ?? journey.day) : journey.day,
  )
  const clinicDay =
    Math.min(journey.flsAssessDay ?? journey.day, journey.dxa.day ?? journey.day, journey.startDay ?? journey.day) - 60
  return [
    chapter(journey.edDay ?? journey.day, () => [
      ...attendance(setting, household, journey),
      ...admission(setting, household, journey),
    ]),
    chapter(journey.edDay ?? journey.day, () => fractureClinic(setting, household, journey)),
    chapter(early, () => reports(setting, household, journey)),
    chapter(clinicDay, () => clinics(setting, household, journey)),
    chapter(journey.flsContactDay ?? journey.day, () => [
      ...flsBundles(setting, household, journey),
      ...flsResponse(setting, household, journey),
    ]),
  ]
}
