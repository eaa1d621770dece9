import * as z from 'zod'
import {
  featureName,
  hardwareName,
  modelName,
  runtimeName,
  sha256,
  slotName,
  versionNumber,
} from './names.ts'
import { samplingPolicy } from './sampling-policy.ts'

/** Where a signed package is: the archive and its OMS bundle are blobs, addressed by SHA-256. */
export const packageRef = z.object({
  hardware: hardwareName,
  runtime: runtimeName,
  package: z.object({ sha256, length: z.int().min(1) }),
  bundle: z.object({ sha256, length: z.int().min(1) }),
})
export type PackageRef = z.infer<typeof packageRef>

/**
 * Files of a package that the reference runtime takes, in the order of the archive (plain ustar); the OMS bundle lists
 * exactly these. Strategy `none`, and what Neo itself compiles, put `model.json` or `model.tar.gz` in place of
 * `model.wasm`, for devices that bring a runtime of their own.
 */
export const PACKAGE_FILES = [
  'baseline.json',
  'contract.json',
  'lineage.json',
  'model.wasm',
  'self-test.json',
] as const

/** What runs each kind of artefact. */
export const RUNTIME_OF: Readonly<Record<string, string>> = {
  'model.wasm': 'edgeloop-wasm',
  'model.json': 'xgboost',
  'model.tar.gz': 'neo',
}

/** `contract.json`: what goes in, what comes out, and how the device watches it. */
export const ioContract = z.strictObject({
  model: modelName,
  version: versionNumber,
  slot: slotName,
  hardware: hardwareName,
  task: z.enum(['binary', 'multiclass', 'regression']),
  /** Row layout: f32 values in this order; a missing value is NaN. */
  features: z.array(z.strictObject({ name: featureName, required: z.boolean() })).min(1),
  classes: z.array(z.string()),
  /** Probability from which a binary model says class 1. */
  threshold: z.number().min(0).max(1),
  monitoring: z.strictObject({ windowSeconds: z.int().min(1).max(86_400) }),
  /** Holds where the manifest names no other; `policy` are the first 16 digits of its digest. */
  sampling: samplingPolicy.extend({ policy: z.string() }),
})
export type IoContract = z.infer<typeof ioContract>

/**
 * How far the counts of one device on one day differ from those of another, in the reference: `rho` is the part of the
 * variance that readings of one device-day share (Dirichlet-multinomial: var p̂_b = p_b (1−p_b) (1 + (n−1) ρ) / n).
 * Null, or absent, where nobody knows which row came from which device.
 */
export const deviceDaySpread = z.object({
  devices: z.int().min(1),
  deviceDays: z.int().min(2),
  rho: z.number().min(0).lt(1),
})
export type DeviceDaySpread = z.infer<typeof deviceDaySpread>

/**
 * Distribution of one monitored quantity in training. Bin `b` of `edges.length + 1` holds values in
 * [edges[b-1], edges[b]); missing values are counted apart. `p0` has one more entry than there are bins:
 * the last is the share of missing values. Sums to 1.
 */
export const binned = z.object({
  name: featureName,
  edges: z.array(z.number()).max(64),
  p0: z.array(z.number().min(0).max(1)).min(2).max(66),
  spread: deviceDaySpread.nullable().optional(),
})
export type Binned = z.infer<typeof binned>

/**
 * `baseline.json`: the reference-quantile bins that devices count into, and how many rows they came from. Readers pass
 * over what they do not know, so that it can grow.
 */
export const baseline = z.object({
  /** Which rows it describes: the training rows, or recent audit samples when these brought the version about. */
  source: z.enum(['training', 'field']),
  rows: z.int().min(1),
  features: z.array(binned).min(1),
  /** The score: probability of class 1 (binary), predicted class index (multiclass) or value (regression). */
  prediction: binned,
  /** Error of the model on held-out rows when it was released: rate for classes, root mean square for regression. */
  error: z.number().min(0),
  /** Probability of the class that the model chose; absent for regression, and in packages from before it was kept. */
  confidence: binned.optional(),
})
export type Baseline = z.infer<typeof baseline>

/** `self-test.json`: rows with the margins that this artefact must give, bit for bit (f32 as hex of its 4 bytes, big-endian). */
export const selfTest = z.strictObject({
  rows: z.array(z.array(z.number().nullable())).min(1).max(256),
  margins: z
    .array(z.array(z.string().regex(/^[0-9a-f]{8}$/)))
    .min(1)
    .max(256),
})
export type SelfTest = z.infer<typeof selfTest>

/** `lineage.json`: from the package back to the bytes it was trained on. */
export const lineage = z.strictObject({
  model: modelName,
  version: versionNumber,
  hardware: hardwareName,
  origin: z.enum(['training', 'import']),
  modelDigest: sha256,
  artefactDigest: sha256,
  compile: z.strictObject({
    strategy: z.enum(['edgeloop', 'neo', 'none']),
    job: z.string().optional(),
    note: z.string().optional(),
  }),
  training: z
    .strictObject({
      job: z.string(),
      trainingSet: sha256,
      sources: z.array(
        z.strictObject({ key: z.string(), versionId: z.string().optional(), sha256, rows: z.int() }),
      ),
      fieldSamples: z.int().min(0),
      hyperparameters: z.record(z.string(), z.string()),
    })
    .optional(),
  decision: z.string().optional(),
  configDigest: sha256,
  /** Digest of the version's lineage up to this package, which the signature covers; see docs/lineage.md. */
  chain: sha256.optional(),
})
export type Lineage = z.infer<typeof lineage>
