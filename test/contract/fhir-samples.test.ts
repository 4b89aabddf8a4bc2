import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type FhirDoor, openFhirDoor, send } from './fhir-door.ts'

/*
 * samples/fhir: what a sender may try, and the exact answer. `*.answer.json` holds status and OperationOutcome (with
 * `Prefer: return=OperationOutcome`); FLSDB_WRITE_SAMPLES=1 writes the answers anew: review them like code.
 */
const folder = fileURLToPath(new URL('../../samples/fhir/', import.meta.url))
const names = readdirSync(folder)
  .filter(name => name.endsWith('.json') && !name.endsWith('.answer.json'))
  .map(name => name.slice(0, -'.json'.length))

type Sample = {
  readonly request: { readonly method: string; readonly path: string; readonly contentType?: string }
  readonly body?: object
  readonly text?: string
}

let door: FhirDoor
beforeAll(async () => {
  door = await openFhirDoor()
})
afterAll(() => door.close())

describe('samples/fhir', () => {
  test.each(names)('%s', async name => {
    const sample: Sample = JSON.parse(readFileSync(`${folder}${name}.json`, 'utf8'))
    const { method, path, contentType } = sample.request
    const before = await door.store.inbox.countDocuments()
    const answer = await send(door, method, path, sample.text ?? sample.body, {
      Prefer: 'return=OperationOutcome',
      'X-Request-ID': name,
      ...(contentType ? { 'Content-Type': contentType } : {}),
    })
    const kept = (await door.store.inbox.countDocuments()) - before
    const got = { status: answer.status, kept, outcome: outcomesIn(answer.body) }
    const file = `${folder}${name}.answer.json`
    if (process.env['FLSDB_WRITE_SAMPLES'] === '1') writeFileSync(file, `${JSON.stringify(got, null, 2)}\n`)
    expect(existsSync(file)).toBe(true)
    expect(got).toEqual(JSON.parse(readFileSync(file, 'utf8')))
    expect(answer.status < 300).toBe(name.startsWith('good-'))
    expect(kept).toBe(name.startsWith('good-') ? 1 : 0)
  })
})

/** The outcome itself, or those of the entries of a response Bundle. */
function outcomesIn(body: object): object {
  if (!('entry' in body) || !Array.isArray(body.entry)) return body
  return body.entry.map(({ response }) => ({ status: response.status, outcome: response.outcome }))
}
