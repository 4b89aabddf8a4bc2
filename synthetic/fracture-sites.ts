/** `[code, display]` in one code system. */
export type Code = readonly [code: string, display: string]

/**
 * One place a bone breaks, as the world draws it. `share` of all index fractures (hip 19 %, spine 6 %: 2017 site mix, audit.md 5.6),
 * `admitted` = chance of an overnight stay, `age` = mean and SD in years, `female` = share of women.
 * `coarse`: what a hurried coder writes instead; `sibling`: the near neighbour often confused with it.
 */
export type Site = {
  readonly id: string
  readonly group: 'hip' | 'spine' | 'pelvis' | 'humerus' | 'wrist' | 'other'
  readonly share: number
  readonly admitted: number
  readonly age: readonly [mean: number, sd: number]
  readonly female: number
  readonly isPaired: boolean
  readonly words: string
  readonly imaging: string
  readonly icd10: Code
  readonly icd10Coarse: Code
  readonly icd10Sibling: Code
  readonly snomed: Code
  readonly snomedCoarse: Code
  readonly read2: Code
  readonly read2Coarse: Code
  readonly ctv3?: Code
  /** OPCS-4 of the usual operation. */
  readonly opcs4?: string
}

const anyBone: Code = ['125605004', 'Fracture of bone']
const anyLimb: Code = ['T14.2', 'Fracture of unspecified body region']
const anyRead: Code = ['S3z..', 'Fracture of bone NOS']

// biome-ignore format: a table, one fracture site a line
export const sites: readonly Site[] = [
  { id: 'ankle', group: 'other', share: 0.1, admitted: 0.3, age: [66, 10], female: 0.66, isPaired: true, words: 'lateral malleolus of ankle', imaging: 'XR Ankle', icd10: ['S82.6', 'Fracture of lateral malleolus'], icd10Coarse: ['S82.9', 'Fracture of lower leg, part unspecified'], icd10Sibling: ['S82.8', 'Fractures of other parts of lower leg'], snomed: ['34268009', 'Closed fracture of lateral malleolus'], snomedCoarse: ['16114001', 'Fracture of ankle'], read2: ['S342.', 'Closed fracture ankle; lateral malleolus'], read2Coarse: ['S34..', 'Fracture of ankle'], ctv3: ['S342.', 'Closed fracture ankle, lateral malleolus'], opcs4: 'W20.1' },
  { id: 'clavicle', group: 'other', share: 0.02, admitted: 0.1, age: [72, 12], female: 0.5, isPaired: true, words: 'clavicle', imaging: 'XR Clavicle', icd10: ['S42.0', 'Fracture of clavicle'], icd10Coarse: ['S42.9', 'Fracture of shoulder girdle, part unspecified'], icd10Sibling: ['S42.1', 'Fracture of scapula'], snomed: ['33173003', 'Closed fracture of clavicle'], snomedCoarse: ['58150001', 'Fracture of clavicle'], read2: ['S20..', 'Fracture of clavicle'], read2Coarse: ['S20..', 'Fracture of clavicle'], ctv3: ['S20..', 'Fracture of clavicle'] },
  { id: 'elbow', group: 'other', share: 0.03, admitted: 0.3, age: [71, 11], female: 0.64, isPaired: true, words: 'olecranon', imaging: 'XR Elbow', icd10: ['S52.0', 'Fracture of upper end of ulna'], icd10Coarse: ['S52.9', 'Fracture of forearm, part unspecified'], icd10Sibling: ['S52.1', 'Fracture of upper end of radius'], snomed: ['64902007', 'Closed fracture of olecranon process of ulna'], snomedCoarse: ['65966004', 'Fracture of forearm'], read2: ['S236.', 'Fracture of upper end of ulna'], read2Coarse: ['S23..', 'Fracture of radius and ulna'], opcs4: 'W20.1' },
  { id: 'foot', group: 'other', share: 0.04, admitted: 0.08, age: [66, 10], female: 0.7, isPaired: true, words: 'calcaneus', imaging: 'XR Foot', icd10: ['S92.0', 'Fracture of calcaneus'], icd10Coarse: ['S92.9', 'Fracture of foot, unspecified'], icd10Sibling: ['S92.3', 'Fracture of metatarsal bone'], snomed: ['263247007', 'Fracture of calcaneus'], snomedCoarse: ['263247007', 'Fracture of calcaneus'], read2: ['S354.', 'Fracture of calcaneus'], read2Coarse: ['S354.', 'Fracture of calcaneus'], ctv3: ['XA0Hk', 'Fracture of calcaneus'] },
  { id: 'forearm', group: 'other', share: 0.01, admitted: 0.25, age: [70, 11], female: 0.7, isPaired: true, words: 'shaft of radius', imaging: 'XR Forearm', icd10: ['S52.3', 'Fracture of shaft of radius'], icd10Coarse: ['S52.9', 'Fracture of forearm, part unspecified'], icd10Sibling: ['S52.2', 'Fracture of shaft of ulna'], snomed: ['111640008', 'Closed fracture of radius'], snomedCoarse: ['65966004', 'Fracture of forearm'], read2: ['S23..', 'Fracture of radius and ulna'], read2Coarse: ['S23..', 'Fracture of radius and ulna'], ctv3: ['XA0GV', 'Fracture of radius'], opcs4: 'W20.1' },
  { id: 'hand', group: 'other', share: 0.02, admitted: 0.03, age: [67, 11], female: 0.55, isPaired: true, words: 'fifth metacarpal', imaging: 'XR Hand', icd10: ['S62.3', 'Fracture of other metacarpal bone'], icd10Coarse: ['S62.8', 'Fracture of other and unspecified parts of wrist and hand'], icd10Sibling: ['S62.2', 'Fracture of first metacarpal bone'], snomed: ['208393000', 'Fracture of metacarpal bone'], snomedCoarse: ['20511007', 'Fracture of hand'], read2: ['S25..', 'Fracture of metacarpal bone'], read2Coarse: ['S25..', 'Fracture of metacarpal bone'], ctv3: ['S25..', 'Fracture of metacarpal bone'] },
  { id: 'hip.intracapsular', group: 'hip', share: 0.105, admitted: 0.99, age: [82, 9], female: 0.7, isPaired: true, words: 'intracapsular neck of femur', imaging: 'XR Hip', icd10: ['S72.0', 'Fracture of neck of femur'], icd10Coarse: ['S72.9', 'Fracture of femur, part unspecified'], icd10Sibling: ['S72.1', 'Pertrochanteric fracture'], snomed: ['263226008', 'Subcapital fracture of neck of femur'], snomedCoarse: ['5913000', 'Fracture of neck of femur'], read2: ['S3005', 'Cls # prox femur, subcapital, Garden grade unspec.'], read2Coarse: ['S30..', 'Fracture of neck of femur'], ctv3: ['XA0HF', 'Subcapital fracture of neck of femur'], opcs4: 'W46.1' },
  { id: 'hip.subtrochanteric', group: 'hip', share: 0.015, admitted: 0.99, age: [81, 10], female: 0.72, isPaired: true, words: 'subtrochanteric femur', imaging: 'XR Hip', icd10: ['S72.2', 'Subtrochanteric fracture'], icd10Coarse: ['S72.9', 'Fracture of femur, part unspecified'], icd10Sibling: ['S72.1', 'Pertrochanteric fracture'], snomed: ['263229001', 'Subtrochanteric fracture of femur'], snomedCoarse: ['359817006', 'Closed fracture of hip'], read2: ['S305.', 'Subtrochanteric fracture'], read2Coarse: ['S30..', 'Fracture of neck of femur'], ctv3: ['XA0HJ', 'Subtrochanteric fracture of femur'], opcs4: 'W19.1' },
  { id: 'hip.trochanteric', group: 'hip', share: 0.07, admitted: 0.99, age: [84, 8], female: 0.72, isPaired: true, words: 'intertrochanteric femur', imaging: 'XR Hip', icd10: ['S72.1', 'Pertrochanteric fracture'], icd10Coarse: ['S72.9', 'Fracture of femur, part unspecified'], icd10Sibling: ['S72.0', 'Fracture of neck of femur'], snomed: ['89820008', 'Closed intertrochanteric fracture'], snomedCoarse: ['5913000', 'Fracture of neck of femur'], read2: ['S3024', 'Closed fracture of femur, intertrochanteric'], read2Coarse: ['S30..', 'Fracture of neck of femur'], ctv3: ['XA0HI', 'Intertrochanteric fracture of femur'], opcs4: 'W24.1' },
  { id: 'humerus.distal', group: 'humerus', share: 0.01, admitted: 0.4, age: [74, 11], female: 0.72, isPaired: true, words: 'distal humerus', imaging: 'XR Elbow', icd10: ['S42.4', 'Fracture of lower end of humerus'], icd10Coarse: ['S42.9', 'Fracture of shoulder girdle, part unspecified'], icd10Sibling: ['S42.3', 'Fracture of shaft of humerus'], snomed: ['263192005', 'Fracture of distal end of humerus'], snomedCoarse: ['66308002', 'Fracture of humerus'], read2: ['S228.', 'Fracture of lower end of humerus'], read2Coarse: ['S22..', 'Fracture of humerus'], opcs4: 'W20.1' },
  { id: 'humerus.proximal', group: 'humerus', share: 0.1, admitted: 0.25, age: [74, 11], female: 0.74, isPaired: true, words: 'surgical neck of humerus', imaging: 'XR Shoulder', icd10: ['S42.2', 'Fracture of upper end of humerus'], icd10Coarse: ['S42.9', 'Fracture of shoulder girdle, part unspecified'], icd10Sibling: ['S42.3', 'Fracture of shaft of humerus'], snomed: ['42636007', 'Closed fracture of upper end of humerus'], snomedCoarse: ['66308002', 'Fracture of humerus'], read2: ['S226.', 'Fracture of upper end of humerus'], read2Coarse: ['S22..', 'Fracture of humerus'], ctv3: ['XA0GQ', 'Fracture of proximal end of humerus'] },
  { id: 'humerus.shaft', group: 'humerus', share: 0.01, admitted: 0.3, age: [73, 12], female: 0.7, isPaired: true, words: 'shaft of humerus', imaging: 'XR Humerus', icd10: ['S42.3', 'Fracture of shaft of humerus'], icd10Coarse: ['S42.9', 'Fracture of shoulder girdle, part unspecified'], icd10Sibling: ['S42.2', 'Fracture of upper end of humerus'], snomed: ['50890004', 'Fracture of shaft of humerus'], snomedCoarse: ['66308002', 'Fracture of humerus'], read2: ['S227.', 'Fracture of shaft of humerus'], read2Coarse: ['S22..', 'Fracture of humerus'], ctv3: ['XA0GS', 'Fracture of shaft of humerus'] },
  { id: 'patella', group: 'other', share: 0.01, admitted: 0.3, age: [70, 11], female: 0.68, isPaired: true, words: 'patella', imaging: 'XR Knee', icd10: ['S82.0', 'Fracture of patella'], icd10Coarse: ['S82.9', 'Fracture of lower leg, part unspecified'], icd10Sibling: ['S82.1', 'Fracture of upper end of tibia'], snomed: ['80756009', 'Closed fracture of patella'], snomedCoarse: ['51037009', 'Fracture of patella'], read2: ['S32..', 'Fracture of patella'], read2Coarse: ['S32..', 'Fracture of patella'], ctv3: ['S32..', 'Fracture of patella'] },
  { id: 'pelvis.pubic_ramus', group: 'pelvis', share: 0.05, admitted: 0.7, age: [81, 10], female: 0.76, isPaired: true, words: 'pubic ramus', imaging: 'XR Pelvis', icd10: ['S32.5', 'Fracture of pubis'], icd10Coarse: ['S32.8', 'Fracture of other and unspecified parts of lumbar spine and pelvis'], icd10Sibling: ['S32.1', 'Fracture of sacrum'], snomed: ['36127009', 'Fracture of pubis'], snomedCoarse: ['77493009', 'Fracture of pelvis'], read2: ['S10B5', 'Fracture of pubis'], read2Coarse: ['S13..', 'Fracture or disruption of pelvis'], ctv3: ['XA0H5', 'Fracture of pubis'] },
  { id: 'rib', group: 'other', share: 0.04, admitted: 0.2, age: [73, 12], female: 0.5, isPaired: true, words: 'rib', imaging: 'XR Chest', icd10: ['S22.3', 'Fracture of rib'], icd10Coarse: ['S22.9', 'Fracture of bony thorax, part unspecified'], icd10Sibling: ['S22.4', 'Multiple fractures of ribs'], snomed: ['60667009', 'Closed fracture of rib'], snomedCoarse: ['33737001', 'Fracture of rib'], read2: ['S127.', 'Fracture of rib'], read2Coarse: ['S127.', 'Fracture of rib'], ctv3: ['XA0Gv', 'Fracture of rib'] },
  { id: 'spine.lumbar', group: 'spine', share: 0.03, admitted: 0.4, age: [77, 10], female: 0.68, isPaired: false, words: 'lumbar vertebra', imaging: 'XR Lumbar spine', icd10: ['S32.0', 'Fracture of lumbar vertebra'], icd10Coarse: ['T08', 'Fracture of spine, level unspecified'], icd10Sibling: ['M48.5', 'Collapsed vertebra, not elsewhere classified'], snomed: ['207957008', 'Closed fracture lumbar vertebra'], snomedCoarse: ['240198002', 'Osteoporotic vertebral collapse'], read2: ['S104.', 'Closed fracture lumbar vertebra'], read2Coarse: ['N331D', 'Collapsed vertebra NOS'], ctv3: ['XA0GN', 'Fracture of lumbar spine'] },
  { id: 'spine.thoracic', group: 'spine', share: 0.03, admitted: 0.35, age: [78, 10], female: 0.68, isPaired: false, words: 'thoracic vertebra', imaging: 'XR Thoracic spine', icd10: ['S22.0', 'Fracture of thoracic vertebra'], icd10Coarse: ['T08', 'Fracture of spine, level unspecified'], icd10Sibling: ['M48.5', 'Collapsed vertebra, not elsewhere classified'], snomed: ['207938004', 'Closed fracture thoracic vertebra'], snomedCoarse: ['50448004', 'Fracture of vertebral column'], read2: ['S102.', 'Closed fracture thoracic vertebra'], read2Coarse: ['S10..', 'Fracture of spine without mention of spinal cord injury'], ctv3: ['XA0GM', 'Fracture of thoracic spine'] },
  { id: 'tibia_fibula.proximal', group: 'other', share: 0.04, admitted: 0.5, age: [71, 11], female: 0.66, isPaired: true, words: 'tibial plateau', imaging: 'XR Knee', icd10: ['S82.1', 'Fracture of upper end of tibia'], icd10Coarse: ['S82.9', 'Fracture of lower leg, part unspecified'], icd10Sibling: ['S82.2', 'Fracture of shaft of tibia'], snomed: ['20433007', 'Fracture of upper end of tibia'], snomedCoarse: ['31978002', 'Fracture of tibia'], read2: ['S336.', 'Fracture of upper end of tibia'], read2Coarse: ['S33A.', 'Fracture of tibia'], ctv3: ['S33..', 'Fracture of tibia and fibula'], opcs4: 'W20.1' },
  { id: 'wrist', group: 'wrist', share: 0.27, admitted: 0.1, age: [70, 10], female: 0.8, isPaired: true, words: 'distal radius', imaging: 'XR Wrist', icd10: ['S52.5', 'Fracture of lower end of radius'], icd10Coarse: ['S52.9', 'Fracture of forearm, part unspecified'], icd10Sibling: ['S52.6', 'Fracture of lower end of both ulna and radius'], snomed: ['269083002', "Closed Colles' fracture"], snomedCoarse: ['263199001', 'Fracture of distal end of radius'], read2: ['S2341', "Closed Colles' fracture"], read2Coarse: ['S23B.', 'Fracture of lower end of radius'], ctv3: ['XE1ku', "Closed Colles' fracture"], opcs4: 'W24.1' },
]

/** Breaks the audit leaves out (audit.md 1.2): they arrive all the same. */
// biome-ignore format: a table, one fracture site a line
export const excludedSites: readonly { readonly id: string; readonly words: string; readonly icd10: Code }[] = [
  { id: 'finger', words: 'finger', icd10: ['S62.6', 'Fracture of other finger'] },
  { id: 'skull_face', words: 'nasal bones', icd10: ['S02.2', 'Fracture of nasal bones'] },
  { id: 'toe', words: 'toe', icd10: ['S92.5', 'Fracture of other toe'] },
]

export const unspecified = {
  snomed: anyBone,
  icd10: anyLimb,
  read2: anyRead,
  ctv3: ['XA0FK', 'Fracture of bone'] as Code,
}
