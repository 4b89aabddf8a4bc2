import { z } from 'zod'

const bits = z.number().min(-40).max(40)
const share = z.number().gt(0).lt(1)
const levels = <const Names extends readonly string[]>(...names: Names) => z.record(z.enum(names), bits)
const frequencies = z.record(z.string(), share)
export const personShape = z.object({
  kind: z.literal('person'),
  version: z.string().regex(/^\d+\.\d+\.\d+$/),
  population: z.object({ persons: z.number().int().min(1000), shareIndexed: share }),
  thresholds: z.object({
    autoProbability: share,
    reviewProbability: share,
    sourceMergeBits: bits,
    contradictionBits: bits,
  }),
  bits: z.object({
    nhsNumber: levels(
      'equal',
      'equal-unverified',
      'superseded',
      'differ',
      'differ-verified',
      'differ-unverified',
      'invalid-near',
      'invalid-equal',
    ),
    surname: levels('exact', 'previous', 'variant', 'part', 'similar', 'alike', 'differ', 'swapped'),
    forename: levels('exact', 'variant', 'other-given', 'initial', 'similar', 'alike', 'differ', 'swapped'),
    middleName: levels('same', 'initial', 'differ'),
    birthDate: levels(
      'exact',
      'swapped',
      'one-digit',
      'month-agrees',
      'year-agrees',
      'two-parts',
      'year-only',
      'differ',
    ),
    sex: levels('same', 'differ'),
    postcode: levels('exact', 'exact-care-home', 'sector', 'district', 'differ'),
    gpPractice: levels('same', 'same-with-postcode', 'differ', 'differ-with-postcode'),
    localNumber: levels('same', 'differ'),
    deathDate: levels('same', 'differ'),
  }),
  adjustments: levels('household', 'names-swapped', 'replaced-by'),
  similarity: z.object({ surnameSimilar: share, surnameAlike: share, forenameSimilar: share, forenameAlike: share }),
  shares: z.object({ surnameExact: share, forenameExact: share, birthDateExact: share }),
  floors: z.object({ surname: share, forename: share }),
  birthDays: z.object({ effective: z.number().min(365), overused: z.record(z.string(), z.number().min(1)) }),
  variants: z.string(),
  termFrequencies: z.object({ sha256: z.string().length(64), surname: frequencies, forename: frequencies }),
  manifest: z.object({
    state: z.string(),
    trainedOn: z.array(z.string()),
    seed: z.number().nullable(),
    date: z.string(),
    sources: z.record(z.string(), z.string()),
  }),
})

/** The numbers of person linkage (linkage.md 2.1): bits per field and level, thresholds, term frequencies, training manifest. */
export type PersonNumbers = z.infer<typeof personShape>
