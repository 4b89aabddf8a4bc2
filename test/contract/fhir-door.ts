import { createHmac, randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import type { Principal } from '../../src/access/principal.ts'
import type { OdsCode } from '../../src/fls/fact.ts'
import { createApp } from '../../src/http/app.ts'
import { createLogger } from '../../src/http/logger.ts'
import { createMetrics } from '../../src/http/metrics.ts'
import { Refusal } from '../../src/http/refusal.ts'
import type { TypeHandlers } from '../../src/sources/fhir/call.ts'
import type { FhirDeps } from '../../src/sources/fhir/door.ts'
import { fhirIngestRoutes } from '../../src/sources/fhir/routes.ts'
import { openInbox, readInboxEntry } from '../../src/store/inbox.ts'
import { openResourceIndex } from '../../src/store/resource-index.ts'
import { createResourceIndexes } from '../../src/store/resources.ts'
import { ensureIndexes, openStore, type Store } from '../../src/store/store.ts'

const ods = (code: string): OdsCode => code as OdsCode

export const principals: Readonly<Record<string, Principal>> = {
  hospital: { subject: 'h1', role: 'hospital', organisations: [ods('RXX')], feeds: ['rxx-fhir'], practices: [] },
  other: { subject: 'h2', role: 'hospital', organisations: [ods('RYY')], feeds: ['ryy-fhir'], practices: [] },
  gp: {
    subject: 'g1',
    role: 'gp-supplier',
    organisations: [],
    feeds: ['gp-fhir'],
    practices: [ods('A81001'), ods('A81002')],
  },
  nurse: { subject: 'n1', role: 'nurse', organisations: [ods('RXX')], feeds: [], practices: [] },
}

/** The FHIR door in the real application on a real socket, with a database of its own. Tokens are the names of `principals`. */
export type FhirDoor = {
  readonly base: string
  readonly store: Store
  readonly deps: FhirDeps
  /** Statuses of the loggers of the access log, to see that reads are logged. */
  readonly accessLines: unknown[]
  readonly setNow: (now: Date) => void
  close(): Promise<void>
}

export async function openFhirDoor(
  options: { typeHandlers?: ReadonlyMap<string, TypeHandlers>; open?: readonly string[] } = {},
): Promise<FhirDoor> {
  const uri = process.env['FLSDB_TEST_MONGODB']
  if (!uri) throw new Error('FLSDB_TEST_MONGODB is not set')
  const store = await openStore(uri, `fhir-${randomUUID().slice(0, 8)}`)
  await ensureIndexes(store)
  await createResourceIndexes(store.db)
  let now = new Date('2026-03-01T10:00:00.000Z')
  const isOpen = async (practice: string) => ({ isOpen: options.open?.includes(practice) ?? false })
  // Every look is a millisecond later, so that no two versions are of one time.
  const clock = (): Date => {
    now = new Date(now.getTime() + 1)
    return now
  }
  const deps: FhirDeps = {
    accept: openInbox({ store, gate: isOpen, clock }),
    gate: isOpen,
    db: store.db,
    resources: openResourceIndex(store.db),
    hmac: (...parts) => createHmac('sha256', 'test key').update(JSON.stringify(parts)).digest('hex'),
    rawBytes: async inboxId => (await readInboxEntry(store, inboxId))?.bytes,
    baseUrl: 'http://fls.test',
    clock,
    allowTestNumbers: true,
    typeHandlers: options.typeHandlers ?? new Map(),
  }
  const accessLines: unknown[] = []
  const app = createApp({
    routes: fhirIngestRoutes(deps),
    authenticate: async header => {
      if (header === undefined) return undefined
      const principal = principals[header.replace('Bearer ', '')]
      if (!principal) throw new Refusal(401, [])
      return principal
    },
    accessLog: { append: async (line: unknown) => void accessLines.push(line) } as never,
    logger: createLogger({ level: 'silent' }),
    metrics: createMetrics(),
    baseUrl: 'http://fls.test',
    clock,
  })
  const server = app.listen(0, '127.0.0.1')
  await new Promise(resolve => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  return {
    base: `http://127.0.0.1:${port}/fhir`,
    store,
    deps,
    accessLines,
    setNow: next => {
      now = next
    },
    close: async () => {
      server.closeAllConnections()
      await new Promise(resolve => server.close(resolve))
      await store.db.dropDatabase()
      await store.close()
    },
  }
}

export type Answer = { readonly status: number; readonly headers: Headers; readonly text: string; readonly body: Json }
export type Json = { readonly [name: string]: unknown } & {
  readonly id?: string
  readonly entry?: readonly Json[]
  readonly issue?: readonly {
    readonly code: string
    readonly expression?: readonly string[]
    readonly details: { coding?: { code: string }[] }
  }[]
}

/** One request with a token; bodies are sent as FHIR JSON. */
export async function send(
  door: FhirDoor,
  method: string,
  path: string,
  body?: object | string,
  headers: Readonly<Record<string, string>> = {},
  token = 'hospital',
): Promise<Answer> {
  const response = await fetch(`${door.base}${path}`, {
    method,
    headers: {
      ...(token === '' ? {} : { Authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'Content-Type': 'application/fhir+json' }),
      ...headers,
    },
    ...(body === undefined
      ? {}
      : {
          body:
            typeof body === 'string' ? body : body instanceof Uint8Array ? new Uint8Array(body) : JSON.stringify(body),
        }),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, body: text === '' ? {} : JSON.parse(text) }
}

/** Our issue codes of an OperationOutcome, in order. */
export function codesOf(answer: Answer): string[] {
  return (answer.body.issue ?? []).map(found => found.details.coding?.[0]?.code ?? '')
}

/** A valid NHS number of the test range. */
export function testNhsNumber(serial: number): string {
  for (let at = serial * 7; ; at++) {
    const nine = `999${String(at).padStart(6, '0')}`
    const sum = [...nine].reduce((total, digit, index) => total + Number(digit) * (10 - index), 0)
    const check = (11 - (sum % 11)) % 11
    if (check !== 10) return `${nine}${check}`
  }
}

export const mrnSystem = 'https://rxx.nhs.uk/Id/mrn'

/** A synthetic patient with hospital and NHS number. */
export function patient(serial: number, more: object = {}): object {
  return {
    resourceType: 'Patient',
    identifier: [
      { system: 'https://fhir.nhs.uk/Id/nhs-number', value: testNhsNumber(serial) },
      {
        type: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] },
        system: mrnSystem,
        value: `H${serial}`,
      },
    ],
    name: [{ use: 'official', family: 'Testwell', given: ['Ada', 'May'] }],
    gender: 'female',
    birthDate: '1948-05-02',
    ...more,
  }
}

export function condition(subject: object, more: object = {}): object {
  return {
    resourceType: 'Condition',
    verificationStatus: {
      coding: [{ system: 'http://terminology.hl7.org/CodeSystem/condition-ver-status', code: 'confirmed' }],
    },
    code: { coding: [{ system: 'http://snomed.info/sct', code: '5913000', display: 'Fracture of neck of femur' }] },
    subject,
    onsetDateTime: '2026-01-14',
    ...more,
  }
}
