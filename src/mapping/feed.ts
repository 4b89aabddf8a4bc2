import { z } from 'zod'

const text = z.string().min(1)

/**
 * `mappings/<feed>/source.json`: what is true of one sender and of nobody else. Everything is optional but `kind`; what is missing follows
 * from the enrolment (organisation) and the protocol's defaults.
 */
export const feedShape = z.strictObject({
  /** Folder of defaults this feed builds on. */
  kind: z.enum(['hl7v2', 'fhir-r4', 'gp-extract', 'audit-csv']),
  title: text.optional(),
  /** ODS code of the sending organisation: only a hint for enrolment, the enrolled one wins. */
  organisation: text.optional(),
  /** Who numbers the patients; by default the organisation. PAS, radiology and laboratory that share numbers share it. */
  authority: text.optional(),
  /** The sender's names of assigning authorities → authority (`{"PAS": "RXX", "RYY01": "RYY"}`). */
  authorities: z.record(text, text).optional(),
  /** FHIR: identifier systems that are hospital numbers → authority. */
  identifierSystems: z.record(text, text).optional(),
  /** Identifier types (CX-5) that are the local number, in order of preference. */
  numberTypes: z.array(text).optional(),
  /** Who speaks when the message does not say: decides what its diagnoses weigh. */
  department: z.enum(['emergency', 'inpatient', 'outpatient', 'fls', 'theatre', 'radiology', 'gp']).optional(),
  /** Kind of every report of this feed. */
  reports: z.enum(['radiology', 'letter', 'dxa', 'laboratory', 'other']).optional(),
  /** Code system of codings sent without one, by segment or resource (`{"DG1": "icd-10"}`). */
  codingSystems: z.record(text, text).optional(),
  /** Overrides MSH-18. */
  charset: text.optional(),
  /** Enrolment hints for demo and `flsdb feed add`. */
  sendingApplications: z.array(text).optional(),
  sendingFacilities: z.array(text).optional(),
  profile: z.enum(['stored', 'applied']).optional(),
})

export type FeedSource = z.infer<typeof feedShape>
