import { issue } from '../../fls/issue.ts'
import { Refusal } from '../../http/refusal.ts'
import { translate } from '../../terminology/translate.ts'
import type { FhirCall } from './call.ts'
import { isObject, type JsonObject, objectsAt, textAt } from './json.ts'
import { operationInput, parameters } from './operation-input.ts'
import { canonicalSystem, codingsOf, type Operation, type TerminologyDeps } from './terminology-operations.ts'
import { conceptSystem } from './terminology-resources.ts'

type Coding = ReturnType<typeof codingsOf>[number]
type Match = { readonly equivalence: string; readonly concept: JsonObject; readonly source: string }

/**
 * `ConceptMap/$translate` and `ConceptMap/[id]/$translate`. Into our concepts it answers with the very reading of messages, side and site from
 * post-coordination included; other maps by their rows. Without a map every one whose source and target fit is asked.
 */
export const translateOperation: Operation = {
  offer: {
    code: 'text',
    system: 'text',
    version: 'text',
    coding: 'Coding',
    codeableConcept: 'CodeableConcept',
    url: 'text',
    conceptMapVersion: 'text',
    source: 'text',
    target: 'text',
    targetsystem: 'text',
  },
  answer: (call, deps) => {
    const input = operationInput(call, translateOperation.offer)
    const codings = codingsOf(input, undefined)
    const target = input.text('targetsystem') ?? input.text('target')
    const maps = mapsFor(call, input.text('url'), deps)
    const matches = maps
      .flatMap(map => matchesIn(map, codings, deps))
      .filter(({ concept }) => target === undefined || concept['system'] === target)
    const match = matches.map(
      ({ equivalence, concept, source }) =>
        [
          'match',
          'part',
          [
            { name: 'equivalence', valueCode: equivalence },
            { name: 'concept', valueCoding: concept },
            { name: 'source', valueUri: source },
          ],
        ] as const,
    )
    const message = match.length > 0 ? undefined : 'No map has this code.'
    return {
      status: 200,
      resource: parameters(['result', 'valueBoolean', match.length > 0], ['message', 'valueString', message], ...match),
    }
  },
}

function mapsFor(call: FhirCall, url: string | undefined, deps: TerminologyDeps): readonly JsonObject[] {
  const [plain] = (url ?? '').split('|')
  if (call.id === undefined && url === undefined) return deps.conceptMaps
  const found = deps.conceptMaps.filter(one => (call.id === undefined ? one['url'] === plain : one['id'] === call.id))
  if (found.length === 0) throw new Refusal(404, [issue('not-found', 'ConceptMap')])
  return found
}

function matchesIn(map: JsonObject, codings: readonly Coding[], deps: TerminologyDeps): readonly Match[] {
  const source = textAt(map, 'url') ?? ''
  const set = textAt(map, 'id') ?? ''
  const isReading = objectsAt(map, 'group').some(group => group['target'] === conceptSystem)
  if (!isReading) return codings.flatMap(coding => rowsOf(map, coding, source, deps))
  const { concept, row, laterality } = translate(codings, deps.terminology, [set])
  if (!concept || !row) return []
  const stated = codings
    .flatMap(coding => rowsOf(map, coding, source, deps))
    .find(one => one.concept['code'] === concept.id)
  const coding = {
    system: conceptSystem,
    code: concept.id,
    ...(laterality ? { display: `${concept.id} (${laterality})` } : {}),
  }
  return [{ equivalence: stated?.equivalence ?? 'wider', concept: coding, source }]
}

function rowsOf(map: JsonObject, { system, code }: Coding, source: string, { terminology }: TerminologyDeps): Match[] {
  return objectsAt(map, 'group')
    .filter(group => group['source'] === canonicalSystem(system, terminology))
    .flatMap(group =>
      objectsAt(group, 'element')
        .filter(element => element['code'] === code)
        .flatMap(element => objectsAt(element, 'target'))
        .map(target => ({
          equivalence: textAt(target, 'equivalence') ?? 'equivalent',
          concept: { system: textAt(group, 'target') ?? '', code: textAt(target, 'code') ?? '' },
          source,
        })),
    )
    .filter(({ concept }) => isObject(concept))
}
