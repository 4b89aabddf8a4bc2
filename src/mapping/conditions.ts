import { fhirConditions } from './fhir-conditions.ts'
import { hl7Conditions } from './hl7-conditions.ts'
import type { Condition } from './reader.ts'

const words = (argument: string): readonly string[] => argument.split('|')

/**
 * The closed list of conditions (column `when`; several are joined by a blank and must all hold; `!` negates).
 *
 * `type:ADT|ORU` first part of the document type · `trigger:A01|A04` second part · `document:<whole type>` ·
 * `has:<path>` a value is there · `null:<path>` the sender deleted it · `equals:<path>=a|b` its text is one of these (upper case) · `never`.
 */
const common: Record<string, Condition> = {
  type: { isStatic: true, holds: (type, argument) => words(argument).includes(type.split('^')[0] ?? '') },
  trigger: { isStatic: true, holds: (type, argument) => words(argument).includes(type.split('^')[1] ?? '') },
  document: { isStatic: true, holds: (type, argument) => words(argument).includes(type) },
  never: { isStatic: true, holds: () => false },
  has: { isStatic: false, holds: (context, argument) => context.values(argument).some(found => !found.isNull) },
  null: { isStatic: false, holds: (context, argument) => context.values(argument).some(found => found.isNull) },
  equals: {
    isStatic: false,
    holds: (context, argument) => {
      const at = argument.indexOf('=')
      const wanted = words(argument.slice(at + 1).toUpperCase())
      return context.values(argument.slice(0, at)).some(found => wanted.includes(found.text.trim().toUpperCase()))
    },
  },
}

export const conditions: ReadonlyMap<string, Condition> = new Map(
  Object.entries({ ...common, ...hl7Conditions, ...fhirConditions }),
)
