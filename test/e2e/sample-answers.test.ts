import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { splitBatch } from '../../src/sources/hl7v2/batch.ts'
import { eventually, type RunningService, startService } from '../set-up/running.ts'

/*
 * samples/: what may be sent, and the exact answer of a running service, in the `*.answer.json` beside it. Times, ids and what is drawn anew are
 * left out. FLSDB_WRITE_SAMPLES=1 writes the answers anew: review them like code. samples/fhir has a test of its own at the door.
 */
const root = path.join(import.meta.dirname, '..', '..', 'samples')
let service: RunningService
beforeAll(async () => {
  service = await startService({ database: 'e2e_sample_answers', environment: { FLSDB_SEED: 'none' } })
  await answerWithErrors()
}, 60_000)
afterAll(() => service?.stop())

/** The feed of the samples answers when a message is read, so that what was found stands in its ERR segments. */
async function answerWithErrors(): Promise<void> {
  const feeds = (await service.call('operator', 'GET', '/api/feeds')).json as { items: Record<string, unknown>[] }
  const pas = feeds.items.filter(feed => feed['protocol'] === 'hl7v2' && feed['organisation'] === 'RXX')
  for (const { id, since: _since, until: _until, history: _history, ...statement } of pas) {
    const answer = await service.call('operator', 'PUT', `/api/feeds/${id}`, { ...statement, profile: 'applied' })
    if (answer.status !== 200) throw new Error(`feed ${id}: ${answer.status} ${answer.text}`)
  }
}

function compare(file: string, got: unknown): void {
  if (process.env['FLSDB_WRITE_SAMPLES'] === '1') writeFileSync(file, `${JSON.stringify(got, null, 2)}\n`)
  expect(got).toEqual(JSON.parse(readFileSync(file, 'utf8')))
}

const namesIn = (folder: string, ending: string): string[] =>
  readdirSync(path.join(root, folder)).filter(name => name.endsWith(ending) && !name.endsWith('.answer.json'))

describe('samples/hl7v2: the acknowledgement of each message', () => {
  test.each(namesIn('hl7v2', '.hl7'))('%s', async name => {
    const { messages } = splitBatch(readFileSync(path.join(root, 'hl7v2', name)))
    const answers: string[][] = []
    for (const message of messages) answers.push(segmentsOf(await exchange(message)))
    compare(path.join(root, 'hl7v2', name.replace('.hl7', '.answer.json')), answers)
  })
})

/** One frame out, one frame back. */
function exchange(message: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(service.mllpPort, '127.0.0.1')
    let text = ''
    socket.setEncoding('latin1')
    socket.on('data', part => {
      text += part
      const end = text.indexOf('\x1c\r')
      if (end < 0) return
      socket.destroy()
      resolve(text.slice(1, end))
    })
    socket.on('error', reject)
    socket.write(Buffer.concat([Buffer.from('\v'), message, Buffer.from('\x1c\r')]))
  })
}

/** MSH-7 and MSH-10 are of the moment. */
function segmentsOf(acknowledgement: string): string[] {
  return acknowledgement
    .split('\r')
    .filter(line => line !== '')
    .map(line => {
      if (!line.startsWith('MSH')) return line
      const fields = line.split(line[3] ?? '|')
      fields[6] = '<time>'
      fields[9] = '<id>'
      return fields.join(line[3])
    })
}

describe('samples/gp-extract: the receipt of a trial, and rejects.csv', () => {
  test.each<[name: string, practice: string, mode: string]>([
    ['emis/good', 'B86001', 'full'],
    ['emis/bad', 'B86001', 'delta'],
    ['tpp/good', 'B86002', 'full'],
    ['neutral/good.csv', 'B86003', 'full'],
    ['neutral/bad.csv', 'B86003', 'delta'],
    ['neutral/good.ndjson', 'B86003', 'delta'],
    ['fhir/good.ndjson', 'B86003', 'delta'],
    ['fhir/bad.ndjson', 'B86003', 'delta'],
    ['gp-connect/emis.json', 'B86001', 'delta'],
    ['gp-connect/tpp.json', 'B86002', 'delta'],
    ['gp-connect/bad.json', 'B86001', 'delta'],
  ])('%s', async (name, practice, mode) => {
    const form = new FormData()
    for (const [file, bytes] of filesOf(path.join(root, 'gp-extract', name)))
      form.append('file', new Blob([new Uint8Array(asOf(bytes, practice))]), file)
    const { supplier, ods } = standIn()
    const query = `?practice=${ods}&extractId=sample&mode=${mode}&dryRun=true`
    const answer = await service.call(supplier, 'POST', `/api/extracts${query}`, form)
    expect(answer.status).toBe(202)
    const location = answer.headers.get('location') ?? ''
    const job = await eventually('the receipt', async () => {
      const view = (await service.call(supplier, 'GET', location)).json as Record<string, unknown>
      return view['state'] === 'done' || view['state'] === 'failed' ? view : undefined
    })
    const rejects = (await service.call(supplier, 'GET', `${location}/rejects.csv`)).text
    const { state, receipt, issues, messages } = job
    const lines = rejects.split('\r\n').filter(line => line !== '')
    compare(path.join(root, 'gp-extract', `${name}.answer.json`), { state, receipt, issues, messages, rejects: lines })
  })

  test('a trial has a conformance report: the same for the same bytes, as JSON and as a page', async () => {
    const { supplier, ods } = standIn()
    const bytes = asOf(readFileSync(path.join(root, 'gp-extract', 'neutral', 'good.csv')), 'B86003').toString()
    const report = async () => {
      const type = { 'content-type': 'text/csv' }
      const sent = await service.call(supplier, 'POST', '/api/extracts?dryRun=true', bytes, type)
      const address = `${sent.headers.get('location')}/conformance`
      const { job, checkedAt, ...rest } = (await service.call(supplier, 'GET', address)).json as Record<string, unknown>
      return { address, rest, job, checkedAt }
    }
    const [first, second] = [await report(), await report()]
    expect(second.rest).toEqual(first.rest)
    expect(first.rest).toMatchObject({
      practice: ods,
      isTrial: true,
      items: expect.arrayContaining([
        expect.objectContaining({ name: 'Fracture dated to the day', n: 3, met: 2, verdict: 'warn' }),
      ]),
    })
    const page = await service.call(supplier, 'GET', `${first.address}?format=html`)
    expect(page.headers.get('content-type')).toContain('text/html')
    expect(page.text).toContain('2 of 3 fractures')
    const stranger = await service.call('nurse-rxx', 'GET', first.address)
    expect([403, 404]).toContain(stranger.status)
  })

  function filesOf(place: string): (readonly [string, Buffer])[] {
    if (statSync(place).isFile()) return [[path.basename(place), readFileSync(place)]]
    return readdirSync(place)
      .sort()
      .map(name => [name, readFileSync(path.join(place, name))] as const)
  }

  /** The samples' practices are not in the demo: one that is stands in for them. */
  function standIn(): { readonly supplier: string; readonly ods: string } {
    const one = service.demo.practices.find(practice => practice.optedIn)
    return { supplier: `gp-supplier-${one?.supplier}`, ods: one?.ods ?? '' }
  }

  function asOf(bytes: Buffer, practice: string): Buffer {
    return Buffer.from(bytes.toString('latin1').replaceAll(practice, standIn().ods), 'latin1')
  }
})

describe('samples/forms: the answer to each response', () => {
  test.each(namesIn('forms', '.json'))('%s', async name => {
    const body = readFileSync(path.join(root, 'forms', name), 'utf8')
    const answer = await service.call('nurse-rxx', 'POST', '/fhir/QuestionnaireResponse', JSON.parse(body), {
      Prefer: 'return=OperationOutcome',
      'content-type': 'application/fhir+json',
    })
    compare(path.join(root, 'forms', name.replace('.json', '.answer.json')), {
      status: answer.status,
      outcome: answer.json,
    })
    expect(answer.status < 300).toBe(name.startsWith('good-'))
  })
})
