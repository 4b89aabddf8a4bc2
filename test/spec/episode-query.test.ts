import { expect, test } from '@jest/globals'
import type { Role } from '../../src/access/principal.ts'
import { episodeQueryOf } from '../../src/http/episode-query.ts'
import { Refusal } from '../../src/http/refusal.ts'
import type { FhirCall } from '../../src/sources/fhir/call.ts'

function ask(role: Role, query: string): 'answered' | number {
  const call: FhirCall = {
    principal: { subject: 's', role, organisations: [], feeds: [], practices: [] },
    type: 'EpisodeOfCare',
    query: new URLSearchParams(query),
    headers: {},
    controlId: '',
    requestId: 'r',
    log: () => undefined,
  }
  try {
    episodeQueryOf(call, () => 'seal', new Date('2026-03-01T10:00:00Z'))
    return 'answered'
  } catch (error) {
    if (error instanceof Refusal) return error.status
    throw error
  }
}

test.each<[query: string, analyst: 'answered' | number, nurse: 'answered' | number, why: string]>([
  ['date=2024', 'answered', 'answered', 'a year'],
  ['date=ge2024-05&date=lt2024-07', 'answered', 'answered', 'whole months'],
  ['date=2024-05,2024-06', 'answered', 'answered', 'one of two months'],
  ['date=2024-05-06', 400, 'answered', 'a day'],
  ['date=2024-05,2024-06-01', 400, 'answered', 'a day among months'],
  ['date=ap2024-05', 400, 'answered', 'its edges lie inside months, and move from day to day'],
  ['patient:identifier=urn:x|1', 400, 'answered', 'whom a number means'],
])('%s: analyst %s, nurse %s (%s)', (query, analyst, nurse) => {
  expect([ask('analyst', query), ask('nurse', query)]).toEqual([analyst, nurse])
})
