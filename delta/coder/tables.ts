/** A counter that has seen this many bits learns no slower. */
export const COUNT_LIMIT = 250

/**
 * 4096 / (1 + exp(-i / 2)) for i from -16 to 16, lpaq's table. Literals, because Math.exp may differ between machines.
 */
export const CURVE: readonly number[] = [
  1, 2, 3, 6, 10, 16, 27, 45, 73, 120, 194, 310, 488, 747, 1101, 1546, 2047, 2549, 2994, 3348, 3607, 3785,
  3901, 3975, 4022, 4050, 4068, 4079, 4085, 4089, 4092, 4093, 4094,
]

/** The curve's inverse: a probability in 1/4096 to 1/256 nat. */
export const STRETCH: Int16Array = (() => {
  const table = new Int16Array(4096)
  let from = 0
  for (let x = -2047; x <= 2047; x++) {
    const at = (x >> 7) + 16
    const to = (CURVE[at]! * (128 - (x & 127)) + CURVE[at + 1]! * (x & 127) + 64) >> 7
    for (; from <= to; from++) table[from] = x
  }
  return table.fill(2047, from)
})()

/** How far a counter that has seen n bits moves towards the next, in 1/4096: 1 / (n + 1.6). */
export const STEP: Int32Array = Int32Array.from({ length: COUNT_LIMIT + 1 }, (_, n) =>
  Math.floor(40_960 / (10 * n + 16)),
)
