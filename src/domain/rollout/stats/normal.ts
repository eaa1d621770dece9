import { betaCdf } from './special.ts'

/**
 * Standard normal distribution function Φ(x), relative accuracy also in the lower tail: the power series DLMF 7.6.2
 * near 0, the continued fraction DLMF 7.9.3 for the tail.
 */
export function normalCdf(x: number): number {
  const z = Math.abs(x)
  if (z > 39) return x > 0 ? 1 : 0
  const density = Math.exp(-0.5 * z * z) / Math.sqrt(2 * Math.PI)
  if (z < 3) {
    let term = z
    let sum = z
    for (let k = 3; term > 1e-17 * sum; k += 2) {
      term *= (z * z) / k
      sum += term
    }
    return x > 0 ? 0.5 + density * sum : 0.5 - density * sum
  }
  let fraction = z
  for (let k = 120; k >= 1; k--) fraction = z + k / fraction
  const tail = density / fraction
  return x > 0 ? 1 - tail : tail
}

/** Standard normal quantile, 0 < p < 1: Abramowitz & Stegun 26.2.22 as the start, then Halley steps on `normalCdf`. */
export function normalQuantile(p: number): number {
  if (!(p > 0 && p < 1)) return p === 0 ? Number.NEGATIVE_INFINITY : p === 1 ? Number.POSITIVE_INFINITY : NaN
  if (p > 0.5) return -normalQuantile(1 - p)
  const t = Math.sqrt(-2 * Math.log(p))
  let x = (2.30753 + 0.27061 * t) / (1 + t * (0.99229 + 0.04481 * t)) - t
  for (let i = 0; i < 4; i++) {
    const newton = (normalCdf(x) - p) / (Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI))
    x -= newton / (1 + 0.5 * x * newton)
  }
  return x
}

/** P(T ≤ t) of Student's t with `df` > 0 degrees of freedom, by the incomplete beta function. */
export function studentCdf(t: number, df: number): number {
  if (t === 0) return 0.5
  const tail = 0.5 * betaCdf(df / (df + t * t), df / 2, 0.5)
  return t > 0 ? 1 - tail : tail
}

/**
 * The normal score that is as extreme as `t` is with `df` degrees of freedom. It makes a statistic with an estimated
 * variance usable where theory wants a known one; always nearer to 0 than `t`.
 */
export function normalScore(t: number, df: number): number {
  const tail = 0.5 * betaCdf(df / (df + t * t), df / 2, 0.5)
  // Below what a double holds, the scale of the tail no longer matters to any decision.
  const z = tail < 1e-300 ? 37 : -normalQuantile(tail)
  return t < 0 ? -z : z
}
