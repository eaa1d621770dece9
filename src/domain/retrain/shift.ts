import type { ModelConfig } from '../../contracts/model-config.ts'
import type { EpisodeRow } from '../entities.ts'
import type { Labelled } from '../sampling/admit.ts'

/** What the labels say of the shift that an episode of drift is about. */
export interface ShiftFacts {
  /** Labels of the audit lane from the episode's first window on. */
  readonly labels: number
  /** Weighted by 1/π over all inferences: share of errors, or root mean square for regression. Null without labels. */
  readonly error: number | null
  /** The error at release and how much worse it may be. */
  readonly accepted: number
}

/**
 * Error since a shift began. An estimate, not a bound: drift has been proven by then, and this asks only whether it
 * does anything. A shift that does no harm is not worth a training (Podkopaev & Ramdas, ICLR 2022).
 * @param samples admissible ones, which are of the audit lane
 * @returns undefined when the episode does not say what was accepted
 */
export function errorSince(
  samples: readonly Labelled[],
  { version, window, accepted }: Pick<EpisodeRow, 'version' | 'window' | 'accepted'>,
  { task, monitoring: { windowSeconds } }: Pick<ModelConfig, 'task' | 'monitoring'>,
): ShiftFacts | undefined {
  if (accepted === undefined || window === undefined) return undefined
  const began = window * windowSeconds * 1_000
  const since = samples.filter(s => s.version === version && Date.parse(s.capturedAt) >= began)
  const loss = ({ prediction, label }: Labelled): number =>
    task === 'regression' ? (prediction - label) ** 2 : Number(prediction !== label)
  const weights = since.reduce((sum, s) => sum + 1 / s.pi, 0)
  const mean = since.reduce((sum, s) => sum + loss(s) / s.pi, 0) / weights
  const error = task === 'regression' ? Math.sqrt(mean) : mean
  return { labels: since.length, error: since.length === 0 ? null : error, accepted }
}
