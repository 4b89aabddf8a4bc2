import { createHash } from 'node:crypto'
import { roundedText } from '../../fls/decimal.ts'
import type { Episode, Origin } from '../../fls/episode.ts'
import { type Item, items, sections } from '../../fls/items.ts'
import { optionsOf } from '../../fls/lists.ts'
import type { JsonObject, JsonValue, NumberLiterals } from '../fhir/json.ts'
import { nhsNumberSystem } from '../fhir/token.ts'
import { extensions, listSystem, patientAudit } from './canonical.ts'
import { patientAuditQuestionnaire } from './questionnaire.ts'
import { validateResponse } from './validate-response.ts'

export type Assembled = { readonly resource: JsonObject; readonly literals: NumberLiterals; readonly versionId: string }

const questionnaire = JSON.parse(JSON.stringify(patientAuditQuestionnaire())) as JsonObject

/**
 * The episode as a QuestionnaireResponse: the merged answers, each with its origins. Id = episode id, version = what the answers are.
 * `completed` only when the episode was submitted and the merged answers conform to the form; a withdrawn episode is `entered-in-error`.
 */
export function assembleResponse(episode: Episode): Assembled {
  const literals: NumberLiterals = new WeakMap()
  const groups = ([1, 2, 3, 4, 5, 6, 7] as const).flatMap((section): JsonObject[] => {
    const answered = items
      .filter(item => item.section === section)
      .flatMap(item => answeredItem(item, episode, literals))
    return answered.length > 0 ? [{ linkId: String(section), text: sections[section], item: answered }] : []
  })
  const versionId = versionOf(item => shownValues(item, episode))
  const resource = envelope(episode, versionId, groups)
  if (episode.status !== 'submitted') return { resource, literals, versionId }
  const conforms = validateResponse({ ...resource, status: 'completed' }, questionnaire, { literals }).every(
    found => found.severity !== 'error',
  )
  return { resource: conforms ? { ...resource, status: 'completed' } : resource, literals, versionId }
}

/** An item's values as the form shows them: decimals rounded to its places. */
export function shownValues(item: Item, episode: Episode): readonly string[] {
  const values = episode.answers[item.id]?.values ?? []
  return item.range ? values.map(value => roundedText(value, item.range?.places ?? 0)) : values
}

function envelope(episode: Episode, versionId: string, item: readonly JsonObject[]): JsonObject {
  const [nhsNumber] = episode.answers['1.01']?.values ?? []
  return {
    resourceType: 'QuestionnaireResponse',
    id: episode.id,
    meta: { versionId },
    questionnaire: `${patientAudit.url}|${patientAudit.version}`,
    status: episode.status === 'withdrawn' ? 'entered-in-error' : 'in-progress',
    subject: {
      type: 'Patient',
      ...(nhsNumber === undefined
        ? { display: 'patient without a known NHS number' }
        : { identifier: { system: nhsNumberSystem, value: nhsNumber } }),
    },
    author: { type: 'Device', display: 'FLS-DB' },
    ...(item.length > 0 ? { item } : {}),
  }
}

function answeredItem(item: Item, episode: Episode, literals: NumberLiterals): JsonObject[] {
  const answer = episode.answers[item.id]
  if (!answer) return []
  const origins = answer.origins.map(originExtension)
  const answers = shownValues(item, episode).map(value => answerOf(item, value, origins, literals))
  return [{ linkId: item.id, text: item.text, answer: answers }]
}

function answerOf(item: Item, value: string, origins: readonly JsonObject[], literals: NumberLiterals): JsonObject {
  const extension = origins.length > 0 ? { extension: origins } : {}
  if (item.list) {
    const option = optionsOf(item.list).find(one => one.code === value)
    return {
      ...extension,
      valueCoding: { system: listSystem(item.list), code: value, ...(option ? { display: option.label } : {}) },
    }
  }
  if (item.type === 'date') return { ...extension, valueDate: value }
  if (item.type !== 'decimal') return { ...extension, valueString: value }
  const answer: JsonObject = { ...extension, valueDecimal: Number(value) }
  literals.set(answer, new Map([['valueDecimal', value]]))
  return answer
}

/** Item → fact → inbox entry and place → mapping row → table version. */
function originExtension(origin: Origin): JsonObject {
  const part = (url: string, value: JsonValue, type: string): JsonObject => ({ url, [type]: value })
  return {
    url: extensions.origin,
    extension: [
      part('side', origin.side, 'valueCode'),
      part('organisation', origin.organisation, 'valueString'),
      part('rule', origin.rule, 'valueString'),
      part('fact', origin.factId, 'valueString'),
      part('entry', origin.inboxId, 'valueString'),
      part('path', origin.path, 'valueString'),
      part('row', origin.row, 'valueString'),
      part('table', origin.tableHash, 'valueString'),
    ],
  }
}

/** Base 64 with the signs a FHIR id may have, less one; 52 items of 7 bits fill 61 of the 64 characters. */
const signs = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.'
const bits = 7

/**
 * The version of assembled answers: 7 bits per question, 0 for no answer. It names what each answer was without any memory of old versions,
 * so that a PUT can tell which questions have moved since. Two answers to one question collide once in 127: then a change by somebody else
 * between reading and writing is not noticed, and the later one wins, as without locking.
 */
export function versionOf(valuesOf: (item: Item) => readonly string[]): string {
  const marks = items.map(item => markOf(item, valuesOf(item)))
  const binary = marks.map(mark => mark.toString(2).padStart(bits, '0')).join('')
  let text = ''
  for (let at = 0; at < binary.length; at += 6)
    text += signs[Number.parseInt(binary.slice(at, at + 6).padEnd(6, '0'), 2)]
  return text
}

/** 1–127 for an answer, 0 for none; several options count in any order. */
export function markOf(item: Item, values: readonly string[]): number {
  if (values.length === 0) return 0
  const hash = createHash('sha256')
    .update(JSON.stringify([item.id, [...values].sort()]))
    .digest()
  return 1 + (hash.readUInt16BE(0) % 127)
}

/** The marks of a version by question; undefined when it is none of ours. */
export function marksOf(versionId: string): ReadonlyMap<string, number> | undefined {
  const digits = [...versionId].map(sign => signs.indexOf(sign))
  if (digits.includes(-1) || digits.length !== Math.ceil((items.length * bits) / 6)) return undefined
  const binary = digits.map(digit => digit.toString(2).padStart(6, '0')).join('')
  return new Map(
    items.map((item, index) => [item.id, Number.parseInt(binary.slice(index * bits, (index + 1) * bits), 2)]),
  )
}
