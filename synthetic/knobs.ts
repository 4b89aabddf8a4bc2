/** One setting of the world. `unit` says how to read `value`; `reason` why the default stands where it does. */
type Knob = {
  readonly value: number
  readonly unit: 'share' | 'factor' | 'days' | 'per year' | '0 or 1'
  readonly meaning: string
  readonly reason: string
}

// biome-ignore format: a table, one knob a line
const table = {
  // population
  careHomeShare: { value: 0.06, unit: 'share', meaning: 'persons living in a care home at the fracture (rises with age)', reason: 'about one in five hip fractures, few others' },
  childSameNameShare: { value: 0.01, unit: 'share', meaning: 'households with a son or daughter of 50+ bearing the same full name', reason: 'a rarity that breaks name-only keys' },
  nonBritishNames: { value: 0.22, unit: 'share', meaning: 'households of a name culture other than British', reason: 'older population of urban England, so that every culture has a measurable group' },
  sliceYears: { value: 0, unit: '0 or 1', meaning: '1: everybody is born in one year (national-density slice)', reason: 'whole age range is the ordinary world' },
  spouseShare: { value: 0.3, unit: 'share', meaning: 'households in which a spouse is also known to hospital or practice', reason: 'half of 50+ live with a partner; not all are patients here' },
  twinShare: { value: 0.012, unit: 'share', meaning: 'persons with a twin known to the same sources', reason: 'twin births were near 1.2 % of maternities' },
  // identity over time
  moveRate: { value: 0.06, unit: 'per year', meaning: 'chance of a move of house in a year', reason: 'older owner-occupiers move seldom' },
  nameChangeShare: { value: 0.008, unit: 'share', meaning: 'women whose family name changes within the year', reason: 'marriage, divorce and widowhood after 50' },
  practiceMoveRate: { value: 0.03, unit: 'per year', meaning: 'chance of changing practice in a year', reason: 'half of the moves cross a boundary' },
  secondNhsShare: { value: 0.0015, unit: 'share', meaning: 'persons holding two NHS numbers', reason: 'duplicate registrations are rare and real' },
  // sources
  duplicateMrnShare: { value: 0.01, unit: 'share', meaning: 'persons given a second hospital number by the same trust', reason: 'emergency registrations' },
  nhsBorrowedShare: { value: 0.001, unit: 'share', meaning: 'hospital records bearing the number of a household member', reason: 'wrong card at reception' },
  nhsMissingFls: { value: 0.02, unit: 'share', meaning: 'FLS records without NHS number', reason: 'clinic systems are filled from the PAS' },
  nhsMissingGp: { value: 0.002, unit: 'share', meaning: 'GP records without NHS number', reason: 'registration traces the number' },
  nhsMissingPas: { value: 0.05, unit: 'share', meaning: 'PAS records without NHS number', reason: 'emergency attendances arrive untraced' },
  nhsMistypedShare: { value: 0.004, unit: 'share', meaning: 'records whose number has one wrong digit (fails the check digit)', reason: 'typing without validation' },
  nhsUnverifiedShare: { value: 0.08, unit: 'share', meaning: 'hospital records whose number is not yet verified', reason: 'trace runs at night' },
  overlayShare: { value: 0.0006, unit: 'share', meaning: 'attendances booked on a household member`s hospital number', reason: 'one number, two people: must be noticed' },
  // errors
  addressOldShare: { value: 0.3, unit: 'share', meaning: 'movers whose old address still stands in a source', reason: 'a postcode disagreement is weak evidence' },
  birthDateDigitShare: { value: 0.006, unit: 'share', meaning: 'records with one wrong digit in the birth date', reason: '0.1 % after cleaning, more at the front desk' },
  birthDatePlaceholderShare: { value: 0.002, unit: 'share', meaning: 'records with 1 January or 1900-01-01', reason: 'forced field' },
  birthDateSwapShare: { value: 0.003, unit: 'share', meaning: 'records with day and month exchanged', reason: 'American habit, imports' },
  clusteredErrors: { value: 0, unit: '0 or 1', meaning: '1: a third of the organisations make five times the errors, the others a third', reason: 'errors cluster by hospital' },
  errorFactor: { value: 1, unit: 'factor', meaning: 'multiplies every identity error', reason: '1 is ordinary, 3 to 10 bad' },
  hyphenHalfShare: { value: 0.25, unit: 'share', meaning: 'records of a double-barrelled name that keep one half', reason: 'field habits differ' },
  nameSwapShare: { value: 0.003, unit: 'share', meaning: 'records with family and given name exchanged', reason: 'more with unfamiliar names' },
  nameTypoShare: { value: 0.02, unit: 'share', meaning: 'records with a slip in a name (typing, sound or scanner)', reason: 'Febrl-like rates, halved' },
  nicknameShare: { value: 0.05, unit: 'share', meaning: 'records using a short form of the forename', reason: 'Betty, Bill, Peggy' },
  repeatedErrors: { value: 1, unit: '0 or 1', meaning: '1: a source repeats its error in every message; 0: each message errs alone', reason: 'a snapshot is sent again and again' },
  // fractures
  bilateralShare: { value: 0.004, unit: 'share', meaning: 'same site, both sides, one fall', reason: 'case reports for hips, more for wrists' },
  edNotFractureShare: { value: 0.25, unit: 'share', meaning: 'suspected fractures of the ED that are none, per true one', reason: 'a quarter of fracture referrals were none' },
  excludedSiteShare: { value: 0.04, unit: 'share', meaning: 'extra attendances with a skull, finger or toe fracture, per true one', reason: 'they must open nothing' },
  multiSiteShare: { value: 0.05, unit: 'share', meaning: 'a second site broken in the same fall', reason: '5.1 % of patients of 65 and over' },
  refractureYearOne: { value: 0.08, unit: 'share', meaning: 'a further fracture within a year', reason: '7 to 10 % in the first year' },
  underFiftyShare: { value: 0.03, unit: 'share', meaning: 'extra persons under 50 with a fracture, per true one', reason: 'EDs send everybody' },
  // reporting by hospitals
  adtLateCodingShare: { value: 0.5, unit: 'share', meaning: 'admissions whose coding comes after discharge as A08', reason: 'coders work weeks behind' },
  attendElsewhereShare: { value: 0.05, unit: 'share', meaning: 'injuries treated away from the home trust', reason: 'holidays, boundaries' },
  codeCoarseShare: { value: 0.08, unit: 'share', meaning: 'hospital codes that name only the region', reason: '"other fracture" codes are common' },
  codeSiblingShare: { value: 0.03, unit: 'share', meaning: 'hospital codes of the neighbouring site', reason: '95 % right to the third position' },
  codeWrongShare: { value: 0.005, unit: 'share', meaning: 'hospital codes of another branch', reason: 'wrong branches are rare' },
  edShare: { value: 0.96, unit: 'share', meaning: 'injuries seen in an ED of the world', reason: 'some go to minor units or straight to clinic' },
  flsShare: { value: 0.78, unit: 'share', meaning: 'injuries found by an FLS', reason: 'ascertainment inside participating catchments' },
  followUpAsNewShare: { value: 0.04, unit: 'share', meaning: 'fracture clinic visits coded as a new fracture', reason: 'counts overstate people' },
  radiologyShare: { value: 0.8, unit: 'share', meaning: 'injuries with a radiology report sent', reason: 'feeds without RIS exist' },
  sideMissingShare: { value: 0.45, unit: 'share', meaning: 'hospital statements without a side', reason: 'ICD-10 states none' },
  sideWrongShare: { value: 0.01, unit: 'share', meaning: 'stated sides that are wrong', reason: 'no UK figure found' },
  transferShare: { value: 0.03, unit: 'share', meaning: 'inpatients moved to a second trust', reason: 'one event, two spells' },
  // reporting by GPs
  gpCodedShare: { value: 0.62, unit: 'share', meaning: 'fractures coded by the practice', reason: 'less than half after a year for other conditions, more for fractures' },
  gpDocumentShare: { value: 0.35, unit: 'share', meaning: 'GP entries coded from a letter', reason: 'discharge letters' },
  gpGenericShare: { value: 0.3, unit: 'share', meaning: 'GP entries with a generic code', reason: 'S30.. is the GP`s hip' },
  gpHistoryShare: { value: 0.06, unit: 'share', meaning: 'persons with a history entry of an older fracture', reason: 'new-patient checks, summarising' },
  gpLateDays: { value: 35, unit: 'days', meaning: 'mean delay of coding when it is late', reason: '74 to 93 % within a month by condition' },
  gpLateShare: { value: 0.45, unit: 'share', meaning: 'GP entries typed late', reason: 'letters lag' },
  gpMonthShare: { value: 0.08, unit: 'share', meaning: 'GP entries with month precision', reason: 'patient recalls a month' },
  gpOnsetIsEntryShare: { value: 0.18, unit: 'share', meaning: 'GP entries dated on the day of typing', reason: 'defaulted dates' },
  gpReviewShare: { value: 0.12, unit: 'share', meaning: 'GP fractures coded again at a review', reason: 'follow-up entries under the same code' },
  gpSideShare: { value: 0.35, unit: 'share', meaning: 'GP entries with a side', reason: 'qualifiers are rare' },
  gpWrongPatientShare: { value: 0.004, unit: 'share', meaning: 'entries in the wrong record, deleted later', reason: 'they must leave no trace' },
  gpYearShare: { value: 0.02, unit: 'share', meaning: 'GP entries with year precision', reason: 'summaries' },
  // arrival
  cancelledAdmissionShare: { value: 0.01, unit: 'share', meaning: 'admissions cancelled by A11 and booked again', reason: 'wrong bed, wrong patient' },
  cancelledDischargeShare: { value: 0.01, unit: 'share', meaning: 'discharges cancelled by A13', reason: 'patient still on the ward' },
  lateShare: { value: 0.03, unit: 'share', meaning: 'messages that arrive late', reason: 'queues and restarts' },
  lateDays: { value: 4, unit: 'days', meaning: 'mean lateness', reason: 'a weekend' },
  mergeShare: { value: 0.8, unit: 'share', meaning: 'second hospital numbers merged by A40', reason: 'data quality team' },
  repeatShare: { value: 0.01, unit: 'share', meaning: 'messages sent twice, byte for byte', reason: 'an acknowledgement that got lost' },
  resultCorrectedShare: { value: 0.01, unit: 'share', meaning: 'results corrected or withdrawn', reason: 'wrong patient, wrong side' },
  wrongMergeShare: { value: 0.0008, unit: 'share', meaning: 'households in which two people are merged and unmerged', reason: 'A40 by mistake' },
  yearDays: { value: 365, unit: 'days', meaning: 'length of the index period', reason: 'one audit year' },
} as const satisfies Record<string, Knob>

export type KnobName = keyof typeof table
export type Knobs = Readonly<Record<KnobName, number>>
export const knobTable: Readonly<Record<KnobName, Knob>> = table
export type WorldName = 'hospital-led' | 'gp-led' | 'clustered-sparse'

/**
 * Three worlds that differ in kind. `hospital-led`: rich hospital feeds, GPs code when a letter comes. `gp-led`: half of the injuries are never
 * seen by a connected ED, practices code most and early. `clustered-sparse`: few identifiers, errors made alone in each message and
 * gathered in a third of the organisations.
 */
export const worlds: Readonly<Record<WorldName, Partial<Knobs>>> = {
  'hospital-led': {},
  'gp-led': {
    edShare: 0.55,
    flsShare: 0.45,
    radiologyShare: 0.3,
    gpCodedShare: 0.88,
    gpLateShare: 0.25,
    gpGenericShare: 0.5,
    gpMonthShare: 0.15,
    gpDocumentShare: 0.15,
  },
  'clustered-sparse': {
    nhsMissingPas: 0.35,
    nhsMissingFls: 0.2,
    nhsMissingGp: 0.02,
    errorFactor: 2,
    clusteredErrors: 1,
    repeatedErrors: 0,
    sideMissingShare: 0.7,
    moveRate: 0.12,
  },
}

/** Defaults, then the named world, then single knobs. */
export function knobsOf(world: WorldName = 'hospital-led', changes: Partial<Knobs> = {}): Knobs {
  const knobs: Record<string, number> = {}
  for (const [name, knob] of Object.entries(table)) knobs[name] = knob.value
  return { ...(knobs as Knobs), ...worlds[world], ...changes }
}
