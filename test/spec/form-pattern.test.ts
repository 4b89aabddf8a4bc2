import { expect, test } from '@jest/globals'
import { compilePattern } from '../../src/sources/form/pattern.ts'

test.each<[pattern: string, text: string, matches: boolean | undefined, why: string]>([
  ['[A-Z]{2}\\d+', 'AB12', true, 'letters, then digits'],
  ['[A-Z]{2}\\d+', 'AB', false, 'the whole value counts'],
  ['(a|b)*', 'abba', true, 'repeated group'],
  ['(a*)*', 'aaaa', true, 'nested repeats are read once'],
  ['(((){9999}){9999}){9999}', '', true, 'nothing repeated is nothing, however often'],
  ['(((){9999}){9999}){9999}x', 'x', true, 'and takes no time'],
  ['(a{1000}){1000}', 'a', undefined, 'too many states'],
  ['(?=a)a', 'a', undefined, 'look-around'],
])('%s on "%s": %s (%s)', (pattern, text, matches) => {
  expect(compilePattern(pattern)?.matches(text)).toBe(matches)
})
