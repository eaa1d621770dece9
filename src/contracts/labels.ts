import * as z from 'zod'

/** One line of a ground-truth file, as SageMaker Model Monitor merges them. */
export const groundTruth = z.object({
  groundTruthData: z.object({ data: z.string(), encoding: z.enum(['CSV', 'JSON', 'BASE64']) }),
  eventMetadata: z.object({ eventId: z.string().min(1).max(64) }),
  eventVersion: z.string(),
})
export type GroundTruth = z.infer<typeof groundTruth>
