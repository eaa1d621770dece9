import { type DeviceWindowRow, keys, type QuantityView } from '../entities.ts'
import type { Store } from '../store.ts'
import type { DeviceProblem } from './problems.ts'
import { addCounts } from './windows.ts'

/** What one closed window of one version came to, kept as long as the archive is. */
export interface WindowSummaryRow {
  readonly window: number
  readonly reported: number
  readonly expected: number
  /** Devices that answered inferences, and that captured samples. */
  readonly active: number
  readonly sampling: number
  readonly inferences: number
  readonly errors: number
  readonly resets: number
  /** Merged log-bucket histogram, as devices count it. */
  readonly latency: Readonly<Record<string, number>>
  /** Mean over inferences, 0 to 1; null where no device said. */
  readonly confidence: number | null
  readonly quantities: readonly QuantityView[]
  /** Merged counts by quantity; the last is of missing values. */
  readonly counts: Readonly<Record<string, readonly number[]>>
  /** Devices that were off in it. */
  readonly problems: readonly DeviceProblem[]
}
/** A row has room for 400 KB; a person looks at the worst. */
const MAX_PROBLEMS = 20

/** Sums over all messages of a window: pure, so that a window that is evaluated again gives the same row. */
export function summarise(
  { window, reported, expected }: Pick<WindowSummaryRow, 'window' | 'reported' | 'expected'>,
  parts: readonly DeviceWindowRow[],
  quantities: readonly QuantityView[],
  problems: readonly DeviceProblem[],
): WindowSummaryRow {
  const total = { inferences: 0, errors: 0, resets: 0, sure: 0, said: 0 }
  const latency: Record<string, number> = {}
  const counts: Record<string, readonly number[]> = {}
  const [active, sampling] = [new Set<string>(), new Set<string>()]
  const add = (name: string, more: readonly number[]): void => {
    counts[name] = addCounts(counts[name] ?? [], more)
  }
  for (const part of parts) {
    total.inferences += part.inferences
    total.errors += part.errors ?? 0
    total.resets += part.resets ?? 0
    // A sum over its inferences in 1e-4; 0 for regression.
    if (part.confidence !== undefined && part.confidence > 0) {
      total.sure += part.confidence
      total.said += part.inferences
    }
    if (part.inferences > 0) active.add(part.thing)
    if (samplesIn(part) > 0) sampling.add(part.thing)
    for (const [bucket, n] of Object.entries(part.latency ?? {})) latency[bucket] = (latency[bucket] ?? 0) + n
    add('prediction', part.prediction)
    if (part.confidenceCounts) add('confidence', part.confidenceCounts)
    for (const [name, of] of Object.entries(part.features)) add(name, of)
  }
  const { inferences, errors, resets, sure, said } = total
  return {
    ...{ window, reported, expected, active: active.size, sampling: sampling.size },
    ...{ inferences, errors, resets, latency, confidence: said === 0 ? null : sure / said / 10_000 },
    ...{ quantities, counts, problems: problems.filter(p => p.until === undefined).slice(0, MAX_PROBLEMS) },
  }
}

/** Samples that a device captured in a window, over its lanes. */
export const samplesIn = ({ samples }: Pick<DeviceWindowRow, 'samples'>): number =>
  (samples?.audit.chosen ?? 0) + (samples?.hard.chosen ?? 0)

export async function latestSummary(
  store: Pick<Store, 'query'>,
  model: string,
  version: number,
): Promise<WindowSummaryRow | undefined> {
  const { pk } = keys.windowSummary(model, version, 0)
  const [row] = await store.query<WindowSummaryRow>(pk, 'WINDOW#', { limit: 1, newestFirst: true })
  return row?.data
}
