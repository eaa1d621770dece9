import type { DriftEvidence } from '../../contracts/drift.ts'

/** Counts of one monitored quantity in one window: per device, missing values last. */
export interface WindowCounts {
  readonly window: number
  /** Per device, the counts by bin. */
  readonly devices: readonly (readonly number[])[]
}
/** The same merged over devices, and how much clustering by device thins it out. */
export interface WindowSummary {
  readonly window: number
  readonly counts: readonly number[]
  readonly designEffect: number
}

export const total = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)

/**
 * First-order Rao–Scott design effect from per-device counts: readings of one device resemble each other, so n
 * readings are worth n/deff. With w_d the share of device d and p_db its share of bin b:
 * v_b = D/(D−1) · Σ_d w_d² (p_db − p_b)², d_b = v_b / (p_b (1−p_b)/n), deff = Σ_b (1−p_b) d_b / (B−1), at least 1.
 * (Rao & Scott 1981; see docs/monitoring.md.)
 */
export function designEffect(devices: readonly (readonly number[])[]): number {
  const used = devices.filter(d => total(d) > 0)
  const D = used.length
  const bins = used[0]?.length ?? 0
  if (D < 2) return 1
  const pooled = Array.from({ length: bins }, (_, b) => used.reduce((sum, d) => sum + (d[b] as number), 0))
  const n = total(pooled)
  const filled = pooled.filter(c => c > 0 && c < n).length
  if (filled < 2) return 1
  let sum = 0
  for (let b = 0; b < bins; b++) {
    const p = (pooled[b] as number) / n
    if (p === 0 || p === 1) continue
    let v = 0
    for (const device of used) {
      const size = total(device)
      v += ((size / n) * ((device[b] as number) / size - p)) ** 2
    }
    v *= D / (D - 1)
    sum += (1 - p) * (v / ((p * (1 - p)) / n))
  }
  return Math.max(1, sum / (filled - 1))
}

export function summarise({ window, devices }: WindowCounts): WindowSummary {
  const bins = devices[0]?.length ?? 0
  const counts = Array.from({ length: bins }, (_, b) => devices.reduce((sum, d) => sum + (d[b] as number), 0))
  return { window, counts, designEffect: designEffect(devices) }
}

/** ln Γ(x) for x > 0: Lanczos' approximation (g = 7, n = 9), relative error below 1e-13. */
export function lnGamma(x: number): number {
  const c = [
    0.99999999999980993, 676.5203681218851, -1259.1392167224028, 771.32342877765313, -176.61502916214059,
    12.507343278686905, -0.13857109526572012, 9.9843695780195716e-6, 1.5056327351493116e-7,
  ]
  if (x < 0.5) return Math.log(Math.PI / Math.sin(Math.PI * x)) - lnGamma(1 - x)
  const y = x - 1
  let a = c[0] as number
  const t = y + 7.5
  for (let i = 1; i < 9; i++) a += (c[i] as number) / (y + i)
  return 0.5 * Math.log(2 * Math.PI) + (y + 0.5) * Math.log(t) - t + Math.log(a)
}

/**
 * ln of the Dirichlet-multinomial e-value of counts against reference shares p0 (Lindon & Malek, NeurIPS 2022):
 * lnΓ(κ) − lnΓ(κ+N) + Σ_b [lnΓ(κp_b + c_b) − lnΓ(κp_b)] − Σ_b c_b ln p_b. Counts may be fractional, since they
 * are divided by the design effect. Under p0 its expectation is 1 at any time.
 */
export function logEvalue(counts: readonly number[], p0: readonly number[], kappa = counts.length): number {
  let log = lnGamma(kappa) - lnGamma(kappa + total(counts))
  counts.forEach((c, b) => {
    const p = p0[b] as number
    if (c > 0) log += lnGamma(kappa * p + c) - lnGamma(kappa * p) - c * Math.log(p)
  })
  return log
}

/** Total variation distance ½ Σ |p̂ − p0|. */
export const totalVariation = (counts: readonly number[], p0: readonly number[]): number => {
  const n = total(counts)
  return n === 0 ? 0 : counts.reduce((sum, c, b) => sum + Math.abs(c / n - (p0[b] as number)), 0) / 2
}

/**
 * Lower confidence bound of the total variation distance at level 1 − a: the observed one overestimates by at
 * most ½ √((B−1)/n) on average (Cauchy–Schwarz) and deviates by √(ln(1/a)/(2n)) (McDiarmid); likewise for the m
 * reference rows.
 */
export function distanceLowerBound(distance: number, bins: number, n: number, m: number, a = 0.01): number {
  const slack = (size: number): number =>
    0.5 * Math.sqrt((bins - 1) / size) + Math.sqrt(Math.log(2 / a) / (2 * size))
  return n <= 0 ? 0 : Math.max(0, distance - slack(n) - slack(m))
}

export interface DriftOptions {
  /** α: at most this many false alarms per window in expectation, over all quantities together. */
  readonly falseAlarmRate: number
  readonly tolerance: number
  /** Rows behind the baseline. */
  readonly referenceRows: number
  /** How many quantities are watched, for the union bound. */
  readonly quantities: number
}

/**
 * Shiryaev–Roberts e-detector over the kept windows, oldest first: M = Σ_s E(windows s…now), the sum over all
 * start times. Under no drift E[M_t] ≤ t, so P(max M ≥ c within t windows) ≤ t/c; with c = quantities/α the
 * expected number of false alarms is at most α per window (Shin, Ramdas & Rinaldo, e-detectors). The evidence
 * reported is of the best start, and it counts only when the distance bound exceeds the tolerance as well:
 * with much data everything drifts a little.
 */
export function detectDrift(
  name: string,
  windows: readonly WindowSummary[],
  p0: readonly number[],
  options: DriftOptions,
): DriftEvidence & { readonly drifted: boolean } {
  const threshold = Math.log(options.quantities / options.falseAlarmRate)
  let best = { logE: Number.NEGATIVE_INFINITY, distance: 0, lowerBound: 0, n: 0, nEffective: 0 }
  let sum = Number.NEGATIVE_INFINITY
  let scaled = new Array<number>(p0.length).fill(0)
  let n = 0
  for (let s = windows.length - 1; s >= 0; s--) {
    const { counts, designEffect: deff } = windows[s] as WindowSummary
    scaled = scaled.map((c, b) => c + (counts[b] as number) / deff)
    n += total(counts)
    const logE = logEvalue(scaled, p0)
    sum = logAddExp(sum, logE)
    if (logE > best.logE) {
      const nEffective = total(scaled)
      const distance = totalVariation(scaled, p0)
      const lowerBound = distanceLowerBound(distance, p0.length, nEffective, options.referenceRows)
      best = { logE, distance, lowerBound, n, nEffective }
    }
  }
  const { distance, lowerBound, nEffective } = best
  return {
    name,
    logE: Number.isFinite(sum) ? sum : 0,
    threshold,
    distance,
    lowerBound,
    tolerance: options.tolerance,
    n: best.n,
    nEffective,
    drifted: sum >= threshold && lowerBound > options.tolerance,
  }
}

const logAddExp = (a: number, b: number): number => {
  const high = Math.max(a, b)
  return high === Number.NEGATIVE_INFINITY ? high : high + Math.log(Math.exp(a - high) + Math.exp(b - high))
}
