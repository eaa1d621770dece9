/** Field samples reach a training set only through admission, and the rows that judge a model never come from the field. */
import { describe, expect, it } from 'vitest'
import type {
  AdmissionRow,
  DecisionRow,
  DeviceRow,
  EpisodeRow,
  ModelRow,
  SampleRow,
  VersionRow,
} from '../../src/domain/entities.ts'
import { keys } from '../../src/domain/entities.ts'
import { admittedKey } from '../../src/domain/sampling/admitted.ts'
import { type Key, put } from '../../src/domain/store.ts'
import { channelKey, manifestKey, sentinelKey } from '../../src/domain/training/assemble.ts'
import { sha256Hex } from '../../src/domain/training/plan.ts'
import { eventId, labelLine, runChain, runToDrift, THINGS } from './chain.ts'
import { makeHandlers } from './handlers.ts'
import { Crash, type World } from './world.ts'

const chain = await runChain()
const drifted = await runToDrift()

/** The delivery of an event to a handler in the recorded run, and the world as it was before it. */
function recorded(handler: string, label: string): { world: World; event: unknown } {
  const found = chain.deliveries.find(d => d.handler === handler && d.label === label)
  if (found === undefined) throw new Error(`${label} never came to ${handler}`)
  return { world: found.before.clone(), event: structuredClone(found.event) }
}
const run = (world: World, handler: string, event: unknown): Promise<unknown> =>
  makeHandlers(world.deps())[handler]?.(event) ?? Promise.reject(new Error(`no handler ${handler}`))
const dataOf = (event: unknown): Record<string, unknown> =>
  (event as { detail: { data: Record<string, unknown> } }).detail.data
/** Newest event of a type, as the bus delivers it. */
function onBus(world: World, type: string): unknown {
  const found = [...world.events().values()].filter(e => e.type === type).at(-1)
  if (found === undefined) throw new Error(`no ${type}`)
  return { id: 'e', source: 'edgeloop', 'detail-type': type, time: '', detail: found.detail }
}
const row = async <T>(world: World, key: Key): Promise<T> => {
  const found = await world.state.store.get<T>(key)
  if (found === undefined) throw new Error(`no row ${key.pk} ${key.sk}`)
  return found.data
}
async function change<T>(world: World, key: Key, how: (data: T) => T): Promise<void> {
  const before = await world.state.store.get<T>(key)
  if (before === undefined) throw new Error(`no row ${key.pk} ${key.sk}`)
  await world.state.store.commit([put(key, how(before.data), before)])
}
const revoke = (world: World, thing: string, revokedAt: string): Promise<void> =>
  change<DeviceRow>(world, keys.device(thing), device => ({ ...device, revokedAt }))
const LONG_AGO = '2026-01-01T00:00:00.000Z'
const text = (world: World, key: string): string =>
  Buffer.from(world.state.artefacts.get(key)?.bytes ?? []).toString()
const versions = (world: World): Promise<readonly { data: VersionRow }[]> =>
  world.state.store.query<VersionRow>(keys.model('demo').pk, 'VERSION#')
const rejected = (world: World): string[] =>
  [...world.events().values()].filter(e => e.type === 'InputRejected').map(e => String(e.detail.data['code']))

describe('admission', () => {
  it('writes what passed under its digest, reports the rest, and says so', async () => {
    const { world, event } = recorded('start-training', 'SamplesAdmitted')
    const { digest, decision, ...counts } = dataOf(event) as { digest: string; decision: string }
    expect(counts).toEqual({ model: 'demo', admitted: 360, excluded: {}, devices: 4 })
    const bytes = text(world, admittedKey('demo', digest))
    expect(sha256Hex(bytes)).toBe(digest)
    expect(JSON.parse(bytes).samples).toHaveLength(360)
    const { report } = await row<AdmissionRow>(world, keys.admission('demo', decision))
    const told = text(world, `field/demo/${digest}/report-${report}.json`)
    expect(sha256Hex(told)).toBe(report)
    expect(JSON.parse(told)).toMatchObject({ decision, deviceCap: 90, excluded: [], validDevices: 4 })
  })
  it('leaves out what a revoked device sent since, and keeps the others', async () => {
    const { world, event } = recorded('admit-samples', 'RetrainApproved')
    const [sample] = await world.state.quarantine.query<{ receivedAt: string }>(
      keys.sample('demo', '', '').pk,
      eventId('lab-2', 0),
    )
    await revoke(world, 'lab-2', sample?.data.receivedAt ?? '')
    await revoke(world, 'lab-3', '2026-12-01T00:00:00.000Z')
    // Enrolled anew before it sent anything.
    await revoke(world, 'lab-4', LONG_AGO)
    await change<DeviceRow>(world, keys.device('lab-4'), device => ({
      ...device,
      reinstatedAt: '2026-02-01T00:00:00.000Z',
    }))
    await run(world, 'admit-samples', event)
    expect(dataOf(onBus(world, 'SamplesAdmitted'))).toMatchObject({
      admitted: 270,
      excluded: { DEVICE_REVOKED: 90 },
      devices: 3,
    })
  })
  it('does nothing for a decision that is not on record', async () => {
    const { world, event } = recorded('admit-samples', 'RetrainApproved')
    dataOf(event)['decision'] = 'drift-000000000000'
    await run(world, 'admit-samples', event)
    expect(rejected(world)).toContain('DECISION_UNKNOWN')
    expect([...world.state.artefacts.keys()].filter(k => k.startsWith('field/'))).toEqual([])
  })
})

describe('a training set', () => {
  it('lists the admitted samples, and is made without the quarantine', async () => {
    const { world, event } = recorded('start-training', 'SamplesAdmitted')
    const locked = new Proxy(world.state.quarantine, {
      get: (_, method) => {
        throw new Error(`start-training reached for the quarantine: ${String(method)}`)
      },
    })
    await makeHandlers({ ...world.deps(), quarantine: locked })['start-training']?.(event)
    const {
      trainingSetDigest = '',
      trainingSet,
      field,
    } = await row<VersionRow>(world, keys.version('demo', 2))
    const { digest } = dataOf(event)
    expect(field).toMatchObject({ digest, samples: 360, devices: 4 })
    expect(trainingSet).toMatchObject({ admitted: digest })
    const manifest = text(world, manifestKey('demo', trainingSetDigest))
    expect(sha256Hex(manifest)).toBe(trainingSetDigest)
    expect(JSON.parse(manifest)).toMatchObject({ admitted: digest })
    expect(JSON.parse(manifest).samples).toHaveLength(360)
  })
  it('is not made from an object that was changed', async () => {
    const { world, event } = recorded('start-training', 'SamplesAdmitted')
    const key = admittedKey('demo', String(dataOf(event)['digest']))
    const changed = text(world, key).replace('"label":1', '"label":0')
    world.state.artefacts.set(key, { bytes: Buffer.from(changed), versionId: 'v2' })
    await expect(run(world, 'start-training', event)).rejects.toMatchObject({ code: 'ILLEGAL_STATE' })
    expect(await versions(world)).toHaveLength(1)
  })
  it('is not made from an event that no admission backs', async () => {
    const { world, event } = recorded('start-training', 'SamplesAdmitted')
    dataOf(event)['digest'] = 'ab'.repeat(32)
    await expect(run(world, 'start-training', event)).rejects.toMatchObject({ code: 'ILLEGAL_STATE' })
    expect(await versions(world)).toHaveLength(1)
  })

  const dropped = async (world: World): Promise<VersionRow> => {
    const key = 'datasets/demo/late.csv'
    world.state.drops.set(key, { bytes: Buffer.from('x,y,label\n1,1,0\n60,1,1\n61,1,1\n'), versionId: 'v1' })
    const detail = { bucket: { name: 'drops' }, object: { key, size: 1, etag: 'e', 'version-id': 'v1' } }
    await run(world, 'register-dataset', {
      ...{ id: 's3', time: '', source: 'aws.s3', 'detail-type': 'Object Created', detail },
    })
    await run(world, 'start-training', onBus(world, 'DatasetRegistered'))
    return (await versions(world)).at(-1)?.data as VersionRow
  }
  it('of a later drop keeps the champion’s field samples, but for those of a device that is revoked by then', async () => {
    const champion = await row<VersionRow>(chain.world, keys.version('demo', 2))
    const kept = await dropped(chain.world.clone())
    expect(kept.field).toEqual(champion.field)
    expect(kept.trainingSet?.sources).toHaveLength(2)
    const later = chain.world.clone()
    await revoke(later, 'lab-4', LONG_AGO)
    expect((await dropped(later)).field).toMatchObject({ samples: 270, devices: 3 })
  })
})

describe('held-out rows that judge', () => {
  const [one, two] = [1, 2].map(v => chain.version(v).trainingSetDigest ?? '')
  const of = (set: string | undefined, channel: 'holdout' | 'field' | 'train'): string =>
    text(chain.world, channelKey('demo', set ?? '', channel))
  it('are the same bytes in a retrain from the field as before it', () => {
    expect(of(two, 'holdout')).toBe(of(one, 'holdout'))
    expect(of(two, 'holdout').length).toBeGreaterThan(1000)
    expect(of(two, 'train').length).toBeGreaterThan(of(one, 'train').length)
    expect(text(chain.world, sentinelKey('demo'))).toBe(of(one, 'holdout'))
  })
  it('of the field are a set of their own; those labelled since the champion’s release judge by what is shown', () => {
    const lines = of(two, 'field').trim().split('\n')
    expect(lines.length).toBeGreaterThan(20)
    expect(lines.every(line => line.startsWith('1,3'))).toBe(true)
    const { metrics = {} } = chain.version(2) as { metrics?: Record<string, number> }
    expect(metrics).toMatchObject({ field_accuracy: 1, champion_field_accuracy: 1 })
  })
  it.each([
    ['the first training has field samples', 'start-training', 'SamplesAdmitted'],
    ['the first version is imported', 'import-model', 'imports/demo/by-hand.json'],
  ])('hold no field row when %s', async (_, handler, label) => {
    const { world, event } = recorded(handler, label)
    world.state.artefacts.delete(sentinelKey('demo'))
    await run(world, handler, event)
    expect(text(world, sentinelKey('demo'))).toBe(of(one, 'holdout'))
  })
})

describe('an approved retrain of which nothing passes admission', () => {
  async function emptied(): Promise<World> {
    const { world, event } = recorded('admit-samples', 'RetrainApproved')
    for (const thing of ['lab-1', 'lab-2']) await revoke(world, thing, LONG_AGO)
    await run(world, 'admit-samples', event)
    return world
  }
  it('is called off on record, and its episode is open again', async () => {
    const world = await emptied()
    const admitted = onBus(world, 'SamplesAdmitted')
    const { decision } = dataOf(admitted) as { decision: string }
    expect(dataOf(admitted)).toMatchObject({
      admitted: 0,
      devices: 0,
      excluded: { DEVICE_REVOKED: 180, TOO_FEW_DEVICES: 180 },
    })
    await run(world, 'start-training', admitted)
    expect(await versions(world)).toHaveLength(1)
    expect(dataOf(onBus(world, 'RetrainSuppressed'))).toMatchObject({
      decision,
      failedGuards: ['newTrainingData'],
    })
    const [episode] = await world.state.store.query<EpisodeRow>(keys.model('demo').pk, 'EPISODE#')
    expect(episode?.data.decision).toBeUndefined()
    const pending = await world.state.store.pendingBefore('labels', '2027', 10)
    expect(pending.map(p => p.key)).toEqual([episode?.key])
  })
  it('comes to the same when the event comes twice, and after a crash at each effect', async () => {
    const before = await emptied()
    const admitted = onBus(before, 'SamplesAdmitted')
    const whole = before.clone()
    await run(whole, 'start-training', admitted)
    await run(whole, 'start-training', admitted)
    const effects = whole.effects
    for (let k = 1; k <= effects; k++) {
      const world = before.clone()
      world.crashAfter = k
      await run(world, 'start-training', admitted).catch(error => {
        if (!(error instanceof Crash)) throw error
      })
      world.crashAfter = Number.POSITIVE_INFINITY
      await run(world, 'start-training', admitted)
      expect(world.outcome()).toEqual(whole.outcome())
    }
    expect(effects).toBeGreaterThan(0)
  })
  it('goes on with a drop that the champion has not seen', async () => {
    const world = await emptied()
    await change<VersionRow>(world, keys.version('demo', 1), version => ({
      ...version,
      trainingSet: { ...(version.trainingSet as NonNullable<VersionRow['trainingSet']>), sources: [] },
    }))
    const { fingerprint } = await forgetRun(world)
    await run(world, 'start-training', onBus(world, 'SamplesAdmitted'))
    const made = (await versions(world)).at(-1)?.data
    expect(made).toMatchObject({ version: 2, status: 'TRAINING', decision: expect.any(String) })
    expect(made?.field).toBeUndefined()
    expect(fingerprint).not.toBe('')
  })
  /** As if the one drop of the run had never been trained on by itself. */
  async function forgetRun(world: World): Promise<{ fingerprint: string }> {
    const runs = await world.state.store.query(keys.model('demo').pk, 'RUN#')
    await world.state.store.commit(runs.map(r => ({ kind: 'remove', key: r.key })))
    return { fingerprint: runs[0]?.key.sk ?? '' }
  }
  it('keeps others from being approved until it is called off', async () => {
    const approved = recorded('admit-samples', 'RetrainApproved').world
    const labels = recorded('decide-retrain', 'LabelsReceived').event
    const ask = async (world: World, hours = 0): Promise<readonly string[]> => {
      const harm = { episode: 'harm-v1', model: 'demo', version: 1, cause: 'harm', openedAt: LONG_AGO }
      await world.state.store.commit([put(keys.episode('demo', 'harm-v1'), harm, undefined)])
      world.time += hours * 3_600_000
      await run(world, 'decide-retrain', { ...(labels as object), detail: renamed(labels) })
      const { approved: yes, guards } = (await decisions(world)).at(-1) as DecisionRow
      return yes ? ['approved'] : guards.filter(g => !g.passed).map(g => g.guard)
    }
    expect(await ask(approved.clone())).toEqual(['noTrainingInProgress'])
    expect(await ask(approved.clone(), 25)).toEqual(['approved'])
    const off = await emptied()
    await run(off, 'start-training', onBus(off, 'SamplesAdmitted'))
    expect(await ask(off)).not.toContain('noTrainingInProgress')
  })
  it('is held back before it is approved', async () => {
    const again = drifted.world.clone()
    await change<ModelRow>(again, keys.model('demo'), model => ({
      ...model,
      config: { ...model.config, fieldSamples: { ...model.config.fieldSamples, minimumDevices: 5 } },
    }))
    await labelAll(again)
    await run(again, 'decide-retrain', onBus(again, 'LabelsReceived'))
    expect(dataOf(onBus(again, 'RetrainSuppressed'))).toMatchObject({
      failedGuards: expect.arrayContaining(['fieldDevices']),
    })
    expect([...again.events().values()].some(e => e.type === 'RetrainApproved')).toBe(false)
  })
})

/** The same event under another id, as a later one of its kind. */
const renamed = (event: unknown): unknown => {
  const { metadata, data } = (event as { detail: { metadata: object; data: object } }).detail
  return { metadata: { ...metadata, id: 'later' }, data }
}
const decisions = async (world: World): Promise<DecisionRow[]> =>
  (await world.state.store.list<DecisionRow>('DECISIONS')).map(r => r.data)

const dropLabels = async (world: World, lines: readonly string[]): Promise<void> => {
  const key = 'labels/demo/some.jsonl'
  world.state.drops.set(key, { bytes: Buffer.from(lines.join('\n')), versionId: 'v1' })
  const detail = { bucket: { name: 'drops' }, object: { key, size: 1, etag: 'e', 'version-id': 'v1' } }
  await run(world, 'ingest-labels', {
    ...{ id: 's3-l', time: '', source: 'aws.s3', 'detail-type': 'Object Created', detail },
  })
}
const labelAll = (world: World): Promise<void> =>
  dropLabels(
    world,
    THINGS.flatMap(thing => Array.from({ length: 90 }, (_, i) => labelLine(eventId(thing, i)))),
  )

describe('at ingest', () => {
  const send = async (world: World, thing: string, ids: readonly string[]): Promise<void> => {
    world.time += 60_000
    const { body } = drifted.uplink(thing, 'samples', drifted.samplesBody(1, ids, 40))
    const ingress = { ...JSON.parse(body), receivedAt: world.time }
    await run(world, 'ingest-samples', { Records: [{ messageId: 'm', body: JSON.stringify(ingress) }] })
  }
  const held = async (world: World, id: string): Promise<number> =>
    (await world.state.quarantine.query(keys.sample('demo', '', '').pk, `${id}#`)).length

  it('samples go to quarantine and to no other table', async () => {
    const world = drifted.world.clone()
    await send(world, 'lab-1', [eventId('lab-1', 500)])
    expect(await held(world, eventId('lab-1', 500))).toBe(1)
    expect([...world.state.store.rows.values()].filter(r => r.key.pk.startsWith('SAMPLES#'))).toEqual([])
  })
  it('an id of another device is refused alone and kept as a rejected input', async () => {
    const world = drifted.world.clone()
    await send(world, 'lab-1', [eventId('lab-2', 500), eventId('lab-1', 501)])
    expect(rejected(world)).toEqual(['FOREIGN_EVENT_ID'])
    expect(await held(world, eventId('lab-2', 500))).toBe(0)
    expect(await held(world, eventId('lab-1', 501))).toBe(1)
  })
  it('a revoked device is refused by the time of receipt', async () => {
    const world = drifted.world.clone()
    await revoke(world, 'lab-1', new Date(world.time + 90_000).toISOString())
    await send(world, 'lab-1', [eventId('lab-1', 500)])
    await send(world, 'lab-1', [eventId('lab-1', 501)])
    expect(rejected(world)).toEqual(['DEVICE_REVOKED'])
    expect(await held(world, eventId('lab-1', 500))).toBe(1)
    expect(await held(world, eventId('lab-1', 501))).toBe(0)
  })
  it('a label for an id that two devices gave goes to the device whose it is', async () => {
    const world = drifted.world.clone()
    const id = eventId('lab-1', 0)
    const [real] = await world.state.quarantine.query<object>(keys.sample('demo', '', '').pk, `${id}#`)
    // In the order of the table the other is first.
    const twin = { ...real?.data, thing: 'lab-0' }
    await world.state.quarantine.commit([put(keys.sample('demo', id, 'lab-0'), twin, undefined)])
    await dropLabels(world, [labelLine(id), labelLine(eventId('lab-0', 1))])
    expect(dataOf(onBus(world, 'LabelsReceived'))).toMatchObject({ matched: 1, unmatched: 1 })
    const held = await world.state.quarantine.query<SampleRow>(keys.sample('demo', '', '').pk, `${id}#`)
    expect(held.map(s => [s.data.thing, s.data.label])).toEqual([
      ['lab-0', undefined],
      ['lab-1', 1],
    ])
  })
})
