import * as z from 'zod'
import { featureName } from './names.ts'

export const gateSets = ['holdout', 'sentinel', 'audit'] as const
export type GateSet = (typeof gateSets)[number]

/** Rows by the value of one feature: equal to it, or from `min` to below `max`. `equals: null` are missing values. */
const slice = z
  .strictObject({
    name: z.string().regex(/^[a-z][a-z0-9-]{0,29}$/, 'lower-case letters, digits and hyphens, at most 30'),
    feature: featureName,
    equals: z.number().nullable().optional(),
    min: z.number().optional(),
    max: z.number().optional(),
    /** Too few rows for a statement block as well. */
    require: z.boolean().default(false),
  })
  .refine(s => (s.equals === undefined) !== (s.min === undefined && s.max === undefined), {
    message: 'a slice has equals, or min, max or both',
    path: ['equals'],
  })
export type Slice = z.infer<typeof slice>

/** What a challenger has to show (docs/retraining.md). */
export const evaluationPolicy = z
  .strictObject({
    metric: z.enum(['auc', 'accuracy', 'rmse']),
    /** The challenger may not be worse than this on the held-out rows (rmse: not above). */
    floor: z.number(),
    /** How much worse than the champion it may be on any set: in the metric's unit, and as a share of rows. */
    nonInferiority: z.number().min(0).default(0.01),
    threshold: z.number().gt(0).lt(1).default(0.5),
    /** Of all statements about the champion and this challenger together. */
    confidence: z.number().min(0.5).lt(1).default(0.95),
    slices: z.array(slice).max(32).default([]),
    /** Rows of each class are a slice too. */
    perClass: z.boolean().default(true),
    /** Sets on which it has to be shown not to be worse; elsewhere it must not be shown to be. */
    prove: z.array(z.enum(gateSets)).max(gateSets.length).default([]),
  })
  .superRefine(({ slices }, context) => {
    slices.forEach(({ name }, i) => {
      if (slices.findIndex(s => s.name === name) !== i)
        context.addIssue({
          code: 'custom',
          path: ['slices', i, 'name'],
          message: 'two slices have this name',
        })
    })
  })
export type EvaluationPolicy = z.infer<typeof evaluationPolicy>
