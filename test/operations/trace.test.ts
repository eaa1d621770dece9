/** One drop through the whole cloud to devices, and what the logs say of it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Emitted, Step } from '../../scripts/lib/trace/tree.ts'
import { run } from '../cli/support.ts'
import { eventually, MODEL, pointAt, startWorld, type World } from './world.ts'

let world: World
let restore: () => void
let key: string
const THINGS = ['t-1', 't-2', 't-3', 't-4']

interface Traced {
  readonly chains: readonly string[]
  readonly roots: readonly Step[]
  readonly gaps: readonly string[]
  readonly devices: { readonly devices: number; readonly outcomes: Record<string, number> } | null
}
const traced = async (id: string): Promise<Traced> => {
  const ran = await run(['trace', id, '--json'])
  expect([ran.exit, ran.err]).toEqual([0, ''])
  return ran.json() as unknown as Traced
}
const steps = (roots: readonly Step[]): Step[] =>
  roots.flatMap(step => [step, ...step.emitted.flatMap(e => steps(e.handled))])
const events = (roots: readonly Step[]): Emitted[] => steps(roots).flatMap(step => step.emitted)

beforeAll(async () => {
  world = await startWorld()
  restore = pointAt(world)
  const field = await world.startDevices(THINGS)
  key = await world.release(field)
  // The last reports are on their way while the devices run the version already.
  await eventually(
    async () => {
      const {
        devices,
        gaps,
        roots = [],
      } = (await run(['trace', key, '--json'])).json() as unknown as Partial<Traced>
      const ended = events(roots).some(e => e.type === 'RolloutCompleted' && e.handled.length > 0)
      return (ended && devices?.devices === THINGS.length && gaps?.length === 0) || undefined
    },
    () => 'not every device has reported, or something is still under way',
  )
})
afterAll(async () => {
  restore()
  await world.close()
})

describe('edgeloop trace', () => {
  it('follows a dropped object through every function to the devices', async () => {
    const { roots, chains, devices } = await traced(key)
    expect(chains).toHaveLength(1)
    expect(roots.map(step => [step.fn, step.what, step.outcome])).toContainEqual([
      'register-dataset',
      `Object Created ${key}`,
      'done',
    ])
    // refresh-overview looks on: it may take an event now or with the next one.
    const functions = new Set(steps(roots).map(step => step.fn))
    expect([...functions].filter(fn => fn !== 'refresh-overview').sort()).toEqual([
      'advance-rollout',
      'compile-model',
      'decide-retrain',
      'make-deltas',
      'plan-rollout',
      'register-dataset',
      'sign-package',
      'start-training',
      'track-training',
    ])
    expect([...new Set(events(roots).map(event => event.type))].sort()).toEqual([
      'CompilationFinished',
      'DatasetRegistered',
      'ModelVersionRegistered',
      'PackageSigned',
      'PhaseStarted',
      'RolloutCompleted',
      'RolloutPlanned',
      'TrainingStarted',
    ])
    expect(devices).toMatchObject({ devices: 4, outcomes: { COMMITTED: 4 } })
  })
  it('hangs each step under the event that it handled', async () => {
    const { roots } = await traced(key)
    const path: string[] = []
    let at = roots.find(step => step.fn === 'register-dataset')
    const next = {
      DatasetRegistered: 'start-training',
      TrainingStarted: 'track-training',
      ModelVersionRegistered: 'compile-model',
      CompilationFinished: 'sign-package',
      PackageSigned: 'plan-rollout',
      RolloutPlanned: 'advance-rollout',
    } as const
    for (const [type, fn] of Object.entries(next)) {
      const event: Emitted | undefined = at?.emitted.find(e => e.type === type)
      expect(event?.waitedMs, type).toBeGreaterThanOrEqual(0)
      at = event?.handled.find(step => step.fn === fn && step.emitted.length > 0)
      path.push(at?.fn ?? `nothing after ${type}`)
      expect(at?.durationMs ?? 0).toBeGreaterThanOrEqual(0)
    }
    expect(path).toEqual(Object.values(next))
    expect(at?.wrote).toContain(`ROLLOUT#${MODEL}-v1 ROLLOUT`)
  })
  it.each([`${MODEL}@1`, `${MODEL}-v1`])('finds the same chain by %s', async id => {
    const { chains } = await traced(key)
    expect((await traced(id)).chains).toEqual(chains)
  })
  it('finds it by the ids of its chain, of an event and of a job', async () => {
    const { chains, roots } = await traced(key)
    const started = events(roots).find(event => event.type === 'TrainingStarted')
    for (const id of [chains[0], started?.id, started?.about['job']])
      expect((await traced(String(id))).chains).toEqual(chains)
  })
  it('tells it as text', async () => {
    const { exit, out } = await run(['trace', key])
    expect(exit).toBe(0)
    expect(out).toMatch(/✓ register-dataset {2}Object Created datasets\/state\/first\.csv/)
    expect(out).toMatch(/→ PhaseStarted .*phase canary/)
    expect(out).toMatch(/MANIFEST_PUBLISHED/)
    expect(out).toMatch(/Devices: 4 reported: 4 COMMITTED/)
    expect(out).not.toMatch(/undefined|NaN|\[object/)
  })
  it('follows a refused drop, and says that it was refused', async () => {
    await world.drop('datasets/state/bad.csv', 'a,b\n1\n')
    const found = await eventually(
      async () => {
        const ran = await run(['trace', 'datasets/state/bad.csv', '--json'])
        return ran.exit === 0 ? (ran.json() as unknown as Traced) : undefined
      },
      () => 'nothing of the refused drop',
    )
    expect(found.roots.map(step => [step.fn, step.outcome])).toEqual([['register-dataset', 'refused']])
    expect(found.roots[0]?.said.map(line => line.code)).toContain('INPUT_REJECTED')
  })
  it('exits with 1 when nothing is known, and with 2 for what is no id', async () => {
    expect((await run(['trace', 'datasets/none.csv'])).exit).toBe(1)
    expect((await run(['trace', 'a"b'])).exit).toBe(2)
    expect((await run(['trace', key, '--since', 'soon'])).exit).toBe(2)
    expect((await run(['trace'])).exit).toBe(2)
  })
})

describe('the logs', () => {
  const lines = (): { readonly fn: string; readonly fields: Readonly<Record<string, unknown>> }[] =>
    Object.values(world.cloud.resources).flatMap(({ type, physicalId }) =>
      type !== 'AWS::Lambda::Function'
        ? []
        : world.cloud.logs.lines(`/aws/lambda/${physicalId}`).flatMap(({ message }) => {
            const fields = JSON.parse(message) as Record<string, unknown>
            return 'message' in fields ? [{ fn: physicalId.replace('edgeloop-dev-', ''), fields }] : []
          }),
    )
  it('name function, request and code in every line', () => {
    const nameless = lines().filter(
      ({ fields }) =>
        !/^[A-Z][A-Z_]+$/.test(String(fields['message'])) ||
        typeof fields['function_request_id'] !== 'string',
    )
    expect(nameless).toEqual([])
    expect(lines().length).toBeGreaterThan(50)
  })
  it('carry the id of their chain, except those of the clock and of what has none', () => {
    const CLOCK = ['RECONCILED', 'CERTIFICATES_REVOKED', 'DEVICE_VETTED']
    const without = lines().filter(
      ({ fields }) =>
        typeof fields['correlationId'] !== 'string' && !CLOCK.includes(String(fields['message'])),
    )
    expect(without.map(({ fn, fields }) => `${fn} ${fields['message']}`)).toEqual([])
  })
  it('hold no rows, labels or payloads', async () => {
    const all = lines().map(({ fields }) => JSON.stringify(fields))
    expect(all.filter(line => /"(row|rows_data|data|body|payload|features|base64)":/.test(line))).toEqual([])
    expect(Math.max(...all.map(line => line.length))).toBeLessThan(4_096)
  })
})

describe('edgeloop logs', () => {
  it('selects by function, code and id', async () => {
    const made = (await run(['logs', 'sign-package', '--code', 'PACKAGE_MADE', '--json'])).json()
    expect(made['lines']).toMatchObject([{ function: 'sign-package', message: 'PACKAGE_MADE', model: MODEL }])
    const { chains } = await traced(key)
    const ofChain = (await run(['logs', '--id', String(chains[0]), '--json'])).json()['lines'] as unknown[]
    expect(ofChain.length).toBeGreaterThan(15)
    expect((await run(['logs', '--level', 'error'])).out).toContain('No such lines.')
  })
  it('refuses what it does not know', async () => {
    expect((await run(['logs', '--level', 'loud'])).exit).toBe(2)
    expect((await run(['logs', '--code', 'a b'])).exit).toBe(2)
    expect((await run(['logs', 'no-such-function'])).exit).toBe(3)
  })
})
