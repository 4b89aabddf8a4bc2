import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import { createServer as createListener } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals'
import { type SendCommand, sendCommand } from '../../src/cli/send.ts'
import { adt, frame } from './mllp-peer.ts'

/** `flsdb send` against peers that refuse, stay silent or ask for patience. */
const open: { close: () => unknown }[] = []
let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'flsdb-send-'))
})
afterAll(() => rm(folder, { recursive: true }))
beforeEach(() => {
  jest.spyOn(console, 'log').mockImplementation(() => undefined)
  jest.spyOn(console, 'error').mockImplementation(() => undefined)
})
afterEach(() => {
  for (const one of open.splice(0)) one.close()
  jest.restoreAllMocks()
  process.exitCode = 0
})

function portOf(server: { address: () => unknown }): number {
  const address = server.address()
  return address && typeof address === 'object' && 'port' in address ? Number(address.port) : 0
}

/** Answers each control id with the codes it is given, in turn; the last stays. */
async function listener(codes: Readonly<Record<string, readonly string[]>>) {
  const seen: string[] = []
  const server = createListener(socket => {
    socket.on('error', () => undefined)
    socket.on('data', part => {
      const id = part.toString('latin1').split('|')[9] ?? ''
      const own = codes[id] ?? ['AA']
      const code = own[Math.min(seen.filter(one => one === id).length, own.length - 1)]
      seen.push(id)
      if (code === 'close') socket.destroy()
      else socket.write(frame(`MSH|^~\\&|F|N|P|R|2026||ACK^A08|1|P|2.4\rMSA|${code}|${id}\r`))
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  open.push(server)
  return { port: portOf(server), seen }
}

async function web(answer: RequestListener): Promise<string> {
  const server = createServer(answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  open.push(server)
  return `http://127.0.0.1:${portOf(server)}`
}

const fileOf = async (name: string, text: string): Promise<string> => {
  const file = path.join(folder, name)
  await writeFile(file, text)
  return file
}
const batch = (...ids: string[]) => fileOf(`${ids.join('-')}.hl7`, ids.map(id => adt(id)).join(''))

async function send(files: readonly string[], more: Partial<SendCommand>): Promise<Record<string, unknown>[]> {
  const ledger = path.join(folder, `ledger-${Math.random()}.jsonl`)
  const demoFile = path.join(folder, 'demo.json')
  await sendCommand(files, { host: '127.0.0.1', port: 0, url: '', demoFile, attempts: 3, ledger, ...more })
  const text = await readFile(more.ledger ?? ledger, 'utf8').catch(() => '')
  return text.split('\n').flatMap(line => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]))
}

test('what is put off is sent again, what is refused is not; the exit code tells', async () => {
  const door = await listener({ M2: ['AE', 'AA'], M3: ['AR'], M4: ['close', 'AA'] })
  const lines = await send([await batch('M1', 'M2', 'M3', 'M4')], { port: door.port })
  expect(lines.map(line => `${line['controlId']} ${line['attempt']} ${line['code'] || line['kind']}`)).toEqual([
    'M1 1 AA',
    'M2 1 AE',
    'M3 1 AR',
    'M4 1 no-answer',
    'M2 2 AA',
    'M4 2 AA',
  ])
  expect(process.exitCode).toBe(1)
})

test('a resend leaves out what the ledger of the run before says was taken', async () => {
  const door = await listener({ M6: ['AE', 'AA'] })
  const ledger = path.join(folder, 'first.jsonl')
  const file = await batch('M5', 'M6')
  await send([file], { port: door.port, attempts: 1, ledger })
  expect(process.exitCode).toBe(1)
  process.exitCode = 0
  const second = await send([file], { port: door.port, resend: ledger })
  expect(second.map(line => line['controlId'])).toEqual(['M6'])
  expect(door.seen).toEqual(['M5', 'M6', 'M6'])
  expect(process.exitCode).toBe(0)
})

test('the last line of a ledger may be torn: what it was about is sent again', async () => {
  const door = await listener({})
  const ledger = path.join(folder, 'torn.jsonl')
  const file = await batch('M9', 'M10')
  await send([file], { port: door.port, ledger })
  const [first, second = ''] = (await readFile(ledger, 'utf8')).split('\n')
  await writeFile(ledger, `${first}\n${second.slice(0, second.length / 2)}`)
  const again = await send([file], { port: door.port, resend: ledger })
  expect(again.map(line => line['controlId'])).toEqual(['M10'])
})

test('nobody listens: every message is told, tried again, and given up', async () => {
  const lines = await send([await batch('M7', 'M8')], { port: 1, attempts: 2 })
  expect(lines.map(line => `${line['ordinal']} ${line['attempt']} ${line['why']}`)).toEqual([
    '1 1 ECONNREFUSED',
    '2 1 ECONNREFUSED',
    '1 2 ECONNREFUSED',
    '2 2 ECONNREFUSED',
  ])
  expect(process.exitCode).toBe(1)
})

test('FHIR and extract: 503 is waited for under the same request id; a sample of samples/fhir is sent as its request says', async () => {
  const seen: string[] = []
  const url = await web((request, response) => {
    if (request.url === '/token') {
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ access_token: 'token' }))
      return
    }
    seen.push(`${request.method} ${request.url} ${String(request.headers['x-request-id'] ?? '-').slice(0, 6)}`)
    if (seen.length === 1) response.writeHead(503, { 'retry-after': '0' }).end()
    else response.writeHead(request.url?.startsWith('/api') ? 202 : 201, { location: '/api/jobs/1' }).end()
  })
  const client = { clientSecret: 'secret', scope: 'all', organisations: [], feeds: [], practices: [] }
  const clients = [
    { ...client, clientId: 'h', role: 'hospital' },
    { ...client, clientId: 'g', role: 'gp-supplier' },
  ]
  await fileOf('demo.json', JSON.stringify({ clients, users: [], tokenUrl: `${url}/token`, audience: 'a' }))
  const sample = await fileOf(
    'sample.json',
    JSON.stringify({
      request: { method: 'PUT', path: '/Patient?identifier=a|b' },
      body: { resourceType: 'Patient' },
    }),
  )
  const extract = await fileOf('extract.csv', 'entry\n')
  const lines = await send([sample, extract], { url, extractId: 'x1', mode: 'delta' })
  expect(lines.map(line => `${line['status']} ${line['attempt']}`)).toEqual(['503 1', '202 1', '201 2'])
  expect(seen[0]).toBe(seen[2])
  expect(seen[0]).toMatch(/^PUT \/fhir\/Patient\?identifier=a\|b [0-9a-f]{6}$/)
  expect(seen[1]).toBe('POST /api/extracts?extractId=x1&mode=delta -')
})
