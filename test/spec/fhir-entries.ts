import { createHash } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import type { Instant } from '../../src/fls/dates.ts'
import type { Fact, InboxId, OdsCode } from '../../src/fls/fact.ts'
import type { FeedSource } from '../../src/mapping/feed.ts'
import { readFhir } from '../../src/mapping/fhir.ts'
import { loadMappings } from '../../src/mapping/load-mappings.ts'
import type { EntryReading } from '../../src/mapping/read.ts'
import type { MappingTables } from '../../src/mapping/tables.ts'
import type { InboxEntry } from '../../src/sources/arrival.ts'
import { loadTerminology } from '../../src/terminology/load-terminology.ts'

const folder = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))
let loaded: MappingTables | undefined

/** The shipped tables, with what one feed says of itself laid over the FHIR defaults under the name `feed`. */
export function tablesWith(source: Partial<FeedSource> = {}): MappingTables {
  loaded ??= loadMappings(folder('mappings'), loadTerminology(folder('terminology')))
  const defaults = loaded.feeds.get('fhir-r4')
  if (!defaults) throw new Error('no fhir-r4 tables')
  const feed = { ...defaults, name: 'feed', source: { ...defaults.source, ...source }, plans: new Map() }
  return { ...loaded, feeds: new Map([...loaded.feeds, ['feed', feed]]) }
}

type Sent = {
  readonly resources: readonly object[]
  readonly side?: 'hospital' | 'gp'
  readonly source?: Partial<FeedSource>
  readonly timestamp?: string
  readonly receivedAt?: string
  readonly patients?: object
  readonly medications?: object
  readonly acceptTestNumbers?: boolean
}

/**
 * Reads resources as one transaction Bundle: `urn:<n>` refers to the n-th resource; each is issued the id `i<n>`.
 */
export function readBundle(sent: Sent): EntryReading {
  const type = (resource: object): string => ('resourceType' in resource ? String(resource.resourceType) : '')
  const bundle = {
    resourceType: 'Bundle',
    type: 'transaction',
    ...(sent.timestamp ? { timestamp: sent.timestamp } : {}),
    entry: sent.resources.map((resource, index) => ({ fullUrl: `urn:${index}`, resource })),
  }
  const bytes = Buffer.from(JSON.stringify(bundle))
  const entry: InboxEntry = {
    id: createHash('sha256').update(bytes).digest('hex') as InboxId,
    sender: 'feed',
    organisation: (sent.side === 'gp' ? 'A81001' : 'RXX') as OdsCode,
    ...(sent.side === 'gp' ? { practice: 'A81001' as OdsCode } : {}),
    side: sent.side ?? 'hospital',
    protocol: 'fhir',
    controlId: 'c1',
    type: 'Bundle',
    bytes,
    sha256: '',
    receivedAt: (sent.receivedAt ?? '2026-03-01T10:00:00.000Z') as Instant,
    meta: {
      resources: sent.resources.map((resource, index) => ({
        path: `entry[${index}].resource`,
        type: type(resource),
        id: `i${index}`,
      })),
      references: Object.fromEntries(
        sent.resources.map((resource, index) => [`urn:${index}`, `${type(resource)}/i${index}`]),
      ),
      patients: sent.patients ?? {},
      medications: sent.medications ?? {},
    },
  }
  return readFhir(entry, { ...tablesWith(sent.source), acceptTestNumbers: sent.acceptTestNumbers ?? true })
}

export function factsOf<K extends Fact['kind']>(reading: EntryReading, kind: K): Extract<Fact, { kind: K }>[] {
  return reading.facts.filter((fact): fact is Extract<Fact, { kind: K }> => fact.kind === kind)
}

export const nhs = 'https://fhir.nhs.uk/Id/nhs-number'
export const mrType = { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v2-0203', code: 'MR' }] }
export const concept = (system: string, code: string, display?: string): object => ({
  coding: [{ system, code, ...(display ? { display } : {}) }],
})
export const snomed = (code: string, display?: string): object => concept('http://snomed.info/sct', code, display)
export const loinc = (code: string): object => concept('http://loinc.org', code)
export const ods = (value: string): object => ({
  identifier: { system: 'https://fhir.nhs.uk/Id/ods-organization-code', value },
})

/** A synthetic patient; the NHS number is of the test range. */
export function patient(more: object = {}): object {
  return {
    resourceType: 'Patient',
    identifier: [
      { system: nhs, value: '999 000 0018' },
      { type: mrType, system: 'https://rxx.nhs.uk/Id/mrn', value: 'h100' },
    ],
    name: [{ use: 'official', family: 'Testwell', given: ['Ada', 'May'] }],
    gender: 'female',
    birthDate: '1948-05-02',
    ...more,
  }
}
export const aboutFirst = { subject: { reference: 'urn:0' } }
