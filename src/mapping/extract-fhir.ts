import type { Fact } from '../fls/fact.ts'
import { type Issue, issue } from '../fls/issue.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import type { RawRow } from '../sources/extract/rows.ts'
import { isObject, type JsonObject, objectAt, textAt } from '../sources/fhir/json.ts'
import { isOffered, subjectElements } from '../sources/fhir/offered.ts'
import { type ChunkFrame, gpRecord } from './extract-statement.ts'
import { factId } from './fact-id.ts'
import { readFhir } from './fhir.ts'
import { subjectsOf } from './fhir-document.ts'
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
 * no Patient beside them; a line whose subject is no `Patient/<id>` is refused (`reference-unresolved`), but for types that are about nobody
 * (organisations, staff, places): those are kept and not used.
 */
export function readFhirLine(
  raw: RawRow,
  entry: InboxEntry,
  about: Pick<ChunkFrame, 'practice' | 'extractId' | 'rowsOf' | 'asOf'>,
  tables: MappingTables,
): FhirLine {
  const where = `row ${raw.number}`
  const head = headOf(raw.bytes)
  const refuse = (found: Issue): FhirLine => ({ facts: [], issues: [found], rowId: '', isRefused: true })
  if (!head) return refuse(issue('json-invalid', where))
  if (!head.id) return refuse(issue('row-id-missing', where))
  if (!head.patient && isOffered(head.type) && !subjectElements[head.type])
    return {
      facts: [],
      issues: [issue('resource-not-used', where)],
      rowId: `${head.type}/${head.id}`,
      isRefused: false,
    }
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
      // The file's own Patient id tells whose the line is; what the Patient says stands in its own line.
      patients: { [`Patient/${head.patient}`]: { resourceType: 'Patient' } },
      medications: {},
    },
  }
  const read = readFhir(single, tables)
  const facts = read.facts
    .filter(fact => !isEmptyMatch(fact, head))
    .map(fact => {
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
          row: { file: 'fhir', id: rowId, extract: about.rowsOf },
        },
        source: { ...fact.source, path, controlId: about.extractId },
      }
    })
  const issues = read.issues.map(found => ({ ...found, where: `${where}, ${found.where}` }))
  return { facts, issues, rowId, record, isRefused: false }
}

/** Of a line about a patient only what identifies somebody is a statement of its own; the Patient's line says the rest. */
function isEmptyMatch(fact: Fact, { type }: Head): boolean {
  return fact.kind === 'identity' && type !== 'Patient' && !fact.detail.nhsNumber && !fact.detail.invalidNhsNumber
}

type Head = { readonly type: string; readonly id?: string; readonly patient?: string }

function headOf(bytes: Buffer): Head | undefined {
  try {
    const resource: unknown = JSON.parse(bytes.toString('utf8').replace(/^\ufeff/, ''))
    const type = isObject(resource) ? textAt(resource, 'resourceType') : undefined
    if (!isObject(resource) || !type) return undefined
    const id = textAt(resource, 'id')
    const patient = type === 'Patient' ? id : patientNamedIn(type, resource)
    return { type, ...(id ? { id } : {}), ...(patient ? { patient } : {}) }
  } catch (cause) {
    if (cause instanceof SyntaxError) return undefined
    throw cause
  }
}

/** The id behind the first reference to a Patient. */
function patientNamedIn(type: string, resource: JsonObject): string | undefined {
  const named = [...subjectsOf(type, resource), objectAt(resource, 'subject'), objectAt(resource, 'patient')]
  for (const reference of named) {
    const id = /(?:^|\/)Patient\/([A-Za-z0-9.-]{1,64})(?:\/_history\/.*)?$/.exec(
      textAt(reference, 'reference') ?? '',
    )?.[1]
    if (id) return id
  }
  return undefined
}
