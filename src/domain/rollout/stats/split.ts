import { checkShare } from './mixture.ts'

/** What can stop a rollout. */
export type StopMetric =
  | 'failureRate'
  | 'silence'
  | 'errors'
  | 'watchdogResets'
  | 'latency'
  | 'confidence'
  | 'disagreement'

/**
 * Shares of the false-stop budget, in twentieths. Any harm stops (a union), so the shares add up to the whole.
 *
 * `failureRate` has fourteen: it decides on the fewest devices, so its α is what limits how many a bad release reaches
 * (0.035 of 0.05: a median of 14 when 25 % fail and 5 % are tolerated), and it is the only test without a control to
 * compare with. Evidence of the two-arm tests grows exponentially with events, so a thirteenth of the α costs them a
 * few devices; silence and errors have twice as much as the rest, being what a dead or a wrong model shows first. Means
 * need many devices in any case, and what they tell rarely hurts within the hour.
 */
export const STOP_WEIGHTS: Readonly<Record<StopMetric, number>> = {
  failureRate: 14,
  silence: 1.5,
  errors: 1.5,
  watchdogResets: 0.75,
  latency: 0.75,
  confidence: 0.75,
  disagreement: 0.75,
}

/**
 * Divides the false-stop probability `total` in proportion to the weights. A metric with weight 0 gets 0: it must not
 * stop. Give only the metrics that a model has, and the rest profit.
 * @throws RangeError on a total outside (0, 1), a negative weight, or none above 0
 */
export function splitAlpha<M extends string>(
  total: number,
  weights: Readonly<Record<M, number>>,
): Record<M, number> {
  checkShare('total', total)
  const entries = Object.entries(weights) as [M, number][]
  for (const [metric, weight] of entries)
    if (!(weight >= 0 && Number.isFinite(weight)))
      throw new RangeError(`weight of ${metric} must be 0 or more; got ${weight}`)
  const sum = entries.reduce((s, [, weight]) => s + weight, 0)
  if (sum === 0) throw new RangeError('at least one metric needs a weight above 0')
  return Object.fromEntries(entries.map(([metric, weight]) => [metric, (total * weight) / sum])) as Record<
    M,
    number
  >
}
