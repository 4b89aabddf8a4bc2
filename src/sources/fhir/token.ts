import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'

export const nhsNumberSystem = 'https://fhir.nhs.uk/Id/nhs-number'

/** The indexed form of an identifier: `system|value`; `*` for any system. NHS numbers lose their blanks and hyphens. */
export function tokenOf(system: string, value: string): string {
  const plain = system === nhsNumberSystem ? value.replace(/[\s-]/g, '') : value.trim()
  return `${system}|${plain}`
}

/**
 * One token of a search on `identifier`: `system|value`, `|value` (no system) or `value` (any system). `undefined` when there is no value:
 * a search by system alone would list patients.
 */
export function parseToken(text: string): string | undefined {
  const plain = text.replace(/\\([|,$\\])/g, '$1')
  const bar = text.search(/(?<!\\)\|/)
  if (bar < 0) return plain === '' ? undefined : tokenOf('*', plain)
  const system = text.slice(0, bar)
  const value = text.slice(bar + 1).replace(/\\([|,$\\])/g, '$1')
  return value === '' ? undefined : tokenOf(system, value)
}

/** Values of a parameter separated by commas, `\,` being part of a value. */
export function splitValues(text: string): string[] {
  return text.split(/(?<!\\),/).filter(value => value !== '')
}

/**
 * The one criterion of a conditional create, update or reference: `identifier=system|value`, both parts given. Anything else is 400
 * (fhir.md 1.1): a criterion that is less exact would decide by chance which resource is meant. `where`: header or parameter, for the issue.
 */
export function parseCriterion(query: string, where: string): string {
  const parameters = [...new URLSearchParams(query.replace(/^[^=]*\?/, ''))].filter(([name]) => name !== '_format')
  const [only] = parameters
  if (parameters.length !== 1 || only?.[0] !== 'identifier') {
    throw new Refusal(400, [issue('parameter-not-supported', where, { hint: 'only identifier=system|value' })])
  }
  const values = splitValues(only[1])
  const token = values.length === 1 ? parseToken(values[0] ?? '') : undefined
  if (!token || token.startsWith('*|') || token.startsWith('|')) {
    throw new Refusal(400, [issue('parameter-invalid', where, { hint: 'identifier=system|value' })])
  }
  return token
}
