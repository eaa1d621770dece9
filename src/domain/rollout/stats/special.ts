/**
 * Special functions behind the exact binomial tests. Formulas by their number in the NIST Digital Library of
 * Mathematical Functions (dlmf.nist.gov); relative error about 1e-13 over the arguments that a fleet can produce.
 */

/** Bernoulli numbers B(2k) / (2k (2k − 1)), k = 1…8: coefficients of Stirling's series, DLMF 5.11.1. */
const STIRLING = [
  1 / 12,
  -1 / 360,
  1 / 1260,
  -1 / 1680,
  1 / 1188,
  -691 / 360360,
  1 / 156,
  -3617 / 122400,
] as const

/** ln Γ(x) for x > 0. */
export function logGamma(x: number): number {
  if (x === 1 || x === 2) return 0
  // Recurrence up to where the series is exact to double precision.
  let z = x
  let shift = 1
  while (z < 12) {
    shift *= z
    z += 1
  }
  const inverse = 1 / z
  let term = inverse
  let series = 0
  for (const coefficient of STIRLING) {
    series += coefficient * term
    term *= inverse * inverse
  }
  return (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series - Math.log(shift)
}

/** ln B(a, b), a and b > 0. */
export const logBeta = (a: number, b: number): number => logGamma(a) + logGamma(b) - logGamma(a + b)

/** ln of the binomial coefficient n over k. */
export const logChoose = (n: number, k: number): number =>
  k === 0 || k === n ? 0 : logGamma(n + 1) - logGamma(k + 1) - logGamma(n - k + 1)

/** ln P(X = s), X binomial(n, p), 0 < p < 1. */
export const logBinomial = (s: number, n: number, p: number): number =>
  logChoose(n, s) + s * Math.log(p) + (n - s) * Math.log1p(-p)

const TINY = 1e-300

/** ln I_x(a, b) by the continued fraction DLMF 8.17.22 (modified Lentz); for x below (a + 1) / (a + b + 2). */
function logBetaFraction(x: number, a: number, b: number): number {
  let c = 1
  let d = 1 / guard(1 - ((a + b) * x) / (a + 1))
  let h = d
  for (let m = 1; m < 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m))
    d = 1 / guard(1 + even * d)
    c = guard(1 + even / c)
    h *= d * c
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1))
    d = 1 / guard(1 + odd * d)
    c = guard(1 + odd / c)
    h *= d * c
    if (Math.abs(d * c - 1) < 1e-15) break
  }
  return a * Math.log(x) + b * Math.log1p(-x) - Math.log(a) - logBeta(a, b) + Math.log(h)
}
const guard = (v: number): number => (Math.abs(v) < TINY ? TINY : v)

/** ln of both tails of a Beta(a, b) variable at x: P(X ≤ x) and P(X > x). Neither loses digits when it is small. */
export function logBetaTails(x: number, a: number, b: number): { lower: number; upper: number } {
  if (x <= 0) return { lower: Number.NEGATIVE_INFINITY, upper: 0 }
  if (x >= 1) return { lower: 0, upper: Number.NEGATIVE_INFINITY }
  if (x < (a + 1) / (a + b + 2)) {
    const lower = logBetaFraction(x, a, b)
    return { lower, upper: log1mExp(lower) }
  }
  const upper = logBetaFraction(1 - x, b, a)
  return { lower: log1mExp(upper), upper }
}

/** ln(1 − e^x), x ≤ 0. */
const log1mExp = (x: number): number =>
  x >= 0 ? Number.NEGATIVE_INFINITY : x > -Math.LN2 ? Math.log(-Math.expm1(x)) : Math.log1p(-Math.exp(x))

/** Regularised incomplete beta function I_x(a, b). */
export const betaCdf = (x: number, a: number, b: number): number => Math.exp(logBetaTails(x, a, b).lower)

/** P(X ≤ s), X binomial(n, p). */
export const binomialCdf = (s: number, n: number, p: number): number =>
  s < 0 ? 0 : s >= n ? 1 : Math.exp(logBetaTails(p, s + 1, n - s).upper)

/**
 * Where a function that grows from below 0 to above 0 on [low, high] is 0, by bisection.
 * @param steps halvings; unless told, to the last bit
 */
export function root(f: (x: number) => number, low: number, high: number, steps = 200): number {
  let a = low
  let b = high
  for (let i = 0; i < steps; i++) {
    const middle = (a + b) / 2
    if (middle <= a || middle >= b) break
    if (f(middle) < 0) a = middle
    else b = middle
  }
  return b
}
