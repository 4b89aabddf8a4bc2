import type { Code } from './fracture-sites.ts'

/** A bone medicine as prescribed in the world: `id` = audit option (audit.md CL-TXREC), dm+d product, how it is given and for how long one supply lasts (days). */
export type Drug = {
  readonly id: 'alendronate' | 'risedronate' | 'ibandronate' | 'zoledronate' | 'denosumab'
  readonly share: number
  readonly dmd: Code
  readonly isGivenInHospital: boolean
  readonly daysPerSupply: number
  readonly quantity: string
  readonly quantityUnit: string
  readonly dosage: string
}

// biome-ignore format: a table, one drug a line
export const drugs: readonly Drug[] = [
  { id: 'alendronate', share: 0.58, dmd: ['39731311000001108', 'Alendronic acid 70mg tablets'], isGivenInHospital: false, daysPerSupply: 28, quantity: '4', quantityUnit: 'tablet', dosage: 'One to be taken each week' },
  { id: 'denosumab', share: 0.13, dmd: ['17301711000001109', 'Denosumab 60mg/1ml solution for injection pre-filled syringes'], isGivenInHospital: true, daysPerSupply: 183, quantity: '1', quantityUnit: 'pre-filled disposable injection', dosage: 'Every six months' },
  { id: 'ibandronate', share: 0.02, dmd: ['9544811000001102', 'Ibandronic acid 150mg tablets'], isGivenInHospital: false, daysPerSupply: 28, quantity: '1', quantityUnit: 'tablet', dosage: 'One each month' },
  { id: 'risedronate', share: 0.1, dmd: ['408027002', 'Risedronate sodium 35mg tablets'], isGivenInHospital: false, daysPerSupply: 28, quantity: '4', quantityUnit: 'tablet', dosage: 'One to be taken each week' },
  { id: 'zoledronate', share: 0.17, dmd: ['39720811000001105', 'Zoledronic acid 5mg/100ml infusion bottles'], isGivenInHospital: true, daysPerSupply: 365, quantity: '1', quantityUnit: 'bottle', dosage: 'Once a year' },
]

export const calciumVitaminD: Code = ['418277004', 'Colecalciferol + Calcium carbonate']

export function drugById(id: Drug['id']): Drug {
  const drug = drugs.find(one => one.id === id)
  if (!drug) throw new RangeError(`no such drug: ${id}`)
  return drug
}
