import { describe, expect, test } from '@jest/globals'
import { items } from '../../src/fls/items.ts'
import { writeJson } from '../../src/sources/fhir/json.ts'
import { readStrictJson } from '../../src/sources/fhir/strict-json.ts'
import { assembleResponse, markOf, marksOf, versionOf } from '../../src/sources/form/assemble.ts'
import { editOf } from '../../src/sources/form/edit.ts'
import { at, broken, concept, day, fact, hipEpisode, patient, solve } from './fls-facts.ts'

const scored = (value: string) =>
  hipEpisode(fact('observation', { when: at(day(20)), value, concept: concept('dxa', 'dxa.tscore.hip') }))

describe('the version of assembled answers', () => {
  test('is a FHIR id, the same for the same answers, another for others', () => {
    const [a, b, c] = [scored('-2.7'), scored('-2.7'), scored('-2.8')].map(
      episode => assembleResponse(episode).versionId,
    )
    expect(a).toMatch(/^[A-Za-z0-9.-]{1,64}$/)
    expect([b === a, c === a]).toEqual([true, false])
  })
  test('gives the mark of every question back', () => {
    const answers = new Map(items.slice(0, 30).map((item, index) => [item.id, [`v${index}`]]))
    const marks = marksOf(versionOf(item => answers.get(item.id) ?? []))
    expect(items.map(item => marks?.get(item.id))).toEqual(items.map(item => markOf(item, answers.get(item.id) ?? [])))
  })
  test('a text that is no version is told', () => {
    expect([marksOf('1'), marksOf('§')]).toEqual([undefined, undefined])
  })
})

describe('assembled responses', () => {
  test('decimals keep their places, up to those of the form', () => {
    const text = (value: string) => {
      const { resource, literals } = assembleResponse(scored(value))
      return writeJson(resource, literals)
    }
    expect(text('-2.0')).toContain('"valueDecimal":-2.0')
    expect(text('-2.68')).toContain('"valueDecimal":-2.7')
  })
  test('unchanged, they edit nothing', () => {
    const episode = scored('-2.68')
    const { resource, literals, versionId } = assembleResponse(episode)
    const { read } = readStrictJson(writeJson(resource, literals))
    expect(read && editOf(read.value as never, read.literals, episode, versionId)).toEqual({
      kind: 'changed',
      items: [],
    })
  })
  test('a withdrawn episode is entered in error and empty', () => {
    const facts = [
      patient(),
      broken('hip.neck', { revision: { set: 's', visit: 'v' } }),
      fact('encounter', {
        status: 'retracted',
        detail: {},
        revision: { asOf: '2024-02-01T00:00:00.000Z' as never, visit: 'v' },
      }),
    ]
    const [withdrawn] = solve(facts)
    const { resource } = assembleResponse(withdrawn as never)
    expect([resource['status'], resource['item']]).toEqual(['entered-in-error', undefined])
  })
})
