/** The least of 1, 2, 5 × 10ⁿ that is not below `x`: where an axis ends. */
export function niceCeiling(x: number): number {
  if (!(x > 0)) return 1
  const power = 10 ** Math.floor(Math.log10(x))
  const step = [1, 2, 5, 10].find(s => s * power >= x * (1 - 1e-9)) ?? 10
  return step * power
}

/** A place on a bar as per cent of its width, kept inside. */
export const at = (value: number, max: number): number =>
  max <= 0 ? 0 : Math.round(Math.min(1, Math.max(0, value / max)) * 10_000) / 100

const STEPS = [1, 5, 15, 30, 60, 300, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400, 604_800]
/** Round moments from `from` to `to`, seconds since 1970: at most `most` of them. */
export function timeTicks(from: number, to: number, most: number): number[] {
  const step = STEPS.find(s => (to - from) / s <= most) ?? (to - from) / most
  const first = Math.ceil(from / step) * step
  return Array.from({ length: Math.max(0, Math.floor((to - first) / step) + 1) }, (_, i) => first + i * step)
}
