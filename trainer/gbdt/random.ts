/** A seeded uniform source in [0, 1) with 32 random bits per draw. */
export type Random = () => number

/**
 * xoshiro128** (Blackman and Vigna, https://prng.di.unimi.it/), its state filled by splitmix32 from a
 * 32-bit seed, so that equal seeds give equal models on every machine.
 */
export function createRandom(seed: number): Random {
  let mix = seed | 0
  const next = (): number => {
    mix = (mix + 0x9e3779b9) | 0
    let z = mix ^ (mix >>> 16)
    z = Math.imul(z, 0x21f0aaad)
    z ^= z >>> 15
    z = Math.imul(z, 0x735a2d97)
    return (z ^ (z >>> 15)) | 0
  }
  let [a, b, c, d] = [next(), next(), next(), next()]
  return () => {
    const product = Math.imul(b, 5)
    const result = Math.imul((product << 7) | (product >>> 25), 9)
    const t = b << 9
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = (d << 11) | (d >>> 21)
    return (result >>> 0) / 4294967296
  }
}
