/** What devices are told to sample: from model.yaml, from the fleet's budget, from an operator, into the signed manifest. */
import { describe, expect, it } from 'vitest'
import type { FleetManifest, ManifestSlot } from '../../src/contracts/manifest.ts'
import { type FleetRow, keys, type ModelRow, type SampleRow } from '../../src/domain/entities.ts'
import { policyDigest } from '../../src/domain/sampling/policy.ts'
import { eventId, MODEL_YAML, runToDrift } from './chain.ts'
import { makeHandlers } from './handlers.ts'
import { BURSTS, command } from './identity.ts'
import type { World } from './world.ts'

const drifted = await runToDrift()
const HOUR = 3_600_000
const fresh = (): World => drifted.world.clone()
const run = (world: World, handler: string, event: unknown): Promise<unknown> =>
  makeHandlers(world.deps())[handler]?.(event) ?? Promise.reject(new Error(`no handler ${handler}`))
const fleetOf = async (world: World): Promise<FleetRow> =>
  (await world.state.store.get<FleetRow>(keys.fleet('lab')))!.data
/** What was last published, as devices read it. */
async function published(world: World): Promise<FleetManifest['predicate']> {
  const { envelope } = await fleetOf(world)
  const said = [...(world.state.published.get('fleet/lab') ?? [])].at(-1)
  expect(said).toBe(JSON.stringify(envelope))
  const { predicate } = JSON.parse(Buffer.from(envelope!.payload, 'base64').toString()) as FleetManifest
  return predicate
}
const slotsOf = async (world: World): Promise<readonly ManifestSlot[]> => (await published(world)).slots
/** The newest event of a type goes to the rollout engine. */
async function engine(world: World, type: string): Promise<void> {
  const found = [...world.events().values()].filter(e => e.type === type).at(-1)
  if (found === undefined) throw new Error(`no ${type}`)
  await run(world, 'advance-rollout', {
    ...{ id: 'e', source: 'edgeloop', 'detail-type': type, time: '', detail: found.detail },
  })
}
async function configure(world: World, yaml: string): Promise<void> {
  world.time += 1_000
  const key = 'models/demo/model.yaml'
  world.state.drops.set(key, { bytes: Buffer.from(yaml), versionId: `v${world.time}` })
  const detail = { bucket: { name: 'drops' }, object: { key, size: 1, etag: 'e', 'version-id': 'v' } }
  await run(world, 'register-model', {
    ...{ id: `s3-${world.time}`, time: '', source: 'aws.s3', 'detail-type': 'Object Created', detail },
  })
  await engine(world, 'ModelConfigured')
}
const checkFleet = async (world: World): Promise<void> => {
  world.time += HOUR
  const data = { kind: 'fleet', subject: 'lab' }
  const metadata = {
    ...{ id: `due-${world.time}`, type: 'CheckDue', version: 1, occurredAt: world.now().toISOString() },
    ...{ correlationId: 'c', generation: 0 },
  }
  await run(world, 'advance-rollout', {
    ...{ id: 'e', source: 'edgeloop', 'detail-type': 'CheckDue', time: '', detail: { metadata, data } },
  })
}
const withSampling = (sampling: string): string => `${MODEL_YAML}sampling: ${sampling}\n`

describe('a model.yaml that changes only its sampling', () => {
  it('reaches every slot of the model with the next manifest, without a new version', async () => {
    const world = fresh()
    const before = await published(world)
    expect(before.slots.some(slot => Object.hasOwn(slot, 'sampling'))).toBe(false)
    await configure(world, withSampling('{ audit: 0.5, limits: { itemsPerHour: 60 } }'))
    const after = await published(world)
    const said = { audit: 0.5, limits: { itemsPerHour: 60 } }
    expect(after.counter).toBe(before.counter + 1)
    for (const [i, { sampling, ...slot }] of after.slots.entries()) {
      expect(slot).toEqual(before.slots[i])
      expect(sampling).toEqual({ policy: policyDigest(said), factor: 1, ...said })
    }
    const { data } = (await world.state.store.get<ModelRow>(keys.model('demo')))!
    expect(data.nextVersion).toBe(drifted.row<ModelRow>('MODEL#demo', 'MODEL').nextVersion)
  })

  it('signs nothing when nothing changed for devices, and takes the policy out when the packages have it', async () => {
    const world = fresh()
    const { counter } = await fleetOf(world)
    await configure(world, MODEL_YAML.replace('minLabels: 20', 'minLabels: 30'))
    await configure(world, withSampling('{ audit: 0.02, fleet: { itemsPerDay: 1000000 } }'))
    expect((await fleetOf(world)).counter).toBe(counter)
    await configure(world, withSampling('{ audit: 0.5 }'))
    await engine(world, 'ModelConfigured')
    expect((await fleetOf(world)).counter).toBe(counter + 1)
    await configure(world, MODEL_YAML)
    expect((await slotsOf(world)).some(slot => Object.hasOwn(slot, 'sampling'))).toBe(false)
    expect((await fleetOf(world)).counter).toBe(counter + 2)
  })
})

describe('a burst', () => {
  const ask = (world: World, body: object, n = 0): Promise<{ statusCode: number; body: string }> => {
    const event = command(BURSTS, body, { model: 'demo' }) as { requestContext: { requestId: string } }
    event.requestContext.requestId += n
    return run(world, 'ops-command', event) as Promise<{ statusCode: number; body: string }>
  }
  const wanted = { things: ['lab-3', 'lab-1', 'lab-3'], count: 50, minutes: 60, reason: 'odd answers' }

  it('is on record, goes out once to the hardware of its things, and is gone when its time has come', async () => {
    const world = fresh()
    const { statusCode, body } = await ask(world, wanted)
    const answer = JSON.parse(body) as { burst: string; until: string }
    expect(statusCode).toBe(202)
    expect(answer.until).toBe(new Date(world.time + HOUR).toISOString())
    await engine(world, 'BurstRequested')
    for (const { hardware, sampling } of await slotsOf(world))
      expect(sampling?.burst).toEqual(
        hardware === 'gateway'
          ? { id: answer.burst, things: ['lab-1', 'lab-3'], count: 50, until: answer.until }
          : undefined,
      )
    const audit = [...world.state.store.rows.values()].filter(r => r.key.pk.startsWith('AUDIT#'))
    expect(audit.map(r => JSON.parse(r.data))).toContainEqual(
      expect.objectContaining({ action: 'REQUEST_BURST', by: 'operator', subject: 'demo', before: null }),
    )
    world.time += 60_000
    expect(JSON.parse((await ask(world, wanted)).body)).toEqual(answer)
    await checkFleet(world)
    expect((await slotsOf(world)).some(slot => Object.hasOwn(slot, 'sampling'))).toBe(false)
  })

  it('of all goes to all, and the newer one takes the place of the older', async () => {
    const world = fresh()
    await ask(world, wanted)
    await ask(world, { ...wanted, things: 'all', count: 5 }, 1)
    await engine(world, 'BurstRequested')
    for (const { sampling } of await slotsOf(world))
      expect(sampling?.burst).toMatchObject({ things: 'all', count: 5 })
  })

  it.each<[object, number, string]>([
    [{ ...wanted, things: ['lab-9'] }, 400, 'things'],
    [{ ...wanted, things: [] }, 400, 'things'],
    [{ ...wanted, count: 0 }, 400, 'count'],
    [{ ...wanted, minutes: 1.5 }, 400, 'minutes'],
    [{ ...wanted, until: 'tomorrow' }, 400, 'until'],
  ])('refuses %j', async (body, status, field) => {
    const world = fresh()
    const answer = await ask(world, body)
    expect(answer.statusCode).toBe(status)
    expect(answer.body).toContain(field)
    expect([...world.events().values()].some(e => e.type === 'BurstRequested')).toBe(false)
  })
})

describe('the fleet’s budget', () => {
  const send = async (world: World, n: number, first: number, over: object = {}): Promise<void> => {
    const ids = Array.from({ length: n }, (_, i) => eventId('lab-1', first + i))
    const body = drifted.samplesBody(1, ids, 40) as { samples: object[] }
    const samples = body.samples.map(sample => ({ ...sample, ...over }))
    const { body: record } = drifted.uplink('lab-1', 'samples', { ...body, samples })
    const ingress = { ...JSON.parse(record), receivedAt: world.time }
    for (const messageId of ['m', 'again'])
      await run(world, 'ingest-samples', { Records: [{ messageId, body: JSON.stringify(ingress) }] })
  }
  const items = async (world: World): Promise<number> =>
    (await world.state.store.get(keys.sampled('demo')))?.counters['items'] ?? 0
  const factors = async (world: World) => (await slotsOf(world)).map(slot => slot.sampling?.factor)

  it('lowers every probability once an hour, and lets go again', async () => {
    const world = fresh()
    await configure(world, withSampling('{ audit: 0.02, fleet: { itemsPerDay: 480 } }'))
    await checkFleet(world)
    await send(world, 100, 1_000)
    expect(await items(world)).toBe(100)
    await checkFleet(world)
    // 2,400 a day, of which 480 are allowed.
    expect(await factors(world)).toEqual((await fleetOf(world)).slots.map(() => 0.2))
    const { counter } = await fleetOf(world)
    await send(world, 20, 2_000)
    await checkFleet(world)
    expect((await fleetOf(world)).counter).toBe(counter)
    for (const factor of [0.4, 0.8, undefined]) {
      await checkFleet(world)
      expect(new Set(await factors(world))).toEqual(new Set([factor]))
    }
  })

  it('looks no sooner than after the hour, and ends with the budget', async () => {
    const world = fresh()
    await configure(world, withSampling('{ audit: 0.02, fleet: { itemsPerDay: 480 } }'))
    await checkFleet(world)
    await send(world, 100, 1_000)
    world.time -= HOUR / 2
    await checkFleet(world)
    expect(new Set(await factors(world))).toEqual(new Set([undefined]))
    await checkFleet(world)
    expect(new Set(await factors(world)).has(undefined)).toBe(false)
    await configure(world, MODEL_YAML)
    expect(new Set(await factors(world))).toEqual(new Set([undefined]))
  })

  it('counts no burst, and nothing where there is no budget', async () => {
    const world = fresh()
    await send(world, 10, 1_000)
    expect(await items(world)).toBe(0)
    await configure(world, withSampling('{ fleet: { itemsPerDay: 480 } }'))
    await send(world, 10, 2_000, { lane: 'hard', strategy: 'burst', pi: 1, policy: '00ff' })
    expect(await items(world)).toBe(0)
    const rows = await world.state.quarantine.query<SampleRow>(
      keys.sample('demo', '', '').pk,
      `${eventId('lab-1', 2_003)}#`,
    )
    expect(rows.map(r => r.data)).toMatchObject([{ strategy: 'burst', policy: '00ff', lane: 'hard', pi: 1 }])
  })
})
