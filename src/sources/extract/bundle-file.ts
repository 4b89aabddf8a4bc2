import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { type JsonObject, objectAt, objectsAt, textAt } from '../fhir/json.ts'
import { decodeUtf8, readStrictJson } from '../fhir/strict-json.ts'
import { type Spool, type SpooledFile, spoolStream } from './spool.ts'

/** A structured record of one patient stays far below; a larger Bundle is sent as one resource a line. Bytes. */
export const largestBundle = 16 * 1024 * 1024
/** An entry without a resource is refused under its own number, like any line that is none. */
const noResource = '{"resourceType":""}'

/** A resource its source has deleted. */
export type Deleted = { readonly type: string; readonly id: string }

/**
 * What a row deletes that is a transaction Bundle of one DELETE (Bulk Data, `deleted` files; larger ones are cut into such rows): nothing when
 * it has no entry, undefined when it is anything else.
 */
export function deletedIn(bundle: JsonObject): Deleted | 'nothing' | undefined {
  const [only, ...others] = objectsAt(bundle, 'entry')
  if (!only) return 'nothing'
  const request = objectAt(only, 'request')
  const [, type, id] = /(?:^|\/)([A-Z][A-Za-z]{1,39})\/([A-Za-z0-9.-]{1,64})$/.exec(textAt(request, 'url') ?? '') ?? []
  return others.length === 0 && textAt(request, 'method') === 'DELETE' && type && id ? { type, id } : undefined
}

/**
 * The entries of a FHIR Bundle file, or of one with a Bundle a line, one a line: row n is entry n, its resource as sent, or what it deletes.
 * Undefined when the file is anything else or larger than `largestBundle`.
 */
export async function bundleLines(spool: Spool, file: SpooledFile): Promise<SpooledFile | undefined> {
  if (file.bytes > largestBundle) return undefined
  const bytes = await readFile(file.path)
  // Most files are not even JSON, and most that are name no Bundle.
  if (!bytes.includes('"Bundle"')) return undefined
  const text = decodeUtf8(bytes)
  const lines = text === undefined ? undefined : (entriesOf(text) ?? text.split('\n').filter(isNotBlank).map(entriesOf))
  if (!lines?.every(line => line !== undefined)) return undefined
  const rows = lines.flat()
  if (rows.length === 0) return undefined
  const source = Readable.from(rows.map(row => `${row}\n`))
  return spoolStream(
    spool,
    file.name,
    source,
    rows.reduce((sum, row) => sum + 4 * row.length + 1, 0),
  )
}

const isNotBlank = (line: string): boolean => line.trim() !== ''

/** Undefined when the text is no Bundle. */
function entriesOf(text: string): readonly string[] | undefined {
  const { read } = readStrictJson(text)
  if (!read || textAt(read.value, 'resourceType') !== 'Bundle') return undefined
  return objectsAt(read.value, 'entry').map(entry => {
    const [resource, request] = [objectAt(entry, 'resource'), objectAt(entry, 'request')]
    const range = resource && read.ranges.get(resource)
    // A line end inside a text would be no JSON: every one here is blank space.
    if (range) return text.slice(...range).replaceAll(/[\r\n]+/g, ' ')
    if (resource || textAt(request, 'method') !== 'DELETE') return noResource
    return JSON.stringify({ resourceType: 'Bundle', type: 'transaction', entry: [{ request }] })
  })
}
