import type { Keys } from '../access/keys.ts'
import type { Principal } from '../access/principal.ts'
import { scopeFilter } from '../access/scope.ts'
import { optInAt } from '../access/statements.ts'
import { instantOf } from '../fls/dates.ts'
import type { OdsCode } from '../fls/fact.ts'
import type { BulkDeps } from '../sources/fhir/bulk-routes.ts'
import type { TypeHandlers } from '../sources/fhir/call.ts'
import type { PublishedDeps } from '../sources/fhir/published.ts'
import { publishedTypeHandlers } from '../sources/fhir/published-routes.ts'
import { groupHandlers } from '../sources/fhir/site-groups.ts'
import type { TerminologyDeps } from '../sources/fhir/terminology-operations.ts'
import { cachedDirectory } from '../store/directory.ts'
import { releasableEpisodes } from '../store/episode-rows.ts'
import { episodeOf } from '../store/episode-search.ts'
import { optOutListInForce } from '../store/opt-outs.ts'
import type { Store } from '../store/store.ts'

/** How old what is told of the registers may be. */
const registersMs = 1_000

/** What is the same for everybody: shipped tables, definitions, and the sites as Groups. */
export function wirePublished(
  shipped: TerminologyDeps,
  deps: PublishedDeps,
  store: Pick<Store, 'db'>,
): ReadonlyMap<string, TypeHandlers> {
  const directory = cachedDirectory(store.db, registersMs)
  const sites = async () => [...(await directory()).sites.values()].map(({ ods, name }) => ({ ods, name: name ?? ods }))
  return new Map([...publishedTypeHandlers(shipped, deps), ['Group', groupHandlers(sites, deps)]])
}

/** The export on this deployment's database, under the pseudonyms of the release `fhir`. */
export function wireBulkExport(
  store: Store,
  keys: Keys,
  { base, clock }: PublishedDeps,
  failed: (cause: unknown) => void,
): BulkDeps {
  const directory = cachedDirectory(store.db, registersMs)
  const keyOf = (nhsNumber: string): string => keys.id('nhs-number', nhsNumber)
  return {
    db: store.db,
    base,
    clock,
    failed,
    optOutList: async () => (await optOutListInForce(store.db, clock())).list,
    isSite: async ods => (await directory()).sites.has(ods),
    hasWithdrawnSince: async at =>
      [...(await directory()).practices.values()].some(
        ({ optIns }) =>
          !optInAt(optIns, instantOf(clock())).isOpen &&
          optIns.some(one => !one.optedIn && (one.from > at || one.receivedAt > at)),
      ),
    research: {
      pseudonym: id => keys.pseudonym('fhir', id),
      episodes: async function* (owner: Principal, site: string | undefined) {
        const selection = {
          scope: scopeFilter(owner),
          ...(site === undefined ? {} : { reportingFls: site as OdsCode }),
        }
        for await (const document of releasableEpisodes(store, selection, keyOf, clock())) yield episodeOf(document)
      },
    },
  }
}
