/** Seeded random numbers, so that every figure can be had again. Statistics only, nothing secret. */
export interface Rng {
  /** Uniform in [0, 1), 32 bits. */
  next(): number
  normal(): number
  /** Mean 1. */
  exponential(): number
  /** Gamma with this shape and mean 1. */
  gamma(shape: number): number
  poisson(mean: number): number
}

/** xoshiro128** (Blackman & Vigna 2018), seeded by splitmix32. */
export function rng(seed: number): Rng {
  let mix = seed >>> 0
  const split = (): number => {
    mix = (mix + 0x9e3779b9) >>> 0
    let z = mix
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b)
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35)
    return (z ^ (z >>> 16)) >>> 0
  }
  let [a, b, c, d] = [split(), split(), split(), split()]
  const rotate = (x: number, k: number): number => (x << k) | (x >>> (32 - k))
  const word = (): number => {
    const result = Math.imul(rotate(Math.imul(b, 5), 7), 9) >>> 0
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotate(d, 11)
    return result
  }
  const next = (): number => word() / 2 ** 32
  let spare: number | undefined
  const normal = (): number => {
    if (spare !== undefined) {
      const kept = spare
      spare = undefined
      return kept
    }
    const r = Math.sqrt(-2 * Math.log(1 - next()))
    const angle = 2 * Math.PI * next()
    spare = r * Math.sin(angle)
    return r * Math.cos(angle)
  }
  const exponential = (): number => -Math.log(1 - next())
  /** Marsaglia & Tsang 2000; a shape below 1 by their boost. */
  const gammaOf = (shape: number): number => {
    if (shape === 1) return exponential()
    if (shape < 1) return gammaOf(shape + 1) * (1 - next()) ** (1 / shape)
    const scale = shape - 1 / 3
    const slope = 1 / Math.sqrt(9 * scale)
    for (;;) {
      const x = normal()
      const v = (1 + slope * x) ** 3
      if (v > 0 && Math.log(1 - next()) < 0.5 * x * x + scale - scale * v + scale * Math.log(v))
        return scale * v
    }
  }
  const poisson = (mean: number): number => {
    // Sums of exponential gaps; the means here are small.
    let count = -1
    for (let t = 0; t <= mean; t += exponential()) count++
    return count
  }
  return { next, normal, exponential, gamma: shape => gammaOf(shape) / shape, poisson }
}
