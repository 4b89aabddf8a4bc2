import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { episodeEverythingDefinition } from '../../src/sources/form/operation-definition.ts'
import { listCodeSystems, patientAuditQuestionnaire } from '../../src/sources/form/questionnaire.ts'
import { dataDictionary } from './dictionary.ts'

const root = path.join(import.meta.dirname, '../..')

/** Files made from the audit's tables, by path; a test compares them with what is committed. */
export function generatedFromItems(): ReadonlyMap<string, string> {
  const form = patientAuditQuestionnaire()
  return new Map([
    [`profiles/Questionnaire-${form.id}.json`, text(form)],
    ...listCodeSystems().map(system => [`profiles/CodeSystem-${system.id}.json`, text(system)] as const),
    ['profiles/OperationDefinition-episode-everything.json', text(episodeEverythingDefinition())],
    ['docs/data-dictionary.md', dataDictionary()],
  ])
}

function text(resource: object): string {
  return `${JSON.stringify(resource, null, 2)}\n`
}

if (process.argv[1] === import.meta.filename) {
  for (const [file, content] of generatedFromItems()) writeFileSync(path.join(root, file), content)
}
