import * as z from 'zod'
import { evaluationPolicy } from './evaluation-policy.ts'
import { featureName, fleetName, hardwareName, modelName, slotName } from './names.ts'
import { retrainPolicy } from './retrain-policy.ts'
import { rolloutPolicy } from './rollout-policy.ts'
import { hardStrategy, samplingLimits } from './sampling-policy.ts'

export const MAX_MODEL_YAML_BYTES = 65_536
/** How it is read: aliases that unfold without end are refused. */
export const YAML_OPTIONS = { maxAliasCount: 20 } as const

const share = z.number().gt(0).max(1)

const target = z.discriminatedUnion('compile', [
  z.strictObject({ hardware: hardwareName, compile: z.literal('edgeloop') }),
  z.strictObject({
    hardware: hardwareName,
    compile: z.literal('neo'),
    /** Neo's TargetDevice, such as `rasp4b`. */
    device: z.string().min(1),
  }),
  /** The model file goes out as it is: for devices that bring their own runtime. */
  z.strictObject({ hardware: hardwareName, compile: z.literal('none') }),
])

/**
 * `model.yaml`: a model project as data. Strict, so that a misspelt field is refused instead of ignored.
 * Times are in the unit that the field's name ends with.
 */
export const modelConfig = z.strictObject({
  name: modelName,
  description: z.string().max(500).optional(),
  fleet: fleetName,
  slot: slotName,
  task: z.enum(['binary', 'multiclass', 'regression']),
  features: z
    .array(
      z.strictObject({
        name: featureName,
        /** Values outside are refused, as a sensor's own range would. */
        min: z.number().optional(),
        max: z.number().optional(),
        required: z.boolean().default(true),
      }),
    )
    .min(1)
    .max(256),
  label: z.strictObject({
    column: featureName,
    /** Class labels in the order of their index; empty for regression. */
    classes: z.array(z.string().min(1)).max(100).default([]),
  }),
  /** Columns that a drop may carry and training must not see. */
  ignore: z.array(featureName).default([]),
  training: z
    .strictObject({
      hyperparameters: z.record(z.string(), z.union([z.string(), z.number()])).default({}),
      /** Shares of rows by a hash of the row, so that a row is in the same part in every version. The rest trains. */
      split: z.strictObject({ validation: share, holdout: share }).default({ validation: 0.2, holdout: 0.2 }),
      maxRuntimeSeconds: z.int().min(60).max(86_400).default(3_600),
      instanceType: z.string().default('ml.m5.large'),
    })
    .prefault({}),
  evaluation: evaluationPolicy,
  targets: z.array(target).min(1).max(8),
  selfTestRows: z.int().min(1).max(256).default(32),
  rollout: rolloutPolicy.prefault({}),
  monitoring: z
    .strictObject({
      windowSeconds: z.int().min(1).max(86_400).default(3_600),
      graceSeconds: z.int().min(1).max(86_400).default(600),
      /** False discovery rate per window, over all monitored quantities together. */
      falseAlarmRate: z.number().gt(0).lt(0.5).default(0.01),
      /** With fewer devices in a window nothing is said: readings of few devices that differ look like drift. */
      minDevices: z.int().min(2).default(10),
      /** Total variation distance that is too small to matter. */
      tolerance: z.number().gt(0).lt(1).default(0.1),
      /** An episode opens when so many of the last `evaluationPeriods` windows say drift. */
      datapointsToAlarm: z.int().min(1).max(24).default(2),
      evaluationPeriods: z.int().min(1).max(24).default(3),
      /** Windows in a row that are back at the baseline before an episode is over. */
      cleanWindows: z.int().min(1).max(24).default(2),
    })
    .refine(m => m.datapointsToAlarm <= m.evaluationPeriods, {
      path: ['datapointsToAlarm'],
      message: 'must not be above `evaluationPeriods`',
    })
    .prefault({}),
  sampling: z
    .strictObject({
      /** Share of all inferences, drawn at random: the only lane that measures. */
      audit: share.default(0.02),
      /** What else is worth a person's look, in this order; or, for margin alone, one margin. */
      hard: z
        .union([z.strictObject({ margin: share, probability: share }), z.array(hardStrategy).min(1).max(8)])
        .optional(),
      /** Of each device. */
      limits: samplingLimits.optional(),
      /** Of all devices together; above it the cloud lowers every probability. */
      fleet: z.strictObject({ itemsPerDay: z.int().min(1) }).optional(),
    })
    .prefault({}),
  /** What field samples must fulfil together before a version is trained on them. */
  fieldSamples: z
    .strictObject({
      /** No device gives more than this share of them; with few devices see `deviceCap`. */
      perDeviceShare: share.default(0.1),
      minimumDevices: z.int().min(1).default(3),
    })
    .prefault({}),
  retrain: retrainPolicy.prefault({}),
})
export type ModelConfig = z.infer<typeof modelConfig>
export type CompileTarget = ModelConfig['targets'][number]
