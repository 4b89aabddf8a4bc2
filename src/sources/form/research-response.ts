import { parsePartialDate } from '../../fls/dates.ts'
import type { Episode } from '../../fls/episode.ts'
import { items } from '../../fls/items.ts'
import { optionsOf } from '../../fls/lists.ts'
import type { JsonObject, JsonValue, NumberLiterals } from '../fhir/json.ts'
import { assembleResponse } from './assemble.ts'
import { daysExtension, extension, shownDate, type View } from './episode-resources.ts'

/** What an analyst may see of the answers: no number, birth date or postcode. */
const hidden: ReadonlySet<string> = new Set(['1.01', '1.02', '1.04'])
const dates: ReadonlySet<string> = new Set(items.filter(item => item.type === 'date').map(item => item.id))

/**
 * The assembled response as an analyst may see it: options of the lists and numbers, dates as days from 1.09, no origins, no subject, pseudonym
 * for id. An answer that is no option of its list could say anything and is left out.
 */
export function researchResponse(
  episode: Episode,
  view: Extract<View, { kind: 'research' }>,
): { resource: JsonObject; literals: NumberLiterals } {
  const answers = Object.fromEntries(
    Object.entries(episode.answers).flatMap(([item, answer]) => {
      if (hidden.has(item) || dates.has(item)) return []
      const values = answer.values.filter(value => isListed(item, value))
      return values.length > 0 ? [[item, { ...answer, values, origins: [] }] as const] : []
    }),
  )
  const { resource, literals } = assembleResponse({ ...episode, answers })
  const offsets = [...dates].flatMap(item => {
    const date = parsePartialDate(episode.answers[item]?.values[0] ?? '')
    const { days } = hidden.has(item) || item === '1.09' ? {} : shownDate(date, episode, view)
    if (days === undefined) return []
    return [{ url: extension('item-day'), extension: [{ url: 'item', valueString: item }, ...daysExtension(days)] }]
  })
  const { subject: _subject, ...rest } = resource
  return {
    resource: {
      ...rest,
      id: view.pseudonym(episode.id),
      ...(offsets.length > 0 ? { extension: JSON.parse(JSON.stringify(offsets)) as JsonValue } : {}),
    },
    literals,
  }
}

function isListed(id: string, value: string): boolean {
  const item = items.find(one => one.id === id)
  if (item?.list) return optionsOf(item.list).some(option => option.code === value)
  return /^-?\d{1,4}(?:\.\d{1,4})?$/.test(value)
}
