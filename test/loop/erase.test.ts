/** What is erased is gone from everything that holds rows of it, whoever reads afterwards says so, and none of it comes back. */
import { describe, expect, it } from 'vitest'
import { look } from '../../scripts/lib/erase/erase.ts'
import { lineageDocument } from '../../src/contracts/lineage.ts'
import {
  type AuditRow,
  type ErasedAdmittedRow,
  type ErasedSetRow,
  type ErasingRow,
  keys,
  type VersionRow,
} from '../../src/domain/entities.ts'
import { verifyLineage } from '../../src/domain/lineage/chain.ts'
import { toCycloneDx } from '../../src/domain/lineage/cyclonedx.ts'
import { accountFor, type Erase } from '../../src/domain/lineage/erasure.ts'
import { toOpenLineage } from '../../src/domain/lineage/openlineage.ts'
import { admittedKey, parseAdmitted, readAdmitted } from '../../src/domain/sampling/admitted.ts'
import { sampleTtl } from '../../src/domain/sampling/quarantine.ts'
import { put } from '../../src/domain/store.ts'
import { channelKey, manifestKey } from '../../src/domain/training/assemble.ts'
import { sha256Hex, type TrainingSet, trainingSetDigest } from '../../src/domain/training/plan.ts'
import { ask, BUNDLE, PREDICTION, VERSION } from '../lineage/asking.ts'
import { cycloneDxCheck, openLineageCheck } from '../lineage/schemas.ts'
import { eventId, runChain } from './chain.ts'
import { asked, OPERATOR, portsOf, runErase } from './erasing.ts'
import { makeHandlers } from './handlers.ts'
import { Crash, type World } from './world.ts'

const chain = await runChain()
const DEVICE: Erase = { device: 'lab-2' }
const ONE: Erase = { sample: eventId('lab-2', 5) }
const two = chain.version(2)
const { trainingSetDigest: setDigest = '', field } = two
if (field === undefined) throw new Error('version 2 has no field samples')
const original = field.digest

const run = (world: World, handler: string, event: unknown): Promise<unknown> =>
  makeHandlers(world.deps())[handler]?.(event) ?? Promise.reject(new Error(`no handler ${handler}`))
const text = (world: World, key: string): string =>
  Buffer.from(world.state.artefacts.get(key)?.bytes ?? []).toString()
const setOf = (world: World, digest = setDigest): TrainingSet =>
  JSON.parse(text(world, manifestKey('demo', digest)))
const row = async <T>(world: World, key: { pk: string; sk: string }): Promise<T> => {
  const found = await world.state.store.get<T>(key)
  if (found === undefined) throw new Error(`no row ${key.pk} ${key.sk}`)
  return found.data
}
const current = async (world: World): Promise<ReturnType<typeof parseAdmitted>> => {
  const { current: digest } = await row<ErasedAdmittedRow>(world, keys.erasedAdmitted('demo', original))
  const key = admittedKey('demo', digest)
  return parseAdmitted(key, digest, Buffer.from(text(world, key)))
}
const samplesIn = (world: World, thing: string): number =>
  [...world.state.quarantine.rows.values()].filter(
    r => r.key.pk === 'SAMPLES#demo' && r.key.sk.endsWith(`#${thing}`),
  ).length
/** Every artefact that holds rows of samples. */
const holding = (world: World): string =>
  [...world.state.artefacts.keys()]
    .filter(key => /^field\/.*samples\.json$|^label-requests\//.test(key))
    .map(key => text(world, key))
    .join('\n')

async function erased(what: Erase): Promise<World> {
  const world = chain.world.clone()
  await runErase(world, what)
  return world
}

describe('reviews', () => {
  it('of what is erased go with it, and those of others stay', async () => {
    const world = chain.world.clone()
    const reviews = (thing: string): number =>
      [...world.state.store.rows.values()].filter(
        r => r.key.pk === 'REVIEWS#demo' && (JSON.parse(r.data) as { thing: string }).thing === thing,
      ).length
    const others = reviews('lab-1')
    expect([reviews('lab-2') > 0, others > 0]).toEqual([true, true])
    await runErase(world, DEVICE)
    expect([reviews('lab-2'), reviews('lab-1')]).toEqual([0, others])
  })
})

describe('erasing', () => {
  it('shows first what it will do, and changes nothing by that', async () => {
    const world = chain.world.clone()
    const before = world.outcome()
    expect(await look(portsOf(world), asked(world, DEVICE))).toEqual({
      ...{ rows: 90, admitted: 90, leftovers: 0, requested: 90, versions: 0 },
      trainingSets: [{ digest: setDigest, samples: 90 }],
      labelFiles: [{ key: 'labels/demo/first.jsonl', lines: 90 }],
    })
    expect(world.outcome()).toEqual(before)
  })
  it.each([
    ['a device', DEVICE, 90],
    ['a sample', ONE, 1],
  ] as const)('%s leaves nothing of it, and all of the others', async (_, what, count) => {
    const world = chain.world.clone()
    const found = await runErase(world, what)
    expect(found).toMatchObject({ rows: count, admitted: count, requested: count })
    expect(samplesIn(world, 'lab-2')).toBe(90 - count)
    expect(samplesIn(world, 'lab-1')).toBe(90)
    expect(holding(world)).not.toContain(`"${eventId('lab-2', 5)}"`)
    expect(holding(world).includes('lab-2')).toBe('sample' in what)
    expect(holding(world)).toContain(eventId('lab-1', 5))
    for (const channel of ['train', 'validation', 'field'] as const)
      expect(world.state.artefacts.has(channelKey('demo', setDigest, channel))).toBe(false)
    expect(text(world, channelKey('demo', setDigest, 'holdout'))).not.toBe('')
    expect(world.state.artefacts.has(admittedKey('demo', original))).toBe(false)
    expect(await runErase(world, what)).toBeUndefined()
  })
  it('is on record with who asked and why, and names nobody', async () => {
    const world = await erased(DEVICE)
    const [audit] = await world.state.store.list<AuditRow>('AUDIT', { newestFirst: true, limit: 1 })
    expect(audit?.data).toMatchObject({
      ...{ action: 'ERASE_SAMPLES', by: OPERATOR, before: null },
      ...{ change: { reason: 'its owner asked for it' }, at: world.now().toISOString() },
      subject: `demo device ${sha256Hex('device\0lab-2')}`,
    })
    expect(await world.state.store.get(keys.erasing('demo'))).toBeUndefined()
    const made = [...world.state.store.rows.values(), ...world.state.quarantine.rows.values()].filter(r =>
      /ERASED#/.test(r.key.pk + r.key.sk),
    )
    expect(made.length).toBeGreaterThan(90)
    expect(JSON.stringify(made)).not.toContain('lab-2')
  })
  it('accounts for the training set that named it', async () => {
    const world = await erased(DEVICE)
    const left = await current(world)
    if (!('original' in left)) throw new Error('nothing was erased')
    expect(trainingSetDigest(setOf(world))).toBe(setDigest)
    expect(accountFor(setOf(world), left)).toEqual([])
    const { erasures } = await row<ErasedSetRow>(world, keys.erasedSet('demo', setDigest))
    expect(erasures).toEqual([
      { erasedAt: expect.any(String), reason: 'its owner asked for it', samples: 90 },
    ])
  })
  it('deletes nothing of an object that would not account for a training set', async () => {
    const world = chain.world.clone()
    const key = manifestKey('demo', setDigest)
    const set = setOf(world)
    const samples = set.samples.map((s, i) => (i === 0 ? { ...s, digest: 'ab'.repeat(32) } : s))
    world.state.artefacts.set(key, {
      bytes: Buffer.from(JSON.stringify({ ...set, samples })),
      versionId: 'v1',
    })
    await expect(runErase(world, DEVICE)).rejects.toThrow(
      /would not be accounted for: lab-1-.* nothing of field\//,
    )
    expect(world.state.artefacts.has(admittedKey('demo', original))).toBe(true)
    expect(world.state.artefacts.has(channelKey('demo', setDigest, 'train'))).toBe(true)
  })
  it('one sample, and then its device', async () => {
    const world = await erased(ONE)
    world.time += 86_400_000
    expect(await runErase(world, DEVICE, 'sold')).toMatchObject({ rows: 89, admitted: 89, leftovers: 0 })
    const left = await current(world)
    if (!('original' in left)) throw new Error('nothing was erased')
    expect(left.tombstones).toHaveLength(90)
    expect(accountFor(setOf(world), left)).toEqual([])
    expect([...world.state.artefacts.keys()].filter(k => /^field.*samples/.test(k))).toHaveLength(1)
  })
  it('of another waits until the first has ended, and is told what that is', async () => {
    const world = chain.world.clone()
    world.crashAfter = world.effects + 2
    await expect(runErase(world, DEVICE)).rejects.toThrow(Crash)
    world.crashAfter = Number.POSITIVE_INFINITY
    expect(await row<ErasingRow>(world, keys.erasing('demo'))).toMatchObject({ what: DEVICE, by: OPERATOR })
    await expect(runErase(world, { device: 'lab-3' })).rejects.toThrow(/another erasure has begun/)
    expect(samplesIn(world, 'lab-3')).toBe(90)
  })
})

describe('after a crash at each effect', () => {
  it.each([
    ['a device', DEVICE],
    ['a sample', ONE],
  ] as const)('a second run finishes what the first left of %s', async (_, what) => {
    const whole = await erased(what)
    const effects = whole.effects
    for (let k = 1; k <= effects; k++) {
      const world = chain.world.clone()
      world.crashAfter = k
      await runErase(world, what).catch(error => {
        if (!(error instanceof Crash)) throw error
      })
      world.crashAfter = Number.POSITIVE_INFINITY
      // Readers in between never meet a gap.
      const left = await readAdmitted(world.deps(), 'demo', original)
      expect([360, 270, 359]).toContain(left.samples.length)
      world.time += 3_600_000
      await runErase(world, what, 'said otherwise the second time')
      expect(world.outcome()).toEqual(whole.outcome())
    }
    expect(effects).toBeGreaterThan(what === DEVICE ? 10 : 7)
  })
})

describe('a version that is training with it', () => {
  it('keeps its rows until it has ended, and is evaluated as it was begun', async () => {
    const found = chain.deliveries.find(d => {
      const { detail } = d.event as { detail?: { TrainingJobName?: string } }
      return d.handler === 'track-training' && detail?.TrainingJobName === two.job
    })
    if (found === undefined) throw new Error('version 2 never ended')
    const world = found.before.clone()
    expect(await runErase(world, DEVICE)).toMatchObject({
      trainingSets: [{ digest: setDigest, samples: 90, training: 2 }],
    })
    expect(world.state.artefacts.has(admittedKey('demo', original))).toBe(false)
    expect(world.state.artefacts.has(channelKey('demo', setDigest, 'train'))).toBe(true)
    await run(world, 'track-training', found.event)
    expect((await row<VersionRow>(world, keys.version('demo', 2))).status).toBe('REGISTERED')
    world.time += 3_600_000
    expect(await runErase(world, DEVICE)).toMatchObject({
      rows: 0,
      admitted: 0,
      trainingSets: [{ samples: 90 }],
    })
    expect(world.state.artefacts.has(channelKey('demo', setDigest, 'train'))).toBe(false)
    const { erasures } = await row<ErasedSetRow>(world, keys.erasedSet('demo', setDigest))
    expect(erasures).toHaveLength(1)
  })
})

describe('a training that had read it before', () => {
  it('writes its rows anew; a second run takes them, and lineage counts them', async () => {
    const world = await erased(DEVICE)
    await world.state.store.commit([{ kind: 'remove', key: keys.erasedSet('demo', setDigest) }])
    for (const channel of ['train', 'field'] as const) {
      const key = channelKey('demo', setDigest, channel)
      world.state.artefacts.set(key, { bytes: Buffer.from(text(chain.world, key)), versionId: 'v1' })
    }
    expect(await runErase(world, DEVICE)).toMatchObject({
      rows: 0,
      admitted: 0,
      trainingSets: [{ samples: 90 }],
    })
    expect(world.state.artefacts.has(channelKey('demo', setDigest, 'train'))).toBe(false)
    const { erasures } = await row<ErasedSetRow>(world, keys.erasedSet('demo', setDigest))
    expect(erasures).toMatchObject([{ erasedAt: chain.world.now().toISOString(), samples: 90 }])
    expect(await runErase(world, DEVICE)).toBeUndefined()
  })
})

describe('a drop afterwards', () => {
  it('trains with the champion’s samples without those that were erased', async () => {
    const world = await erased(DEVICE)
    const key = 'datasets/demo/late.csv'
    world.state.drops.set(key, { bytes: Buffer.from('x,y,label\n1,1,0\n60,1,1\n61,1,1\n'), versionId: 'v1' })
    const detail = { bucket: { name: 'drops' }, object: { key, size: 1, etag: 'e', 'version-id': 'v1' } }
    await run(world, 'register-dataset', {
      ...{ id: 's3', time: '', source: 'aws.s3', 'detail-type': 'Object Created', detail },
    })
    const registered = [...world.events().values()].filter(e => e.type === 'DatasetRegistered').at(-1)
    await run(world, 'start-training', {
      ...{
        id: 'e',
        source: 'edgeloop',
        'detail-type': 'DatasetRegistered',
        time: '',
        detail: registered?.detail,
      },
    })
    const [latest] = (await world.state.store.query<VersionRow>('MODEL#demo', 'VERSION#')).slice(-1)
    expect(latest?.data).toMatchObject({
      ...{ status: 'TRAINING', field: { digest: original, samples: 270, devices: 3 } },
    })
    const set = setOf(world, latest?.data.trainingSetDigest)
    expect(set.samples.map(s => s.thing)).not.toContain('lab-2')
    const left = await current(world)
    if (!('original' in left)) throw new Error('nothing was erased')
    expect(accountFor(set, left)).toEqual([])
    const { body } = await ask(VERSION, { model: 'demo', version: String(latest?.data.version) }, {}, world)
    const document = lineageDocument.parse(body)
    expect(document.nodes.find(n => n.kind === 'erasure')?.facts).toMatchObject({ samples: 0, admitted: 90 })
  })
})

describe('lineage afterwards', () => {
  const told = async (world: World) =>
    lineageDocument.parse((await ask(VERSION, { model: 'demo', version: '2' }, {}, world)).body)

  it('of a version says how many of its samples were erased, when and why, and is anchored as it was', async () => {
    const [before, after] = [await told(chain.world), await told(await erased(DEVICE))]
    const { current: digest } = await row<ErasedAdmittedRow>(
      await erased(DEVICE),
      keys.erasedAdmitted('demo', original),
    )
    const added = after.nodes.filter(n => n.kind === 'erasure')
    expect(added.map(n => n.facts)).toEqual([
      {
        ...{ erasedAt: chain.world.now().toISOString(), reason: 'its owner asked for it' },
        ...{ samples: 90, admitted: 90, current: digest },
      },
    ])
    expect(added[0]?.parents).toEqual([`admission:demo/${original}`, `training-set:${setDigest}`])
    expect(after.nodes.filter(n => n.kind !== 'erasure')).toEqual(before.nodes)
    expect(after.anchor).toEqual(before.anchor)
    expect(after.anchor).not.toBeNull()
    expect(verifyLineage(after)).toEqual([])
  })
  it('of a package says so too, and of a version that was not trained on it nothing', async () => {
    const world = await erased(ONE)
    const bundle = await ask(BUNDLE, { digest: chain.packageFor(2).bundle.sha256 }, {}, world)
    expect(lineageDocument.parse(bundle.body).nodes.map(n => n.kind)).toContain('erasure')
    const first = await ask(VERSION, { model: 'demo', version: '1' }, {}, world)
    expect(lineageDocument.parse(first.body).nodes.map(n => n.kind)).not.toContain('erasure')
  })
  it.each([
    ['a device', DEVICE],
    ['a sample', ONE],
  ] as const)(
    'of a prediction that went with %s says that it is erased, and which version answered',
    async (_, what) => {
      const { status, body } = await ask(PREDICTION, { eventId: eventId('lab-2', 5) }, {}, await erased(what))
      expect(status).toBe(200)
      const document = lineageDocument.parse(body)
      expect(document).toMatchObject({
        model: 'demo',
        version: 1,
        subject: expect.stringMatching(/^erasure:/),
      })
      expect(document.nodes.at(-1)).toMatchObject({ kind: 'erasure', id: document.subject })
      expect(document.nodes.at(-1)?.facts).toMatchObject({
        ...{ samples: 1, reason: 'its owner asked for it', current: null },
      })
      expect(document.unknown.map(u => u.what)).toContain('prediction')
      expect(document.nodes.map(n => n.kind)).not.toContain('prediction')
      expect(JSON.stringify(document.nodes)).not.toContain(eventId('lab-2', 5))
      expect(verifyLineage(document)).toEqual([])
    },
  )
  it('of a prediction whose row had gone before says no more than that it is erased', async () => {
    const world = chain.world.clone()
    const { eventId: id, thing } = { eventId: eventId('lab-2', 5), thing: 'lab-2' }
    await world.state.quarantine.commit([{ kind: 'remove', key: keys.sample('demo', id, thing) }])
    await runErase(world, ONE)
    expect(await ask(PREDICTION, { eventId: id }, {}, world)).toMatchObject({
      status: 410,
      body: { code: 'GONE', detail: expect.stringMatching(/was erased .*: its owner asked for it/) },
    })
  })
  it('of one that was never captured is still none', async () => {
    const { status } = await ask(PREDICTION, { eventId: eventId('lab-2', 5000) }, {}, await erased(DEVICE))
    expect(status).toBe(404)
  })
  it('exports what is left: the object that can be read, and what was erased', async () => {
    const world = await erased(DEVICE)
    const document = await told(world)
    const events = toOpenLineage(document)
    expect(events.flatMap(openLineageCheck())).toEqual([])
    const facets = events.flatMap(e => e.inputs).map(i => i.facets?.['edgeloop_erased'])
    expect(facets.find(f => f !== undefined)?.['erasures']).toMatchObject([{ samples: 90 }])
    const bom = toCycloneDx(document)
    expect(cycloneDxCheck()(bom)).toEqual([])
    const { current: digest } = await row<ErasedAdmittedRow>(world, keys.erasedAdmitted('demo', original))
    const [samples] = bom?.components.filter(c => c.name.startsWith('field samples')) ?? []
    expect(samples?.hashes).toEqual([{ alg: 'SHA-256', content: digest }])
    expect(JSON.stringify(samples)).toContain(admittedKey('demo', digest))
    expect(JSON.stringify(bom)).toContain('"edgeloop:erased-samples","value":"90"')
  })
})

describe('what is sent again', () => {
  const send = async (world: World, thing: string, ids: readonly string[], capturedAt = world.time) => {
    world.time += 60_000
    const body = chain.samplesBody(1, ids, 40) as { samples: { t: number }[] }
    for (const sample of body.samples) sample.t = capturedAt
    const { ingress } = chain.uplink(thing, 'samples', body)
    const record = {
      messageId: 'm',
      body: JSON.stringify({ ...(ingress as object), receivedAt: world.time }),
    }
    await run(world, 'ingest-samples', { Records: [record] })
  }
  const held = async (world: World, id: string): Promise<number> =>
    (await world.state.quarantine.query('SAMPLES#demo', `${id}#`)).length

  it('a sample does not come back, and is no rejected input, which would keep it', async () => {
    const world = await erased({ sample: eventId('lab-1', 5) })
    const rejections = () =>
      [...world.state.store.rows.values()].filter(r => r.key.pk.startsWith('REJECTION#'))
    const before = rejections().length
    await send(world, 'lab-1', [eventId('lab-1', 5), eventId('lab-1', 700)])
    expect([await held(world, eventId('lab-1', 5)), await held(world, eventId('lab-1', 700))]).toEqual([0, 1])
    expect(rejections()).toHaveLength(before)
    expect(world.logs.at(-1)).toBe('SAMPLES_ERASED_BEFORE')
  })
  it('what a device captured before, and what is still under way, does not come either; what it captures later does', async () => {
    const world = await erased({ device: 'lab-1' })
    const then = world.time
    await send(world, 'lab-1', [eventId('lab-1', 5), eventId('lab-1', 701)], then)
    expect(samplesIn(world, 'lab-1')).toBe(0)
    await send(world, 'lab-1', [eventId('lab-1', 702)], then + 30_000)
    await send(world, 'lab-3', [eventId('lab-3', 701)], then)
    expect([await held(world, eventId('lab-1', 702)), await held(world, eventId('lab-3', 701))]).toEqual([
      1, 1,
    ])
  })
  it('erasing a sample later does not let the device’s other samples in again', async () => {
    const world = await erased({ device: 'lab-1' })
    const then = world.time
    await send(world, 'lab-1', [eventId('lab-1', 702)], then + 30_000)
    expect(samplesIn(world, 'lab-1')).toBe(1)
    await runErase(world, { sample: eventId('lab-1', 702) })
    await send(world, 'lab-1', [eventId('lab-1', 703)], then)
    expect(samplesIn(world, 'lab-1')).toBe(0)
    expect(world.logs.filter(l => l === 'SAMPLES_ERASED_BEFORE')).toHaveLength(1)
  })
  it('is remembered as long as a sample is kept', async () => {
    const world = await erased({ device: 'lab-1' })
    const ttls = [...world.state.quarantine.rows.values()]
      .filter(r => r.key.pk.startsWith('ERASED#'))
      .map(r => r.ttl)
    expect(new Set(ttls)).toEqual(new Set([sampleTtl({ receivedAt: chain.world.now().toISOString() })]))
  })
})

describe('readers of an admitted object', () => {
  it('follow it also when it is erased between their two reads', async () => {
    const world = chain.world.clone()
    const deps = world.deps()
    let first = true
    const artefacts = {
      get: async (...args: Parameters<typeof deps.artefacts.get>) => {
        if (first) {
          first = false
          await runErase(world, DEVICE)
        }
        return deps.artefacts.get(...args)
      },
    }
    const { samples } = await readAdmitted({ store: deps.store, artefacts }, 'demo', original)
    expect(samples).toHaveLength(270)
  })
  it('refuse what is under the pointer when it is not what was written', async () => {
    const world = await erased(DEVICE)
    const key = keys.erasedAdmitted('demo', original)
    const before = await world.state.store.get<ErasedAdmittedRow>(key)
    const { current: digest } = await row<ErasedAdmittedRow>(world, key)
    world.state.artefacts.set(admittedKey('demo', digest), { bytes: Buffer.from('{}'), versionId: 'v1' })
    await expect(readAdmitted(world.deps(), 'demo', original)).rejects.toThrow(/it was changed/)
    await world.state.store.commit([put(key, { ...before?.data, current: 'ab'.repeat(32) }, before)])
    await expect(readAdmitted(world.deps(), 'demo', original)).rejects.toMatchObject({ code: 'NOT_FOUND' })
  })
})
