import type { Document } from 'mongodb'
import type { SearchCondition } from '../sources/fhir/search-conditions.ts'
import type { DateCondition } from '../sources/fhir/search-dates.ts'

/** One condition on an index document whose terms stand under `search`; values are always operands, never operators. */
export function searchFilter(condition: SearchCondition): Document {
  const field = `search.${condition.name}`
  switch (condition.kind) {
    case 'missing':
      return { [field]: { [condition.isMissing ? '$in' : '$nin']: [null, []] } }
    case 'term':
      return { [field]: condition.isNot ? { $nin: [...condition.anyOf] } : { $in: [...condition.anyOf] } }
    case 'text':
      return { $or: condition.anyOf.map(text => ({ [field]: { $regex: textPattern(text, condition.isAnywhere) } })) }
    case 'date':
      return {
        $or: condition.anyOf.map(all => ({
          $and: all.map(({ end, operator, value }) => ({ [`${field}.${end}`]: { [operator]: value } })),
        })),
      }
  }
}

/** Terms as they stand begin with `=`; folded ones never do, so that both can share a field. */
function textPattern(text: string, isAnywhere: boolean): string {
  const plain = text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
  return isAnywhere ? `^(?!=).*${plain}` : `^${plain}`
}

/** A condition on when the current version was kept; `at`: the expression that says when. */
export function lastUpdatedFilter(condition: DateCondition, at: string | Document): Document {
  const kept = { $toLong: at }
  return {
    $expr: {
      $or: condition.map(all => ({ $and: all.map(({ operator, value }) => ({ [operator]: [kept, value] })) })),
    },
  }
}
