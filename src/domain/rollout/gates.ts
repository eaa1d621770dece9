import { UNIT } from './evidence.ts'
import { rateBounds, rateExceeds } from './stats/csm.ts'
import { type Moments, mean, QUANTUM } from './stats/moments.ts'
import { type MeanTest, meanExceeds } from './stats/msprt.ts'
import { devicesNeeded } from './stats/proof.ts'
import { lookDue, promotes } from './stats/sequential.ts'
import { STOP_WEIGHTS, type StopMetric, splitAlpha } from './stats/split.ts'
import { countExceeds } from './stats/two-arm.ts'
import {
  type Arm,
  type Counts,
  type EventMetric,
  eventMetrics,
  type Phase,
  type Rollout,
  type TestResult,
  type ValueMetric,
} from './types.ts'

const at = (counts: Counts, name: string): number => counts[name] ?? 0

/** Share of the false-stop budget of each metric that this rollout can be stopped by. */
function alphas({ policy }: Rollout): Readonly<Record<StopMetric, number>> {
  const { disagreement, ...others } = STOP_WEIGHTS
  const weights = { ...others, disagreement: policy.shadowMinutes > 0 ? disagreement : 0 }
  return splitAlpha(policy.falseStop, weights)
}

/** Two-arm tests begin anew in each phase, because the arms change; so they share their budget among the phases. */
const comparable = ({ phases }: Rollout): number =>
  Math.max(1, phases.filter(p => Math.max(...Object.values(p.controls)) > 0).length)

const STOP_OF: Readonly<Record<EventMetric, StopMetric>> = {
  errors: 'errors',
  resets: 'watchdogResets',
  silent: 'silence',
}

/** Every stop test on what is known since a person last looked. Any harm is enough. */
export function harmTests(rollout: Rollout, counts: Counts, explain = true): TestResult[] {
  const share = alphas(rollout)
  const known = since(counts, rollout.acknowledged)
  return [
    failures(rollout, known, share.failureRate),
    ...eventMetrics.flatMap(metric =>
      events(rollout, known, metric, share[STOP_OF[metric]] / comparable(rollout)),
    ),
    ...values(rollout, known, share, explain),
  ]
}

const since = (counts: Counts, acknowledged: Counts): Counts =>
  Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, n - at(acknowledged, name)]))

/**
 * Whether a fleet that is too small for a proof may go on without one: no larger share has failed than is tolerated,
 * of what came since a person last looked. A raw share proves nothing, but one that speaks against the candidate is a
 * person's to judge.
 */
export function unsuspicious({ policy, acknowledged }: Rollout, counts: Counts): boolean {
  const known = since(counts, acknowledged)
  const failed = at(known, 'failed')
  return failed <= policy.tolerate.failureRate * (failed + at(known, 'committed'))
}

function failures({ policy }: Rollout, counts: Counts, alpha: number): TestResult {
  const failed = at(counts, 'failed')
  const total = failed + at(counts, 'committed')
  const { exceeds, evidence } = rateExceeds({ failed, total }, policy.tolerate.failureRate, alpha)
  return {
    ...{ metric: 'failures', test: 'one-arm rate, Beta-mixture e-process', alpha },
    ...{ verdict: exceeds ? 'harm' : 'undecided', statistic: evidence, threshold: -Math.log(alpha) },
    canary: `${failed} of ${total} failed, ${percent(policy.tolerate.failureRate)} tolerated`,
  }
}

/** Largest share that the canaries are of both arms, over all hardware: an upper bound of their share of events. */
const shareOf = ({ exposures, controls }: Phase): number =>
  Math.max(
    ...Object.keys(exposures).map(hw => {
      const [canary, control] = [exposures[hw] ?? 0, controls[hw] ?? 0]
      return control === 0 ? 0 : canary / (canary + control)
    }),
  )

function events(rollout: Rollout, counts: Counts, metric: EventMetric, alpha: number): TestResult[] {
  return rollout.phases.slice(0, rollout.phase + 1).flatMap((phase, i) => {
    const share = shareOf(phase)
    if (share === 0) return []
    const [canary, control] = [at(counts, `p${i}_canary_${metric}`), at(counts, `p${i}_control_${metric}`)]
    const ratio = rollout.policy.tolerate.eventRatio
    const { exceeds, evidence } = countExceeds({ canary, control }, share, alpha, ratio)
    const of = (arm: Arm, n: number): string => `${n} of ${at(counts, `p${i}_${arm}_devices`)} devices`
    return [
      {
        ...{ metric, test: `two-arm count at share ${share.toFixed(3)}, phase ${phase.name}`, alpha },
        ...{ verdict: exceeds ? ('harm' as const) : ('undecided' as const) },
        ...{ canary: of('canary', canary), control: of('control', control) },
        ...{ statistic: evidence, threshold: -Math.log(alpha) },
      },
    ]
  })
}

/** What a value test takes as harm; τ is the size of harm beyond it that the test is quickest to see. */
function margins({ tolerate }: Rollout['policy']): Readonly<Record<ValueMetric, Omit<MeanTest, 'alpha'>>> {
  const latency = Math.log(tolerate.latencyRatio)
  return {
    latency: { margin: latency, tau: latency },
    confidence: { margin: tolerate.confidenceDrop, tau: tolerate.confidenceDrop, direction: 'lower' },
    disagreement: { margin: tolerate.disagreement, tau: tolerate.disagreement },
  }
}

function values(
  rollout: Rollout,
  counts: Counts,
  share: Readonly<Record<StopMetric, number>>,
  explain: boolean,
): TestResult[] {
  const harm = margins(rollout.policy)
  return rollout.phases.slice(0, rollout.phase + 1).flatMap((phase, i) =>
    (['latency', 'confidence', 'disagreement'] as const).flatMap(metric => {
      const alpha = share[metric] / comparable(rollout)
      const canary = moments(counts, `p${i}_canary_${metric}`, UNIT[metric])
      // A share of answers that differ has no control: 0 is what the champion differs from itself.
      const control =
        metric === 'disagreement'
          ? { n: canary.n, sum: '0', sumSq: '0' }
          : moments(counts, `p${i}_control_${metric}`, UNIT[metric])
      if (canary.n === 0 || control.n === 0 || alpha === 0) return []
      const test = { ...harm[metric], alpha }
      const verdict = meanExceeds(canary, control, test)
      const { exceeds, evidence } = verdict
      const interval = explain ? verdict.interval : null
      const of = (m: Moments): string => `mean ${mean(m).toFixed(4)} over ${m.n} devices`
      const range = interval === null ? '' : `, difference in [${interval.map(x => x.toFixed(4)).join(', ')}]`
      return [
        {
          ...{
            metric,
            test: `mixture SPRT beyond a margin of ${test.margin.toFixed(4)}, phase ${phase.name}`,
            alpha,
          },
          ...{ verdict: exceeds ? ('harm' as const) : ('undecided' as const) },
          canary: `${of(canary)}${range}`,
          ...(metric === 'disagreement' ? {} : { control: of(control) }),
          ...{ statistic: evidence, threshold: -Math.log(alpha) },
        },
      ]
    }),
  )
}

/** Counters in `unit` as exact sums in quanta. */
function moments(counts: Counts, name: string, unit: number): Moments {
  const scale = BigInt(Math.round(unit / QUANTUM))
  return {
    n: at(counts, `${name}_n`),
    sum: String(BigInt(at(counts, `${name}_sum`)) * scale),
    sumSq: String(BigInt(at(counts, `${name}_sq`)) * scale * scale),
  }
}

export interface PromotionOutlook {
  readonly proof: TestResult
  /** This total is a look that was not taken yet: it is to be recorded, because each look spends. */
  readonly look: number | undefined
  /** All expected devices have said how it ended. */
  readonly all: boolean
  /** At least one has. */
  readonly any: boolean
  /** Devices that would have to report without failure. */
  readonly missing: number
  readonly sentence: string
}

/** Whether the phase has proven what it must: failures of all canaries so far, those of earlier phases included. */
export function promotion(
  { policy, looks }: Rollout,
  phase: Phase,
  counts: Counts,
  final: boolean,
): PromotionOutlook {
  const failed = at(counts, 'failed')
  const total = failed + at(counts, 'committed')
  const tolerated = phase.proves ?? policy.tolerate.failureRate
  const alpha = policy.falsePromote
  const planned = Math.max(1, phase.devices.canary)
  const all = total >= Math.max(planned, at(counts, 'started')) && total > 0
  // What does not come any more is not waited for: the last look spends the rest.
  const expected = final || all ? Math.max(1, total) : Math.max(planned, total)
  const due = total > 0 && (final || all || lookDue(total, looks, expected))
  const { promotes: proven, allowed } = due
    ? promotes({ failed, total }, { looks, expected, tolerated, alpha })
    : { promotes: false, allowed: -1 }
  const missing = Math.max(0, devicesNeeded(failed, tolerated, alpha) - total)
  const seen = `${failed} of ${total} canaries failed`
  const claim = `that fewer than ${percent(tolerated)} fail`
  return {
    proof: {
      ...{ metric: 'failures', test: 'group-sequential non-inferiority, exact binomial', alpha },
      ...{ verdict: proven ? 'safe' : 'undecided', statistic: failed, threshold: allowed },
      canary: seen,
    },
    look: due && !looks.includes(total) ? total : undefined,
    all,
    any: total > 0,
    missing,
    sentence: proven
      ? `${seen}, which proves ${claim} (${allowed} would, error ${percent(alpha)})`
      : `${seen} of about ${planned} expected, which does not prove ${claim}: ${missing} more without failure would`,
  }
}

const percent = (share: number): string => `${Number((share * 100).toPrecision(3))} %`

/** Where a rollout stands between what is tolerated and what would stop it. */
export interface FailureLine {
  readonly estimate: number | null
  readonly tolerated: number
  /** Upper end of the confidence sequence, as the stop test looks at it. */
  readonly upperBound: number | null
  /** Failures that would stop it at the outcomes so far, or, where these are too few, if all of them failed. */
  readonly stopsAt: number
}
export function failureLine(rollout: Rollout, counts: Counts): FailureLine {
  const tolerated = rollout.policy.tolerate.failureRate
  const alpha = alphas(rollout).failureRate
  const known = since(counts, rollout.acknowledged)
  const failed = at(known, 'failed')
  const total = failed + at(known, 'committed')
  const stops = (k: number): boolean =>
    rateExceeds({ failed: k, total: Math.max(total, k) }, tolerated, alpha).exceeds
  let high = 1
  while (!stops(high)) high *= 2
  let low = Math.floor(high / 2)
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2)
    if (stops(middle)) high = middle
    else low = middle
  }
  return {
    ...{ estimate: total === 0 ? null : failed / total, tolerated },
    ...{ upperBound: total === 0 ? null : rateBounds({ failed, total }, alpha).upper, stopsAt: high },
  }
}
