import type { Fact, OdsCode } from '../fls/fact.ts'
import { type Issue, issue } from '../fls/issue.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { type Deleted, deletedIn } from '../sources/extract/bundle-file.ts'
import type { RawRow } from '../sources/extract/rows.ts'
import { isObject, type JsonObject, objectAt, objectsAt, textAt } from '../sources/fhir/json.ts'
import { isOffered, subjectElements } from '../sources/fhir/offered.ts'
import { type CodebookEntry, type CodebookRow, codeKey } from './extract-codebook.ts'
import { type ChunkFrame, gpRecord, rowRecord } from './extract-statement.ts'
import { factId } from './fact-id.ts'
import { readFhir } from './fhir.ts'
import { subjectsOf } from './fhir-document.ts'
import { asR4 } from './stu3.ts'
import type { MappingTables } from './tables.ts'

export type FhirLine = {
  readonly facts: readonly Fact[]
  readonly issues: readonly Issue[]
  readonly rowId: string
  readonly record?: string
  readonly isRefused: boolean
  /** The source has it no more. */
  readonly isDelete?: true
  /** A Medication: what others refer to. */
  readonly code?: CodebookRow
  /** The Medication it refers to has not come. */
  readonly waitsFor?: string
}

/**
 * One line of FHIR NDJSON read by the FHIR tables as if it had been posted alone; STU3 (GP Connect) in the words of R4. The patient is the file's own Patient id, so lines need
 * no Patient beside them; a line whose subject is no `Patient/<id>` is refused (`reference-unresolved`), but for types that are about nobody
 * (organisations, staff, places): those are kept and not used. A Medication is an entry of the codebook, so a line may refer to one that stands
 * anywhere in the extract or came with an earlier one; until it has come the line waits. A Bundle of one DELETE takes its resource away.
 */
export function readFhirLine(
  raw: RawRow,
  entry: InboxEntry,
  about: Pick<ChunkFrame, 'practice' | 'extractId' | 'rowsOf' | 'asOf' | 'codebook' | 'tables'>,
  tables: MappingTables,
): FhirLine {
  const where = `row ${raw.number}`
  const head = headOf(raw.bytes)
  const refuse = (found: Issue): FhirLine => ({ facts: [], issues: [found], rowId: '', isRefused: true })
  if (!head) return refuse(issue('json-invalid', where))
  if (head.type === 'Bundle') {
    const deleted = deletedIn(head.resource)
    if (deleted === 'nothing') return { facts: [], issues: [], rowId: '', isRefused: false }
    return deleted
      ? deletion(deleted, raw, entry, about)
      : refuse(issue('structure-invalid', `${where}, entry`, { hint: 'one DELETE of Type/id' }))
  }
  if (!head.id) return refuse(issue('row-id-missing', where))
  const code = head.type === 'Medication' ? medicationRow(about.practice, head) : undefined
  if (code) return { facts: [], issues: [], rowId: `Medication/${head.id}`, isRefused: false, code }
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
  const asked = head.medication && medicationKey(about.practice, head.medication)
  const known = asked ? about.codebook.get(asked) : undefined
  const single = {
    ...entry,
    bytes: head.bytes,
    meta: {
      ...entry.meta,
      resources: [{ path: '', type: head.type, id: head.id }],
      references: {},
      // The file's own Patient id tells whose the line is; what the Patient says stands in its own line.
      patients: { [`Patient/${head.patient}`]: { resourceType: 'Patient' } },
      medications: known && head.medication ? { [`Medication/${head.medication}`]: medicationOf(known) } : {},
    },
  }
  const read = readFhir(single, tables)
  const placed = <F extends Fact>(fact: F): F => {
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
  }
  const issues = read.issues.map(found => ({ ...found, where: `${where}, ${found.where}` }))
  if (!asked || known) {
    const facts = read.facts.filter(fact => !isEmptyMatch(fact, head)).map(placed)
    return { facts, issues, rowId, record, isRefused: false }
  }
  const unresolved = issue('code-id-unresolved', `${where}, medicationReference`)
  return {
    issues: [...issues, unresolved],
    rowId,
    record,
    isRefused: false,
    waitsFor: asked,
    facts: [placed(waitingFor(asked, entry, about))],
  }
}

/** A Patient takes everything of it along (gp-extracts.md 3.3); any other is found among the facts by its id, whoever's it is. */
function deletion(
  { type, id }: Deleted,
  raw: RawRow,
  entry: InboxEntry,
  {
    practice,
    asOf,
    extractId,
    rowsOf,
    tables,
  }: Pick<ChunkFrame, 'practice' | 'asOf' | 'extractId' | 'rowsOf' | 'tables'>,
): FhirLine {
  const rowId = `${type}/${id}`
  const where = `row ${raw.number}`
  if (type === 'Medication' || (type !== 'Patient' && isOffered(type) && !subjectElements[type]))
    return { facts: [], issues: [issue('resource-not-used', where)], rowId, isRefused: false }
  const path = `${rowId}#${where}, entry[0].request`
  const row = 'gp-extract/fhir/delete'
  const fact = {
    id: factId(entry.id, path, row),
    organisation: practice,
    side: 'gp' as const,
    status: 'retracted' as const,
    revision: { asOf, set: `${practice}/fhir/${rowId}`, row: { file: 'fhir', id: rowId, extract: rowsOf } },
    source: {
      inboxId: entry.id,
      path,
      row,
      tableHash: tables.mapping.hash,
      sender: entry.sender,
      controlId: extractId,
    },
  }
  const facts: Fact[] =
    type === 'Patient'
      ? [{ ...fact, kind: 'identity', record: gpRecord(practice, id), detail: {} }]
      : [{ ...fact, kind: 'observation', record: rowRecord(practice, 'fhir', rowId) }]
  return { facts, issues: [], rowId, isRefused: false, isDelete: true }
}

/** By what it waits for the line is found again when the Medication comes; until then it says nothing. */
function waitingFor(
  asked: string,
  entry: InboxEntry,
  { practice, asOf, extractId, tables }: Pick<ChunkFrame, 'practice' | 'asOf' | 'extractId' | 'tables'>,
): Fact {
  const [shape, table, ...id] = asked.split('|')
  return {
    id: factId(entry.id, '', ''),
    kind: 'medication',
    record: gpRecord(practice, ''),
    organisation: practice,
    side: 'gp',
    status: 'active',
    coding: [{ system: `${shape}|${table}`, code: id.join('|') }],
    detail: { state: 'noted' },
    revision: { asOf },
    source: {
      inboxId: entry.id,
      path: 'medicationReference',
      row: 'gp-extract/fhir/medicationReference',
      tableHash: tables.mapping.hash,
      sender: entry.sender,
      controlId: extractId,
    },
  }
}

/** Of a line about a patient only what identifies somebody is a statement of its own; the Patient's line says the rest. */
function isEmptyMatch(fact: Fact, { type }: Head): boolean {
  return fact.kind === 'identity' && type !== 'Patient' && !fact.detail.nhsNumber && !fact.detail.invalidNhsNumber
}

/** Codebook keys of the Medications these lines refer to. */
export function medicationsAsked(rows: readonly RawRow[], practice: OdsCode): readonly string[] {
  const asking = rows.filter(({ bytes }) => bytes.includes('"medicationReference"'))
  const ids = asking.flatMap(({ bytes }) => headOf(bytes)?.medication ?? [])
  return [...new Set(ids)].map(id => medicationKey(practice, id))
}

/** The Medications that stand among these lines. */
export function medicationsIn(rows: readonly RawRow[], practice: OdsCode): readonly CodebookRow[] {
  return rows.flatMap(({ bytes }) => {
    const head = bytes.includes('"Medication"') ? headOf(bytes) : undefined
    return (head?.type === 'Medication' && medicationRow(practice, head)) || []
  })
}

function medicationKey(practice: OdsCode, id: string): string {
  return codeKey('fhir', 'Medication', `${practice}/${id}`)
}

function medicationRow(practice: OdsCode, { id, resource }: Head): CodebookRow | undefined {
  const concept = objectAt(resource, 'code')
  const codings = objectsAt(concept ?? {}, 'coding').flatMap(one => {
    const [system, code, display] = ['system', 'code', 'display'].map(name => textAt(one, name))
    return code ? [{ system: system ?? '', code, ...(display ? { display } : {}) }] : []
  })
  const term = concept && textAt(concept, 'text')
  if (!id || (codings.length === 0 && !term)) return undefined
  return { key: medicationKey(practice, id), codings, ...(term ? { term } : {}) }
}

function medicationOf({ codings, term }: CodebookEntry): JsonObject {
  const coding = codings.map(({ system, code, display }) => ({
    ...(system ? { system } : {}),
    code,
    ...(display ? { display } : {}),
  }))
  return { resourceType: 'Medication', code: { coding, ...(term ? { text: term } : {}) } }
}

type Head = {
  readonly type: string
  readonly resource: JsonObject
  /** As sent; of STU3, the text of `resource`. */
  readonly bytes: Buffer
  readonly id?: string
  readonly patient?: string
  /** Id behind its `medicationReference`. */
  readonly medication?: string
}

function headOf(bytes: Buffer): Head | undefined {
  try {
    const sent: unknown = JSON.parse(bytes.toString('utf8').replace(/^\ufeff/, ''))
    if (!isObject(sent)) return undefined
    const resource = asR4(sent)
    const type = textAt(resource, 'resourceType')
    if (!type) return undefined
    const id = textAt(resource, 'id')
    const patient = type === 'Patient' ? id : patientNamedIn(type, resource)
    const named = textAt(objectAt(resource, 'medicationReference'), 'reference') ?? ''
    const medication = /(?:^|\/)Medication\/([A-Za-z0-9.-]{1,64})(?:\/_history\/.*)?$/.exec(named)?.[1]
    return {
      type,
      resource,
      bytes: resource === sent ? bytes : Buffer.from(JSON.stringify(resource)),
      ...(id ? { id } : {}),
      ...(patient ? { patient } : {}),
      ...(medication ? { medication } : {}),
    }
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
