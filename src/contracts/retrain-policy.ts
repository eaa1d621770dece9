import * as z from 'zod'
import { timestamp } from './names.ts'

const count = z.int().min(1)

/** What may lead to a retrain, the most telling first. */
export const retrainTriggers = ['manual', 'harm', 'drift', 'schedule', 'volume', 'drop'] as const
/** Guards that a person may set aside by name, with the scope for approvals. */
export const OVERRIDABLE = ['budget', 'circuitBreaker', 'freeze'] as const

const triggers = z.strictObject({
  /** `false` is off. With `minLabels`, drift needs so many labels instead of `retrain.minLabels`. */
  drift: z
    .preprocess(
      value => (typeof value === 'boolean' ? { enabled: value } : value),
      z.strictObject({ enabled: z.boolean().default(true), minLabels: count.optional() }),
    )
    .prefault({}),
  harm: z.boolean().default(true),
  schedule: z.strictObject({ everyDays: z.number().gt(0) }).optional(),
  /** So many new labels are a reason by themselves. */
  volume: z.strictObject({ labels: count }).optional(),
  /** `POST /v1/models/{model}/retrains`. */
  manual: z.boolean().default(true),
  /** A dropped dataset is trained on at once; otherwise by the next retrain. */
  drop: z.boolean().default(true),
})

/** What the trainings of a calendar month (UTC) may come to, drops' included. */
const budget = z
  .strictObject({
    trainingsPerMonth: z.int().min(1).max(200).optional(),
    costPerMonth: z.number().gt(0).optional(),
    currency: z
      .string()
      .regex(/^[A-Z]{3}$/, 'three capital letters')
      .default('USD'),
    /** Price of an hour by SageMaker's instance type. */
    pricePerHour: z.record(z.string().regex(/^ml\.[a-z0-9.-]{1,40}$/), z.number().min(0)).default({}),
  })
  .refine(b => b.trainingsPerMonth !== undefined || b.costPerMonth !== undefined, {
    message: 'trainingsPerMonth or costPerMonth is needed',
    path: ['trainingsPerMonth'],
  })

const freeze = z
  .strictObject({ from: timestamp, until: timestamp, reason: z.string().min(1).max(200).optional() })
  .refine(({ from, until }) => Date.parse(until) > Date.parse(from), {
    message: 'must be after from',
    path: ['until'],
  })

/** When a new version is trained without a person, and what has to hold for it (docs/retraining.md). */
export const retrainPolicy = z
  .strictObject({
    triggers: triggers.prefault({}),
    coolDownMinutes: z.number().min(0).default(1_440),
    minLabels: count.default(500),
    minDevices: count.default(20),
    /** Turns of the loop without a person's drop; a run-away loop stops here. */
    maxGeneration: count.default(100),
    /** As `triggers.schedule`. */
    schedule: z.strictObject({ everyDays: z.number().gt(0) }).optional(),
    budget: budget.optional(),
    /** An episode leads to one retrain. Without, to another when that has brought no new champion. */
    episodeDedupe: z.boolean().default(true),
    /** After so many challengers in a row that the gate rejected or a rollout took back, a person has to look. */
    circuitBreaker: z.strictObject({ rejected: z.int().min(1).max(16).default(2) }).prefault({}),
    /** Times in which nothing is trained. */
    freeze: z.array(freeze).max(64).default([]),
    /** Decisions are made and recorded, and nothing is trained. */
    dryRun: z.boolean().default(false),
  })
  .refine(r => r.schedule === undefined || r.triggers.schedule === undefined, {
    message: 'is said twice: leave it to triggers.schedule',
    path: ['schedule'],
  })
export type RetrainPolicy = z.infer<typeof retrainPolicy>
