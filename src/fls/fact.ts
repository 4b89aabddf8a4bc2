import type { Instant, PartialDate } from './dates.ts'
import type { Issue } from './issue.ts'
import type { NhsNumber } from './nhs-number.ts'

/** ODS code of an organisation, upper case: trust (3), site (5), practice (6). */
export type OdsCode = string & { readonly brand: 'OdsCode' }
/**
 * One patient as one numbering authority knows them: `<authority>|<number>`; without a number `<sender>|nhs|<NHS number>`,
 * else `<inbox id>|<path>`. GP: `<practice ODS>|gp|<the system's patient id>`. Patient data: never log it.
 */
export type RecordKey = string & { readonly brand: 'RecordKey' }
/** SHA-256 (hex) of inbox id, path and mapping row. */
export type FactId = string & { readonly brand: 'FactId' }
/** SHA-256 (hex) of enrolled sender, control id and payload hash. */
export type InboxId = string & { readonly brand: 'InboxId' }

export type Side = 'hospital' | 'gp' | 'site'
export type Laterality = 'left' | 'right' | 'bilateral'
export type Certainty = 'confirmed' | 'suspected' | 'refuted'

/** A code exactly as sent. `system` is our short name (see `terminology/systems.csv`) or the sender's own text. */
export type Coding = { readonly system: string; readonly code: string; readonly display?: string }

/** What a code means to us: a row of `terminology/<set>/codes.csv`. `id` is e.g. `hip.neck`, `drug.denosumab`, `dxa.tscore.hip`. */
export type ConceptRef = {
  readonly set: string
  readonly id: string
  /** `history`: evidence of an earlier fracture, never an index fracture. `exclude`: outside the audit, with the reason in `specificity`. */
  readonly kind: 'include' | 'exclude' | 'history'
  readonly specificity?: readonly string[]
}

/**
 * What the date is the date *of* (linkage.md 3.2). `injury`, `attendance`, `admission`, `onset` may place a fracture in time;
 * `recorded` is the day somebody typed; `received` stands where the sender gave no date.
 */
export type DateKind =
  | 'injury'
  | 'attendance'
  | 'admission'
  | 'onset'
  | 'recorded'
  | 'result'
  | 'clinic'
  | 'event'
  | 'received'

export type When = { readonly date: PartialDate; readonly kind: DateKind }

/**
 * How this statement replaces, or is replaced by, others of the same record. Two statements are ordered by `asOf`, then `order`,
 * then inbox id: never by arrival.
 *
 * `set`: the newest version of a set replaces all facts of its older versions (the DG1 list of a visit, one result report, one GP row).
 * `thing`: facts about one thing (a visit, a GP entry) are folded field by field, newer over older.
 * `visit`: the spell or attendance this belongs to; a retracted encounter retracts what it carried up to its `asOf`.
 * `row`: the sending system's row identity of a GP extract, for deletes and full extracts.
 */
export type Revision = {
  readonly asOf: Instant
  readonly order?: number
  readonly set?: string
  readonly thing?: string
  readonly visit?: string
  readonly row?: { readonly file: string; readonly id: string; readonly extract: string }
}

/** Where a fact comes from: enough to open the exact field of the exact message and the mapping row that read it. */
export type Source = {
  readonly inboxId: InboxId
  /** In the sender's own terms: `PID-7`, `entry[2].resource.onsetDateTime`, `row 12, date`. */
  readonly path: string
  /** Mapping row id, e.g. `adt.dg1.code`. */
  readonly row: string
  /** Hash of the mapping and terminology tables in force. */
  readonly tableHash: string
  /** Enrolled sender (feed id). */
  readonly sender: string
  /** MSH-10, X-Request-ID or Bundle.identifier, extract id. */
  readonly controlId: string
}

type FactCommon = {
  readonly id: FactId
  readonly record: RecordKey
  /** The organisation whose record this is: tenant of the fact. */
  readonly organisation: OdsCode
  readonly side: Side
  readonly status: 'active' | 'amended' | 'retracted'
  /** All codings as sent; the first is the one that decided. */
  readonly coding?: readonly Coding[]
  readonly concept?: ConceptRef
  readonly laterality?: Laterality
  readonly certainty?: Certainty
  /** Number or code as text, decimal places kept. */
  readonly value?: string
  /** UCUM. */
  readonly unit?: string
  readonly comparator?: '<' | '<=' | '>' | '>='
  readonly when?: When
  /** When it was entered at the source, as stated. */
  readonly recorded?: PartialDate
  readonly revision: Revision
  readonly source: Source
}

export type Identity = {
  readonly nhsNumber?: NhsNumber
  /** NHS Data Dictionary verification status 01–08. */
  readonly nhsNumberStatus?: string
  /** Ten digits that fail the check digit: weak evidence. */
  readonly invalidNhsNumber?: string
  readonly familyName?: string
  readonly givenNames?: readonly string[]
  readonly previousFamilyNames?: readonly string[]
  readonly birthDate?: PartialDate
  readonly sex?: 'male' | 'female' | 'other' | 'unknown'
  readonly addressLines?: readonly string[]
  /** Upper case, one space before the last three characters. */
  readonly postcode?: string
  readonly addressFrom?: PartialDate
  readonly careHomeResident?: boolean
  /** ODS code of the registered practice. */
  readonly gpPractice?: string
  readonly ethnicCategory?: string
  /** PID-31 Y: never compared fuzzily. */
  readonly isExactMatchOnly?: boolean
  /** The local patient number and who numbers; absent when only an NHS number was sent. */
  readonly localNumber?: { readonly authority: string; readonly number: string }
}

/** `null` = the sender deleted the value; absent = nothing said. Instants as calendar dates in Europe/London. */
export type Encounter = {
  readonly class?: 'inpatient' | 'emergency' | 'outpatient' | 'pre-admission' | 'gp.registration' | 'other'
  readonly state?: 'planned' | 'in-progress' | 'finished' | 'cancelled'
  readonly start?: PartialDate | null
  readonly end?: PartialDate | null
  readonly endReason?: string | null
  readonly specialty?: string
  /** NHS Data Dictionary codes. */
  readonly admissionMethod?: string
  readonly admissionSource?: string
  readonly dischargeDestination?: string | null
  /** `fls`, `falls`, `dxa` … when the clinic is known by the feed's table. */
  readonly clinic?: Clinic
}
export type Clinic = 'fls' | 'dxa' | 'falls' | 'strength-balance' | 'fracture' | 'other'

export type Medication = {
  readonly name?: string
  /** ordered = prescribed; supplied = dispensed or issued; administered = given; stated = patient takes it; noted = heard of, not supplied here. */
  readonly state: 'ordered' | 'supplied' | 'administered' | 'stated' | 'recommended' | 'noted' | 'cancelled'
  readonly daysSupplied?: number
  readonly quantity?: string
  readonly quantityUnit?: string
  readonly dosage?: string
  readonly courseId?: string
  readonly courseType?: 'acute' | 'repeat' | 'repeat-dispensing'
  readonly stoppedOn?: PartialDate
}

export type Appointment = { readonly clinic: Clinic; readonly state: 'booked' | 'attended' | 'cancelled' | 'missed' }
export type RequestDetail = {
  readonly state?: 'sent' | 'completed' | 'cancelled'
  readonly urgency?: string
  readonly recipient?: string
}

/** A radiology report or letter. Its text stays in the inbox; `mention` only says where the text may speak of a fracture. */
export type DocumentDetail = {
  readonly type: 'radiology' | 'letter' | 'dxa' | 'laboratory' | 'other'
  readonly mention?: { readonly site: string; readonly isNegated: boolean }
}

/** One answer to an audit question by somebody at a site. `values`: codes of the item's list, or text for dates and numbers; empty = cleared. */
export type AnswerDetail = {
  readonly item: string
  readonly values: readonly string[]
  /** QuestionnaireResponse, upload row or form this belongs to. */
  readonly response: string
  readonly responseStatus?: 'in-progress' | 'completed' | 'amended'
  /** A human pinned the response to this episode. */
  readonly episode?: string
}

/**
 * `replaced-by`: this record's number was merged into `other` (A40, reversible); `superseded-nhs`: two NHS numbers of one person, by the source;
 * `same-patient`, `not-same-patient`: a person decided; `fracture-same`, `fracture-different`: a person decided about two facts;
 * `visit-moved`: the source moved a visit to another number or another patient (A42, A45, A50).
 */
export type AssertionDetail = {
  readonly assertion:
    | 'replaced-by'
    | 'superseded-nhs'
    | 'same-patient'
    | 'not-same-patient'
    | 'fracture-same'
    | 'fracture-different'
    | 'visit-moved'
  /** Record key; for `fracture-*` the second fact id. */
  readonly other: string
  /** `fracture-*` only: the first fact id. */
  readonly fact?: string
  /** `visit-moved` only: the visit as it was, and as it is (`Revision.visit`). */
  readonly visit?: string
  readonly toVisit?: string
  readonly by: 'source' | 'human'
}

export type FactOf = {
  identity: FactCommon & { readonly kind: 'identity'; readonly detail: Identity }
  encounter: FactCommon & { readonly kind: 'encounter'; readonly detail: Encounter }
  diagnosis: FactCommon & { readonly kind: 'diagnosis'; readonly detail?: DiagnosisDetail }
  procedure: FactCommon & { readonly kind: 'procedure'; readonly detail?: undefined }
  observation: FactCommon & { readonly kind: 'observation'; readonly detail?: ObservationDetail }
  medication: FactCommon & { readonly kind: 'medication'; readonly detail: Medication }
  request: FactCommon & { readonly kind: 'request'; readonly detail?: RequestDetail }
  appointment: FactCommon & { readonly kind: 'appointment'; readonly detail: Appointment }
  document: FactCommon & { readonly kind: 'document'; readonly detail: DocumentDetail }
  death: FactCommon & { readonly kind: 'death'; readonly detail?: undefined }
  answer: FactCommon & { readonly kind: 'answer'; readonly detail: AnswerDetail }
  assertion: FactCommon & { readonly kind: 'assertion'; readonly detail: AssertionDetail }
}
/** `source`: the department that spoke, for linkage (ED, PAS, FLS, theatre, radiology, GP). */
export type DiagnosisDetail = {
  readonly department?: 'emergency' | 'inpatient' | 'outpatient' | 'fls' | 'theatre' | 'radiology' | 'gp'
  readonly episodicity?: 'first' | 'new' | 'review' | 'end' | 'other'
  readonly isFromDocument?: boolean
  readonly endedOn?: PartialDate
}
/** Values of one scan or panel share a `group`. */
export type ObservationDetail = { readonly group?: string }

export type FactKind = keyof FactOf
/** One thing a message says about one patient (Decision "Facts"). */
export type Fact = FactOf[FactKind]

/** Reading never loses the message: what could not be read is an issue beside the facts that could. */
export type Reading = { readonly facts: readonly Fact[]; readonly issues: readonly Issue[] }
