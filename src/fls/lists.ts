/**
 * Options of the coded audit questions. Codes are ours; `label` is the text of real FLS-DB exports where one is known (`published: true`,
 * domain reference 2.6 [E]), else our wording: then the option is provisional until the audit's owner confirms it. `synonyms` are further
 * texts accepted on import, compared without case, blanks and damaged apostrophes (src/fls/option.ts). Order is the order of the form.
 */
export type Option = {
  readonly code: string
  readonly label: string
  readonly published?: true
  readonly synonyms?: readonly string[]
  /** Stands alone: never beside another option of the same answer. */
  readonly exclusive?: true
}

const yes: Option = { code: 'yes', label: 'Yes', published: true, synonyms: ['Y', 'true', '1'] }
const no: Option = { code: 'no', label: 'No', published: true, synonyms: ['N', 'false', '0'] }
const unknown: Option = {
  code: 'unknown',
  label: "Don't know",
  published: true,
  synonyms: ['Unknown', 'Not known', 'DK', 'Dont know'],
}
const unknownAlone: Option = { ...unknown, exclusive: true }
const declinedAlone: Option = {
  code: 'declined',
  label: 'Informed decline',
  published: true,
  synonyms: ['Declined', 'Patient declined'],
  exclusive: true,
}

const drugs = [
  { code: 'alendronate', label: 'Alendronate', published: true, synonyms: ['Alendronic acid', 'Fosamax'] },
  { code: 'risedronate', label: 'Risedronate', published: true, synonyms: ['Risedronate sodium', 'Actonel'] },
  { code: 'ibandronate', label: 'Ibandronate', published: true, synonyms: ['Ibandronic acid', 'Bonviva'] },
  { code: 'zoledronate', label: 'Zoledronate', published: true, synonyms: ['Zoledronic acid', 'Aclasta'] },
  { code: 'denosumab', label: 'Denosumab', published: true, synonyms: ['Prolia'] },
  { code: 'teriparatide', label: 'Teriparatide', published: true, synonyms: ['Forsteo'] },
  { code: 'romosozumab', label: 'Romosozumab', published: true, synonyms: ['Evenity'] },
  {
    code: 'systemic-oestrogen',
    label: 'Systemic Oestrogens (HRT)',
    published: true,
    synonyms: ['HRT', 'Systemic oestrogen', 'Systemic oestrogens', 'Systemic estrogens (HRT)'],
  },
  { code: 'alfacalcidol', label: 'Alfacalcidol', published: true },
  { code: 'raloxifene', label: 'Raloxifene', synonyms: ['Evista'] },
  { code: 'strontium', label: 'Strontium ranelate', synonyms: ['Strontium'] },
  { code: 'calcitriol', label: 'Calcitriol' },
  { code: 'abaloparatide', label: 'Abaloparatide', synonyms: ['Eladynos'] },
  { code: 'pamidronate', label: 'Pamidronate', synonyms: ['Pamidronic acid'] },
] as const satisfies readonly Option[]

/** Codes that mean a bone drug by name: `named(x)` of the KPIs, "on treatment" at follow-up. */
export const drugCodes: ReadonlySet<string> = new Set(drugs.map(drug => drug.code))

const sites = [
  { code: 'hip', label: 'Hip', published: true, synonyms: ['Hip (proximal femur)', 'Neck of femur', 'Proximal femur'] },
  { code: 'spine', label: 'Spine', published: true, synonyms: ['Vertebral', 'Vertebra'] },
  { code: 'humerus', label: 'Humerus', published: true },
  { code: 'wrist', label: 'Wrist', published: true, synonyms: ['Distal radius', 'Colles'] },
  { code: 'pelvis', label: 'Pelvis', published: true },
  { code: 'other', label: 'Other', published: true, synonyms: ['Non hip/non spine', 'Non hip non spine'] },
  { code: 'femur', label: 'Other: femur (not hip)', synonyms: ['Femur'] },
  { code: 'tibia_fibula', label: 'Other: tibia or fibula', synonyms: ['Tibia', 'Fibula', 'Tibia/fibula'] },
  { code: 'ankle', label: 'Other: ankle', synonyms: ['Ankle'] },
  { code: 'forearm', label: 'Other: forearm', synonyms: ['Forearm', 'Radius', 'Ulna'] },
  { code: 'elbow', label: 'Other: elbow', synonyms: ['Elbow'] },
  { code: 'rib', label: 'Other: rib', synonyms: ['Rib', 'Ribs'] },
  { code: 'sternum', label: 'Other: sternum', synonyms: ['Sternum'] },
  { code: 'clavicle', label: 'Other: clavicle', synonyms: ['Clavicle'] },
  { code: 'scapula', label: 'Other: scapula', synonyms: ['Scapula'] },
  { code: 'patella', label: 'Other: patella', synonyms: ['Patella'] },
  { code: 'foot', label: 'Other: foot (not toe)', synonyms: ['Foot'] },
  { code: 'hand', label: 'Other: hand (not finger)', synonyms: ['Hand'] },
] as const satisfies readonly Option[]

const refClinical = {
  code: 'ref-clinical',
  label: 'Referred for further clinical opinion',
  published: true,
  synonyms: ['Refer for clinical opinion', 'Referred for clinical opinion'],
} as const satisfies Option

const followUp: readonly Option[] = [
  yes,
  no,
  { code: 'died', label: 'Died', synonyms: ['Deceased', 'Dead'] },
  { code: 'declined', label: 'Declined' },
  { code: 'not-contactable', label: 'Not contactable', synonyms: ['Unable to contact'] },
  { code: 'discharged-to-other-fls', label: 'Discharged to another FLS' },
]

export const lists = {
  'CL-YNU': [yes, no, unknown],
  'CL-SEX': [
    { code: 'male', label: 'Male', synonyms: ['M', '1'] },
    { code: 'female', label: 'Female', synonyms: ['F', '2'] },
    { code: 'other', label: 'Other', synonyms: ['Indeterminate', '9'] },
    { code: 'unknown', label: 'Not known', synonyms: ['U', 'X', 'Unknown', "Don't know"] },
  ],
  'CL-ADMIT': [yes, no, { code: 'already-inpatient', label: 'Already an inpatient' }, unknown],
  'CL-FTYPE': [
    { code: 'clinical-hip', label: 'Clinical hip' },
    { code: 'clinical-spine', label: 'Clinical spine' },
    { code: 'incidental-spine', label: 'Incidental spine' },
    { code: 'clinical-nonhip-nonspine', label: 'Clinical non hip, non spine' },
    { code: 'atypical-femoral', label: 'Atypical femoral' },
    { code: 'periprosthetic', label: 'Periprosthetic' },
    unknown,
  ],
  'CL-SITE': sites,
  'CL-PRIORTX': [
    { code: 'none', label: 'None', synonyms: ['No'] },
    ...drugs.map(({ code, label }) => ({ code: `current-${code}`, label: `Current: ${label}`, synonyms: [label] })),
    { code: 'stopped-within-1y', label: 'Stopped within the last year' },
    { code: 'stopped-over-1y', label: 'Stopped more than a year before' },
    unknown,
  ],
  'CL-DXA': [
    { code: 'ordered', label: 'Ordered' },
    { code: 'recommended', label: 'Recommended' },
    { code: 'done-within-2y', label: 'Done in the past 2 years', synonyms: ['Done within 2 years'] },
    { code: 'not-ordered', label: 'Not ordered', synonyms: ['No'] },
    unknown,
  ],
  'CL-DXANOT': [
    { code: 'age-or-risk-makes-unnecessary', label: 'Unnecessary at this age or risk' },
    { code: 'recent-dxa', label: 'Recent DXA' },
    { code: 'cannot-lie-flat', label: 'Cannot lie flat' },
    { code: 'frailty-or-life-expectancy', label: 'Frailty or life expectancy' },
    { code: 'declined', label: 'Declined', synonyms: ['Informed decline'] },
    { code: 'service-unavailable', label: 'Service not available' },
    { code: 'other', label: 'Other' },
  ],
  'CL-RISK': [
    { code: 'low', label: 'Low' },
    { code: 'intermediate', label: 'Intermediate' },
    { code: 'high', label: 'High' },
    { code: 'very-high', label: 'Very high' },
    { code: 'not-assessed', label: 'Not assessed' },
  ],
  'CL-TXREC': [
    ...drugs,
    {
      code: 'ref-gp',
      label: 'Referred to GP to decide prescription',
      published: true,
      synonyms: ['Referred to GP', 'Refer to GP'],
    },
    refClinical,
    { code: 'inappropriate', label: 'Inappropriate', published: true, exclusive: true },
    declinedAlone,
    unknownAlone,
  ],
  'CL-TXFU': [
    ...drugs,
    { code: 'not-started', label: 'Not started', published: true, exclusive: true },
    { code: 'no-longer-appropriate', label: 'No longer appropriate', published: true, exclusive: true },
    declinedAlone,
    refClinical,
    unknownAlone,
  ],
  'CL-CAVD': [
    { code: 'yes-both', label: 'Yes, calcium and vitamin D', synonyms: ['Yes', 'Both'] },
    { code: 'calcium-only', label: 'Calcium only' },
    { code: 'vitd-only', label: 'Vitamin D only' },
    { code: 'already-taking', label: 'Already taking' },
    { code: 'not-needed', label: 'Not needed', synonyms: ['No'] },
    { code: 'declined', label: 'Declined', synonyms: ['Informed decline'] },
    unknown,
  ],
  'CL-FALLS': [
    yes,
    no,
    { code: 'referred', label: 'Referred' },
    { code: 'recommended', label: 'Recommended' },
    { code: 'not-appropriate', label: 'Not appropriate' },
    unknown,
  ],
  'CL-FALLREF': [
    { code: 'falls-service', label: 'Falls service' },
    { code: 'strength-balance', label: 'Strength and balance classes' },
    { code: 'physiotherapy', label: 'Physiotherapy' },
    { code: 'ot-home-hazard', label: 'Occupational therapy, home hazards' },
    { code: 'medication-review', label: 'Medication review' },
    { code: 'optometry', label: 'Optometry' },
    { code: 'cardiology', label: 'Cardiology' },
    { code: 'continence', label: 'Continence service' },
    { code: 'none', label: 'None', exclusive: true },
  ],
  'CL-MOB': [
    { code: 'independent-no-aid', label: 'Independent without aids' },
    { code: 'one-aid', label: 'One aid' },
    { code: 'two-aids-or-frame', label: 'Two aids or a frame' },
    { code: 'indoor-only-with-help', label: 'Indoors only, with help' },
    { code: 'no-functional-mobility', label: 'No functional mobility' },
    unknown,
  ],
  'CL-FUP': followUp,
  'CL-WHO': [
    { code: 'fls', label: 'FLS' },
    { code: 'gp', label: 'GP' },
    { code: 'other', label: 'Other' },
  ],
  'CL-EXSTART': [yes, no, { code: 'not-appropriate', label: 'Not appropriate' }, unknown],
  'CL-REFRACTURES': [
    { code: '0', label: '0', synonyms: ['None', 'No'] },
    { code: '1', label: '1' },
    { code: '2', label: '2' },
    { code: '3+', label: '3 or more', synonyms: ['3', '4', '5'] },
  ],
} as const satisfies Record<string, readonly Option[]>

export type ListId = keyof typeof lists

/** Options of a list, under the plain type. */
export function optionsOf(list: ListId): readonly Option[] {
  return lists[list]
}

export function isOption(list: ListId, code: string): boolean {
  return optionsOf(list).some(option => option.code === code)
}

/** True when the option must stand alone in a multi-valued answer. */
export function isExclusive(list: ListId, code: string): boolean {
  return optionsOf(list).some(option => option.code === code && option.exclusive === true)
}
