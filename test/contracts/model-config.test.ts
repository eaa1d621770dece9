import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { modelConfig } from '../../src/contracts/model-config.ts'
import { parseOrReject, schemaError } from '../../src/runtime/events.ts'

type Path = readonly (string | number)[]
const read = (example: string): unknown =>
  parse(readFileSync(new URL(`../../examples/${example}/model.yaml`, import.meta.url), 'utf8'))
const fieldOf = (value: unknown): string => {
  const { error } = modelConfig.safeParse(value)
  return error === undefined ? 'accepted' : (schemaError(error).field ?? '')
}
/** Every object in the document, by its path. */
function* objects(value: unknown, path: Path = []): Generator<Path> {
  if (value === null || typeof value !== 'object') return
  if (!Array.isArray(value)) yield path
  for (const [key, item] of Object.entries(value)) yield* objects(item, [...path, key])
}
function withField(document: unknown, path: Path): unknown {
  const copy = structuredClone(document)
  let at = copy as Record<string, unknown>
  for (const key of path) at = at[key] as Record<string, unknown>
  at['colour'] = 'red'
  return copy
}

describe.each(['cold-chain', 'shuttle'])('the example %s', example => {
  const document = read(example)
  it('is a legal model.yaml', () => {
    const config = parseOrReject(modelConfig, document)
    expect(config.name).toBe(example)
    // Parsing what was parsed changes nothing: all defaults are there, and all of them are legal.
    expect(parseOrReject(modelConfig, config)).toEqual(config)
  })
  it('is refused with an unknown field anywhere, by its path', () => {
    const full = parseOrReject(modelConfig, document)
    const free = (path: Path) => path.join('.') === 'training.hyperparameters'
    const places = [...objects(full)].filter(path => !free(path))
    expect(places.length).toBeGreaterThan(12)
    for (const path of places) expect(fieldOf(withField(full, path))).toBe([...path, 'colour'].join('.'))
  })
})

describe('model.yaml', () => {
  const base = read('cold-chain') as Record<string, unknown>
  it.each<[string, unknown, string]>([
    ['name', 'Cold Chain', 'name'],
    ['name', 'a--b', 'name'],
    ['name', 'a'.repeat(31), 'name'],
    ['name', '../etc', 'name'],
    ['task', 'clustering', 'task'],
    ['features', [], 'features'],
    ['features', [{ name: 'has space' }], 'features.0.name'],
    ['features', [{ name: 'a', min: '0' }], 'features.0.min'],
    ['features', [{ name: 'a', min: Number.NaN }], 'features.0.min'],
    ['features', Array.from({ length: 257 }, (_, i) => ({ name: `f${i}` })), 'features'],
    ['label', { classes: ['a', 'b'] }, 'label.column'],
    ['evaluation', { metric: 'f1', floor: 0.5 }, 'evaluation.metric'],
    ['evaluation', { metric: 'auc', floor: Number.POSITIVE_INFINITY }, 'evaluation.floor'],
    ['targets', [], 'targets'],
    ['targets', [{ hardware: 'h', compile: 'gcc' }], 'targets.0.compile'],
    ['targets', [{ hardware: 'h', compile: 'neo' }], 'targets.0.device'],
    ['rollout', { phases: [{ name: 'a', exposure: 0 }] }, 'rollout.phases.0.exposure'],
    ['rollout', { phases: [{ name: 'a', exposure: 0.5 }] }, 'rollout.phases.0.exposure'],
    [
      'rollout',
      {
        phases: [
          { name: 'a', exposure: 0.5 },
          { name: 'a', exposure: 1 },
        ],
      },
      'rollout.phases',
    ],
    [
      'rollout',
      {
        phases: [
          { name: 'a', exposure: 1 },
          { name: 'b', exposure: 1 },
        ],
      },
      'rollout.phases.1.exposure',
    ],
    ['rollout', { tolerate: { failureRate: 1 } }, 'rollout.tolerate.failureRate'],
    ['rollout', { windows: [{ from: '24:00', minutes: 5 }] }, 'rollout.windows.0.from'],
    ['monitoring', { windowSeconds: 0.5 }, 'monitoring.windowSeconds'],
    ['monitoring', { falseAlarmRate: 0 }, 'monitoring.falseAlarmRate'],
    ['sampling', { audit: 1.1 }, 'sampling.audit'],
    ['retrain', { coolDownMinutes: -1 }, 'retrain.coolDownMinutes'],
    ['training', { split: { validation: 0.2 } }, 'training.split.holdout'],
    ['training', { hyperparameters: { eta: [1] } }, 'training.hyperparameters.eta'],
  ])('refuses %s = %j at %s', (field, value, at) => {
    expect(fieldOf({ ...base, [field]: value })).toBe(at)
  })
  it('needs what has no default', () => {
    for (const field of ['name', 'fleet', 'slot', 'task', 'features', 'label', 'evaluation', 'targets']) {
      const { [field]: _, ...rest } = base
      expect(fieldOf(rest)).toBe(field)
    }
    for (const value of [null, [], 'model', 7]) expect(fieldOf(value)).toBe('')
  })
})
