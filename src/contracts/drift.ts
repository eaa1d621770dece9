import * as z from 'zod'
import { featureName } from './names.ts'

/** What speaks for drift of one monitored quantity. */
export const driftEvidence = z.object({
  name: featureName,
  /** Natural logarithm of the e-value. */
  logE: z.number(),
  /** Threshold that it passed (quantities / false-alarm rate), also as a logarithm. */
  threshold: z.number(),
  /** Total variation distance to the baseline, and its lower confidence bound. */
  distance: z.number().min(0).max(1),
  lowerBound: z.number().min(0).max(1),
  tolerance: z.number().min(0).max(1),
  n: z.int().min(0),
  /** Effective number of observations after the design effect of clustering by device. */
  nEffective: z.number().min(0),
})
export type DriftEvidence = z.infer<typeof driftEvidence>
