/** What leads to a retrain and what holds it back, through the real handlers. */
import { describe, expect, it } from 'vitest'
import { operations, routeKey } from '../../src/contracts/api/index.ts'
import {
  type AuditRow,
  type DecisionRow,
  type EpisodeRow,
  keys,
  type ModelRow,
  type VersionRow,
} from '../../src/domain/entities.ts'
import { put } from '../../src/domain/store.ts'
import { eventId, labelLine, runToDrift, THINGS } from './chain.ts'
import { makeHandlers } from './handlers.ts'
import { command } from './identity.ts'
import { RESETS, RETRAINS } from './retrains.ts'
import type { World } from './world.ts'

const drifted = await runToDrift()
const MODEL = keys.model('demo')

const run = (world: World, handler: string, event: unknown): Promise<unknown> => {
  world.time += 1_000
  return makeHandlers(world.deps())[handler]?.(event) ?? Promise.reject(new Error(`no handler ${handler}`))
}
const decisions = async (world: World): Promise<DecisionRow[]> =>
  (await world.state.store.list<DecisionRow>('DECISIONS')).map(r => r.data)
const newest = async (world: World): Promise<DecisionRow | undefined> => (await decisions(world)).at(-1)
const failed = (decision: DecisionRow | undefined): string[] =>
  (decision?.guards ?? []).filter(g => !g.passed).map(g => g.guard)
let ids = 0
const busEvent = (type: string, data: unknown, id = `e${ids++}`): unknown => ({
  ...{ id, source: 'edgeloop', 'detail-type': type, time: '' },
  detail: {
    metadata: {
      ...{ id, type, version: 1, occurredAt: '2026-03-01T00:00:00.000Z', correlationId: id, generation: 0 },
    },
    data,
  },
})
const labels = (world: World, id?: string): Promise<unknown> =>
  run(
    world,
    'decide-retrain',
    busEvent('LabelsReceived', { model: 'demo', key: 'k', matched: 1, unmatched: 0 }, id),
  )

async function label(world: World, each: number, devices = THINGS.length): Promise<void> {
  const key = `labels/demo/${each}-${ids++}.jsonl`
  const lines = THINGS.slice(0, devices).flatMap(t =>
    Array.from({ length: each }, (_, i) => labelLine(eventId(t, i))),
  )
  world.state.drops.set(key, { bytes: Buffer.from(lines.join('\n')), versionId: 'v1' })
  const detail = { bucket: { name: 'drops' }, object: { key, size: 1, etag: 'e', 'version-id': 'v1' } }
  await run(world, 'ingest-labels', {
    ...{ id: 's3', time: '', source: 'aws.s3', 'detail-type': 'Object Created', detail },
  })
}
async function change<T>(world: World, key: { pk: string; sk: string }, how: (data: T) => T): Promise<void> {
  const before = await world.state.store.get<T>(key)
  if (before === undefined) throw new Error(`no row ${key.pk} ${key.sk}`)
  const list = key.sk === 'MODEL' ? { list: { pk: 'MODELS', sk: 'demo' } } : {}
  await world.state.store.commit([put(key, how(before.data), before, list)])
}
/** The world after drift, with labels, under these rules. */
async function ready(retrain: Record<string, unknown> = {}, each = 90): Promise<World> {
  const world = drifted.world.clone()
  await change<ModelRow>(world, MODEL, m => ({
    ...m,
    config: { ...m.config, retrain: { ...m.config.retrain, ...retrain } as ModelRow['config']['retrain'] },
  }))
  await label(world, each)
  return world
}
const triggers = (more: Record<string, unknown>) => ({
  triggers: { drift: { enabled: true }, harm: true, manual: true, drop: true, ...more },
})
const forgetEpisodes = async (world: World): Promise<void> => {
  const rows = await world.state.store.query<EpisodeRow>(MODEL.pk, 'EPISODE#')
  await world.state.store.commit(rows.map(r => ({ kind: 'remove', key: r.key })))
}
const addVersion = (world: World, version: number, more: Record<string, unknown>): Promise<void> =>
  change<VersionRow>(world, keys.version('demo', 1), v => v).then(async () => {
    const one = await world.state.store.get<VersionRow>(keys.version('demo', 1))
    const row = { ...one?.data, version, requestedAt: world.now().toISOString(), ...more }
    await world.state.store.commit([put(keys.version('demo', version), row, undefined)])
  })

describe('triggers', () => {
  it('drift with enough labels: as many as it is told to wait for', async () => {
    const world = await ready(triggers({ drift: { enabled: true, minLabels: 41 } }), 10)
    await labels(world)
    expect(await newest(world)).toMatchObject({ trigger: 'drift', approved: false })
    expect(failed(await newest(world))).toEqual(['minLabels'])
    await label(world, 11)
    await labels(world)
    expect(await newest(world)).toMatchObject({ trigger: 'drift', approved: true })
  })
  it('none of them: nothing is proposed, so nothing is recorded', async () => {
    const world = await ready(triggers({ drift: { enabled: false } }))
    const before = (await decisions(world)).length
    await labels(world)
    expect(await decisions(world)).toHaveLength(before)
  })
  it('harm stays when drift is off, and goes when it is off itself', async () => {
    const harm: EpisodeRow = {
      ...{
        episode: 'harm-v1',
        model: 'demo',
        version: 1,
        cause: 'harm',
        openedAt: '2026-03-01T00:00:00.000Z',
      },
    }
    for (const [on, trigger] of [
      [true, 'harm'],
      [false, undefined],
    ] as const) {
      const world = await ready(triggers({ drift: { enabled: false }, harm: on }))
      const before = (await decisions(world)).length
      await world.state.store.commit([put(keys.episode('demo', 'harm-v1'), harm, undefined)])
      await labels(world)
      expect((await decisions(world))[before]?.trigger).toBe(trigger)
    }
  })
  it('volume: labels alone, from so many on', async () => {
    for (const [needed, trigger] of [
      [360, 'volume'],
      [361, undefined],
    ] as const) {
      const world = await ready(triggers({ volume: { labels: needed } }))
      await forgetEpisodes(world)
      const before = (await decisions(world)).length
      await labels(world)
      expect((await decisions(world))[before]?.trigger).toBe(trigger)
    }
  })
  it('the schedule, under either of its names', async () => {
    for (const rules of [{ schedule: { everyDays: 1 } }, triggers({ schedule: { everyDays: 1 } })]) {
      const world = await ready(rules)
      await forgetEpisodes(world)
      const before = (await decisions(world)).length
      const tick = () =>
        run(
          world,
          'decide-retrain',
          busEvent('CheckDue', { kind: 'labels', subject: 'schedule', model: 'demo' }),
        )
      await tick()
      expect(await decisions(world)).toHaveLength(before)
      world.time += 86_400_000
      await run(world, 'reconcile', {})
      expect([...world.events().values()].filter(e => e.detail.data['subject'] === 'schedule')).toHaveLength(
        1,
      )
      await tick()
      expect(await newest(world)).toMatchObject({ trigger: 'schedule', approved: true })
    }
  })
  it('a row of an earlier release, without the new keys, is read with their defaults', async () => {
    const world = await ready()
    await change<ModelRow>(world, MODEL, m => ({
      ...m,
      config: {
        ...m.config,
        retrain: { coolDownMinutes: 0, minLabels: 20, minDevices: 2, maxGeneration: 100 } as never,
      },
    }))
    await labels(world)
    expect(await newest(world)).toMatchObject({ trigger: 'drift', approved: true })
  })
})

describe('guards', () => {
  it('record facts and figures with each decision', async () => {
    const world = await ready({ budget: { trainingsPerMonth: 1, currency: 'USD', pricePerHour: {} } })
    await labels(world)
    const decision = await newest(world)
    expect(failed(decision)).toEqual(['budget'])
    expect(decision?.guards).toHaveLength(13)
    expect(decision?.facts).toMatchObject({
      newLabels: 360,
      month: { month: '2026-03', trainings: 1, complete: true },
      breaker: { rejected: [] },
    })
    expect(decision?.guards.find(g => g.guard === 'budget')?.detail).toBe('1 of 1 trainings in 2026-03')
    world.time = Date.parse('2026-04-01T00:00:00Z')
    await labels(world)
    expect(await newest(world)).toMatchObject({ approved: true })
  })
  it('count money at most: what has run by its time, what has not by its limit', async () => {
    const pricePerHour = { 'ml.m5.large': 3_600 }
    const world = await ready({ budget: { costPerMonth: 10, currency: 'EUR', pricePerHour } })
    await change<ModelRow>(world, MODEL, m => ({
      ...m,
      config: { ...m.config, training: { ...m.config.training, maxRuntimeSeconds: 60 } },
    }))
    const one = await world.state.store.get<VersionRow>(keys.version('demo', 1))
    if (one === undefined) throw new Error('no version')
    const { requestedAt, evaluatedAt = '' } = one.data as VersionRow & { evaluatedAt?: string }
    const ran = (Date.parse(evaluatedAt) - Date.parse(requestedAt)) / 1000
    expect(ran).toBeGreaterThan(0)
    await labels(world)
    // A price of 3,600 an hour is 1 a second.
    expect((await newest(world))?.facts.month).toMatchObject({ cost: ran, next: 60, unpriced: [] })
    expect(failed(await newest(world))).toEqual(['budget'])
  })
  it('open the circuit after rejected and rolled-back challengers in a row, until a person resets it', async () => {
    const world = await ready()
    await addVersion(world, 2, { status: 'REJECTED', reasons: ['r'] })
    const one = world.clone()
    await labels(one)
    expect(await newest(one)).toMatchObject({ approved: true })
    await addVersion(world, 3, { status: 'PACKAGED' })
    const rollout = { id: 'demo-v3', status: 'ROLLED_BACK', model: 'demo', version: 3, fleet: 'lab' }
    await world.state.store.commit([put(keys.rollout('demo-v3'), rollout, undefined)])
    await labels(world)
    expect(failed(await newest(world))).toEqual(['circuitBreaker'])
    expect((await newest(world))?.facts.breaker.rejected).toEqual([3, 2])
    const again = world.clone()
    world.time += 1_000
    await run(world, 'ops-command', command(RESETS, { reason: 'fixed the labels' }, { model: 'demo' }))
    await labels(world)
    expect(await newest(world)).toMatchObject({ approved: true })
    // Or a new drop does.
    const dataset = {
      key: 'd',
      digest: 'd'.repeat(64),
      rows: 1,
      registeredAt: new Date(again.time + 1).toISOString(),
    }
    await again.state.store.commit([put(keys.dataset('demo', dataset.digest), dataset, undefined)])
    await labels(again)
    expect(await newest(again)).toMatchObject({ approved: true })
  })
  it('count no challenger from before one that reached the fleet', async () => {
    const world = await ready()
    await addVersion(world, 2, { status: 'REJECTED', reasons: ['r'] })
    await addVersion(world, 3, { status: 'PACKAGED' })
    const rollout = { id: 'demo-v3', status: 'COMPLETED', model: 'demo', version: 3, fleet: 'lab' }
    await world.state.store.commit([put(keys.rollout('demo-v3'), rollout, undefined)])
    await addVersion(world, 4, { status: 'REJECTED', reasons: ['r'] })
    await addVersion(world, 5, { status: 'FAILED', reason: 'r' })
    await labels(world)
    expect((await newest(world))?.facts.breaker.rejected).toEqual([4])
  })
  it('let an episode propose once, and say so of its late event', async () => {
    const world = await ready()
    await labels(world)
    expect(await newest(world)).toMatchObject({ approved: true, trigger: 'drift' })
    const [episode] = await world.state.store.query<EpisodeRow>(MODEL.pk, 'EPISODE#')
    const name = episode?.data.episode ?? ''
    const evidence = episode?.data.evidence
    const late = busEvent(
      'DriftDetected',
      { model: 'demo', version: 1, episode: name, window: 8, evidence },
      'late',
    )
    await run(world, 'decide-retrain', late)
    expect(failed(await newest(world))).toEqual(expect.arrayContaining(['episodeDedupe']))
    const count = (await decisions(world)).length
    await run(world, 'decide-retrain', late)
    expect(await decisions(world)).toHaveLength(count)
  })
  it('let it propose again where dedupe is off and its retrain brought nothing', async () => {
    const world = await ready({ episodeDedupe: false })
    await labels(world, 'first')
    expect(await newest(world)).toMatchObject({ approved: true })
    await change<ModelRow>(world, MODEL, ({ retraining: _, ...m }) => m)
    const second = world.clone()
    await labels(world, 'first')
    expect(await decisions(world)).toHaveLength((await decisions(second)).length)
    await labels(second, 'second')
    expect(await newest(second)).toMatchObject({
      approved: true,
      facts: { episode: { answeredBy: expect.any(String) } },
    })
  })
  it('train nothing in a dry run, and keep the episode open', async () => {
    const world = await ready({ dryRun: true })
    await labels(world)
    expect(failed(await newest(world))).toEqual(['dryRun'])
    const [episode] = await world.state.store.query<EpisodeRow>(MODEL.pk, 'EPISODE#')
    expect(episode?.data.decision).toBeUndefined()
    expect([...world.events().values()].some(e => e.type === 'RetrainApproved')).toBe(false)
  })
})

describe('a dropped dataset', () => {
  const drop = async (world: World): Promise<void> => {
    const key = 'datasets/demo/late.csv'
    world.state.drops.set(key, { bytes: Buffer.from('x,y,label\n1,1,0\n60,1,1\n61,1,1\n'), versionId: 'v1' })
    const detail = { bucket: { name: 'drops' }, object: { key, size: 1, etag: 'e', 'version-id': 'v1' } }
    await run(world, 'register-dataset', {
      ...{ id: 's3', time: '', source: 'aws.s3', 'detail-type': 'Object Created', detail },
    })
    const event = [...world.events().values()].filter(e => e.type === 'DatasetRegistered').at(-1)
    for (let twice = 0; twice < 2; twice++)
      await run(world, 'start-training', busEvent('DatasetRegistered', event?.detail.data, 'd'))
  }
  const versions = (world: World) => world.state.store.query<VersionRow>(MODEL.pk, 'VERSION#')

  it('is trained on at once, by a decision of its own', async () => {
    const world = await ready()
    await drop(world)
    expect((await versions(world)).at(-1)?.data).toMatchObject({ version: 2, status: 'TRAINING' })
    expect(await newest(world)).toMatchObject({ trigger: 'drop', approved: true })
  })
  it.each<[string, Record<string, unknown>]>([
    ['dropTrigger', triggers({ drop: false })],
    ['budget', { budget: { trainingsPerMonth: 1, currency: 'USD', pricePerHour: {} } }],
    ['freeze', { freeze: [{ from: '2026-01-01T00:00:00Z', until: '2027-01-01T00:00:00Z' }] }],
    ['dryRun', { dryRun: true }],
  ])('waits for %s, on record, and is part of the next training', async (guard, rules) => {
    const world = await ready(rules)
    const before = (await decisions(world)).length
    await drop(world)
    expect(await versions(world)).toHaveLength(1)
    expect(await decisions(world)).toHaveLength(before + 1)
    expect(await newest(world)).toMatchObject({ trigger: 'drop', approved: false })
    expect(failed(await newest(world))).toEqual([guard])
    expect((await world.state.store.query(MODEL.pk, 'DATASET#')).length).toBe(2)
  })
})

describe('a person’s command', () => {
  const ask = async (world: World, body: unknown, scope = 'models:write') => {
    const event = command(RETRAINS, body, { model: 'demo' }) as {
      requestContext: { authorizer: { jwt: { claims: object } } }
    }
    event.requestContext.authorizer.jwt.claims = { sub: 'ann', scope }
    const answer = (await run(world, 'ops-command', event)) as { statusCode: number; body: string }
    const asked = [...world.events().values()].filter(e => e.type === 'RetrainRequested').at(-1)
    if (answer.statusCode < 300)
      await run(world, 'decide-retrain', busEvent('RetrainRequested', asked?.detail.data))
    return { ...answer, body: JSON.parse(answer.body) as Record<string, unknown> }
  }
  it('is decided like any other trigger, and is on record with its reason', async () => {
    const world = await ready()
    await forgetEpisodes(world)
    expect(await ask(world, { reason: 'new season' })).toMatchObject({ statusCode: 202 })
    expect(await newest(world)).toMatchObject({
      ...{ trigger: 'manual', approved: true },
      facts: { asked: { by: 'ann', reason: 'new season', force: false, override: [] } },
    })
    const audit = (await world.state.store.list<AuditRow>('AUDIT')).at(-1)?.data
    expect(audit).toMatchObject({ action: 'REQUEST_RETRAIN', by: 'ann', subject: 'demo' })
  })
  it('waits for no labels with force, and for budget and circuit breaker all the same', async () => {
    const world = await ready({
      budget: { trainingsPerMonth: 1, currency: 'USD', pricePerHour: {} },
      minLabels: 999,
    })
    await ask(world, { reason: 'r', force: true })
    const decision = await newest(world)
    expect(decision).toMatchObject({ trigger: 'manual', approved: false })
    expect(decision?.guards.find(g => g.guard === 'minLabels')).toMatchObject({
      passed: false,
      waived: 'force',
    })
    expect(
      [...world.events().values()].filter(e => e.type === 'RetrainSuppressed').at(-1)?.detail.data,
    ).toMatchObject({
      failedGuards: ['budget'],
    })
  })
  it('overrides by name with the scope for approvals, and with no other', async () => {
    const world = await ready({ budget: { trainingsPerMonth: 1, currency: 'USD', pricePerHour: {} } })
    const before = (await decisions(world)).length
    const body = { reason: 'r', override: ['budget'] }
    expect(await ask(world, body)).toMatchObject({
      ...{
        statusCode: 403,
        body: { code: 'FORBIDDEN', detail: expect.stringContaining('models:approve') },
      },
    })
    expect(await decisions(world)).toHaveLength(before)
    // As API Gateway hands a list over.
    expect(await ask(world, body, '[models:write models:approve]')).toMatchObject({ statusCode: 202 })
    expect(await newest(world)).toMatchObject({ trigger: 'manual', approved: true })
  })
  it.each<[unknown, string]>([
    [{}, 'reason'],
    [{ reason: 'r', override: ['noTrainingInProgress'] }, 'override'],
    [{ reason: 'r', colour: 'red' }, 'colour'],
  ])('%j is refused by the field', async (body, field) => {
    expect(await ask(await ready(), body)).toMatchObject({
      ...{ statusCode: 400, body: { detail: expect.stringContaining(field) } },
    })
  })
  it('is refused where model.yaml has it off, and for a model that there is not', async () => {
    const world = await ready(triggers({ manual: false }))
    expect(await ask(world, { reason: 'r' })).toMatchObject({ statusCode: 409 })
    const reset = command(RESETS, { reason: 'r' }, { model: 'other' })
    expect(await run(world, 'ops-command', reset)).toMatchObject({ statusCode: 404 })
    expect(operations.map(routeKey)).toEqual(expect.arrayContaining([RETRAINS, RESETS]))
  })
})
