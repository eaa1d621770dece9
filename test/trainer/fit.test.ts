import { afterEach, describe, expect, it } from 'vitest'
import { trainModel } from '../../trainer/fit.ts'
import { createEarlyStopping } from '../../trainer/gbdt/early-stopping.ts'
import { parseHyperparameters } from '../../trainer/hyperparameters.ts'
import { runJob } from '../../trainer/job.ts'
import { type JobFolder, makeJob } from './job-folder.ts'
import { makeRows, toCsv } from './rows.ts'

const jobs: JobFolder[] = []
afterEach(() => {
  for (const made of jobs.splice(0)) made.remove()
})

const quiet = { log: () => undefined, stopRequested: () => false }
const hooks = { onRound: () => undefined, stopRequested: () => false }
const hp = (given: Record<string, string>) =>
  parseHyperparameters({ objective: 'binary:logistic', num_round: '60', ...given })

/** Rows whose labels are coin tosses: any round beyond the first few only overfits. */
function noise(seed: number, rows: number) {
  const data = makeRows(seed, rows, 3)
  return { ...data, labels: makeRows(seed + 1, rows, 3).labels }
}

describe('early stopping', () => {
  it('stops after the given rounds without a better value', () => {
    const stopping = createEarlyStopping(2, false)
    expect([0.5, 0.4, 0.4, NaN].map((score, round) => stopping.observe(round, score))).toEqual([
      false,
      false,
      false,
      true,
    ])
    expect(stopping.best()).toEqual({ round: 1, score: 0.4 })
  })

  it('looks for the largest value of a metric that grows', () => {
    const stopping = createEarlyStopping(1, true)
    expect([0.5, 0.6, 0.6].map((score, round) => stopping.observe(round, score))).toEqual([
      false,
      false,
      true,
    ])
    expect(stopping.best()).toEqual({ round: 1, score: 0.6 })
  })

  it('cuts the model after the best round of the last metric on validation', async () => {
    const result = await trainModel(
      hp({ early_stopping_rounds: '4', eval_metric: 'auc,logloss' }),
      noise(1, 300),
      noise(5, 200),
      hooks,
    )
    const losses = result.history['validation']!['logloss']!
    expect(result.stoppedBy).toBe('early_stopping_rounds')
    expect(result.bestIteration).toBe(losses.indexOf(Math.min(...losses)))
    expect(result.bestScore).toBe(Math.min(...losses))
    expect(result.roundsTrained).toBe(result.bestIteration + 1 + 4)
    expect(result.trees.length).toBe(result.bestIteration + 1)
  })

  it('needs a validation channel with both classes', async () => {
    const given = hp({ early_stopping_rounds: '4', eval_metric: 'auc' })
    const rows = makeRows(1, 50, 2)
    await expect(trainModel(given, rows, undefined, hooks)).rejects.toThrow('needs a validation channel')
    const oneClass = { ...rows, labels: new Float32Array(50) }
    await expect(trainModel(given, rows, oneClass, hooks)).rejects.toThrow('cannot watch auc')
  })
})

describe('training', () => {
  it('reports labels that are too large instead of saving a broken model', async () => {
    const rows = { ...makeRows(1, 20, 2), labels: new Float32Array(20).fill(1.6e38) }
    const given = parseHyperparameters({ num_round: '5', lambda: '0', eta: '1', base_score: '-3e38' })
    await expect(trainModel(given, rows, undefined, hooks)).rejects.toThrow('training diverged in round 0')
  })

  it('does not let the test channel or a sentinel touch the model', async () => {
    const train = { 'a.csv': toCsv(makeRows(1, 200, 3)) }
    const validation = { 'a.csv': toCsv(makeRows(2, 80, 3)) }
    const given = { objective: 'binary:logistic', num_round: '30', early_stopping_rounds: '3' }
    const alone = makeJob(given, { train, validation })
    const watched = makeJob(given, {
      sentinel: { 'a.csv': toCsv(noise(3, 40)) },
      test: { 'a.csv': toCsv(noise(4, 40)) },
      train,
      validation,
    })
    jobs.push(alone, watched)
    for (const { base } of jobs) await runJob(base, quiet)
    expect(watched.text('model/xgboost-model.json')).toBe(alone.text('model/xgboost-model.json'))
    const reports = [alone, watched].map(made => JSON.parse(made.text('model/metrics.json')))
    expect(reports[1].training).toEqual(reports[0].training)
    expect(Object.keys(reports[1].channels)).toEqual(['train', 'validation', 'test', 'sentinel'])
  })

  it('reports importances that add up to the trees’ loss changes', async () => {
    const made = makeJob(
      { num_round: '5' },
      { train: { 'a.csv': toCsv(makeRows(1, 200, 3), ['y', 'a', 'b', 'unused']) } },
    )
    jobs.push(made)
    await runJob(made.base, quiet)
    const { training } = JSON.parse(made.text('model/metrics.json'))
    const importances: { feature: string; gain: number; total_gain: number; splits: number }[] =
      training.feature_importances
    expect(importances[0]!.gain).toBeGreaterThanOrEqual(importances[1]!.gain)
    const trees = JSON.parse(made.text('model/xgboost-model.json')).learner.gradient_booster.model.trees
    const changes: number[] = trees.flatMap((tree: { loss_changes: number[] }) => tree.loss_changes)
    const total = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0)
    expect(total(importances.map(i => i.total_gain))).toBeCloseTo(total(changes), 3)
    expect(total(importances.map(i => i.splits))).toBe(changes.filter(change => change > 0).length)
  })
})
