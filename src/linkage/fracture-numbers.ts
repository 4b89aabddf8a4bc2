import { z } from 'zod'

const share = z.number().gt(0).lt(1)
const component = z.discriminatedUnion('shape', [
  z.object({ shape: z.literal('day'), share }),
  z.object({ shape: z.literal('late'), mean: z.number().positive(), share }),
  z.object({ shape: z.literal('around'), scale: z.number().positive(), share }),
  z.object({ shape: z.literal('floor'), reach: z.number().int().positive(), share }),
])
const sumsToOne = (shares: readonly number[]) => Math.abs(shares.reduce((sum, one) => sum + one, 0) - 1) < 1e-9
const department = z.object({
  records: z.array(share).min(1),
  rightSide: z.number().gte(0.5).lt(1),
  opening: z.number().positive(),
  vote: z.number().positive(),
})
const dateKinds = [
  'injury',
  'attendance',
  'admission',
  'onset',
  'recorded',
  'result',
  'clinic',
  'event',
  'received',
] as const
const densityNames = [
  'acute',
  'hospital-recorded',
  'clinic',
  'gp-onset',
  'gp-same-day',
  'gp-recorded',
  'history',
  'received',
] as const
const departments = ['emergency', 'inpatient', 'outpatient', 'fls', 'theatre', 'radiology', 'gp'] as const

export const fractureShape = z.object({
  kind: z.literal('fracture'),
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  eventsPerDay: share,
  simultaneous: z.object({ otherSite: share, otherSide: share }),
  thresholds: z.object({ linkProbability: share, reviewProbability: share }),
  sameVisitRecords: share,
  departments: z.record(z.enum(departments), department),
  opening: z.object({
    unspecific: z.number().positive(),
    review: z.number().positive(),
    clinic: z.number().positive(),
    history: z.number().positive(),
    afterDeath: z.number().positive(),
  }),
  pathologicalMix: share,
  siteShares: z
    .object({
      same: share,
      parent: share,
      ancestor: share,
      unspecified: share,
      sibling: share,
      cousin: share,
      floor: share,
    })
    .refine(shares => sumsToOne(Object.values(shares)), 'must sum to 1'),
  sitePriors: z.record(z.string(), share),
  genericSites: z.array(z.string()),
  midlineGroups: z.array(z.string()),
  densities: z.record(
    z.enum(densityNames),
    z.array(component).refine(all => sumsToOne(all.map(one => one.share)), 'shares must sum to 1'),
  ),
  densityFor: z.record(z.enum(['hospital', 'clinic', 'gp']), z.record(z.enum(dateKinds), z.enum(densityNames))),
  days: z.object({
    retrospective: z.number().int(),
    supportBefore: z.number().int(),
    supportAfter: z.number().int(),
    refutes: z.number().int(),
  }),
  manifest: z.object({
    state: z.string(),
    trainedOn: z.array(z.string()),
    seed: z.number().nullable(),
    date: z.string(),
    sources: z.record(z.string(), z.string()),
  }),
})

/**
 * The numbers of fracture linkage (linkage.md 3.2, 3.3). `eventsPerDay` = fresh fractures per person and day; `departments.*.records` = further
 * records a source still owes an event that has 0, 1, 2 … of them; `opening` scales how readily a kind of entry opens an event;
 * densities are shares of (stated date − event date) in days: `day` = the same day, `late` = exponential after it (mean in days),
 * `around` = two-sided (scale in days), `floor` = even over ± reach days.
 */
export type FractureNumbers = z.infer<typeof fractureShape>
export type Department = (typeof departments)[number]
export type DensityName = (typeof densityNames)[number]
export type DensityComponent = z.infer<typeof component>
