import { createHash } from 'node:crypto'
import { eventIdPrefix as contractPrefix } from '../src/contracts/event-id.ts'
import type { IoContract } from '../src/contracts/packages.ts'
import type { SlotSampling } from '../verifier/index.ts'
import { choose, type Policy, policyOf, surpriseOf } from './monitor/policy.ts'
import type { Sampler } from './monitor/sampler.ts'
import { createWindows, type ShadowResult } from './monitor/window.ts'
import type { Clock, Random } from './ports.ts'
import { type InstalledModel, toFloat32 } from './update/check.ts'
import type { Uplink } from './uplink.ts'

/** What the application gave does not fit the model, or there is no model yet. */
export class InferenceError extends Error {
  readonly code: 'NO_SLOT' | 'NO_MODEL' | 'BAD_ROW' | 'MODEL_FAILED'
  constructor(code: InferenceError['code'], message: string) {
    super(message)
    this.name = 'InferenceError'
    this.code = code
  }
}

export interface Inference {
  readonly eventId: string
  /** Class index, or value for regression. */
  readonly prediction: number
  readonly margins: readonly number[]
  /** By class index; empty for regression. */
  readonly probabilities: readonly number[]
  readonly model: string
  readonly version: number
  /** Digest of the bundle that answered. */
  readonly bundle: string
  /** Required features that had no value: the model answers all the same, and the application may choose not to. */
  readonly missing: readonly string[]
}

/** From margins to probabilities and the score that the baseline bins; computed in double precision. */
export function decide(contract: Pick<IoContract, 'task' | 'threshold'>, margins: ArrayLike<number>) {
  if (contract.task === 'regression')
    return { prediction: margins[0]!, score: margins[0]!, probabilities: [] as number[] }
  if (contract.task === 'binary') {
    const p = 1 / (1 + Math.exp(-margins[0]!))
    return { prediction: p >= contract.threshold ? 1 : 0, score: p, probabilities: [1 - p, p] }
  }
  let best = 0
  for (let i = 1; i < margins.length; i++) if (margins[i]! > margins[best]!) best = i
  // Softmax relative to the largest margin, so that no exponential overflows.
  const weights = Array.from(margins, margin => Math.exp(margin - margins[best]!))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  return { prediction: best, score: best, probabilities: weights.map(weight => weight / total) }
}

/** How this device's event ids begin; its count in base 36 follows. */
export const eventIdPrefix = (thing: string, epoch: number): string =>
  contractPrefix(thing, epoch, text => createHash('sha256').update(text).digest('hex'))

export interface Predictor {
  infer(row: readonly (number | null)[], at: number, eventId: string): Inference
  /** A candidate that answers the same rows, unheard; null ends it. */
  besides(shadow: InstalledModel | null): void
  flush(): void
}

/** One installed model with its counting and its sampling. Replaced as a whole when another model takes over. */
export function createPredictor(
  slot: string,
  { model, contract, baseline, release }: InstalledModel,
  deps: {
    readonly clock: Clock
    readonly random: Random
    readonly uplink: Uplink
    readonly takeResets: () => number
    readonly sampler: Sampler
    /** The manifest's policy for the slot; null leaves the package's own. */
    readonly sampling: () => SlotSampling | null
  },
): Predictor {
  const { clock, random, uplink, sampler } = deps
  const bundle = release.bundle.sha256
  const column = new Map(contract.features.map((feature, i) => [feature.name, i]))
  const windows = createWindows({
    slot,
    bundle,
    baseline,
    windowSeconds: contract.monitoring.windowSeconds,
    clock,
    random,
    send: body => uplink.send('metrics', body),
    takeResets: deps.takeResets,
    takeSamples: () => sampler.takeCounts(slot),
  })
  let shadow: InstalledModel | null = null
  const readPolicy = policyReader(contract.sampling, deps.sampling)
  return {
    infer(row, at, eventId) {
      checkRow(row, contract)
      const started = clock.micros()
      let margins: number[]
      try {
        margins = Array.from(model.margins(toFloat32(row)))
      } catch (error) {
        windows.failed(at)
        throw new InferenceError('MODEL_FAILED', `the model failed: ${(error as Error).message}`)
      }
      const { prediction, score, probabilities } = decide(contract, margins)
      const confidence = probabilities[prediction] ?? 0
      const featureValue = (name: string): number | null | undefined => row[column.get(name)!]
      windows.record(at, featureValue, score, confidence, clock.micros() - started)
      if (shadow !== null) windows.beside(compare(shadow, featureValue, prediction, clock))
      const values = row.map(value => (Number.isNaN(value) ? null : value))
      const policy = readPolicy()
      const answered = {
        probabilities,
        class: contract.classes[prediction],
        surprise: () => surpriseOf(baseline, featureValue),
      }
      const choice = choose(policy, eventId, answered, () => sampler.burst(slot, policy.burst))
      if (choice !== null) {
        const sample = { eventId, t: at, ...choice, policy: policy.id, row: values, margins, prediction }
        sampler.offer(slot, bundle, policy.limits, sample)
      }
      const missing = contract.features.filter((f, i) => f.required && values[i] === null).map(f => f.name)
      const { version } = release
      return { eventId, prediction, margins, probabilities, model: release.model, version, bundle, missing }
    },
    besides(next) {
      shadow = next
    },
    flush() {
      sampler.flush()
      windows.flush()
    },
  }
}

/** The policy in force, worked out once for as long as it is the same. */
function policyReader(own: IoContract['sampling'], current: () => SlotSampling | null): () => Policy {
  let of = current()
  let policy = policyOf(own, of)
  return () => {
    const now = current()
    if (now !== of) [of, policy] = [now, policyOf(own, now)]
    return policy
  }
}

/**
 * What a candidate makes of a row, its features found by name. Regression agrees within a hundredth of the champion's
 * value, since two models never give the same number.
 */
function compare(
  { model, contract, release }: InstalledModel,
  featureValue: (name: string) => number | null | undefined,
  prediction: number,
  clock: Clock,
): ShadowResult {
  const bundle = release.bundle.sha256
  try {
    const row = contract.features.map(feature => featureValue(feature.name) ?? null)
    const started = clock.micros()
    const theirs = decide(contract, Array.from(model.margins(toFloat32(row))))
    const micros = clock.micros() - started
    const agrees =
      contract.task === 'regression'
        ? Math.abs(theirs.prediction - prediction) <= Math.abs(prediction) / 100
        : theirs.prediction === prediction
    return { bundle, answer: { agrees, confidence: theirs.probabilities[theirs.prediction] ?? 0, micros } }
  } catch {
    return { bundle, answer: undefined }
  }
}

function checkRow(row: readonly (number | null)[], contract: IoContract): void {
  const { features } = contract
  if (!Array.isArray(row) || row.length !== features.length)
    throw new InferenceError(
      'BAD_ROW',
      `the row must have ${features.length} values: ${features.map(f => f.name).join(', ')}`,
    )
  row.forEach((value, i) => {
    if (value !== null && typeof value !== 'number')
      throw new InferenceError('BAD_ROW', `${features[i]!.name} must be a number or null`)
  })
}
