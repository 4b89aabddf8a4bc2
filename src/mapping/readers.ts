import { fhirReaders } from './fhir-readers.ts'
import { hl7Readers } from './hl7-readers.ts'
import { plainReaders } from './plain-readers.ts'
import type { Reader } from './reader.ts'

/** The closed list of readers (column `reader`): those for plain text, and one list per protocol beside its module. */
export const readers: ReadonlyMap<string, Reader> = new Map(
  Object.entries({ ...plainReaders, ...hl7Readers, ...fhirReaders }),
)
