import { X509Certificate } from 'node:crypto'
import { copyFileSync } from 'node:fs'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { Feed } from '../../src/access/statements.ts'
import { type Config, readConfig } from '../../src/config.ts'
import type { OdsCode } from '../../src/fls/fact.ts'
import { createLogger } from '../../src/http/logger.ts'
import { createMetrics, type Metrics } from '../../src/http/metrics.ts'
import type { Arrival } from '../../src/sources/arrival.ts'
import type { AccessLine } from '../../src/store/access-log.ts'
import type { DeadLetter } from '../../src/store/dead-letters.ts'
import { directoryOf } from '../../src/store/directory.ts'
import { startMllp } from '../../src/wiring/mllp.ts'
import { type Certificates, makeCertificates } from '../set-up/certificates.ts'
import { accepted, adt, frame, Peer } from './mllp-peer.ts'

/** Two hospitals and a department, as the programme enrols them: who holds which certificate, who may say which MSH-3/4. */
const names = ['server', 'renewed', 'alpha', 'alpha-new', 'beta', 'unbound'] as const
let certificates: Certificates
beforeAll(() => {
  certificates = makeCertificates(
    ['ca'],
    names.map(name => [name, 'ca']),
  )
})
afterAll(() => certificates.remove())

const open: { close: () => unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close()
})

let arrivals: Arrival[]
let lines: Record<string, unknown>[]
let audit: AccessLine[]
let letters: DeadLetter[]
let metrics: Metrics
beforeEach(() => {
  arrivals = []
  lines = []
  audit = []
  letters = []
  metrics = createMetrics()
})

const feed = (id: string, facility: string, bound?: string[]): Feed => ({
  id,
  organisation: facility.slice(0, 3) as OdsCode,
  protocol: 'hl7v2',
  sendingApplications: ['PAS'],
  sendingFacilities: [facility],
  profile: 'stored',
  isActive: true,
  ...(bound ? { certificates: bound } : {}),
})

async function start(feeds: readonly Feed[], tls?: Config['mllpTls']) {
  const config: Config = { ...readConfig({ FLSDB_PROFILE: 'test' }), ...(tls ? { mllpTls: tls } : {}) }
  const directory = directoryOf(1, { feeds, sites: [], practices: [] })
  const door = await startMllp({
    config,
    port: 0,
    accept: async arrival => {
      arrivals.push(arrival)
      return accepted(arrival)
    },
    directory: async () => directory,
    whenRead: async () => [],
    accessLog: { append: async line => void audit.push(line) },
    deadLetters: { keep: async letter => letters.push(letter) > 0 },
    logger: createLogger({ destination: { write: line => void lines.push(JSON.parse(line)) } }),
    metrics,
  })
  open.push(door)
  return door
}

const mutual = (): NonNullable<Config['mllpTls']> => ({
  cert: certificates.file('server', 'pem'),
  key: certificates.file('server', 'key'),
  ca: certificates.file('ca', 'pem'),
})

function dial(port: number, client?: string): { peer: Peer; socket: TLSSocket } {
  const socket = connectTls({
    port,
    host: '127.0.0.1',
    ca: certificates.pem('ca'),
    checkServerIdentity: () => undefined,
    ...(client ? certificates.identity(client) : {}),
  })
  const peer = new Peer(port, socket)
  open.push(peer)
  return { peer, socket }
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 10_000
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error('it did not become true in 10 s')
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

const from = (facility: string, controlId: string, msh?: string) =>
  frame(adt(controlId, msh ? { msh } : {}).replace('|RXX01|', `|${facility}|`))
const counted = async (name: string) => {
  const found = await metrics.registry.getSingleMetric(name)?.get()
  return Object.fromEntries((found?.values ?? []).map(one => [Object.values(one.labels).join(), one.value]))
}

describe('mutual TLS: the certificate decides who may say what', () => {
  const enrolled = () => [
    feed('rxx01-pas', 'RXX01', ['O=RXX, CN=alpha']),
    feed('ryy02-pas', 'RYY02', ['CN=beta,O=RXX']),
    feed('rzz03-pas', 'RZZ03'),
  ]

  test.each([
    // certificate  MSH-4    MSH-15/16   answer   fault
    ['alpha', 'RXX01', undefined, 'AA M1', undefined],
    ['beta', 'RYY02', undefined, 'AA M1', undefined],
    ['alpha', 'RXX01', '|||AL|NE', 'CA M1', undefined],
    ['alpha', 'RYY02', undefined, 'AR M1', 'certificate-mismatch'],
    ['beta', 'RXX01', undefined, 'AR M1', 'certificate-mismatch'],
    ['alpha', 'RYY02', '|||AL|NE', 'CR M1', 'certificate-mismatch'],
    ['unbound', 'RXX01', undefined, 'AR M1', 'certificate-mismatch'],
    ['alpha', 'RZZ03', undefined, 'AR M1', 'certificate-mismatch'],
    ['alpha', 'RQQ99', undefined, 'AR M1', 'unknown-sender'],
  ])('%s says it is %s (%s): %s', async (client, facility, msh, answer, fault) => {
    const { peer } = dial((await start(enrolled(), mutual())).port, client)
    peer.write(from(facility, 'M1', msh))
    await peer.answered(1)
    expect(peer.codes).toEqual([answer])
    expect(arrivals.map(one => one.sender)).toEqual(fault ? [] : [facility === 'RXX01' ? 'rxx01-pas' : 'ryy02-pas'])
    expect(await counted('flsdb_mllp_bad_frames_total')).toEqual(fault ? { [fault]: 1 } : {})
    expect(
      audit.map(({ subject, ...line }) => [subject.split(':')[0], line.action, line.requestId, line.rows]),
    ).toEqual(fault ? [['certificate', `MLLP ${fault}`, fault === 'unknown-sender' ? '' : `PAS|${facility}`, 1]] : [])
  })

  test('a fingerprint names one certificate alone: the renewed one of the same hospital is not yet it', async () => {
    const fingerprint = new X509Certificate(certificates.pem('alpha')).fingerprint256
    const door = await start([feed('rxx01-pas', 'RXX01', [fingerprint.replaceAll(':', '').toLowerCase()])], mutual())
    const [old, fresh] = [dial(door.port, 'alpha').peer, dial(door.port, 'alpha-new').peer]
    for (const peer of [old, fresh]) peer.write(from('RXX01', 'M1'))
    await Promise.all([old.answered(1), fresh.answered(1)])
    expect([old.codes, fresh.codes]).toEqual([['AA M1'], ['AR M1']])
  })

  test('a feed bound to a certificate is not taken over a connection that shows none', async () => {
    const { cert, key } = mutual()
    const door = await start(enrolled(), { cert, key })
    const { peer } = dial(door.port)
    peer.write(Buffer.concat([from('RXX01', 'M1'), from('RZZ03', 'M2')]))
    await peer.answered(2)
    expect(peer.codes).toEqual(['AR M1', 'AA M2'])
  })
})

describe('what a refused sender leaves behind', () => {
  test('a counter, and one audit line at once; a flood of the same is told together', async () => {
    const door = await start([feed('rxx01-pas', 'RXX01')])
    const { peer } = plain(door.port)
    peer.write(Buffer.concat(Array.from({ length: 50 }, (_, at) => from('RQQ99', `M${at}`))))
    await peer.answered(50)
    expect(await counted('flsdb_mllp_bad_frames_total')).toEqual({ 'unknown-sender': 50 })
    expect(audit).toMatchObject([
      { subject: 'address:127.0.0.1', action: 'MLLP unknown-sender', status: 403, requestId: '', rows: 1 },
    ])
    await door.close()
    expect(audit.map(line => line.rows)).toEqual([1, 49])
    expect(arrivals).toEqual([])
  })

  test('names nobody is enrolled under are not written down: they may be a patient out of place', async () => {
    const door = await start([])
    const { peer } = plain(door.port)
    peer.write(frame(adt('M1').replace('|PAS|RXX01|', '|9990000018|SMITH^ANNA MARIA, 12 HIGH STREET|')))
    await peer.answered(1)
    expect(audit).toHaveLength(1)
    expect(JSON.stringify([audit, lines])).not.toMatch(/9990000018|SMITH|HIGH STREET/)
  })

  test('a thousand invented names are a few hundred lines, not a thousand', async () => {
    const door = await start([])
    const { peer } = plain(door.port)
    peer.write(Buffer.concat(Array.from({ length: 1_000 }, (_, at) => from(`Q${at}`, `M${at}`))))
    await peer.answered(1_000)
    await door.close()
    expect(audit.length).toBeLessThan(210)
    expect(audit.reduce((sum, line) => sum + (line.rows ?? 0), 0)).toBe(1_000)
  })
})

describe('bytes that never became a message', () => {
  const whole = adt('M1')
  test.each([
    ['an unfinished frame of an enrolled sender', whole, ['missing-end', 'rxx01-pas', whole]],
    ['of a sender nobody enrolled', whole.replace('|RXX01|', '|RQQ99|'), undefined],
    ['without a header', 'PID|1||H123456\r', undefined],
  ])('%s', async (_what, text, kept) => {
    const { peer } = plain((await start([feed('rxx01-pas', 'RXX01')])).port)
    peer.write(Buffer.concat([Buffer.from([0x0b]), Buffer.from(text), from('RXX01', 'M2')]))
    await peer.answered(1)
    await until(() => lines.some(line => line['msg'] === 'mllp dead letter'))
    expect(peer.codes).toEqual(['AA M2'])
    expect(letters.map(one => [one.fault, one.feed, one.bytes.toString()])).toEqual(kept ? [kept] : [])
    expect(await counted('flsdb_mllp_bad_frames_total')).toEqual({ 'missing-end': 1 })
    expect(JSON.stringify(lines)).not.toContain('H123456')
  })
})

describe('certificates are renewed without a restart', () => {
  const subjectSeen = async (port: number) => {
    const { socket } = dial(port, 'alpha')
    // Closed unheard when too many connections stand open.
    await Promise.race(['secureConnect', 'close'].map(event => new Promise(resolve => socket.once(event, resolve))))
    const seen = socket.getPeerCertificate().subject?.CN
    socket.destroy()
    await new Promise(resolve => setTimeout(resolve, 100))
    return seen
  }
  const replace = (kind: 'pem' | 'key') =>
    copyFileSync(certificates.file('renewed', kind), certificates.file('live', kind))
  const live = () => {
    for (const kind of ['pem', 'key'] as const)
      copyFileSync(certificates.file('server', kind), certificates.file('live', kind))
    return { ...mutual(), cert: certificates.file('live', 'pem'), key: certificates.file('live', 'key') }
  }

  test.each(['the files change', 'SIGHUP comes'])('when %s', async how => {
    const door = await start([feed('rxx01-pas', 'RXX01', ['O=RXX,CN=alpha'])], live())
    const { peer } = dial(door.port, 'alpha')
    peer.write(from('RXX01', 'M1'))
    await peer.answered(1)
    replace('pem')
    replace('key')
    if (how === 'SIGHUP comes') process.emit('SIGHUP')
    await until(async () => (await subjectSeen(door.port)) === 'renewed')
    peer.write(from('RXX01', 'M2'))
    await peer.answered(2)
    expect(peer.codes).toEqual(['AA M1', 'AA M2'])
  })

  test('a certificate whose key has not come yet leaves the old ones in use, and is told', async () => {
    const door = await start([], live())
    replace('pem')
    process.emit('SIGHUP')
    await until(() => lines.some(line => line['reference'] === 'mllp certificates left as they were'))
    expect(await subjectSeen(door.port)).toBe('server')
    replace('key')
    process.emit('SIGHUP')
    await until(async () => (await subjectSeen(door.port)) === 'renewed')
  })
})

describe('messages missing by MSH-13', () => {
  test.each([
    ['without a gap', [1, 2, 3], undefined],
    ['two left out', [1, 4], 2],
    ['one here, three there', [10, 12, 16], 4],
    ['a new sequence', [7, 0, 1], undefined],
    ['started again from one', [7, 1, 2], undefined],
    ['no sequence asked for', [7, -1, 20, 21], undefined],
    ['the sender does not number', ['', '', ''], undefined],
  ])('%s: %j', async (_what, numbers, missing) => {
    const { peer } = plain((await start([feed('rxx01-pas', 'RXX01')])).port)
    peer.write(Buffer.concat(numbers.map((number, at) => from('RXX01', `M${at}`, `|${number}`))))
    await peer.answered(numbers.length)
    expect(await counted('flsdb_mllp_sequence_gaps_total')).toEqual(missing ? { 'rxx01-pas': missing } : {})
  })
})

function plain(port: number): { peer: Peer } {
  const peer = new Peer(port)
  open.push(peer)
  return { peer }
}
