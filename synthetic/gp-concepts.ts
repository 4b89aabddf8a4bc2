import { calciumVitaminD, drugs } from './drugs.ts'
import { type Code, sites, unspecified } from './fracture-sites.ts'

/** Something a GP codes, in the systems that can say it. `codeId`: EMIS' own number for it. */
export type GpConcept = {
  readonly id: string
  readonly codeId: string
  readonly snomed?: Code
  readonly read2?: Code
  readonly ctv3?: Code
}

type Row = Omit<GpConcept, 'codeId'>

// biome-ignore format: a table, one concept a line
const others: readonly Row[] = [
  { id: 'dxa.referral', read2: ['8HQA.', 'Referral for DEXA scan'] },
  { id: 'dxa.tscore.hip', read2: ['58EE.', 'Hip DXA scan T score'], ctv3: ['XaITU', 'Hip DXA scan T score'] },
  { id: 'dxa.tscore.lumbar', read2: ['58EK.', 'Lumbar spine DXA scan T score'] },
  { id: 'fall', snomed: ['1912002', 'Fall'] },
  { id: 'falls.recurrent', snomed: ['279992002', 'Recurrent falls'] },
  { id: 'falls.referral', snomed: ['247541000000106', 'Referral to falls service'] },
  { id: 'fls.referral', snomed: ['412717001', 'Referral to osteoporosis clinic'] },
  { id: 'height', snomed: ['50373000', 'Body height'] },
  { id: 'history.fragility', snomed: ['391092009', 'History of fragility fracture'], ctv3: ['XaIUA', 'H/O: fragility fracture'] },
  { id: 'history.hip', snomed: ['391093004', 'History of hip fracture'], ctv3: ['XaIUB', 'H/O: hip fracture'] },
  { id: 'history.vertebral', snomed: ['391094005', 'History of vertebral fracture'], ctv3: ['XaIUC', 'H/O: vertebral fracture'] },
  { id: 'osteoporosis', snomed: ['64859006', 'Osteoporosis'] },
  { id: 'parent.hip', snomed: ['391096007', 'Family history: Maternal hip fracture'] },
  { id: 'smoker', snomed: ['77176002', 'Smoker'] },
  { id: 'smoker.ex', snomed: ['8517006', 'Ex-smoker'] },
  { id: 'smoker.never', snomed: ['266919005', 'Never smoked tobacco'] },
  { id: 'weight', snomed: ['27113001', 'Body weight'] },
]

function fractureRows(): Row[] {
  return sites.flatMap(site => [
    { id: `fracture.${site.id}`, snomed: site.snomed, read2: site.read2, ...(site.ctv3 ? { ctv3: site.ctv3 } : {}) },
    { id: `fracture.${site.id}.generic`, snomed: site.snomedCoarse, read2: site.read2Coarse },
  ])
}

const any: Row = {
  id: 'fracture.unspecified',
  snomed: unspecified.snomed,
  read2: unspecified.read2,
  ctv3: unspecified.ctv3,
}
export const gpConcepts: readonly GpConcept[] = [...fractureRows(), any, ...others].map((row, index) => ({
  ...row,
  codeId: String(700_000 + index * 17),
}))

const byId = new Map(gpConcepts.map(concept => [concept.id, concept]))
export function gpConcept(id: string): GpConcept {
  const concept = byId.get(id)
  if (!concept) throw new RangeError(`no such GP concept: ${id}`)
  return concept
}

export type GpDrug = {
  readonly codeId: string
  readonly dmd: Code
  readonly days: number
  readonly quantity: string
  readonly unit: string
  readonly dosage: string
}
export const gpDrugs: readonly GpDrug[] = [
  ...drugs.map((drug, index) => ({
    codeId: String(900_000 + index * 13),
    dmd: drug.dmd,
    days: drug.daysPerSupply,
    quantity: drug.quantity,
    unit: drug.quantityUnit,
    dosage: drug.dosage,
  })),
  {
    codeId: '900900',
    dmd: calciumVitaminD,
    days: 28,
    quantity: '56',
    unit: 'tablet',
    dosage: 'One to be taken twice a day',
  },
]
export function gpDrug(dmd: string): GpDrug {
  const drug = gpDrugs.find(one => one.dmd[0] === dmd)
  if (!drug) throw new RangeError(`no such drug: ${dmd}`)
  return drug
}
