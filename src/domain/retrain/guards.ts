import type { ModelConfig } from '../../contracts/model-config.ts'

export type RetrainTrigger = 'drift' | 'harm' | 'schedule'

/** Everything a retrain decision looks at, as it was at that moment; recorded with the decision. */
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
}
export interface GuardOutcome {
  readonly guard: string
  readonly passed: boolean
  readonly detail: string
}

/** All guards, always all of them evaluated, so that the record shows everything that stood in the way. */
export function evaluateGuards(
  facts: RetrainFacts,
  { retrain, fieldSamples }: Pick<ModelConfig, 'retrain' | 'fieldSamples'>,
): readonly GuardOutcome[] {
  const sinceMinutes = facts.lastTrainingAt
    ? (Date.parse(facts.now) - Date.parse(facts.lastTrainingAt)) / 60_000
    : Number.POSITIVE_INFINITY
  const enough = (have: number, need: number, what: string) => `${have} ${what}, ${need} needed`
  return [
    {
      guard: 'coolDown',
      passed: sinceMinutes >= retrain.coolDownMinutes,
      detail: Number.isFinite(sinceMinutes)
        ? `${sinceMinutes.toFixed(1)} min since the last training began, ${retrain.coolDownMinutes} needed`
        : 'no training before',
    },
    {
      guard: 'minLabels',
      passed: facts.newLabels >= retrain.minLabels,
      detail: enough(facts.newLabels, retrain.minLabels, 'new labels'),
    },
    {
      guard: 'minDevices',
      passed: facts.devices >= retrain.minDevices,
      detail: enough(facts.devices, retrain.minDevices, 'devices'),
    },
    {
      guard: 'fieldDevices',
      passed: facts.fieldDevices >= fieldSamples.minimumDevices,
      detail: enough(facts.fieldDevices, fieldSamples.minimumDevices, 'devices with valid field samples'),
    },
    {
      guard: 'noTrainingInProgress',
      passed: !facts.trainingInProgress,
      detail: facts.trainingInProgress ? 'a version is being trained' : 'idle',
    },
    {
      guard: 'noRolloutInFlight',
      passed: !facts.rolloutInFlight,
      detail: facts.rolloutInFlight ? 'a rollout is in flight' : 'none',
    },
    {
      guard: 'maxGeneration',
      passed: facts.generation < retrain.maxGeneration,
      detail: `turn ${facts.generation} of the loop without a person, ${retrain.maxGeneration} allowed`,
    },
  ]
}
