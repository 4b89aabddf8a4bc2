import { londonDate } from '../fls/dates.ts'
import type { Certainty, DiagnosisDetail, Fact, Medication, RequestDetail, When } from '../fls/fact.ts'
import { type CodeReading, codeOf, kindOfConcept, measuredOf, sideOf } from './extract-code.ts'
import type { RowReading, Statement } from './extract-statement.ts'

const refused: Statement = { facts: [], issues: [], isRefused: true }
const dateKinds: readonly When['kind'][] = ['onset', 'result', 'event', 'clinic', 'recorded']

/** A coded entry: its concept decides whether it is a diagnosis, an observation, a request or a procedure; text and category never do. */
export function codedOf(reading: RowReading): Statement {
  const common = reading.frameOf(placeOf(reading), { thing: reading.thingOf(reading.row.kind.covers, reading.rowId) })
  if (reading.isDelete) return { facts: [{ ...common, kind: 'observation' }], issues: [] }
  const code = codeOf(reading)
  if (code.kind === 'named') reading.add('code-missing', 'term')
  if (code.kind === 'refused' || code.kind === 'named') return refused
  if (!reading.text('recordedAt')) reading.add('recorded-missing', 'code')
  const concept = code.kind === 'coded' ? code.translation.concept : undefined
  const becomes = kindOfConcept(concept, reading.frame.tables)
  const dated = reading.dated(dateKinds.find(kind => kind === becomes?.date) ?? 'event')
  const side = sideOf(reading, code.kind === 'coded' ? code.translation.laterality : undefined)
  const certainty = certaintyOf(reading) ?? (code.kind === 'coded' ? code.translation.certainty : undefined)
  const shared = {
    ...common,
    ...codingParts(code),
    ...dated,
    ...measuredOf(reading, concept),
    ...(side ? { laterality: side } : {}),
    ...(certainty ? { certainty } : {}),
  }
  const waits = code.kind === 'waiting' ? { waitsFor: code.key } : {}
  return { facts: [ofKind(becomes?.kind, shared, reading, code)], issues: [], ...waits }
}

type Shared = Omit<Fact, 'kind' | 'detail'>

function ofKind(kind: string | undefined, shared: Shared, reading: RowReading, code: CodeReading): Fact {
  const group = reading.text('groupId')
  switch (kind) {
    case 'diagnosis':
      return { ...shared, kind, detail: diagnosisDetail(reading) }
    case 'procedure':
      return { ...shared, kind }
    case 'request':
      return { ...shared, kind, detail: requestDetail(reading) }
    case 'medication': {
      const name = code.kind === 'coded' ? code.term : undefined
      return { ...shared, kind, detail: { state: 'administered', ...(name ? { name } : {}) } }
    }
    default:
      return { ...shared, kind: 'observation', ...(group ? { detail: { group } } : {}) }
  }
}

/** The cell a coded row is known by: the one that carries its code. */
function placeOf(reading: RowReading): string {
  return ['codeId', 'code', 'snomed', 'ctv3', 'dmd', 'term'].find(cell => reading.cell(cell)) ?? 'rowId'
}

function codingParts(code: CodeReading): Pick<Shared, 'coding' | 'concept'> {
  if (code.kind === 'waiting') {
    const [shape, table, ...id] = code.key.split('|')
    return { coding: [{ system: `${shape}|${table}`, code: id.join('|') }] }
  }
  if (code.kind !== 'coded') return {}
  const { codings, concept } = code.translation
  return { coding: codings, ...(concept ? { concept } : {}) }
}

function certaintyOf(reading: RowReading): Certainty | undefined {
  const text = reading.text('certainty')
  return text === 'confirmed' || text === 'suspected' || text === 'refuted' ? text : undefined
}

const episodicities = ['first', 'new', 'review', 'end', 'other'] as const

function diagnosisDetail(reading: RowReading): DiagnosisDetail {
  const episodicity = episodicities.find(one => one === reading.text('episodicity'))
  const endedOn = reading.date('endDate')
  return {
    department: 'gp',
    ...(episodicity ? { episodicity } : {}),
    ...(reading.is('fromDocument') ? { isFromDocument: true } : {}),
    ...(endedOn ? { endedOn } : {}),
  }
}

function requestDetail(reading: RowReading): RequestDetail {
  const state = (['sent', 'completed', 'cancelled'] as const).find(one => one === reading.text('status'))
  const urgency = reading.text('urgency')
  const recipient = reading.text('recipient')
  return { ...(state ? { state } : {}), ...(urgency ? { urgency } : {}), ...(recipient ? { recipient } : {}) }
}

/** A referral of its own row: always a request, whatever its code says it is for. */
export function referralOf(reading: RowReading): Statement {
  const common = reading.frameOf(placeOf(reading), { thing: reading.thingOf(reading.row.kind.covers, reading.rowId) })
  if (reading.isDelete) return { facts: [{ ...common, kind: 'request' }], issues: [] }
  const code = codeOf(reading)
  if (code.kind === 'refused') return refused
  const fact: Fact = {
    ...common,
    kind: 'request',
    ...codingParts(code),
    ...reading.dated('event'),
    detail: requestDetail(reading),
  }
  return { facts: [fact], issues: [], ...(code.kind === 'waiting' ? { waitsFor: code.key } : {}) }
}

/** One issue of a medicine: supplied, unless it was cancelled or only heard of. Raises `drug-code-missing`, `supply-unknown`. */
export function issueOf(reading: RowReading): Statement {
  const common = reading.frameOf(placeOf(reading))
  if (reading.isDelete)
    return { facts: [{ ...common, kind: 'medication', detail: { state: 'cancelled' } }], issues: [] }
  const code = codeOf(reading, ['bone-drug'])
  if (code.kind === 'refused') return refused
  if (code.kind === 'named') reading.add('drug-code-missing', 'term')
  const name = code.kind === 'coded' || code.kind === 'named' ? code.term : undefined
  const status = reading.text('status')
  const detail: Medication = {
    state: status === 'noted' ? 'noted' : status === 'cancelled' ? 'cancelled' : 'supplied',
    ...(name ? { name } : {}),
    ...supplyOf(reading),
    ...courseOf(reading),
  }
  const fact: Fact = { ...common, kind: 'medication', ...codingParts(code), ...reading.dated('event'), detail }
  return { facts: [fact], issues: [], ...(code.kind === 'waiting' ? { waitsFor: code.key } : {}) }
}

function supplyOf(reading: RowReading): Partial<Medication> {
  const days = reading.text('daysSupplied')
  const quantity = reading.text('quantity')
  const unit = reading.text('quantityUnit')
  const dosage = reading.text('dosage')
  const count = Number(days)
  const isUsable = days !== undefined && /^\d+(\.0+)?$/.test(days) && count >= 1 && count <= 400
  // EMIS writes 0 where no duration was chosen.
  if (days !== undefined && count !== 0 && !isUsable)
    reading.add(Number.isNaN(count) ? 'value-not-numeric' : 'value-out-of-range', 'daysSupplied')
  if (!isUsable && !quantity) reading.add('supply-unknown', placeOf(reading))
  return {
    ...(isUsable ? { daysSupplied: count } : {}),
    ...(quantity ? { quantity } : {}),
    ...(unit ? { quantityUnit: unit } : {}),
    ...(dosage ? { dosage } : {}),
  }
}

function courseOf(reading: RowReading): Partial<Medication> {
  const courseId = reading.text('courseId')
  const courseType = (['acute', 'repeat', 'repeat-dispensing'] as const).find(one => one === reading.text('courseType'))
  return { ...(courseId ? { courseId } : {}), ...(courseType ? { courseType } : {}) }
}

/** Rows that only add to another row. Alone they carry no code and open nothing; extract-record.ts joins them. */
export function extensionOf(reading: RowReading, kind: 'problem' | 'referral-extension' | 'course'): Statement {
  const parent = reading.text('parentId')
  const thing = parent ? reading.thingOf(reading.row.kind.extends, parent) : undefined
  const common = reading.frameOf('rowId', thing ? { thing } : {})
  const endedOn = reading.date('endDate')
  const date = reading.date('date')
  const when = date ? { when: { date, kind: 'event' as const } } : {}
  switch (kind) {
    case 'problem':
      return {
        facts: [{ ...common, kind: 'diagnosis', detail: { department: 'gp', ...(endedOn ? { endedOn } : {}) } }],
        issues: [],
      }
    case 'referral-extension':
      return { facts: [{ ...common, kind: 'request', ...when, detail: requestDetail(reading) }], issues: [] }
    case 'course': {
      const isStopped =
        endedOn !== undefined &&
        reading.text('active') !== 'yes' &&
        endedOn <= londonDate(reading.frame.entry.receivedAt)
      const detail: Medication = { state: 'noted', ...courseOf(reading), ...(isStopped ? { stoppedOn: endedOn } : {}) }
      return { facts: [{ ...common, kind: 'medication', detail }], issues: [] }
    }
  }
}
