/**
 * Lower confidence bound of an error rate that holds at all sample sizes at once: Howard & Ramdas (Bernoulli
 * 28(3), 2022) bound the empirical distribution function uniformly by 0.85 √((ln ln(e·t) + 0.8 ln(1612/a)) / t);
 * an error rate is that function at one point.
 * @returns 0 when there is no evidence yet.
 */
export function errorLowerBound(errors: number, labels: number, a = 0.05): number {
  if (labels === 0) return 0
  const radius = 0.85 * Math.sqrt((Math.log(Math.log(Math.E * labels)) + 0.8 * Math.log(1612 / a)) / labels)
  return Math.max(0, errors / labels - radius)
}

export interface HarmVerdict {
  readonly harmed: boolean
  readonly lowerBound: number
  readonly accepted: number
}
/** Harm: the error on audit labels is above what the version had at release, by more than the margin. */
export function judgeHarm(errors: number, labels: number, released: number, margin: number): HarmVerdict {
  const lowerBound = errorLowerBound(errors, labels)
  const accepted = released + margin
  return { harmed: lowerBound > accepted, lowerBound, accepted }
}
