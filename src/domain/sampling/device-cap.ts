/**
 * Most samples that one device may give: the largest whole number m with
 *
 *   m ≤ max(share · Σ_d min(n_d, m), median)
 *
 * where n_d are the devices' counts and `median` is their lower median. The first term is the share of what is then
 * admitted. It alone could not be fulfilled by fewer than 1/share devices; the second keeps the cap satisfiable, and
 * not even a flood can move it while most devices behave. More than half of the D devices give the median or more, so
 * no device is above max(share, 1/(⌊D/2⌋+1)) of the admitted set: half of it with 3 devices, `share` from 2/share on.
 */
export function deviceCap(counts: readonly number[], share: number): number {
  if (counts.length === 0) return 0
  const sorted = [...counts].sort((a, b) => a - b)
  const median = sorted[Math.floor((sorted.length - 1) / 2)] as number
  const capped = (m: number): number => counts.reduce((sum, n) => sum + Math.min(n, m), 0)
  // The condition holds for all m below the largest that fulfils it; from above, each step stays at or above that one.
  for (let m = sorted.at(-1) as number; ; ) {
    const next = Math.min(m, Math.max(Math.floor(share * capped(m)), median))
    if (next === m) return m
    m = next
  }
}
