import type { ModelConfig } from '../../contracts/model-config.ts'

/** Metrics of one model on one named set of rows. */
export type SetMetrics = Readonly<Record<string, number>>
export interface GateInput {
  readonly evaluation: ModelConfig['evaluation']
  /** By set name: `holdout` and, where there is one, `sentinel`. */
  readonly challenger: Readonly<Record<string, SetMetrics>>
  readonly champion?: Readonly<Record<string, SetMetrics>>
}
export interface GateVerdict {
  readonly passed: boolean
  readonly reasons: readonly string[]
}

/** Champion/challenger gate: above the floor on the held-out rows, and non-inferior to the champion on every set. */
export function evaluationGate({ evaluation, challenger, champion }: GateInput): GateVerdict {
  const { metric, floor, nonInferiority } = evaluation
  const lowerIsBetter = metric === 'rmse'
  const reasons: string[] = []
  const own = challenger['holdout']?.[metric]
  if (own === undefined)
    reasons.push(`${metric} cannot be computed on the held-out rows (too few rows, or one class only)`)
  else if (lowerIsBetter ? own > floor : own < floor) {
    reasons.push(`${metric} on holdout is ${fixed(own)}, the floor is ${floor}`)
  }
  for (const [set, metrics] of Object.entries(challenger)) {
    const mine = metrics[metric]
    const theirs = champion?.[set]?.[metric]
    if (mine === undefined || theirs === undefined) continue
    const loss = lowerIsBetter ? mine - theirs : theirs - mine
    if (loss > nonInferiority) {
      reasons.push(
        `${metric} on ${set} is ${fixed(mine)}, the champion has ${fixed(theirs)}; at most ${nonInferiority} worse is accepted`,
      )
    }
  }
  return { passed: reasons.length === 0, reasons }
}
const fixed = (value: number): string => value.toFixed(4)
