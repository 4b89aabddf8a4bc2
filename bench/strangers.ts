import type { PartialDate } from '../src/fls/dates.ts'
import type { Identity, RecordKey } from '../src/fls/fact.ts'
import { blockingKeys } from '../src/linkage/blocking.ts'
import type { RecordDocument } from '../src/store/documents.ts'
import { hashKey } from '../src/store/records.ts'
import { drawCulture, drawFamily, drawGiven, familyFor } from '../synthetic/names.ts'
import { nhsNumberOf } from '../synthetic/nhs-numbers.ts'
import { makeRandom } from '../synthetic/random.ts'

/** Persons a postcode: about 15 households. */
const perPostcode = 35
const letters = 'ABDEFGHJLNPQRSTUWXYZ'

/**
 * Somebody the world does not know, the same for the same serial: names as frequent as in Britain, born in `years`, one of `population`
 * who fill postcodes as people do. Half are known by their NHS number.
 */
export function strangerOf(
  serial: number,
  { years, population }: { readonly years: readonly [number, number]; readonly population: number },
): Identity {
  const random = makeRandom(`stranger ${serial}`)
  const culture = drawCulture(random, 0.15)
  const sex = random.chance(0.65) ? 'female' : 'male'
  const place = random.int(0, Math.ceil(population / perPostcode))
  const day = new Date(Date.UTC(random.int(...years), 0, random.int(1, 365)))
  return {
    ...(random.chance(0.5) ? { nhsNumber: nhsNumberOf(serial) } : {}),
    familyName: familyFor(random, culture, drawFamily(random, culture), sex),
    givenNames: [...drawGiven(random, culture, sex)],
    birthDate: day.toISOString().slice(0, 10) as PartialDate,
    sex,
    postcode: postcodeOf(place),
  }
}

/** Facets and blocking keys of a record of this person, as the river would have written them. */
export function recordOf(
  record: Pick<RecordDocument, '_id' | 'organisation' | 'side'>,
  identity: Identity,
): Pick<RecordDocument, 'facets' | 'bk'> {
  const { _id, organisation, side } = record
  const facets = [identity]
  return { facets, bk: blockingKeys({ record: _id, organisation, side, facets }).map(hashKey) }
}

export const strangerKey = (serial: number) => `RBENCH|S${serial}` as RecordKey

/** Nine thousand sectors of four hundred postcodes: enough for a country. */
function postcodeOf(place: number): string {
  const letter = (at: number) => letters[at % letters.length] ?? 'A'
  const [unit, sector, area] = [place % 400, Math.floor(place / 400) % 90, Math.floor(place / 36_000)]
  return `${letter(area)}${letter(Math.floor(area / 20))}${1 + (sector % 9)} ${Math.floor(sector / 9)}${letter(unit)}${letter(Math.floor(unit / 20))}`
}
