import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { modelName } from '../../src/contracts/names.ts'
import {
  canonicalJson,
  compilationJobName,
  hyperparameters,
  runFingerprint,
  sha256Hex,
  trainingJobName,
  trainingSetDigest,
} from '../../src/domain/training/plan.ts'
import { config } from './support.ts'

/** SageMaker's own pattern for the names of training and compilation jobs. */
const JOB_NAME = /^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/

describe('canonical JSON', () => {
  it('does not depend on the order of keys and says the same as JSON', () => {
    void fc.assert(
      fc.property(fc.jsonValue(), value => {
        const text = canonicalJson(value)
        expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)))
        expect(canonicalJson(reversed(value))).toBe(text)
      }),
    )
  })
  it('is pinned, since digests of stored documents rest on it', () => {
    const value = { b: [1, { d: null, c: 'é\n' }], a: 1e21, skipped: undefined, Z: -0 }
    expect(canonicalJson(value)).toBe('{"Z":0,"a":1e+21,"b":[1,{"c":"é\\n","d":null}]}')
    expect(sha256Hex('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect(sha256Hex(Buffer.from('abc'))).toBe(sha256Hex('abc'))
  })
})
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed)
  if (value === null || typeof value !== 'object') return value
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([k, v]) => [k, reversed(v)]),
  )
}

describe('the identity of a run', () => {
  const set = {
    model: 'm',
    features: ['a', 'b'],
    split: { validation: 0.2, holdout: 0.2 },
    sources: [{ key: 'k', sha256: 'aa', rows: 3 }],
    samples: [],
  }
  it('follows from inputs and hyperparameters and from nothing else', () => {
    const digest = trainingSetDigest(set)
    expect(trainingSetDigest({ ...set, split: { holdout: 0.2, validation: 0.2 } })).toBe(digest)
    const others = [
      { ...set, features: ['b', 'a'] },
      { ...set, split: { validation: 0.2, holdout: 0.3 } },
      { ...set, sources: [{ key: 'k', sha256: 'ab', rows: 3 }] },
      { ...set, samples: [{ eventId: 'e', thing: 't', digest: 'd' }] },
    ].map(trainingSetDigest)
    expect(new Set([digest, ...others]).size).toBe(5)
    const run = runFingerprint(digest, { eta: '0.3', seed: '1' })
    expect(runFingerprint(digest, { seed: '1', eta: '0.3' })).toBe(run)
    expect(runFingerprint(digest, { seed: '2', eta: '0.3' })).not.toBe(run)
  })
})

describe('job names', () => {
  const long = 'a'.repeat(30)
  const fingerprint = sha256Hex('run')
  it('are readable when they fit', () => {
    expect(trainingJobName('edgeloop-dev', 'cold-chain', 3, fingerprint)).toBe(
      `edgeloop-dev-cold-chain-v3-${fingerprint.slice(0, 8)}`,
    )
  })
  it('fit SageMaker for every legal model name, stage of up to 12 characters and version', () => {
    void fc.assert(
      fc.property(
        fc
          .stringMatching(/^[a-z0-9]{1,30}(-[a-z0-9]{1,14}){0,2}$/)
          .filter(n => modelName.safeParse(n).success),
        fc.stringMatching(/^[a-zA-Z][a-zA-Z0-9]{0,11}$/),
        fc.integer({ min: 1, max: 1_000_000 }),
        fc.string(),
        (model, stage, version, seed) => {
          for (const name of [
            trainingJobName(`edgeloop-${stage}`, model, version, sha256Hex(seed)),
            compilationJobName(`edgeloop-${stage}`, model, version, seed),
          ]) {
            expect(name).toMatch(JOB_NAME)
            // The rule that brings job events back selects by this prefix.
            expect(name.startsWith(`edgeloop-${stage}-`)).toBe(true)
          }
        },
      ),
    )
    const stages = Array.from({ length: 12 }, (_, i) => `edgeloop-${'s'.repeat(i + 1)}`)
    for (const prefix of stages) {
      for (const version of [1, 99_999, 1_000_000]) {
        expect(trainingJobName(prefix, long, version, fingerprint)).toMatch(JOB_NAME)
        expect(compilationJobName(prefix, long, version, 'h'.repeat(30))).toMatch(JOB_NAME)
      }
    }
  })
  it('stay apart when they are cut', () => {
    const prefix = 'edgeloop-twelve-chars'
    const names = [
      trainingJobName(prefix, long, 1_000_000, fingerprint),
      trainingJobName(prefix, long, 999_999, fingerprint),
      trainingJobName(prefix, long, 1_000_000, sha256Hex('other')),
      trainingJobName(prefix, `${long.slice(1)}b`, 1_000_000, fingerprint),
      compilationJobName(prefix, long, 1_000_000, 'one'),
      compilationJobName(prefix, long, 1_000_000, 'two'),
    ]
    expect(new Set(names).size).toBe(names.length)
    expect(trainingJobName(prefix, long, 1_000_000, fingerprint)).toBe(names[0])
  })
})

describe('hyperparameters', () => {
  it('are strings under SageMaker XGBoost’s names, with the objective of the task', () => {
    const training = { hyperparameters: { max_depth: 4, eta: '0.2' } }
    expect(hyperparameters(config({ training }))).toEqual({
      num_round: '100',
      max_depth: '4',
      eta: '0.2',
      seed: '42',
      objective: 'binary:logistic',
    })
    const multiclass = config({ task: 'multiclass', label: { column: 'y', classes: ['a', 'b', 'c'] } })
    expect(hyperparameters(multiclass)).toMatchObject({ objective: 'multi:softprob', num_class: '3' })
  })
  it('refuse an objective that does not fit the task, naming the field', () => {
    const training = { hyperparameters: { objective: 'reg:squarederror' } }
    expect(() => hyperparameters(config({ training }))).toThrow(
      expect.objectContaining({
        reason: 'OBJECTIVE_MISMATCH',
        field: 'training.hyperparameters.objective',
      }),
    )
  })
})
