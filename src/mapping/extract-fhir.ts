import type { Instant } from '../fls/dates.ts'
import type { Fact, OdsCode } from '../fls/fact.ts'
import { type Issue, issue } from '../fls/issue.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import type { RawRow } from '../sources/extract/rows.ts'
import { gpRecord } from './extract-statement.ts'
import { factId } from './fact-id.ts'
import { readFhir } from './fhir.ts'
import type { MappingTables } from './tables.ts'

export type FhirLine = {
  readonly facts: readonly Fact[]
  readonly issues: readonly Issue[]
  readonly rowId: string
  readonly record?: string
  readonly isRefused: boolean
}

/**
 * One line of FHIR R4 NDJSON read by the FHIR tables as if it had been posted alone. The patient is the file's own Patient id, so lines need
 * no Patient beside them; a line whose subject is no `Patient/<id>` is refused (`reference-unresolved`).
 */
export function readFhirLine(
  raw: RawRow,
  entry: InboxEntry,
  about: { readonly practice: OdsCode; readonly extractId: string; readonly asOf: Instant },
  tables: MappingTables,
): FhirLine {
  const where = `row ${raw.number}`
  const head = headOf(raw.bytes)
  const refuse = (found: Issue): FhirLine => ({ facts: [], issues: [found], rowId: '', isRefused: true })
  if (!head) return refuse(issue('json-invalid', where))
  if (!head.id) return refuse(issue('row-id-missing', where))
  if (!head.patient) return refuse(issue('reference-unresolved', where))
  const rowId = `${head.type}/${head.id}`
  const record = gpRecord(about.practice, head.patient)
  const single = {
    ...entry,
    bytes: raw.bytes,
    meta: {
      ...entry.meta,
      resources: [{ path: '', type: head.type, id: head.id }],
      references: {},
      patients: {},
      medications: {},
    },
  }
  const read = readFhir(single, tables)
  const facts = read.facts.map(fact => {
    const path = `${rowId}#${where}, ${fact.source.path}`
    return {
      ...fact,
      id: factId(entry.id, path, fact.source.row),
      record,
      organisation: about.practice,
      side: 'gp' as const,
      revision: {
        ...fact.revision,
        asOf: about.asOf,
        set: `${about.practice}/fhir/${rowId}`,
        row: { file: 'fhir', id: rowId, extract: about.extractId },
      },
      source: { ...fact.source, path, controlId: about.extractId },
    }
  })
  const issues = read.issues.map(found => ({ ...found, where: `${where}, ${found.where}` }))
  return { facts, issues, rowId, record, isRefused: false }
}

function headOf(bytes: Buffer): { type: string; id?: string; patient?: string } | undefined {
  try {
    const resource: unknown = JSON.parse(bytes.toString('utf8').replace(/^\ufeff/, ''))
    const text = (of: unknown, key: string): string | undefined => {
      const value: unknown = typeof of === 'object' && of !== null ? Reflect.get(of, key) : undefined
      return typeof value === 'string' ? value : undefined
    }
    const inner = (key: string): unknown =>
      typeof resource === 'object' && resource !== null ? Reflect.get(resource, key) : undefined
    const type = text(resource, 'resourceType')
    if (!type) return undefined
    const id = text(resource, 'id')
    const subject = text(inner('subject'), 'reference') ?? text(inner('patient'), 'reference')
    const patient = type === 'Patient' ? id : /(?:^|\/)Patient\/([A-Za-z0-9.-]{1,64})$/.exec(subject ?? '')?.[1]
    return { type, ...(id ? { id } : {}), ...(patient ? { patient } : {}) }
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}
