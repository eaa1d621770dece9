import { scoreDesignEffect } from './stats/clustering.ts'
import {
  type HeldOut,
  heldOutBound,
  logErrorEvidence,
  type Stratum,
  weightedError,
  weightedErrorBound,
} from './stats/weighted-error.ts'

export interface HarmVerdict {
  readonly harmed: boolean
  readonly lowerBound: number
  readonly accepted: number
}

/** Errors on audit labels, by what sampled them, and who made them. */
export interface AuditLabels {
  readonly strata: readonly Stratum[]
  /** Smallest inclusion probability that any policy of this version may have used. */
  readonly smallestPi: number
  /** Labels and errors of each device; without them every label counts as independent. */
  readonly devices?: readonly Pick<Stratum, 'labels' | 'errors'>[]
}
export interface Release {
  /** Error that was measured at release; with its rows its own uncertainty is taken off as well. */
  readonly error: number
  readonly heldOut?: HeldOut
  /** How much worse the field may be. */
  readonly tolerance: number
}
export interface ErrorVerdict extends HarmVerdict {
  /** ln of the e-value against "at most `accepted`", and what it has to reach. */
  readonly logE: number
  readonly threshold: number
  /** Weighted estimate over all inferences; null without labels. */
  readonly error: number | null
  readonly labels: number
  readonly designEffect: number
}

/**
 * Harm at any number of looks: is the error over all inferences, measured on audit labels with inclusion probabilities,
 * above what was accepted at release? While it is not, the chance that this is ever said is at most α. α is split evenly
 * between the field and the held-out rows when these are given.
 * @throws RangeError on tallies or probabilities out of range
 */
export function judgeErrors(labels: AuditLabels, release: Release, alpha = 0.05): ErrorVerdict {
  const { strata, smallestPi, devices } = labels
  const share = release.heldOut ? alpha / 2 : alpha
  const accepted =
    (release.heldOut ? heldOutBound(release.heldOut, share) : release.error) + release.tolerance
  const designEffect = devices ? errorDesignEffect(devices) : 1
  const logE = logErrorEvidence(strata, accepted, smallestPi, designEffect)
  const threshold = -Math.log(share)
  const error = weightedError(strata)
  return {
    harmed: logE >= threshold,
    lowerBound: weightedErrorBound(strata, share, smallestPi, designEffect),
    accepted,
    logE,
    threshold,
    error: Number.isNaN(error) ? null : error,
    labels: strata.reduce((n, s) => n + s.labels, 0),
    designEffect,
  }
}

/** How many labels of one device are worth one, from how much devices differ in their errors; at least 1. */
export const errorDesignEffect = (devices: readonly Pick<Stratum, 'labels' | 'errors'>[]): number =>
  Math.max(
    1,
    scoreDesignEffect(
      devices.map(d => [d.labels - d.errors, d.errors]),
      [0, 1],
    ),
  )
