import type { ModelConfig } from '../../contracts/model-config.ts'
import type { GateLine } from './lines.ts'

export interface GateVerdict {
  readonly passed: boolean
  readonly reasons: readonly string[]
}

/**
 * Champion/challenger gate: above the floor on the held-out rows; on held-out and sentinel rows the metric is no more
 * than the margin below the champion's; and no set and no slice blocks (`gateLines`). Of rows from the field only what
 * is shown counts, not the metric as such: whoever sends rows could move that.
 */
export function evaluationGate(
  { metric, floor, nonInferiority, confidence = 0.95 }: ModelConfig['evaluation'],
  lines: readonly GateLine[],
): GateVerdict {
  const lowerIsBetter = metric === 'rmse'
  const reasons: string[] = []
  const whole = lines.filter(l => l.slice === null)
  const own = whole.find(l => l.set === 'holdout')?.challenger ?? null
  if (own === null)
    reasons.push(`${metric} cannot be computed on the held-out rows (too few rows, or one class only)`)
  else if (lowerIsBetter ? own > floor : own < floor) {
    reasons.push(`${metric} on holdout is ${fixed(own)}, the floor is ${floor}`)
  }
  for (const { set, challenger: mine, champion: theirs = null } of whole) {
    if (set === 'audit' || mine === null || theirs === null) continue
    if ((lowerIsBetter ? mine - theirs : theirs - mine) > nonInferiority) {
      reasons.push(
        `${metric} on ${set} is ${fixed(mine)}, the champion has ${fixed(theirs)}; at most ${nonInferiority} worse is accepted`,
      )
    }
  }
  for (const line of lines.filter(l => l.blocks)) {
    const where = line.slice === null ? line.set : `${line.set}, slice ${line.slice}`
    const loss =
      line.loss?.lower == null
        ? ''
        : `loses ${fixed(line.loss.estimate)}, at least ${fixed(line.loss.lower)},`
    reasons.push(
      line.verdict === 'inferior'
        ? `${where}: ${loss} of ${line.rows} rows against the champion with ${confidence} confidence in all statements; at most ${nonInferiority} is accepted`
        : `${where}: ${line.rows} rows ${line.restsOnOneDevice ? 'rest on one device and ' : ''}do not show that it loses at most ${nonInferiority} against the champion, which is required`,
    )
  }
  return { passed: reasons.length === 0, reasons }
}
const fixed = (value: number): string => value.toFixed(4)
