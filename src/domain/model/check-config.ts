import type { ModelConfig } from '../../contracts/model-config.ts'
import { InputError } from '../errors.ts'
import { policyFaults } from '../retrain/check-config.ts'
import { samplingFaults } from '../sampling/check-config.ts'
import { hyperparameters } from '../training/plan.ts'
import { type ConfigFault, fault } from './fault.ts'

/** What the schema alone cannot say of a model.yaml: everything that is wrong, in an order that does not change. */
export function* configFaults(config: ModelConfig): Generator<ConfigFault> {
  yield* classFaults(config)
  for (const [i, { name, min, max }] of config.features.entries())
    if (min !== undefined && max !== undefined && min > max)
      yield fault('RANGE', `feature "${name}" has min ${min} above max ${max}`, ['features', i, 'min'])
  yield* columnFaults(config)
  try {
    hyperparameters(config)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    yield { path: ['training', 'hyperparameters', 'objective'], error }
  }
  yield* policyFaults(config)
  yield* samplingFaults(config)
}

function* classFaults({ task, label: { classes } }: ModelConfig): Generator<ConfigFault> {
  const path = ['label', 'classes']
  const enough = {
    binary: classes.length === 2,
    multiclass: classes.length >= 2,
    regression: classes.length === 0,
  }
  const need = { binary: 'exactly two', multiclass: 'at least two', regression: 'no' }
  if (!enough[task])
    yield fault('CLASSES', `a ${task} model needs ${need[task]} label.classes, not ${classes.length}`, path)
  for (const [i, name] of classes.entries())
    if (classes.indexOf(name) !== i)
      yield { ...fault('CLASSES', `class "${name}" is named twice`, path), path: [...path, i] }
}

function* columnFaults({ features, label, ignore }: ModelConfig): Generator<ConfigFault> {
  const columns: (readonly [string, readonly (string | number)[]])[] = [
    ...features.map(({ name }, i) => [name, ['features', i, 'name']] as const),
    [label.column, ['label', 'column']],
    ...ignore.map((name, i) => [name, ['ignore', i]] as const),
  ]
  for (const [i, [name, path]] of columns.entries())
    if (columns.findIndex(([other]) => other === name) !== i)
      yield { path, error: new InputError('DUPLICATE_COLUMN', `column "${name}" is named twice`, name) }
}
