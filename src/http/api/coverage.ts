import type { Keys } from '../../access/keys.ts'
import { isInScope } from '../../access/scope.ts'
import { optInAt } from '../../access/statements.ts'
import type { Coverage } from '../../fls/coverage.ts'
import { instantOf } from '../../fls/dates.ts'
import { type ReleasedShare, releasedCount, releasedShare } from '../../fls/disclosure.ts'
import type { OdsCode } from '../../fls/fact.ts'
import { issue } from '../../fls/issue.ts'
import { PracticeClosed } from '../../sources/arrival.ts'
import { practiceCoverage } from '../../store/coverage.ts'
import { loadDirectory } from '../../store/directory.ts'
import type { Store } from '../../store/store.ts'
import { badParameter, readQuery } from '../query.ts'
import { Refusal } from '../refusal.ts'
import type { Call, Route } from '../route.ts'

export type CoverageDependencies = {
  readonly store: Pick<Store, 'db' | 'inbox' | 'episodes' | 'records'>
  readonly keys: Keys
  readonly clock: () => Date
  /** Hash of the mapping and terminology tables in force. */
  readonly tableHash: () => string
}

/**
 * How well a practice's system identifies fragility fractures. A planning output, no care view: patients on the National Data Opt-Out list
 * are left out, a missing or stale list answers 503 (Decision 7), and every count follows the small-number rule. No filter by time or
 * person is offered: neighbouring answers would tell a hidden count.
 */
export function coverageRoutes(deps: CoverageDependencies): Route[] {
  return [
    {
      key: 'GET /api/coverage',
      summary:
        "How well one opted-in practice's record holds the fractures hospitals confirmed, and the care it shows after; small numbers hidden.",
      openapi: {
        parameters: [
          {
            name: 'practice',
            in: 'query',
            required: true,
            description: 'ODS code of the practice',
            schema: { type: 'string' },
          },
        ],
      },
      touchesPatientData: true,
      handle: call => sendCoverage(call, deps),
    },
  ]
}

async function sendCoverage(call: Call, { store, keys, clock, tableHash }: CoverageDependencies): Promise<void> {
  const { practice: asked } = readQuery(call.request, ['practice'])
  if (!asked) throw badParameter('practice')
  const now = clock()
  const practice = (await loadDirectory(store.db)).practices.get(asked)
  if (!practice || !isInScope(call.principal, [practice.ods, ...(practice.fls ? [practice.fls] : [])]))
    throw new Refusal(404, [issue('not-found', 'practice')])
  const { isOpen, since } = optInAt(practice.optIns, instantOf(now))
  if (!isOpen) throw new PracticeClosed(since)
  const keyOf = (nhsNumber: string) => keys.id('nhs-number', nhsNumber)
  const { coverage, cut, episodes } = await practiceCoverage(store, practice.ods, keyOf, now)
  call.log({ rows: episodes })
  call.response.set('Cache-Control', 'no-store').json(coverageView(practice.ods, coverage, cut, tableHash()))
}

const hospitalFractures =
  'fractures confirmed by a hospital or FLS, of persons with a record of this practice, 1.09 unknown or at least 90 days before the data cut; excluded episodes apart'
const olderEpisodes =
  'episodes of persons with a record of this practice, 1.09 at least 365 days before the data cut; excluded episodes apart'
const within365 = "dated 0 to 365 days from 1.09 in this practice's record"
const lag =
  'days from 1.09 to the earliest day the practice entered a code of the fracture (the date of coding, not of the event)'

/** The answer: exact counts end here. */
export function coverageView(practice: OdsCode, exact: Coverage, cut: Date | undefined, tables: string): object {
  const { within, later, undated, absent } = exact.hospitalConfirmed
  const confirmed = within + later + undated + absent
  const ofConfirmed = (count: number, numerator: string) =>
    figure(releasedShare(count, confirmed), numerator, hospitalFractures)
  const ofEpisodes = (count: number, numerator: string) =>
    figure(releasedShare(count, exact.episodes), `with ${numerator}, ${within365}`, olderEpisodes)
  return {
    practice,
    dataCut: cut?.toISOString() ?? null,
    tables,
    method:
      'Counts: 0 is shown, 1 to 7 are *, others are rounded to 5. Shares and 95 % Wilson score intervals are made of the rounded counts.',
    hospitalConfirmed: {
      codedWithin90Days: ofConfirmed(within, `of these, coded by the practice; ${lag} is 90 or less`),
      codedLater: ofConfirmed(later, `of these, coded by the practice; ${lag} is over 90`),
      codedWithoutUsableDate: ofConfirmed(
        undated,
        'of these, coded; 1.09 or every coding date is not known to the day',
      ),
      notCoded: ofConfirmed(absent, 'of these, not coded as this fracture by the practice'),
    },
    tooRecentToSay: {
      count: releasedCount(exact.tooRecent),
      meaning: 'hospital-confirmed, 1.09 under 90 days ago; in no share',
    },
    gpOnly: figure(
      releasedShare(exact.gpOnly, exact.gpOnly + confirmed),
      'coded by the practice, confirmed by no hospital or FLS; what a hospital only suspects is in neither',
      `these and the ${hospitalFractures}`,
    ),
    care: {
      osteoporosisCoded: ofEpisodes(exact.care.osteoporosis, 'a diagnosis of osteoporosis'),
      dxa: ofEpisodes(exact.care.dxa, 'a DXA scan or its result'),
      falls: ofEpisodes(exact.care.falls, 'a fall, falls history, assessment or prevention'),
      boneDrug: ofEpisodes(exact.care.boneDrug, 'a bone drug issued or given, calcium and vitamin D apart'),
      repeatGap: figure(
        releasedShare(exact.repeats.withGap, exact.repeats.treated),
        'of these, in which an issue came after all issued before had run out; an issue lasts its days supplied, else 56, and 28 days of grace (denosumab 183 and 28, zoledronic acid 365)',
        `${olderEpisodes}, with an issue of a bone drug, ${within365}`,
      ),
    },
  }
}

function figure(share: ReleasedShare, numerator: string, denominator: string): object {
  return { ...share, numerator, denominator }
}
