import { describe, expect, it } from 'vitest'
import { failureText, TrainingInputError } from '../../trainer/errors.ts'
import { parseHyperparameters } from '../../trainer/hyperparameters.ts'

const parse = (given: Record<string, unknown>) =>
  parseHyperparameters({ objective: 'binary:logistic', num_round: '10', ...given })

describe('hyperparameters', () => {
  it('has XGBoost’s defaults', () => {
    expect(parseHyperparameters({ num_round: '10' })).toEqual({
      num_round: 10,
      num_class: 0,
      eta: 0.3,
      max_depth: 6,
      min_child_weight: 1,
      gamma: 0,
      lambda: 1,
      alpha: 0,
      max_delta_step: 0,
      subsample: 1,
      colsample_bytree: 1,
      colsample_bylevel: 1,
      max_bin: 256,
      scale_pos_weight: 1,
      base_score: 0.5,
      early_stopping_rounds: 0,
      seed: 0,
      csv_weights: 0,
      objective: 'reg:squarederror',
      eval_metric: ['rmse'],
      tree_method: 'hist',
      grow_policy: 'depthwise',
    })
  })

  it('reads strings as SageMaker passes them', () => {
    const hp = parse({
      learning_rate: '1e-1',
      eval_metric: 'auc, logloss',
      tree_method: 'auto',
      _tuning_objective_metric: 'x',
    })
    expect(hp).toMatchObject({ eta: 0.1, eval_metric: ['auc', 'logloss'], tree_method: 'hist' })
    expect(parse({ objective: 'multi:softprob', classes: '["a","b","c"]' })).toMatchObject({
      num_class: 3,
      eval_metric: ['mlogloss'],
    })
  })

  const refused: [string, Record<string, unknown>, RegExp][] = [
    ['eta of 0', { eta: '0' }, /^hyperparameter eta: expected a number in \(0, 1\], got "0"$/],
    [
      'a number that is none',
      { gamma: '0x10' },
      /^hyperparameter gamma: expected a number of at least 0, got "0x10"$/,
    ],
    ['an empty number', { gamma: '' }, /gamma: expected a number of at least 0, got ""/],
    ['infinity', { lambda: 'Infinity' }, /lambda: expected a number of at least 0/],
    ['more than float32 holds', { alpha: '1e39' }, /alpha/],
    ['less than float32 holds', { subsample: '1e-60' }, /subsample: expected a number in \(0, 1\]/],
    ['a fraction of a level', { max_depth: '2.5' }, /max_depth: expected an integer in \[1, 30\]/],
    ['unlimited depth', { max_depth: '0' }, /max_depth: expected an integer in \[1, 30\]/],
    ['a real number as value', { eta: 0.3 }, /eta: expected a string/],
    ['both names of eta', { eta: '0.1', learning_rate: '0.1' }, /same hyperparameter/],
    ['an unknown name', { depth: '3' }, /unknown hyperparameter "depth"; known are num_round, /],
    ['another library’s name', { reg_lambda: '3' }, /unknown hyperparameter reg_lambda: use lambda/],
    ['an inherited name', { constructor: '1' }, /unknown hyperparameter "constructor"/],
    [
      'an unknown objective',
      { objective: 'reg:gamma' },
      /objective: expected binary:logistic or multi:softprob or/,
    ],
    ['loss-guided growth', { grow_policy: 'lossguide' }, /grow_policy: expected depthwise/],
    ['exact trees', { tree_method: 'exact' }, /tree_method: expected hist or auto/],
    ['an unknown metric', { eval_metric: 'ndcg' }, /eval_metric: expected logloss or/],
    [
      'another objective’s metric',
      { eval_metric: 'auc,merror' },
      /binary:logistic has logloss, .*not merror/,
    ],
    ['a metric twice', { eval_metric: 'auc,auc' }, /named twice/],
    ['classes without quotes', { classes: '[a,b]' }, /classes: expected a JSON array/],
    [
      '1,001 classes',
      {
        objective: 'multi:softmax',
        classes: JSON.stringify(Array.from({ length: 1001 }, (_, i) => `c${i}`)),
      },
      /classes: at most 1000 names, got 1001/,
    ],
    ['one class', { classes: '["a"]' }, /classes: expected a JSON array of at least two/],
    ['three classes for two', { classes: '["a","b","c"]' }, /binary:logistic needs exactly two names, got 3/],
    ['num_class for two', { num_class: '2' }, /num_class only works with objective multi/],
    ['no num_class', { objective: 'multi:softmax' }, /num_class is required with multi:softmax/],
    [
      'a num_class that disagrees',
      { objective: 'multi:softmax', num_class: '4', classes: '["a","b","c"]' },
      /num_class is 4, but classes names 3/,
    ],
    [
      'classes for regression',
      { objective: 'reg:squarederror', classes: '["a","b"]' },
      /classes does not work/,
    ],
    ['a base_score of 1', { base_score: '1' }, /base_score: binary:logistic needs a probability/],
    [
      'positive weights elsewhere',
      { objective: 'reg:squarederror', scale_pos_weight: '2' },
      /scale_pos_weight only works/,
    ],
    ['two sources of weights', { csv_weights: '1', weight_column: 'w' }, /exclude each other/],
    ['a nameless column', { label_column: ' ' }, /label_column: expected the name/],
  ]
  it.each(refused)('refuses %s', (_, given, message) => {
    expect(() => parse(given)).toThrow(TrainingInputError)
    expect(() => parse(given)).toThrow(message)
  })

  it('requires num_round', () => {
    expect(() => parseHyperparameters({})).toThrow('num_round is required: an integer in [1, 100000]')
  })
})

describe('output/failure', () => {
  it('is one line of at most 1,024 characters', () => {
    const text = failureText(new TrainingInputError(`a\nb ${'x'.repeat(2000)}`))
    expect(text).toHaveLength(1024)
    expect(text).toMatch(/^a b x+…$/)
    expect(failureText(new Error('boom'))).toBe('Internal error: boom')
  })
})
