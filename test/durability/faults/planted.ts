import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type CampaignOptions, type CampaignResult, runCampaign } from '../campaign.ts'
import type { FaultName } from './faults.ts'

type Trap = Pick<CampaignOptions, 'kills' | 'target'> & {
  readonly kinds?: readonly string[]
  /** The counter it must raise: a verdict that is bad for another reason has not caught this fault. */
  readonly shows: 'lost' | 'duplicated' | 'stuck'
}

/** The small campaign that must catch each fault: where a fault shows differs. */
export const traps: Readonly<Record<FaultName, Trap>> = {
  'acknowledge-before-insert': { kills: 6, target: 'service', kinds: ['whole service', 'intake alone'], shows: 'lost' },
  'one-member-is-enough': { kills: 6, target: 'primary', kinds: ['primary cut off and killed'], shows: 'lost' },
  'write-concern-error-swallowed': {
    kills: 6,
    target: 'primary',
    kinds: ['primary cut off and killed'],
    shows: 'lost',
  },
  'random-key': { kills: 1, target: 'service', shows: 'duplicated' },
  'control-id-alone': { kills: 1, target: 'service', shows: 'lost' },
  'buffer-dropped-on-a-chunk': { kills: 1, target: 'service', shows: 'stuck' },
}

/** What the service's environment needs so that it runs with this fault. */
export function planting(fault: FaultName): Readonly<Record<string, string>> {
  const plant = pathToFileURL(path.join(import.meta.dirname, 'plant.ts')).href
  return {
    FLSDB_PLANTED_FAULT: fault,
    NODE_OPTIONS: `--disable-warning=ExperimentalWarning --import=${plant}`,
    // Compiled modules are kept by address alone: nothing of a run with a fault may be found by one without.
    NODE_DISABLE_COMPILE_CACHE: '1',
  }
}

/** The campaign of its trap on a service with this fault, and whether the verdict says so. */
export async function runTrap(
  fault: FaultName,
  onCycle?: CampaignOptions['onCycle'],
): Promise<CampaignResult & { readonly isCaught: boolean }> {
  const { kills, target, kinds, shows } = traps[fault]
  const result = await runCampaign({
    ...{ kills, target, seed: `fault ${fault}`, environment: planting(fault) },
    ...(kinds ? { kinds } : {}),
    ...(onCycle ? { onCycle } : {}),
  })
  return { ...result, isCaught: result[shows] > 0 }
}
