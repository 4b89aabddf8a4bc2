import type { Keys } from '../access/keys.ts'
import { scopeFilter } from '../access/scope.ts'
import { issue } from '../fls/issue.ts'
import { publishedForms } from '../http/questionnaires.ts'
import { Refusal } from '../http/refusal.ts'
import type { Accept } from '../sources/arrival.ts'
import type { FormDeps } from '../sources/form/door.ts'
import { patientAuditQuestionnaire } from '../sources/form/questionnaire.ts'
import { releasableEpisodes } from '../store/episode-rows.ts'
import { episodeOf, formStore } from '../store/episode-search.ts'
import { readInboxEntry } from '../store/inbox.ts'
import { OptOutListStale } from '../store/opt-outs.ts'
import type { Store } from '../store/store.ts'

export type FormWiring = {
  readonly store: Store
  readonly keys: Keys
  readonly accept: Accept
  readonly publicUrl: string
  readonly allowTestNumbers: boolean
  readonly clock: () => Date
}

/** The form door on this deployment's database. Analysts' pseudonyms are those of the release `fhir`. */
export function wireForms({ store, keys, accept, publicUrl, allowTestNumbers, clock }: FormWiring): FormDeps {
  return {
    accept,
    hmac: (...parts) => keys.id('form', ...parts),
    rawBytes: async id => (await readInboxEntry(store, id))?.bytes,
    baseUrl: publicUrl,
    clock,
    allowTestNumbers,
    questionnaires: publishedForms([patientAuditQuestionnaire()]),
    ...formStore(store),
    research: {
      pseudonym: id => keys.pseudonym('fhir', id),
      episodes: async function* (principal) {
        try {
          const keyOf = (nhsNumber: string): string => keys.id('nhs-number', nhsNumber)
          for await (const document of releasableEpisodes(store, { scope: scopeFilter(principal) }, keyOf, clock())) {
            yield episodeOf(document)
          }
        } catch (cause) {
          if (cause instanceof OptOutListStale) throw new Refusal(503, [issue('opt-out-list-stale', 'EpisodeOfCare')])
          throw cause
        }
      },
    },
  }
}
