import { mentionIn } from '../terminology/fracture-words.ts'
import { tScoresIn } from '../terminology/tscore-words.ts'
import type { Context } from './document.ts'
import type { Condition } from './reader.ts'

const plainNumber = /^\s*(?:[<>]=?|≤|≥)?\s*[+\-−]?(?:\d+(?:[.,]\d+)?|[.,]\d+)\s*$/

/**
 * `starts:PR1-3.1=Z` text begins with one of these · `merges` MRG-1 names another number than PID-3 · `mentions:2` the report under the OBR may
 * speak of that many fractures · `tscore:hip` it states a T-score of the region in words · `number:OBX-5` the whole text is a number.
 */
export const hl7Conditions: Record<string, Condition> = {
  starts: {
    isStatic: false,
    holds: (context, argument) => {
      const at = argument.indexOf('=')
      const beginnings = argument
        .slice(at + 1)
        .toUpperCase()
        .split('|')
      return context
        .values(argument.slice(0, at))
        .some(found => beginnings.some(start => found.text.trim().toUpperCase().startsWith(start)))
    },
  },
  mentions: {
    isStatic: false,
    holds: (context, argument) => mentionIn(textOf(context), Number(argument)) !== undefined,
  },
  tscore: {
    isStatic: false,
    holds: (context, argument) => new Map<string, string>(tScoresIn(textOf(context))).has(argument),
  },
  number: {
    isStatic: false,
    holds: (context, argument) => context.values(argument).some(found => plainNumber.test(found.text)),
  },
  merges: { isStatic: false, holds: context => namesAnother(context) },
}

function textOf(context: Context): string {
  return context
    .values('OBR#text')
    .map(found => found.text)
    .join('\n')
}

function namesAnother(context: Context): boolean {
  const retired = keyOf(context, 'MRG')
  const surviving = keyOf(context, 'PID', 'surviving-number')
  return retired !== '' && surviving !== '' && retired !== surviving
}

function keyOf(context: Context, segment: string, number = 'local-number'): string {
  const [local] = context.values(`${segment}#${number}`)
  if (local?.part) return `${local.part(4)}|${local.part(1)}`
  return context.values(`${segment}#nhs-number`)[0]?.text.replace(/\D/g, '') ?? ''
}
