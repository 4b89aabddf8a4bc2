import {
  type DayDate,
  type Instant,
  londonDate,
  type PartialDate,
  parseInstant,
  parsePartialDate,
} from '../fls/dates.ts'
import { decimalText } from '../fls/decimal.ts'
import type { AnswerDetail, Fact, FactOf, Identity, Reading, RecordKey } from '../fls/fact.ts'
import { type Issue, issue } from '../fls/issue.ts'
import { type Item, itemOf } from '../fls/items.ts'
import { isOption } from '../fls/lists.ts'
import { readNhsNumber } from '../fls/nhs-number.ts'
import type { InboxEntry } from '../sources/arrival.ts'
import { isObject, type JsonObject, literalOf, type NumberLiterals, objectsAt, textAt } from '../sources/fhir/json.ts'
import { decodeUtf8, readStrictJson } from '../sources/fhir/strict-json.ts'
import { patientAudit } from '../sources/form/canonical.ts'
import { type FormNotes, formNotesOf, formRecordKey, subjectNumbers } from '../sources/form/form-notes.ts'
import { factId } from './fact-id.ts'
import { ownId } from './fhir.ts'
import type { MappingTables } from './tables.ts'

type Given = { readonly item: Item; readonly values: readonly string[]; readonly path: string }
type Form = {
  readonly entry: InboxEntry
  readonly resource: JsonObject
  readonly notes: FormNotes
  readonly record: RecordKey
  /** `QuestionnaireResponse/<id>`, as link lines and origins name it. */
  readonly label: string
  readonly asOf: Instant
  readonly given: readonly Given[]
  readonly tables: Pick<MappingTables, 'hash' | 'acceptTestNumbers'>
}

/**
 * A kept QuestionnaireResponse as facts: one `answer` per question, the patient's identity from 1.01–1.04, and the fractures of 1.09 and
 * 1.11–1.13 so that linkage can place it. A response pinned to an episode makes answers only. A newer version replaces all of an older one;
 * `entered-in-error` takes it back. Responses to other forms hold no facts about patients. Issues: `nhs-number-invalid`, V03, V17, `date-after-receipt`.
 */
export function readForm(entry: InboxEntry, tables: Form['tables']): Reading {
  const { read } = readStrictJson(decodeUtf8(entry.bytes) ?? '')
  const resource = read?.value
  if (!read || !isObject(resource)) return { facts: [], issues: [issue('json-invalid', 'body')] }
  if ((textAt(resource, 'questionnaire') ?? '').split('|')[0] !== patientAudit.url) return { facts: [], issues: [] }
  const notes = formNotesOf(entry, resource)
  const { given, issues } = readAnswers(resource, read.literals, notes)
  const numbers = subjectNumbers(resource)
  const record = notes.record ?? entry.recordKey ?? formRecordKey(entry.organisation, numbers, notes.response)
  const label = `QuestionnaireResponse/${ownId('QuestionnaireResponse', resource) ?? notes.response}`
  const form: Form = { entry, resource, notes, record, label, asOf: asOfOf(entry, resource, notes), given, tables }
  const status = textAt(resource, 'status')
  const moved = (notes.movedFrom ?? []).map((from, index) => tombstone(form, from, `movedFrom[${index}]`))
  if (status === 'entered-in-error') return { facts: [...moved, tombstone(form, record, 'status')], issues }
  const isPinned = notes.episode !== undefined
  const identity = isPinned ? { facts: [], issues: [] } : identityOf(form, numbers)
  return {
    facts: [
      ...moved,
      ...identity.facts,
      ...(isPinned ? [] : fracturesOf(form)),
      ...given.map(one => answerOf(form, one)),
    ],
    issues: [...issues, ...identity.issues, ...futureDates(form)],
  }
}

/** As authored, never later than received, never before the version it replaces. */
function asOfOf(entry: InboxEntry, resource: JsonObject, notes: FormNotes): Instant {
  const authored = textAt(resource, 'authored') ?? ''
  const day = parsePartialDate(authored)
  const stated = parseInstant(authored) ?? (day?.length === 10 ? (`${day}T00:00:00.000Z` as Instant) : undefined)
  const believed =
    stated !== undefined && stated < entry.receivedAt && notes.items === undefined ? stated : entry.receivedAt
  return notes.notBefore !== undefined && notes.notBefore > believed ? notes.notBefore : believed
}

function readAnswers(
  resource: JsonObject,
  literals: NumberLiterals,
  notes: FormNotes,
): { given: Given[]; issues: Issue[] } {
  const given: Given[] = []
  const issues: Issue[] = []
  const wanted = notes.items ? new Set(notes.items) : undefined
  const walk = (holder: JsonObject, path: string): void => {
    objectsAt(holder, 'item').forEach((json, index) => {
      const where = `${path}item[${index}]`
      const item = itemOf(textAt(json, 'linkId') ?? '')
      if (item && (!wanted || wanted.has(item.id))) {
        const values = valuesOf(item, json, literals)
        if (values === undefined) issues.push(issue(item.list ? 'V17' : 'answer-type', where, { item: item.id }))
        else if (values.length > 0) given.push({ item, values, path: where })
      }
      walk(json, `${where}.`)
    })
  }
  walk(resource, '')
  for (const id of notes.items ?? []) {
    const item = itemOf(id)
    // Asked about by the sender and not in the response any more: cleared.
    if (item && !given.some(one => one.item === item)) given.push({ item, values: [], path: `item(${id})` })
  }
  return { given, issues }
}

/** Undefined when an answer is not one of the item's; the door has refused such responses, a replay must still be safe. */
function valuesOf(item: Item, json: JsonObject, literals: NumberLiterals): readonly string[] | undefined {
  const values = objectsAt(json, 'answer').map(answer => valueOfAnswer(item, answer, literals))
  return values.includes(undefined) ? undefined : values.filter(value => value !== undefined)
}

function valueOfAnswer(item: Item, answer: JsonObject, literals: NumberLiterals): string | undefined {
  const { list } = item
  if (list) {
    const coding = answer['valueCoding']
    const code = textAt(coding, 'code')
    return code !== undefined && isOption(list, code) ? code : undefined
  }
  if (item.type === 'date') return parsePartialDate(textAt(answer, 'valueDate') ?? '')
  const number = answer['valueDecimal']
  if (item.type === 'decimal')
    return typeof number === 'number' ? decimalText(literalOf(literals, answer, 'valueDecimal', number)) : undefined
  const text = textAt(answer, 'valueString')
  return item.type === 'nhs-number' ? text?.replace(/[\s-]/g, '') : text?.trim().toUpperCase()
}

function first(form: Form, item: string): Given | undefined {
  return form.given.find(one => one.item.id === item)
}

type Made = Pick<Fact, 'id' | 'record' | 'organisation' | 'side' | 'status' | 'revision' | 'source'>

function made({ entry, notes, record, label, asOf, tables }: Form, place: string, row: string): Made {
  return {
    id: factId(entry.id, place, row),
    record,
    organisation: entry.organisation,
    side: 'site',
    status: 'active',
    revision: {
      asOf,
      order: notes.ordinal,
      set: notes.items ? `edit:${entry.id}` : `QuestionnaireResponse/${notes.response}`,
    },
    source: {
      inboxId: entry.id,
      path: `${label}#${place}`,
      row,
      tableHash: tables.hash,
      sender: entry.sender,
      controlId: entry.controlId,
    },
  }
}

/** Replaces the older versions under one record by nothing. */
function tombstone(form: Form, record: RecordKey, path: string): FactOf['answer'] {
  return {
    ...made(form, path, 'form.retracted'),
    record,
    status: 'retracted',
    kind: 'answer',
    detail: { item: '', values: [], response: form.notes.response },
  }
}

function answerOf(form: Form, { item, values, path }: Given): FactOf['answer'] {
  const { notes, resource } = form
  const status = textAt(resource, 'status')
  const detail: AnswerDetail = {
    item: item.id,
    values,
    response: notes.response,
    responseStatus: status === 'completed' || status === 'amended' ? status : 'in-progress',
    ...(notes.episode === undefined ? {} : { episode: notes.episode }),
  }
  return { ...made(form, path, `form.${item.id}`), kind: 'answer', detail }
}

function identityOf(form: Form, numbers: ReturnType<typeof subjectNumbers>): { facts: Fact[]; issues: Issue[] } {
  const stated = first(form, '1.01')
  const nhs = readNhsNumber(stated?.values[0] ?? numbers.nhsNumber ?? '')
  const isUsable = nhs.kind === 'valid' || (nhs.kind === 'test-range' && form.tables.acceptTestNumbers)
  const birthDate = parsePartialDate(first(form, '1.02')?.values[0] ?? '')
  const sex = first(form, '1.03')?.values[0] as Identity['sex']
  const postcode = first(form, '1.04')?.values[0]
  const detail: Identity = {
    ...(isUsable ? { nhsNumber: nhs.value } : {}),
    ...(nhs.kind === 'invalid' && nhs.digits ? { invalidNhsNumber: nhs.digits } : {}),
    ...(birthDate ? { birthDate } : {}),
    ...(sex ? { sex } : {}),
    ...(postcode ? { postcode: spaced(postcode) } : {}),
    ...(numbers.local ? { localNumber: { authority: `${form.entry.organisation}|fls`, number: numbers.local } } : {}),
  }
  const issues =
    stated && nhs.kind === 'invalid' ? [issue('nhs-number-invalid', stated.path, { item: '1.01', hint: 'V01' })] : []
  return { facts: [{ ...made(form, stated?.path ?? 'subject', 'form.identity'), kind: 'identity', detail }], issues }
}

function spaced(postcode: string): string {
  const plain = postcode.replace(/\s/g, '')
  return `${plain.slice(0, -3)} ${plain.slice(-3)}`
}

/** Site ids of the audit's options; options that name no bone stand for an unspecified site. */
const siteOfOption: Readonly<Record<string, string>> = {
  hip: 'hip.unspecified',
  spine: 'spine.unspecified',
  humerus: 'humerus.unspecified',
  pelvis: 'pelvis.unspecified',
  femur: 'femur.unspecified',
  tibia_fibula: 'tibia_fibula.unspecified',
  forearm: 'forearm.unspecified',
  other: 'unspecified',
}

/** 1.11–1.13 at 1.09: what the FLS diagnosed, as linkage understands it. Both are needed. */
function fracturesOf(form: Form): FactOf['diagnosis'][] {
  const date = first(form, '1.09')
  const when = parsePartialDate(date?.values[0] ?? '')
  if (!date || !when) return []
  return ['1.11', '1.12', '1.13'].flatMap(id => {
    const site = first(form, id)
    const option = site?.values[0]
    if (!site || option === undefined) return []
    return [
      {
        ...made(form, site.path, `form.fracture.${id}`),
        kind: 'diagnosis' as const,
        certainty: 'confirmed' as const,
        concept: { set: 'fracture-site', id: siteOfOption[option] ?? option, kind: 'include' as const },
        when: { date: when, kind: 'injury' as const },
        detail: { department: 'fls' as const },
      },
    ]
  })
}

/** "Not later than today" compares with the day of receipt (Decision 1). */
function futureDates({ given, entry }: Form): Issue[] {
  const today: DayDate = londonDate(entry.receivedAt)
  const isLater = (date: PartialDate | undefined): boolean => date !== undefined && date.length === 10 && date > today
  return given
    .filter(({ item, values }) => item.type === 'date' && isLater(parsePartialDate(values[0] ?? '')))
    .map(({ item, path }) => issue(item.id === '1.09' ? 'V03' : 'date-after-receipt', path, { item: item.id }))
}
