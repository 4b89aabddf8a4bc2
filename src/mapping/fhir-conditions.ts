import { mentionIn } from '../terminology/fracture-words.ts'
import { tScoresIn } from '../terminology/tscore-words.ts'
import type { Context } from './document.ts'
import { clinicOf } from './fhir-readers.ts'
import type { Condition } from './reader.ts'

/**
 * `service:fls` the care is that of this clinic, by its type, its organisation or the feed · `report-mentions:2` the report's text may speak
 * of that many fractures · `report-tscore:hip` it states a T-score of the region in words.
 */
export const fhirConditions: Record<string, Condition> = {
  service: {
    isStatic: false,
    holds: (context, argument, env) => {
      const found = ['type', 'managingOrganization', 'managingOrganization->name'].flatMap(path => context.values(path))
      return clinicOf(found, env) === argument
    },
  },
  'report-mentions': {
    isStatic: false,
    holds: (context, argument) => mentionIn(reportText(context), Number(argument)) !== undefined,
  },
  'report-tscore': {
    isStatic: false,
    holds: (context, argument) => new Map<string, string>(tScoresIn(reportText(context))).has(argument),
  },
}

function reportText(context: Context): string {
  return context
    .values('#report-text')
    .map(found => found.text)
    .join('\n')
}
