import path from 'node:path'
import type { Instant } from '../../src/fls/dates.ts'
import type { InboxId, OdsCode } from '../../src/fls/fact.ts'
import { loadMappings } from '../../src/mapping/load-mappings.ts'
import type { InboxEntry } from '../../src/sources/arrival.ts'
import { loadTerminology } from '../../src/terminology/load-terminology.ts'

export const samples = path.join(import.meta.dirname, '..', '..', 'samples', 'gp-extract')

/** The shipped tables of GP extracts. */
export function extractTables(settings: { acceptTestNumbers?: boolean } = {}) {
  const root = path.join(import.meta.dirname, '..', '..')
  const { extracts } = loadMappings(
    path.join(root, 'mappings'),
    loadTerminology(path.join(root, 'terminology')),
    settings,
  )
  if (!extracts) throw new Error('mappings/gp-extract is missing')
  return extracts
}

/** One whole CSV file as the single chunk the door would make of it. */
export function chunkOf(
  shape: string,
  file: string,
  bytes: Buffer,
  more: {
    practice?: string
    encoding?: string
    organisationId?: string
    extractId?: string
    asOf?: string
    id?: string
  } = {},
): InboxEntry {
  const end = bytes.indexOf('\n') + 1
  const practice = (more.practice ?? 'B86001') as OdsCode
  return {
    id: (more.id ?? '0'.repeat(64)) as InboxId,
    sender: 'gp-supplier',
    organisation: practice,
    practice,
    side: 'gp',
    protocol: 'extract',
    controlId: '',
    type: `${shape}/${file}`,
    bytes: bytes.subarray(end),
    sha256: '',
    receivedAt: '2024-09-10T01:00:00.000Z' as Instant,
    meta: {
      shape,
      file,
      fileName: `${file}.csv`,
      encoding: more.encoding ?? 'utf-8',
      delimiter: ',',
      header: bytes.subarray(0, end).toString('latin1').trim(),
      rowsBefore: 1,
      extractId: more.extractId ?? 'e-1',
      mode: 'full',
      asOf: more.asOf ?? '2024-09-02T21:00:00.000Z',
      ...(more.organisationId ? { organisationId: more.organisationId } : {}),
    },
  }
}
