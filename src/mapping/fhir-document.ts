import { type Instant, londonDate } from '../fls/dates.ts'
import {
  isObject,
  type JsonObject,
  listAt,
  type NumberLiterals,
  objectAt,
  objectsAt,
  textAt,
} from '../sources/fhir/json.ts'
import { subjectElements } from '../sources/fhir/offered.ts'
import type { Context, Found, SourceDocument } from './document.ts'
import { type Follow, type PathNode, type PathStep, parsePath, textOfNode, walk } from './fhir-path.ts'
import { isNhsIdentifier, nhsIdentifiers, odsCodeIn } from './fhir-patient.ts'

/** A resource that stands in an entry, or is contained in one. */
export type FhirResource = {
  readonly resource: JsonObject
  readonly type: string
  /** `Type/<id>` as the sender named it; in front of every place: `Condition/c1#onsetDateTime`. */
  readonly label: string
  /** `Type/<issued id>`: what newer versions replace. */
  readonly key: string
}
/** What is known of a resource once its patient and time are settled. */
export type FhirStatement = FhirResource & { readonly record: string; readonly asOf: Instant }
/** What is at hand around a resource. */
export type FhirSurroundings = {
  readonly literals: NumberLiterals
  /** The resource a reference leads to, when it is in this entry. */
  readonly follow: Follow
  /** `Type/<issued id>` of any reference. */
  readonly keyOf: (reference: string) => string
  /** Resources of the entry that group others: DiagnosticReports and panels. */
  readonly groups: ReadonlyMap<string, string>
  /** Record key of a Patient reference, when it can be told. */
  readonly recordOf: (reference: JsonObject, home: JsonObject) => string | undefined
}

const steps = new Map<string, readonly PathStep[]>()

/**
 * One resource for the mapping tables. `each`: its type, or a list inside it (`Observation.component`). Beside the paths of fhir-path.ts
 * there are: `^.path` the whole resource seen from inside a list, and the values a path cannot say: `#nhs-number`, `#nhs-status`,
 * `#local-number`, `#gp-practice`, `#set` (its identity), `#visit` (the Encounter it belongs to), `#group` (the report or panel), `#report-text`,
 * `#as-of` (the day it was true), `#record` (its record key) and, in `Patient.link`, `#other-record`.
 */
export function fhirDocument(about: FhirStatement, around: FhirSurroundings): SourceDocument {
  const root: PathNode = { value: about.resource, where: `${about.label}#`, home: about.resource }
  const contextOf = (node: PathNode, where: string): Context => ({
    where,
    values: from => valuesAt(from, node, root, about, around),
  })
  return {
    type: about.type,
    contexts: each => {
      if (each === about.type) return [contextOf(root, about.label)]
      if (!each.startsWith(`${about.type}.`)) return []
      return walk(root, stepsOf(each.slice(about.type.length + 1)), around.follow).map(node =>
        contextOf(node, node.where),
      )
    },
  }
}

function stepsOf(path: string): readonly PathStep[] {
  const known = steps.get(path)
  if (known) return known
  const parsed = parsePath(path)
  steps.set(path, parsed)
  return parsed
}

function valuesAt(
  from: string,
  node: PathNode,
  root: PathNode,
  about: FhirStatement,
  around: FhirSurroundings,
): readonly Found[] {
  if (from.startsWith('#')) return specialValues(from, node, about, around)
  const isFromRoot = from.startsWith('^.')
  const nodes = walk(isFromRoot ? root : node, stepsOf(isFromRoot ? from.slice(2) : from), around.follow)
  return nodes.map(found => ({ text: textOfNode(found, around.literals), where: found.where, json: found.value }))
}

function specialValues(name: string, node: PathNode, about: FhirStatement, around: FhirSurroundings): readonly Found[] {
  const { resource, label, key } = about
  const plain = (text: string | undefined, at = ''): readonly Found[] =>
    text ? [{ text, where: `${label}${at}` }] : []
  switch (name) {
    case '#set':
      return plain(key)
    case '#visit':
      return plain(visitOf(about, around))
    case '#as-of':
      return plain(londonDate(about.asOf))
    case '#record':
      return plain(about.record)
    case '#other-record':
      return plain(around.recordOf(objectAt(node.value, 'other') ?? {}, resource))
    case '#gp-practice':
      return gpPractices(resource, around).map(text => ({ text, where: `${label}#generalPractitioner` }))
    case '#group':
      return plain(around.groups.get(key) ?? (resource['component'] === undefined ? undefined : key))
    case '#nhs-number':
      return nhsIdentifiers(resource).map(({ identifier, index }) => ({
        text: textAt(identifier, 'value') ?? '',
        where: `${label}#identifier[${index}].value`,
      }))
    case '#nhs-status':
      return plain(nhsStatus(resource), '#identifier')
    case '#local-number':
      return [{ text: '', where: `${label}#identifier`, json: resource }]
    case '#report-text':
      return reportTexts(resource).map(text => ({ text, where: label }))
    default:
      return []
  }
}

function visitOf({ type, resource, key }: FhirResource, around: FhirSurroundings): string | undefined {
  if (type === 'Encounter') return key
  const reference = textAt(objectAt(resource, 'encounter') ?? objectAt(resource, 'context'), 'reference')
  const visit = reference === undefined ? undefined : around.keyOf(reference)
  return visit?.startsWith('Encounter/') ? visit : undefined
}

/** UK Core extension on the identifier; the code is the NHS Data Dictionary's 01–08. */
function nhsStatus(resource: JsonObject): string | undefined {
  for (const { identifier } of nhsIdentifiers(resource)) {
    const extension = objectsAt(identifier, 'extension').find(one =>
      /NHSNumberVerificationStatus/.test(textAt(one, 'url') ?? ''),
    )
    const code = objectsAt(objectAt(extension, 'valueCodeableConcept'), 'coding')
      .map(coding => textAt(coding, 'code') ?? '')
      .find(text => /^0?[1-8]$/.test(text))
    if (code) return code.padStart(2, '0')
  }
  return undefined
}

/** ODS codes of the registered practice: by logical reference, or through the Organization or PractitionerRole at hand. */
function gpPractices(resource: JsonObject, around: FhirSurroundings): string[] {
  const odsOf = (holder: JsonObject | undefined): string[] =>
    listAt(holder, 'identifier')
      .filter(isObject)
      .flatMap(identifier => odsCodeIn(identifier) ?? [])
  return objectsAt(resource, 'generalPractitioner').flatMap(reference => {
    const target = around.follow(reference, resource)?.resource
    const organisation = objectAt(target, 'organization')
    const behind = organisation && target ? around.follow(organisation, target)?.resource : undefined
    return [...odsOf(reference), ...odsOf(target), ...odsOf(organisation), ...odsOf(behind)]
  })
}

const longestText = 200_000

/** What a report says in words: conclusion, plain-text attachments, and the narrative without its marks. */
function reportTexts(resource: JsonObject): string[] {
  const conclusion = textAt(resource, 'conclusion')
  const attached = objectsAt(resource, 'presentedForm').flatMap(form => {
    const isText = /^text\/plain\b/.test(textAt(form, 'contentType') ?? '')
    const content = textAt(form, 'data')
    return isText && content && content.length < longestText ? [Buffer.from(content, 'base64').toString('utf8')] : []
  })
  const narrative = conclusion || attached.length > 0 ? undefined : textAt(objectAt(resource, 'text'), 'div')
  const plain = narrative?.slice(0, longestText).replace(/<[^>]*>/g, ' ')
  return [...(conclusion ? [conclusion] : []), ...attached, ...(plain ? [plain] : [])]
}

/** The references and logical identifiers that say whom a resource is about, in order. */
export function subjectsOf(type: string, resource: JsonObject): readonly JsonObject[] {
  const element = subjectElements[type] ?? 'subject'
  if (element === 'participant') {
    const actors = objectsAt(resource, element).map(participant => objectAt(participant, 'actor'))
    return actors.filter(actor => actor !== undefined)
  }
  const subject = objectAt(resource, element) ?? objectAt(resource, 'patient')
  return subject ? [subject] : []
}

/** A patient known only by the identifiers of a reference or of an earlier message. */
export function subjectPatient(identifiers: readonly JsonObject[]): JsonObject {
  // A logical reference often carries a bare identifier: one that is no NHS number is the sender's own patient number.
  const typed = identifiers.map(identifier => {
    const isBare = !isNhsIdentifier(identifier) && !isObject(identifier['type'])
    return isBare && identifiers.length === 1 ? { ...identifier, type: { coding: [{ code: 'MR' }] } } : identifier
  })
  return { resourceType: 'Patient', identifier: typed }
}
