import { type Issue, issue } from '../../fls/issue.ts'
import { readNhsNumber } from '../../fls/nhs-number.ts'
import { type JsonObject, textAt } from './json.ts'
import { nhsNumberSystem } from './token.ts'
import { identifiersOf } from './written.ts'

/**
 * UK Core rules a valid R4 resource may still break. Errors refuse it (422): an NHS number slice without its value (UKCore-Patient,
 * identifier:nhsNumber.value 1..1), and test-range numbers where only real patients are expected. Warnings go back to the sender and the
 * resource is kept: a number that fails its check digit is weak evidence for linkage, and refusing it would lose the fracture beside it.
 */
export function profileIssues(resource: JsonObject, where: string, allowTestNumbers: boolean): Issue[] {
  return identifiersOf(resource).flatMap((identifier, index) => {
    if (textAt(identifier, 'system') !== nhsNumberSystem) return []
    const at = `${where}.identifier[${index}].value`
    const value = textAt(identifier, 'value')
    if (value === undefined) return identifier['_value'] ? [] : [issue('element-required', at)]
    const reading = readNhsNumber(value)
    if (reading.kind === 'invalid') return [issue('nhs-number-invalid', at, { severity: 'warning' })]
    if (reading.kind === 'placeholder') return [issue('nhs-number-placeholder', at)]
    return reading.kind === 'test-range' && !allowTestNumbers ? [issue('nhs-number-test-range', at)] : []
  })
}
