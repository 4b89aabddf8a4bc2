import type { Message } from '../sources/hl7v2/message.ts'
import { type LocalNumber, localNumberIn, nhsNumbersIn } from '../sources/hl7v2/record-key.ts'
import type { Repetition, Segment } from '../sources/hl7v2/segment.ts'
import type { Context, Found, SourceDocument } from './document.ts'

/** Segments that follow the one they belong to; everything else is looked for backwards first. */
const followers: ReadonlySet<string> = new Set([
  'NTE',
  'TQ1',
  'TQ2',
  'RXR',
  'RXC',
  'AIS',
  'AIL',
  'AIP',
  'AIG',
  'RGS',
  'MRG',
])
/** Segments that start a new group of followers. */
const starters: ReadonlySet<string> = new Set(['ORC', 'OBR', 'SCH'])

/** The segments of one patient of a message: everything before the first PID belongs to all of them. */
export type PatientGroup = { readonly pid: Segment | undefined; readonly segments: readonly Segment[] }

/** One group per PID; a message without PID is one group. A batch of results may hold several patients. */
export function patientGroups(message: Message): readonly PatientGroup[] {
  const firstPid = message.all.findIndex(segment => segment.name === 'PID')
  if (firstPid < 0) return [{ pid: undefined, segments: message.all }]
  const header = message.all.slice(0, firstPid)
  const groups: { pid: Segment; segments: Segment[] }[] = []
  for (const segment of message.all.slice(firstPid)) {
    if (segment.name === 'PID') groups.push({ pid: segment, segments: [...header, segment] })
    else groups.at(-1)?.segments.push(segment)
  }
  return groups
}

/**
 * One patient of a message as the mapping tables see it. Paths: mappings/README.md. `PID#nhs-number` and `PID#local-number` find identifiers
 * by rule, not by place (hl7v2.md 1.2), `PID#surviving-number` the one a retired number goes over into; `PARTNER-3` is the other PID of a link or unlink; `OBR#text` is the report under an OBR, `OBR#attachment` a document beside it, `OBR#withdrawn` lines of it taken back, `OBR#report-key` what it is known by; `PR1#qualifiers` the OPCS Z codes after a procedure.
 */
export function hl7Document(message: Message, group: PatientGroup): SourceDocument {
  const type = `${message.header.type}^${message.header.trigger}`
  const first = message.first('PID')
  // What stands before the first PID belongs to every patient; the second one's facts need places of their own.
  const prefixOf = (segment: Segment) =>
    group.pid && group.pid !== first && segment.position < (first?.position ?? 0) ? `${whereOf(group.pid)}/` : ''
  const contextOf = (own: Segment): Context => {
    const segmentNamed = remembered(name =>
      name === 'PARTNER' ? partnerOf(group, message) : nearest(name, own, group),
    )
    const prefix = prefixOf(own)
    return {
      where: `${prefix}${whereOf(own)}`,
      values: remembered(from => placedUnder(prefix, valuesOf(from, segmentNamed, group, message))),
    }
  }
  return {
    type,
    contexts: remembered(each => group.segments.filter(segment => segment.name === each).map(contextOf)),
  }
}

function placedUnder(prefix: string, found: readonly Found[]): readonly Found[] {
  return prefix === '' ? found : found.map(value => ({ ...value, where: `${prefix}${value.where}` }))
}

/** Many rows of many facts ask for the same place of the same message. */
function remembered<T>(find: (name: string) => T): (name: string) => T {
  const known = new Map<string, T>()
  return name => {
    const before = known.get(name)
    if (before !== undefined || known.has(name)) return before as T
    const found = find(name)
    known.set(name, found)
    return found
  }
}

/** Segments of which a patient has one; all others are named with their ordinal (`DG1[1]`). */
const single: ReadonlySet<string> = new Set(['MSH', 'EVN', 'PID', 'PD1', 'PV1', 'PV2', 'ACC', 'MRG', 'SCH', 'TXA'])

function whereOf(segment: Segment): string {
  return segment.index === 1 && single.has(segment.name) ? segment.name : `${segment.name}[${segment.index}]`
}

const fieldPath = /^([A-Z][A-Z0-9]{2}|PARTNER)-(\d{1,3})(?:\[(\d{1,3})\])?(?:\.(\d{1,3}))?(?:\.(\d{1,3}))?$/

type Path =
  | { readonly segment: string; readonly special: string }
  | {
      readonly segment: string
      readonly field: number
      readonly repetition: number | undefined
      readonly component: number | undefined
      readonly subcomponent: number | undefined
    }

/** Paths come from the tables only, so each is cut once. */
const paths = new Map<string, Path | undefined>()

function pathOf(from: string): Path | undefined {
  if (!paths.has(from)) paths.set(from, parsePath(from))
  return paths.get(from)
}

function parsePath(from: string): Path | undefined {
  const [segment = '', special] = from.split('#')
  if (special !== undefined) return { segment, special }
  const match = fieldPath.exec(from)
  if (!match?.[1] || !match[2]) return undefined
  const [repetition, component, subcomponent] = match
    .slice(3)
    .map(part => (part === undefined ? undefined : Number(part)))
  return { segment: match[1], field: Number(match[2]), repetition, component, subcomponent }
}

function valuesOf(
  from: string,
  segmentNamed: (name: string) => Segment | undefined,
  group: PatientGroup,
  message: Message,
): readonly Found[] {
  const path = pathOf(from)
  const segment = path && segmentNamed(path.segment)
  if (!path || !segment) return []
  if ('special' in path) return specialValues(path.special, segment, group, message)
  const { field, repetition, component, subcomponent } = path
  const repetitions = segment.repetitions(field)
  if (repetitions.length === 0) return []
  return repetitions
    .filter(each => repetition === undefined || each.index === repetition)
    .flatMap(each => foundIn(each, `${whereOf(segment)}-${field}`, component, subcomponent))
}

function foundIn(repetition: Repetition, field: string, component?: number, subcomponent?: number): readonly Found[] {
  const place = repetition.index === 1 ? field : `${field}(${repetition.index})`
  const where = [place, component, subcomponent].filter(part => part !== undefined).join('.')
  const part = (number: number, sub?: number): string => repetition.component(number, sub)
  const value = component === undefined ? undefined : repetition.value(component, subcomponent)
  // A whole repetition may be structured although its first component is empty.
  const whole =
    repetition.value(1).state === 'null'
      ? ('null' as const)
      : repetition.text === ''
        ? ('empty' as const)
        : ('value' as const)
  const state = value ? value.state : whole
  if (state === 'null') return [{ text: '', where, isNull: true }]
  if (state !== 'value') return []
  return [value ? { text: value.text, where } : { text: repetition.text, where, part }]
}

/** The other PID of a link or unlink (A24, A37). */
function partnerOf(group: PatientGroup, message: Message): Segment | undefined {
  return message.segments('PID').find(pid => pid !== group.pid)
}

/** The segment meant by a name from where we stand: own, a follower, the nearest before, else the first after. */
function nearest(name: string, own: Segment, group: PatientGroup): Segment | undefined {
  if (own.name === name) return own
  const at = group.segments.indexOf(own)
  const after = group.segments.slice(at + 1)
  // In a merge, and only there, the visit stands behind its MRG.
  if (followers.has(name) || (own.name === 'MRG' && name === 'PV1')) {
    const end = after.findIndex(segment => segment.name === own.name || starters.has(segment.name))
    return (end < 0 ? after : after.slice(0, end)).find(segment => segment.name === name)
  }
  return (
    group.segments.slice(0, at).findLast(segment => segment.name === name) ??
    after.find(segment => segment.name === name)
  )
}

function specialValues(
  special: string,
  segment: Segment | undefined,
  group: PatientGroup,
  message: Message,
): readonly Found[] {
  if (!segment) return []
  switch (special) {
    case 'nhs-number':
      return nhsNumbersIn(segment, identifierFields(segment)).map(({ text, status, where }) => ({
        text,
        where,
        part: component => (component === 1 ? text : component === 2 ? status : ''),
      }))
    case 'local-number':
      return localNumber(localNumberIn(segment, localFields(segment), message))
    case 'surviving-number': {
      const merge = group.segments.find(({ name }) => name === 'MRG')
      const retired = merge && localNumberIn(merge, localFields(merge), message)
      return localNumber(localNumberIn(segment, localFields(segment), message, retired?.authority))
    }
    case 'text':
      return reportText(segment, group)
    case 'attachment':
      return attachments(segment, group)
    case 'withdrawn':
      return withdrawnLines(segment, group)
    case 'report-key':
      return reportKey(segment, group)
    case 'qualifiers':
      return qualifiers(segment, group)
    default:
      return []
  }
}

function localFields(segment: Segment): readonly number[] {
  return segment.name === 'PID' ? [3, 2, 4] : [1]
}

function localNumber(local: LocalNumber | undefined): readonly Found[] {
  if (!local) return []
  const { number, authority, where } = local
  return [{ text: number, where, part: component => (component === 1 ? number : component === 4 ? authority : '') }]
}

function identifierFields(segment: Segment): readonly number[] {
  return segment.name === 'PID' ? [3, 2, 4, 19] : [1]
}

const textTypes: ReadonlySet<string> = new Set(['TX', 'FT', 'ST', ''])

/** OBX-11: deleted, withdrawn, no result to be had (HL7 table 0085). */
const withdrawing: ReadonlySet<string> = new Set(['D', 'W', 'X'])
const isWithdrawn = (obx: Segment): boolean => withdrawing.has(obx.component(11).trim().toUpperCase())

/** The text OBX under an OBR. */
function textLines(obr: Segment, group: PatientGroup): readonly Segment[] {
  const under = group.segments.slice(group.segments.indexOf(obr) + 1)
  const end = under.findIndex(segment => segment.name === 'OBR')
  return (end < 0 ? under : under.slice(0, end)).filter(
    segment => segment.name === 'OBX' && textTypes.has(segment.component(2).toUpperCase()),
  )
}

function withdrawnLines(obr: Segment, group: PatientGroup): readonly Found[] {
  return textLines(obr, group)
    .filter(isWithdrawn)
    .map(segment => ({ text: segment.component(11), where: `${whereOf(segment)}-11` }))
}

/**
 * What a report is known by: its number (OBR-3, else ORC-3, the filler's; OBR-2 or ORC-2, the placer's) and what was examined. Nothing without
 * a number: two scans of one patient under one code are two.
 */
function reportKey(obr: Segment, group: PatientGroup): readonly Found[] {
  const orc = group.segments
    .slice(0, group.segments.indexOf(obr))
    .findLast(({ name }) => name === 'ORC' || name === 'OBR')
  const own = orc?.name === 'ORC' ? orc : undefined
  const numbers = [obr.component(3), own?.component(3), obr.component(2), own?.component(2)]
  const number = numbers.find(text => text !== undefined && text.trim() !== '' && text !== '""')
  if (number === undefined) return []
  const where = whereOf(obr)
  return [number, obr.component(4)].filter(Boolean).map(text => ({ text, where: `${where}-3` }))
}

/** Every text line of the OBX under an OBR that stands, in order. */
function reportText(obr: Segment, group: PatientGroup): readonly Found[] {
  const lines: Found[] = []
  for (const segment of textLines(obr, group)) {
    if (isWithdrawn(segment)) continue
    // A one-word ST is a result ("Negative"), not a report.
    const isReport = (text: string) =>
      text !== '' && (segment.component(2).toUpperCase() !== 'ST' || /\s/.test(text.trim()))
    lines.push(
      ...segment
        .repetitions(5)
        .flatMap(each => (isReport(each.text) ? [{ text: each.text, where: `${whereOf(segment)}-5` }] : [])),
    )
  }
  return lines
}

/** The OBX under an OBR that hold a document (ED) or point to one (RP); never their content. */
function attachments(obr: Segment, group: PatientGroup): readonly Found[] {
  const under = group.segments.slice(group.segments.indexOf(obr) + 1)
  const end = under.findIndex(segment => segment.name === 'OBR')
  return (end < 0 ? under : under.slice(0, end))
    .filter(segment => segment.name === 'OBX' && /^(ED|RP)$/i.test(segment.component(2).trim()))
    .filter(segment => (segment.raw(5) ?? '') !== '')
    .map(segment => ({ text: segment.component(2).toUpperCase(), where: `${whereOf(segment)}-5` }))
}

/** OPCS-4 site and laterality codes (Z…) directly after a procedure belong to it. */
function qualifiers(procedure: Segment, group: PatientGroup): readonly Found[] {
  const found: Found[] = []
  for (const segment of group.segments.slice(group.segments.indexOf(procedure) + 1)) {
    if (segment.name !== 'PR1' || !segment.component(3).toUpperCase().startsWith('Z')) break
    found.push(...segment.repetitions(3).flatMap(each => foundIn(each, `${whereOf(segment)}-3`)))
  }
  return found
}
