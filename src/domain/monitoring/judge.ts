import { type EpisodeState, QUIET, stepEpisode } from './episode.ts'
import { recoveryOf } from './recovery.ts'
import { type Counts, total } from './stats/counts.ts'
import { detect } from './stats/detector.ts'
import { eBh } from './stats/e-bh.ts'
import type { Reference } from './stats/reference.ts'
import { addWindow, replaceWindow, type Segment, segmentOf } from './stats/segments.ts'
import { DRIFT_POLICY, type DriftPolicy, type Verdict, verdictOf } from './verdict.ts'

/** All that is kept of one quantity of one model version between windows. */
export interface QuantityState {
  readonly segments: readonly Segment[]
  readonly episode: EpisodeState
}
export const FRESH: QuantityState = { segments: [], episode: QUIET }

export interface QuantityWindow {
  readonly name: string
  readonly reference: Reference
  readonly before: QuantityState
  /** Counts by bin, one row per device; none when no device reported this quantity in this window. */
  readonly devices: readonly Counts[]
}
export interface Judged {
  readonly name: string
  readonly after: QuantityState
  readonly verdict: Verdict
  /** Id of the episode that this window opened or closed. */
  readonly opened?: string
  readonly closed?: string
}

/**
 * Judges one closed window of all quantities of a model version together. The same windows give the same verdicts; a
 * window must be given once.
 * @param prefix of episode ids, such as `drift-v7`; the quantity and the window are appended
 * @throws RangeError when counts do not have the reference's bins
 */
export function judgeWindow(
  window: number,
  quantities: readonly QuantityWindow[],
  prefix: string,
  policy: DriftPolicy = {},
): readonly Judged[] {
  return verdicts(window, quantities, addWindow, policy).map(
    ({ name, reference, before, segments, detection, verdict }) => {
      const { state, opened, closed, cleanSince } = stepEpisode(before.episode, {
        window,
        verdict: verdict.state,
        drifted: detection.best?.counts ?? [],
        recovery: open => recoveryOf(segments, open, detection.correlation, reference, verdict),
        id: `${prefix}-${name}-w${window}`,
        policy,
      })
      const kept = cleanSince === undefined ? segments : segments.filter(s => s.from >= cleanSince)
      return {
        name,
        after: { segments: kept, episode: state },
        verdict,
        ...(opened ? { opened } : {}),
        ...(closed ? { closed } : {}),
      }
    },
  )
}

/**
 * A window that was judged has more counts now: they take the place of what it had. No episode begins or ends with
 * that; the next window is judged with it. A window that lies with others in one segment stays as it was.
 */
export const amendWindow = (
  window: number,
  quantities: readonly QuantityWindow[],
  policy: DriftPolicy = {},
): readonly Judged[] =>
  verdicts(window, quantities, replaceWindow, policy).map(({ name, before, segments, verdict }) => ({
    name,
    after: { segments, episode: before.episode },
    verdict,
  }))

function verdicts(
  window: number,
  quantities: readonly QuantityWindow[],
  put: (segments: readonly Segment[], window: Segment) => readonly Segment[],
  policy: DriftPolicy,
) {
  const { falseDiscoveryRate } = { ...DRIFT_POLICY, ...policy }
  const seen = quantities.map(q => {
    const devices = q.devices.filter(d => total(d) > 0)
    const segments =
      devices.length === 0
        ? q.before.segments
        : put(q.before.segments, segmentOf(window, devices, q.reference))
    return { ...q, devices: devices.length, segments, detection: detect(segments, q.reference) }
  })
  const { rejected, threshold } = eBh(
    seen.map(s => s.detection.logE),
    falseDiscoveryRate,
  )
  return seen.map((quantity, i) => {
    const { reference, devices, detection } = quantity
    const evidence = { rejected: rejected[i]!, threshold }
    return { ...quantity, verdict: verdictOf(detection, evidence, devices, reference, policy) }
  })
}
