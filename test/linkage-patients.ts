import type { PartialDate } from '../src/fls/dates.ts'
import type { FactId, Identity, OdsCode, RecordKey } from '../src/fls/fact.ts'
import type { NhsNumber } from '../src/fls/nhs-number.ts'
import type { PersonAssertion, RecordEvidence } from '../src/linkage/linkage.ts'

/** Plain words for a synthetic identity: what a table of examples can hold. */
export type Sketch = {
  nhs?: string
  nhsStatus?: string
  invalidNhs?: string
  family?: string
  given?: string
  earlier?: string
  born?: string
  sex?: 'male' | 'female'
  postcode?: string
  practice?: string
  careHome?: boolean
  exactOnly?: boolean
}

export function identity(sketch: Sketch): Identity {
  return {
    ...(sketch.nhs ? { nhsNumber: sketch.nhs as NhsNumber } : {}),
    ...(sketch.nhsStatus ? { nhsNumberStatus: sketch.nhsStatus } : {}),
    ...(sketch.invalidNhs ? { invalidNhsNumber: sketch.invalidNhs } : {}),
    ...(sketch.family ? { familyName: sketch.family } : {}),
    ...(sketch.given ? { givenNames: sketch.given.split(' ') } : {}),
    ...(sketch.earlier ? { previousFamilyNames: [sketch.earlier] } : {}),
    ...(sketch.born ? { birthDate: sketch.born as PartialDate } : {}),
    ...(sketch.sex ? { sex: sketch.sex } : {}),
    ...(sketch.postcode ? { postcode: sketch.postcode } : {}),
    ...(sketch.practice ? { gpPractice: sketch.practice } : {}),
    ...(sketch.careHome ? { careHomeResident: true } : {}),
    ...(sketch.exactOnly ? { isExactMatchOnly: true } : {}),
  }
}

export function record(key: string, ...sketches: Sketch[]): RecordEvidence {
  const [organisation = 'RXX'] = key.split('|')
  return {
    record: key as RecordKey,
    organisation: organisation as OdsCode,
    side: 'hospital',
    facets: sketches.map(identity),
  }
}

export function assertion(kind: PersonAssertion['kind'], a: string, b: string): PersonAssertion {
  return { kind, a: a as RecordKey, b: b as RecordKey, factId: `${kind}|${a}|${b}` as FactId }
}
