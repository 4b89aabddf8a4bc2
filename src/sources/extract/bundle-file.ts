import { readFile } from 'node:fs/promises'
import { Readable } from 'node:stream'
import { objectAt, objectsAt, textAt } from '../fhir/json.ts'
import { decodeUtf8, readStrictJson } from '../fhir/strict-json.ts'
import { type Spool, type SpooledFile, spoolStream } from './spool.ts'

/** A structured record of one patient stays far below; a larger Bundle is sent as one resource a line. Bytes. */
export const largestBundle = 16 * 1024 * 1024
/** An entry without a resource is refused under its own number, like any line that is none. */
const noResource = '{"resourceType":""}'

/**
 * The resources of a FHIR Bundle file, one a line and otherwise as sent: row n is `Bundle.entry[n-1].resource`. Undefined when the file
 * is no Bundle, is larger than `largestBundle` or is not JSON.
 */
export async function bundleLines(spool: Spool, file: SpooledFile): Promise<SpooledFile | undefined> {
  if (file.bytes > largestBundle) return undefined
  const bytes = await readFile(file.path)
  // Most files are not even JSON, and most that are name no Bundle.
  if (!bytes.includes('"Bundle"')) return undefined
  const text = decodeUtf8(bytes)
  const read = text === undefined ? undefined : readStrictJson(text).read
  if (text === undefined || !read || textAt(read.value, 'resourceType') !== 'Bundle') return undefined
  const lines = objectsAt(read.value, 'entry').map(entry => {
    const resource = objectAt(entry, 'resource')
    const range = resource && read.ranges.get(resource)
    // A line end inside a text would be no JSON: every one here is blank space.
    return range ? text.slice(...range).replaceAll(/[\r\n]+/g, ' ') : noResource
  })
  const source = Readable.from(lines.map(line => `${line}\n`))
  return spoolStream(spool, file.name, source, file.bytes + lines.length * (noResource.length + 1))
}
