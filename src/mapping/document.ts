/**
 * One value found in a document, still raw. HL7: one repetition of a field or component. FHIR: one element. Extract: one cell.
 * `where` is in the sender's own terms (`DG1[2]-3`, `onsetDateTime`, `row 12, date`) and never holds a value.
 */
export type Found = {
  /** Text of the value; empty when the value is structured (`json`) or deleted (`isNull`). */
  readonly text: string
  readonly where: string
  /** The sender deleted the value (HL7 `""`). Absent and empty values are not found at all. */
  readonly isNull?: true
  /** FHIR: the element as parsed from JSON. */
  readonly json?: unknown
  /** HL7: component and sub-component, counted from 1; empty text when not there. */
  readonly part?: (component: number, sub?: number) => string
}

/**
 * The place rows are read from: one DG1 segment with its visit, one resource, one CSV row. `values` understands the paths of its own
 * protocol (README in `mappings/`) and answers in document order; an unknown or empty path answers an empty list, never throws.
 */
export type Context = {
  readonly where: string
  readonly values: (from: string) => readonly Found[]
}

/** What all protocols look like to the mapping tables. `type`: `ADT^A01`, `Condition`, `emis/CareRecord_Observation`. */
export type SourceDocument = {
  readonly type: string
  readonly contexts: (each: string) => readonly Context[]
}
