import type { ModelConfig } from '../../contracts/model-config.ts'
import type { BreakerFacts } from './breaker.ts'
import type { MonthFacts } from './month.ts'
import type { ShiftFacts } from './shift.ts'
import type { RetrainTrigger } from './triggers.ts'

export type { RetrainTrigger } from './triggers.ts'

/** What a person asked for, and which guards not to heed. */
export interface Asked {
  readonly by: string
  readonly reason: string
  /** Sets the guards of `FORCED` aside. */
  readonly force: boolean
  /** Named guards that somebody with the scope for approvals set aside. */
  readonly override: readonly string[]
}

/** Everything that a retrain decision looks at, as it was at that moment; recorded with the decision. */
export interface RetrainFacts {
  readonly trigger: RetrainTrigger
  readonly now: string
  /** Start of the newest training of this model, if any. */
  readonly lastTrainingAt?: string
  readonly trainingInProgress: boolean
  readonly rolloutInFlight: boolean
  /** Admissible field samples labelled since the last were admitted, and the devices they came from. */
  readonly newLabels: number
  readonly devices: number
  /** Devices with any admissible sample, new or not. */
  readonly fieldDevices: number
  readonly generation: number
  readonly month: MonthFacts
  readonly breaker: BreakerFacts
  /** The episode that proposes, and the decision that answered it before, if one did. */
  readonly episode?: { readonly episode: string; readonly answeredBy?: string }
  /** Of an episode of drift that proposes. */
  readonly shift?: ShiftFacts
  readonly asked?: Asked
}
export interface GuardOutcome {
  readonly guard: string
  readonly passed: boolean
  readonly detail: string
  /** It did not pass and does not count: by a person's `force`, or by name. */
  readonly waived?: 'force' | 'override'
}
/** Of a drop, which brings its own data, nothing about the field is looked at. */
export type DropFacts = Pick<RetrainFacts, 'now' | 'lastTrainingAt' | 'month' | 'breaker'> & {
  readonly trigger: 'drop'
}
type Rules = Pick<ModelConfig, 'retrain' | 'fieldSamples'>
type Checked = Omit<GuardOutcome, 'guard' | 'waived'>

/** What `force` sets aside: brakes of the loop, not what protects the fleet, the purse or the model. */
const FORCED: readonly string[] = ['coolDown', 'minLabels', 'minDevices', 'maxGeneration']

/** All guards, always all of them evaluated, so that the record shows everything that stood in the way. */
export function evaluateGuards(facts: RetrainFacts | DropFacts, rules: Rules): readonly GuardOutcome[] {
  const outcomes = (checks: object, asked?: Asked): GuardOutcome[] =>
    Object.entries(checks).map(([guard, check]) => {
      const outcome = (check as (f: unknown, r: Rules) => Checked)(facts, rules)
      const waived = outcome.passed ? undefined : waivedBy(guard, asked)
      return { guard, ...outcome, ...(waived ? { waived } : {}) }
    })
  return isDrop(facts)
    ? outcomes({ dropTrigger, ...ofEveryTraining })
    : outcomes({ ...ofRetrains, ...ofEveryTraining }, facts.asked)
}
const isDrop = (facts: RetrainFacts | DropFacts): facts is DropFacts => facts.trigger === 'drop'
const waivedBy = (guard: string, asked: Asked | undefined): 'force' | 'override' | undefined => {
  if (asked?.override.includes(guard)) return 'override'
  return asked?.force && FORCED.includes(guard) ? 'force' : undefined
}

export const failedGuards = (outcomes: readonly GuardOutcome[]): string[] =>
  outcomes.filter(g => !g.passed && g.waived === undefined).map(g => g.guard)

const atLeast = (have: number, need: number, what: string): Checked => ({
  passed: have >= need,
  detail: `${have} ${what}, ${need} needed`,
})
const unless = (bad: boolean, why: string, otherwise: string): Checked => ({
  passed: !bad,
  detail: bad ? why : otherwise,
})

const dropTrigger = (_: unknown, { retrain }: Rules): Checked =>
  unless(!retrain.triggers.drop, 'triggers.drop is off: the next retrain takes the drop in', 'on')

const ofRetrains: Readonly<Record<string, (facts: RetrainFacts, rules: Rules) => Checked>> = {
  coolDown: ({ now, lastTrainingAt }, { retrain }) => {
    if (lastTrainingAt === undefined) return { passed: true, detail: 'no training before' }
    const minutes = (Date.parse(now) - Date.parse(lastTrainingAt)) / 60_000
    return {
      passed: minutes >= retrain.coolDownMinutes,
      detail: `${minutes.toFixed(1)} min since the last training began, ${retrain.coolDownMinutes} needed`,
    }
  },
  minLabels: ({ trigger, newLabels }, { retrain }) =>
    atLeast(
      newLabels,
      (trigger === 'drift' ? retrain.triggers.drift.minLabels : undefined) ?? retrain.minLabels,
      'new labels',
    ),
  /** A shift that does no harm is not trained on. */
  errorRose: ({ shift }) => {
    if (shift === undefined) return { passed: true, detail: 'no drift proposes' }
    const { labels, error, accepted } = shift
    const said = (x: number): string => Number(x.toPrecision(3)).toString()
    return {
      passed: error !== null && error > accepted,
      detail: `error ${error === null ? 'unknown' : said(error)} on ${labels} labels since the shift, ${said(accepted)} accepted`,
    }
  },
  minDevices: ({ devices }, { retrain }) => atLeast(devices, retrain.minDevices, 'devices'),
  fieldDevices: ({ fieldDevices }, { fieldSamples }) =>
    atLeast(fieldDevices, fieldSamples.minimumDevices, 'devices with valid field samples'),
  noTrainingInProgress: ({ trainingInProgress }) =>
    unless(trainingInProgress, 'a version is being trained', 'idle'),
  noRolloutInFlight: ({ rolloutInFlight }) => unless(rolloutInFlight, 'a rollout is in flight', 'none'),
  maxGeneration: ({ generation }, { retrain }) => ({
    passed: generation < retrain.maxGeneration,
    detail: `turn ${generation} of the loop without a person, ${retrain.maxGeneration} allowed`,
  }),
  episodeDedupe: ({ episode }, { retrain }) =>
    unless(
      retrain.episodeDedupe && episode?.answeredBy !== undefined,
      `${episode?.episode} was answered by ${episode?.answeredBy}`,
      episode === undefined
        ? 'no episode proposes'
        : `${episode.episode} ${episode.answeredBy === undefined ? 'was not answered before' : 'may propose again'}`,
    ),
  circuitBreaker: ({ breaker: { rejected, since } }, { retrain }) => ({
    passed: rejected.length < retrain.circuitBreaker.rejected,
    detail: [
      `${rejected.length} challengers in a row came to nothing`,
      rejected.length > 0 ? ` (${rejected.map(v => `v${v}`).join(', ')})` : '',
      since === undefined ? '' : ` since ${since}`,
      `, open from ${retrain.circuitBreaker.rejected} on`,
    ].join(''),
  }),
}

const ofEveryTraining: Readonly<Record<string, (facts: DropFacts | RetrainFacts, rules: Rules) => Checked>> =
  {
    budget: withinBudget,
    freeze: ({ now }, { retrain }) => {
      const frozen = retrain.freeze.find(
        f => Date.parse(f.from) <= Date.parse(now) && Date.parse(now) < Date.parse(f.until),
      )
      return unless(
        frozen !== undefined,
        `until ${frozen?.until}${frozen?.reason === undefined ? '' : `: ${frozen.reason}`}`,
        `none of ${retrain.freeze.length} windows`,
      )
    },
    dryRun: (_, { retrain }) => unless(retrain.dryRun, 'decisions are recorded only', 'off'),
  }

function withinBudget({ month }: DropFacts | RetrainFacts, { retrain: { budget } }: Rules): Checked {
  if (budget === undefined)
    return { passed: true, detail: `none is set; ${month.trainings} trainings so far` }
  const { trainingsPerMonth: most, costPerMonth, currency } = budget
  const { trainings, cost = 0, next = 0, unpriced, complete } = month
  const money = (amount: number): string => `${amount.toFixed(2)} ${currency}`
  const said: string[] = []
  if (most !== undefined) said.push(`${trainings} of ${most} trainings in ${month.month}`)
  if (costPerMonth !== undefined)
    said.push(
      `at most ${money(cost)} spent and ${money(next)} for this one, ${money(costPerMonth)} a month`,
      ...unpriced.map(type => `${type} has no price in retrain.budget.pricePerHour`),
    )
  if (!complete) said.push('more versions in this month than are read')
  return {
    passed:
      complete &&
      (most === undefined || trainings < most) &&
      (costPerMonth === undefined || (unpriced.length === 0 && cost + next <= costPerMonth)),
    detail: said.join('; '),
  }
}
