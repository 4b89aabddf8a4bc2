import { addToCoverage, type Coverage, noCoverage } from '../fls/coverage.ts'
import { instantOf, londonDate } from '../fls/dates.ts'
import type { OdsCode } from '../fls/fact.ts'
import { dataCut, releasableEpisodes } from './episode-rows.ts'
import type { Store } from './store.ts'

export type PracticeCoverage = {
  readonly coverage: Coverage
  /** Up to when arrivals had been read; undefined when nothing has been read yet, and then every count is 0. */
  readonly cut: Date | undefined
  /** Episodes looked at. */
  readonly episodes: number
}

/**
 * Coverage of one practice: every episode to which the practice contributed a record, by index, one batch in memory. Patients on the
 * National Data Opt-Out list are left out; throws `OptOutListStale` when the list is missing or expired.
 */
export async function practiceCoverage(
  store: Pick<Store, 'db' | 'inbox' | 'episodes' | 'records'>,
  practice: OdsCode,
  keyOf: (nhsNumber: string) => string,
  now: Date,
): Promise<PracticeCoverage> {
  const cut = await dataCut(store)
  const day = londonDate(instantOf(cut ?? new Date(0)))
  let coverage = noCoverage
  let episodes = 0
  const selection = { scope: { organisations: { $in: [practice] } } }
  for await (const episode of releasableEpisodes(store, selection, keyOf, now)) {
    coverage = addToCoverage(coverage, episode, practice, day)
    episodes += 1
  }
  return { coverage: cut ? coverage : noCoverage, cut, episodes }
}
