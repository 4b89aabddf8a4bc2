import { type Code, type Site, sites, unspecified } from './fracture-sites.ts'
import type { Segment } from './hl7.ts'
import type { Fracture, Side } from './journey.ts'
import type { Knobs } from './knobs.ts'
import type { Trust } from './places.ts'
import type { Random } from './random.ts'

/** Codes RYY writes of its own making (its mapping folder knows all but the last). */
// biome-ignore format: a table
export const localCodes: Readonly<Record<string, string>> = {
  ankle: 'ANK01', clavicle: 'CLAV1', elbow: 'ELB01', foot: 'FOOT1', forearm: 'FARM1', hand: 'HAND1', 'hip.intracapsular': 'NOF01', 'hip.subtrochanteric': 'NOF03', 'hip.trochanteric': 'NOF02', 'humerus.distal': 'HUM03',
  'humerus.proximal': 'HUM01', 'humerus.shaft': 'HUM02', patella: 'PAT01', 'pelvis.pubic_ramus': 'PEL01', rib: 'RIB01', 'spine.lumbar': 'SPL01', 'spine.thoracic': 'SPT01', 'tibia_fibula.proximal': 'TIB01', wrist: 'WRI01',
}

export type Coded = {
  readonly code: string
  readonly text: string
  readonly system: 'I10' | 'SCT' | 'local'
  readonly side?: Side
}

/** A hospital coder at work: right, coarse, neighbouring or wrong site; side stated, left out or wrong. */
export function codeByHospital(random: Random, knobs: Knobs, trust: Trust, fracture: Fracture): Coded {
  const site = random.chance(knobs.codeWrongShare) ? random.pick(sites) : fracture.site
  const isCoarse = random.chance(knobs.codeCoarseShare)
  const isSibling = random.chance(knobs.codeSiblingShare)
  const side = statedSide(random, knobs, fracture.side)
  const picked = pickCode(trust, site, isCoarse, isSibling)
  return side ? { ...picked, side } : picked
}

function pickCode(trust: Trust, site: Site, isCoarse: boolean, isSibling: boolean): Coded {
  const style = trust.spelling.diagnosis
  if (style === 'SCT') return coded(isCoarse ? site.snomedCoarse : site.snomed, 'SCT')
  if (style === 'local' && !isCoarse && !isSibling)
    return { code: localCodes[site.id] ?? 'MISC', text: `# ${site.words}`, system: 'local' }
  return coded(isSibling ? site.icd10Sibling : isCoarse ? site.icd10Coarse : site.icd10, 'I10')
}

function coded([code, text]: Code, system: 'I10' | 'SCT'): Coded {
  return { code, text, system }
}

export function statedSide(random: Random, knobs: Knobs, side: Side | undefined): Side | undefined {
  if (!side || random.chance(knobs.sideMissingShare)) return undefined
  return random.chance(knobs.sideWrongShare) ? (side === 'left' ? 'right' : 'left') : side
}

/** DG1 as this trust spells it. `status`: A admitting, W working, F final. */
export function dg1(
  trust: Trust,
  set: number,
  what: Coded,
  status: 'A' | 'W' | 'F',
  stamp: string,
  isSuspected = false,
): Segment {
  const words = `${isSuspected ? '? ' : ''}${what.side ? `${what.side === 'left' ? 'Left' : 'Right'} ` : ''}${what.text}`
  const code =
    what.system === 'I10' && trust.spelling.diagnosis === 'ICD10 without dot'
      ? what.code.replace('.', '').padEnd(4, 'X')
      : what.code
  const postCoordinated =
    what.system === 'SCT' && what.side ? `${code}:272741003=${what.side === 'left' ? '7771000' : '24028007'}` : code
  const system =
    what.system === 'I10'
      ? trust.spelling.diagnosis === 'I10'
        ? 'I10'
        : 'ICD10'
      : what.system === 'SCT'
        ? 'SCT'
        : `${trust.ods}ED`
  return [
    'DG1',
    { 1: String(set), 3: [postCoordinated, words, system], 4: words, 5: stamp, 6: status, 15: String(set) },
  ]
}

/** "Fracture", and no more than that. */
export function vague(trust: Trust): Coded {
  return trust.spelling.diagnosis === 'SCT' ? coded(unspecified.snomed, 'SCT') : coded(unspecified.icd10, 'I10')
}
