import { type Instant, parseInstant } from '../fls/dates.ts'
import type { Fact, RecordKey } from '../fls/fact.ts'
import { distinctIssues, type Issue, issue } from '../fls/issue.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { isObject, type JsonObject, type JsonValue, objectAt, objectsAt, textAt } from '../sources/fhir/json.ts'
import { isOffered } from '../sources/fhir/offered.ts'
import { decodeUtf8, readStrictJson, type StrictJson } from '../sources/fhir/strict-json.ts'
import { type FhirNotes, notesOf, resourceAt } from '../sources/fhir/written.ts'
import { assemble, type Frame } from './assemble.ts'
import { plansFor } from './compile.ts'
import { contradictionsIn } from './contradictions.ts'
import { draftFacts } from './draft.ts'
import { type FhirResource, type FhirSurroundings, fhirDocument, subjectPatient, subjectsOf } from './fhir-document.ts'
import { type FhirWho, patientRecordKey } from './fhir-patient.ts'
import { surroundingsOf } from './fhir-surroundings.ts'
import type { EntryReading } from './read.ts'
import { type FeedTables, type MappingTables, tablesFor } from './tables.ts'

/** Contained resources that say something by themselves. */
const readInside: ReadonlySet<string> = new Set(['Observation', 'Condition', 'Procedure'])

type Reader = {
  readonly entry: InboxEntry
  readonly feed: FeedTables
  readonly tables: MappingTables
  readonly who: FhirWho
  readonly around: FhirSurroundings
  readonly notes: FhirNotes
  readonly bundleTime: string | undefined
}

/**
 * Reads one kept FHIR entry into facts. Pure: bytes, the door's notes and the tables say it all. A fact's path is `Type/<id>` (its list element
 * behind `#`), with the id the sender gave, else the one it was issued. Newer versions of a resource replace all facts of older ones
 * (`revision.set` = `Type/<issued id>`), ordered by `meta.lastUpdated`, else `Bundle.timestamp`, else receipt, and never later than receipt.
 */
export function readFhir(entry: InboxEntry, tables: MappingTables): EntryReading {
  const feed = tablesFor(entry, 'fhir-r4', tables)
  const { read } = readStrictJson(decodeUtf8(entry.bytes) ?? '')
  if (!read || !feed) return { facts: [], issues: [issue('json-invalid', 'body')] }
  const notes = notesOf(entry)
  const { sender, organisation, side, practice } = entry
  const who = {
    sender,
    organisation,
    side,
    feed: feed.source,
    acceptTestNumbers: tables.acceptTestNumbers,
    ...(practice ? { practice } : {}),
  }
  const resources = writtenIn(read, notes)
  const around = surroundingsOf(read, resources, notes, who)
  const bundleTime =
    isObject(read.value) && read.value['resourceType'] === 'Bundle' ? textAt(read.value, 'timestamp') : undefined
  const reader: Reader = { entry, feed, tables, who, around, notes, bundleTime }
  const parts = resources.map(resource => readResource(resource, reader))
  const rows = new Set(parts.flatMap(part => [...part.rows]))
  const facts = parts.flatMap(part => part.facts)
  const matched = matchOnly(resources, facts, reader)
  for (const row of matched.rows) rows.add(row)
  const issues = distinctIssues([...parts.flatMap(part => part.issues), ...contradictionsIn(facts, entry)])
  return {
    facts: [...facts, ...matched.facts],
    issues: issues.length === 0 ? [] : placed(issues, resources, notes),
    rows,
  }
}

/** The resources the door wrote, each followed by what it contains. Labels carry the sender's own id where it gave one. */
function writtenIn(read: StrictJson, notes: FhirNotes): FhirResource[] {
  const labels = new Set<string>()
  return notes.resources.flatMap(({ path, type, id }) => {
    const resource = resourceAt(read.value, path)
    if (!resource) return []
    const key = `${type}/${id}`
    const stated = `${type}/${ownId(type, resource) ?? id}`
    // An accession number on every result of a study would give them all one name.
    const label = labels.has(stated) ? key : stated
    labels.add(label)
    const inside = objectsAt(resource, 'contained').flatMap((contained, index) => {
      const inner = textAt(contained, 'resourceType') ?? ''
      const about = {
        resource: withSubject(contained, resource),
        type: inner,
        label: `${label}#contained[${index}]`,
        key: `${key}#${index}`,
      }
      return readInside.has(inner) ? [about] : []
    })
    return [{ resource, type, label, key }, ...inside]
  })
}

/** Places of ours (`Condition/<id>#code`) as the FHIRPath of the same place in what was sent: `Bundle.entry[1].resource.code`. */
function placed(issues: readonly Issue[], resources: readonly FhirResource[], notes: FhirNotes): Issue[] {
  const paths = new Map(notes.resources.map(({ type, id, path }) => [`${type}/${id}`, path && `Bundle.${path}`]))
  const roots = resources
    .filter(({ key }) => !key.includes('#'))
    .map(({ label, type, key }) => ({ label, path: paths.get(key) || type }))
  return issues.map(found => {
    const { where } = found
    const root = roots.find(({ label }) => where === label || where.startsWith(`${label}#`))
    return root ? { ...found, where: `${root.path}${where.slice(root.label.length).replaceAll('#', '.')}` } : found
  })
}

/** The sender's id; else, for all but patients, an identifier that can stand in an address. */
export function ownId(type: string, resource: JsonObject): string | undefined {
  const id = textAt(resource, 'id')
  if (id !== undefined || type === 'Patient') return id
  const identifier = objectsAt(resource, 'identifier')[0] ?? objectAt(resource, 'identifier')
  const value = textAt(identifier, 'value')
  return value !== undefined && /^[A-Za-z0-9.-]{1,64}$/.test(value) && !/^\d{10}$/.test(value) ? value : undefined
}

/** A contained result that names nobody is about whom its container is about. */
function withSubject(contained: JsonObject, container: JsonObject): JsonObject {
  const subject = objectAt(container, 'subject')
  return contained['subject'] === undefined && subject ? { ...contained, subject } : contained
}

type Part = { readonly facts: readonly Fact[]; readonly issues: readonly Issue[]; readonly rows: ReadonlySet<string> }
const nothingRead = new Set<string>()

function readResource(about: FhirResource, reader: Reader): Part {
  const { feed, entry, tables } = reader
  if (!isRead(about.type, feed)) {
    const issues = isOffered(about.type) ? [] : [issue('resource-not-used', about.label)]
    return { facts: [], issues, rows: nothingRead }
  }
  const modifier = modifierIn(about.resource)
  if (modifier !== undefined) {
    const told = issue('resource-not-used', `${about.label}#${modifier}`, { severity: 'warning', hint: modifier })
    return { facts: [], issues: [told], rows: nothingRead }
  }
  const record = recordOf(about, reader)
  if (!record) return { facts: [], issues: [issue('patient-missing', `${about.label}#subject`)], rows: nothingRead }
  const known = { ...reader.who, receivedAt: entry.receivedAt, acceptTestNumbers: tables.acceptTestNumbers }
  const frame = frameFor(about.resource, record, reader)
  const document = fhirDocument({ ...about, record, asOf: frame.asOf }, reader.around)
  const { drafts, issues, rows } = draftFacts(document, feed, known)
  const found: Issue[] = [...issues]
  const facts: Fact[] = []
  for (const draft of drafts) {
    const fact = assemble(draft, frame)
    if ('missing' in fact) found.push(issue('element-required', draft.path, { hint: fact.missing }))
    else facts.push(fact)
  }
  if (entry.side === 'hospital' && about.type === 'Patient' && objectsAt(about.resource, 'identifier').length === 0)
    found.push(issue('patient-missing', `${about.label}#identifier`, { severity: 'warning' }))
  if (drafts.length === 0 && found.length === 0) found.push(nothingSaid(about))
  return { facts, issues: found, rows }
}

/** What may turn the meaning of a resource round and is not understood here (extensibility, R4): nothing of it is read. */
function modifierIn(resource: JsonObject): string | undefined {
  if (resource['implicitRules'] !== undefined) return 'implicitRules'
  const holds = (value: JsonValue | undefined): boolean => {
    if (Array.isArray(value)) return value.some(holds)
    if (!isObject(value)) return false
    // What is contained is judged by itself.
    return Object.entries(value).some(
      ([name, one]) => name === 'modifierExtension' || (name !== 'contained' && holds(one)),
    )
  }
  return holds(resource) ? 'modifierExtension' : undefined
}

/** A statement without its code says nothing; anything else that gives no fact is not for the audit. */
function nothingSaid({ type, resource, label }: FhirResource): Issue {
  const isStatement = type === 'Condition' || type === 'Procedure'
  return isStatement && resource['code'] === undefined
    ? issue('code-missing', `${label}#code`)
    : issue('resource-not-used', label)
}

/** Whether any table looks at this type. */
function isRead(type: string, feed: FeedTables): boolean {
  return plansFor(feed, type).some(
    ({ declaration }) => declaration.each === type || declaration.each.startsWith(`${type}.`),
  )
}

/** A resource belongs to the first of its subjects who is a patient we can tell. */
function recordOf(about: FhirResource, { around, who }: Reader): RecordKey | undefined {
  if (about.type === 'Patient') return patientRecordKey(about.resource, about.key, who)
  for (const subject of subjectsOf(about.type, about.resource)) {
    const record = around.recordOf(subject, about.resource)
    if (record) return record as RecordKey
  }
  return undefined
}

function frameFor(resource: JsonObject, record: RecordKey, { entry, tables, bundleTime }: Reader): Frame {
  const stated = textAt(objectAt(resource, 'meta'), 'lastUpdated') ?? bundleTime
  const { organisation, side, sender, controlId } = entry
  return {
    inboxId: entry.id,
    record,
    organisation,
    side,
    sender,
    controlId,
    tableHash: tables.hash,
    asOf: notLater(stated === undefined ? undefined : parseInstant(stated), entry.receivedAt),
  }
}

/** A sender whose clock is ahead must not outdo its own later versions. */
function notLater(stated: Instant | undefined, receivedAt: Instant): Instant {
  return stated !== undefined && stated < receivedAt ? stated : receivedAt
}

/**
 * A record that this entry speaks of without sending the Patient: an identity from the identifiers that are known, for matching only
 * (row `match.subject`), so that the record exists with its numbers even when nothing else comes.
 */
function matchOnly(resources: readonly FhirResource[], facts: readonly Fact[], reader: Reader): Omit<Part, 'issues'> {
  const seen = new Set<string>(facts.filter(fact => fact.kind === 'identity').map(fact => fact.record))
  const made: Fact[] = []
  const rows = new Set<string>()
  for (const about of resources) {
    const record = recordOf(about, reader)
    if (!record || seen.has(record) || !facts.some(fact => fact.record === record)) continue
    seen.add(record)
    const identifiers = subjectsOf(about.type, about.resource).flatMap(subject =>
      identifiersFor(subject, about.resource, reader),
    )
    const subject = {
      resource: subjectPatient(identifiers),
      type: 'Subject',
      label: `${about.label}#subject`,
      key: `${about.key}#subject`,
    }
    const known = { ...reader.who, receivedAt: reader.entry.receivedAt }
    const frame = frameFor(about.resource, record, reader)
    const drafted = draftFacts(
      fhirDocument({ ...subject, record, asOf: frame.asOf }, reader.around),
      reader.feed,
      known,
    )
    for (const row of drafted.rows) rows.add(row)
    for (const draft of drafted.drafts) {
      const fact = assemble(draft, frame)
      if (!('missing' in fact)) made.push(fact)
    }
  }
  return { facts: made, rows }
}

function identifiersFor(subject: JsonObject, home: JsonObject, { around, notes }: Reader): readonly JsonObject[] {
  const reference = textAt(subject, 'reference')
  const patient =
    around.follow(subject, home)?.resource ??
    (reference === undefined ? undefined : notes.patients[around.keyOf(reference)])
  if (patient) return objectsAt(patient, 'identifier')
  const logical = objectAt(subject, 'identifier')
  return logical ? [logical] : []
}
