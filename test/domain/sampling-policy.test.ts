import { describe, expect, it } from 'vitest'
import { modelConfig } from '../../src/contracts/model-config.ts'
import { ioContract as ioContractSchema } from '../../src/contracts/packages.ts'
import { slotSampling } from '../../src/contracts/sampling-policy.ts'
import { InputError } from '../../src/domain/errors.ts'
import { refuseFirst } from '../../src/domain/model/fault.ts'
import { ioContract } from '../../src/domain/package/contents.ts'
import { samplingFaults } from '../../src/domain/sampling/check-config.ts'
import { nextFactor } from '../../src/domain/sampling/fleet-budget.ts'
import { devicePolicy, policyDigest } from '../../src/domain/sampling/policy.ts'
import { canonicalJson, sha256Hex } from '../../src/domain/training/plan.ts'
import { parseOrReject } from '../../src/runtime/events.ts'
import { config } from './support.ts'

const hard = [
  { strategy: 'outOfDistribution', surprise: 3, probability: 1 },
  { strategy: 'margin', below: 0.1, probability: 0.5 },
  { strategy: 'entropy', above: 0.9, probability: 0.5 },
  { strategy: 'class', classes: ['yes'], probability: 0.05 },
]
const whole = {
  audit: 0.02,
  hard,
  limits: { itemsPerHour: 60, bytesPerDay: 1_000_000 },
  fleet: { itemsPerDay: 10_000 },
}
const refusal = (sampling: unknown): { readonly field: string | undefined; readonly message: string } => {
  try {
    parseOrReject(modelConfig, { ...config(), sampling })
  } catch (error) {
    if (error instanceof InputError) return { field: error.field, message: error.message }
    throw error
  }
  throw new Error('it was taken')
}

describe('sampling in model.yaml', () => {
  it('takes every strategy, the limits and the fleet’s budget, and what it took before', () => {
    expect(config({ sampling: whole }).sampling).toEqual(whole)
    const before = { audit: 0.5, hard: { margin: 0.1, probability: 0.2 } }
    expect(config({ sampling: before }).sampling).toEqual(before)
    expect(config().sampling).toEqual({ audit: 0.02 })
  })

  it.each<[unknown, string]>([
    [{ ...whole, random: 1 }, 'sampling.random'],
    [{ hard: [{ strategy: 'margin', below: 0.1 }] }, 'sampling.hard.0.probability'],
    [{ hard: [hard[0], { ...hard[1], below: 2 }] }, 'sampling.hard.1.below'],
    [{ hard: [{ ...hard[1], above: 1 }] }, 'sampling.hard.0.above'],
    [{ hard: [{ strategy: 'guess', probability: 1 }] }, 'sampling.hard.0.strategy'],
    [{ hard: { margin: 2, probability: 1 } }, 'sampling.hard.margin'],
    [{ hard: [] }, 'sampling.hard'],
    [{ limits: { itemsPerMinute: 1 } }, 'sampling.limits.itemsPerMinute'],
    [{ limits: { itemsPerHour: 0 } }, 'sampling.limits.itemsPerHour'],
    [{ fleet: {} }, 'sampling.fleet.itemsPerDay'],
  ])('refuses %j at %s', (sampling, field) => {
    expect(refusal(sampling).field).toBe(field)
    expect(refusal(sampling).message).toContain(field)
  })
})

describe('a line that no row can fit', () => {
  const fault = (over: object, sampling: object): string | undefined => {
    try {
      refuseFirst(samplingFaults(config({ ...over, sampling })))
    } catch (error) {
      return (error as InputError).field
    }
    return undefined
  }
  const regression = { task: 'regression', label: { column: 'y' }, evaluation: { metric: 'rmse', floor: 1 } }

  it('is refused: a class that the model does not have, and classes in a regression', () => {
    expect(fault({}, { hard })).toBeUndefined()
    expect(fault({}, { hard: [{ ...hard[3], classes: ['yes', 'maybe'] }] })).toBe('sampling.hard.0.classes')
    expect(fault(regression, { hard: [hard[0]] })).toBeUndefined()
    expect(fault(regression, { hard: [hard[0], hard[1]] })).toBe('sampling.hard.1')
    expect(fault(regression, { hard: { margin: 0.1, probability: 1 } })).toBe('sampling.hard.0')
    expect(fault(regression, {})).toBeUndefined()
  })
})

describe('the policy of a model', () => {
  it('is what devices are told, with the digest of exactly that', () => {
    const policy = devicePolicy(config({ sampling: whole }).sampling)
    expect(policy).toEqual({ audit: whole.audit, hard, limits: whole.limits })
    expect(policyDigest(policy)).toBe(sha256Hex(canonicalJson(policy)))
    const other = devicePolicy(config({ sampling: { ...whole, fleet: { itemsPerDay: 1 } } }).sampling)
    expect(policyDigest(other)).toBe(policyDigest(policy))
    const contract = ioContract(config({ sampling: whole }), 3, 'board')
    expect(ioContractSchema.parse(contract)).toEqual(contract)
    expect(contract.sampling).toEqual({ policy: policyDigest(policy).slice(0, 16), ...policy })
    const slot = { policy: policyDigest(policy), factor: 0.5, ...policy }
    expect(slotSampling.parse(slot)).toEqual(slot)
  })

  it('is what packages of today have, byte for byte', () => {
    const { sampling } = ioContract(
      config({ sampling: { audit: 0.5, hard: { margin: 0.1, probability: 0.2 } } }),
      1,
      'board',
    )
    expect(JSON.stringify(sampling)).toBe(
      `{"policy":"${sha256Hex('{"audit":0.5,"hard":{"margin":0.1,"probability":0.2}}').slice(0, 16)}",` +
        '"audit":0.5,"hard":{"margin":0.1,"probability":0.2}}',
    )
  })
})

describe('the factor of a fleet', () => {
  const DAY = 86_400_000
  const hour = (items: number) => ({ items, elapsedMs: DAY / 24 })

  it('leads to the budget in one step, and back up by doubling', () => {
    // 24,000 a day at factor 1, of which 6,000 are allowed.
    expect(nextFactor(1, 6_000, hour(1_000))).toBe(0.25)
    expect(nextFactor(0.25, 6_000, hour(250))).toBe(0.25)
    expect(nextFactor(0.25, 6_000, hour(10))).toBe(0.5)
    expect(nextFactor(0.5, 6_000, hour(0))).toBe(1)
    expect(nextFactor(1, 6_000, hour(250))).toBe(1)
    expect(nextFactor(1, 6_000, hour(1e9))).toBe(0.0001)
  })

  it('stays where it is for less than a tenth, except to let go altogether', () => {
    expect(nextFactor(0.5, 6_000, hour(265))).toBe(0.5)
    expect(nextFactor(0.5, 6_000, hour(235))).toBe(0.5)
    expect(nextFactor(0.5, 6_000, hour(300))).toBe(0.417)
    expect(nextFactor(0.96, 6_000, hour(230))).toBe(1)
  })

  it('settles within a tenth of the budget from anywhere', () => {
    for (const perHour of [10, 250, 1_000, 1e5])
      for (let factor of [1, 0.3, 0.001]) {
        for (let i = 0; i < 20; i++) factor = nextFactor(factor, 6_000, hour(perHour * factor))
        const perDay = 24 * perHour * factor
        if (factor < 1) expect(Math.abs(perDay / 6_000 - 1)).toBeLessThan(0.11)
        else expect(perDay).toBeLessThan(6_000 * 1.11)
      }
  })
})
