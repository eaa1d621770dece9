/** Walks back from a prediction, a bundle and a version over the rows of the whole loop. */
import { describe, expect, it } from 'vitest'
import { type DecisionRow, keys, type SampleRow } from '../../src/domain/entities.ts'
import { verifyLineage } from '../../src/domain/lineage/chain.ts'
import { placement } from '../../src/domain/rollout/placement.ts'
import type { Rollout } from '../../src/domain/rollout/types.ts'
import { Chain, dataset, eventId, MODEL_YAML } from '../loop/chain.ts'
import {
  type Answer,
  ask,
  BUNDLE,
  captured,
  chain,
  factsOf,
  kinds,
  ofBundle,
  ofPrediction,
  ofVersion,
  PREDICTION,
  tampered,
  tell,
  VERSION,
} from './asking.ts'

describe('a captured prediction', () => {
  it('is followed back to the objects that were dropped, in one answer', async () => {
    const document = tell(await ofPrediction())
    expect(kinds(document)).toEqual([
      ...['source', 'training-set', 'training', 'version', 'compile', 'compile', 'compile', 'release'],
      ...['package', 'rollout', 'delivery', 'prediction', 'label'],
    ])
    expect(document).toMatchObject({ subject: `prediction:${captured}`, model: 'demo', version: 1 })
    const source = chain.world.state.drops.get('datasets/demo/early.csv')
    expect(factsOf(document, 'source')).toMatchObject({
      key: 'datasets/demo/early.csv',
      versionId: source?.versionId,
    })
    expect(factsOf(document, 'prediction')).toMatchObject({
      thing: 'lab-2',
      lane: 'audit',
      pi: 0.5,
      prediction: 1,
    })
    expect(factsOf(document, 'prediction')['row']).toMatch(/^[0-9a-f]{64}$/)
    expect(factsOf(document, 'package')).toMatchObject({
      hardware: 'gateway',
      bundle: { sha256: chain.packageFor(1).bundle.sha256 },
    })
    expect(factsOf(document, 'delivery')).toMatchObject({ thing: 'lab-2', hardware: 'gateway' })
    expect(factsOf(document, 'training')).toMatchObject({
      ...{ image: 'registry.example/edgeloop-trainer:test', seed: '42', job: chain.version(1).job },
    })
    expect(verifyLineage(document)).toEqual([])
  })
  it('gives away no value of its row', async () => {
    const { body } = await ofPrediction()
    const [sample] = await chain.world.state.quarantine.query<SampleRow>(
      keys.sample('demo', captured, '').pk,
      captured,
    )
    expect(sample?.data.row[0]).toBeTypeOf('number')
    expect(JSON.stringify(body)).not.toContain(`[${sample?.data.row.join()}`)
    expect(JSON.stringify(body)).not.toContain('"row":[')
  })
  it('says what is not known', async () => {
    const { unknown } = tell(await ofPrediction())
    expect(unknown.map(u => u.what).sort()).toEqual([
      ...['certificate of the device', 'commit of the training code', 'digest of the training image'],
    ])
  })
  it('is found among the models, or in the one that is named', async () => {
    expect((await ask(PREDICTION, { eventId: captured }, { model: 'demo' })).status).toBe(200)
    expect((await ask(PREDICTION, { eventId: captured }, { model: 'other' })).status).toBe(404)
  })
  it('that was never captured is said to be none, with what to ask instead', async () => {
    const { status, body } = await ask(PREDICTION, { eventId: eventId('lab-2', 5000) })
    expect(status).toBe(404)
    expect(body['detail']).toMatch(/no captured prediction .* GET \/v1\/lineage\/bundles/s)
  })
  it('of before bundles were kept is told with the hardware of the device, which is said', async () => {
    const key = keys.sample('demo', captured, 'lab-2')
    const world = await tampered<SampleRow>(key, ({ bundle: _bundle, ...old }) => old, true)
    const document = tell(await ofPrediction(world))
    expect(kinds(document)).toContain('delivery')
    expect(document.unknown.map(u => u.what)).toContain('bundle')
  })
})

describe('a bundle', () => {
  it('of a retrain is followed to the decision, its guards, and the episode', async () => {
    const document = tell(await ofBundle(2))
    expect(document.subject).toBe(`package:${chain.packageFor(2).bundle.sha256}`)
    const decision = chain.row<DecisionRow>('MODEL#demo', `DECISION#${chain.version(2).decision}`)
    expect(factsOf(document, 'decision')).toMatchObject({
      approved: true,
      guards: decision.guards,
      facts: decision.facts,
    })
    expect(factsOf(document, 'episode')).toMatchObject({ cause: 'drift', version: 1 })
    expect((factsOf(document, 'episode')['evidence'] as unknown[]).length).toBeGreaterThan(0)
    expect(factsOf(document, 'admission')).toMatchObject({ admitted: 360, devices: 4, excluded: {} })
    expect(factsOf(document, 'training-set')).toMatchObject({ fieldSamples: 360 })
    expect(verifyLineage(document)).toEqual([])
  })
  it('names the version before, by its anchor, without telling it', async () => {
    const [one, two] = [tell(await ofBundle(1)), tell(await ofBundle(2))]
    expect(kinds(one)).not.toContain('previous-version')
    expect(factsOf(two, 'previous-version')).toEqual({
      ...{ model: 'demo', version: 1, lineage: one.anchor?.digest },
    })
    expect(two.nodes.filter(n => n.kind === 'version')).toHaveLength(1)
  })
  it('with a device and a time tells the phase that brought it', async () => {
    const rollout = chain.row<Rollout>('ROLLOUT#demo-v2', 'ROLLOUT')
    const [first = '', second = ''] = rollout.begun
    const things = ['lab-1', 'lab-2', 'lab-3', 'lab-4']
    const early = await Promise.all(things.map(thing => ofBundle(2, { thing, at: first })))
    const exposure = rollout.phases[0]?.exposures['gateway'] ?? 0
    // The seed is another one in each run, so who is drawn is too.
    const drawn = things.map(thing => placement(rollout.seed, thing) < exposure)
    expect(early.map(a => kinds(tell(a)).includes('delivery'))).toEqual(drawn)
    for (const [i, thing] of things.entries()) {
      const document = tell(early[i] as Answer)
      const late = tell(await ofBundle(2, { thing, at: second }))
      if (drawn[i]) {
        const canary = { by: 'phase', phase: 'canary', since: first }
        expect(factsOf(document, 'delivery')).toMatchObject(canary)
        expect(factsOf(late, 'delivery')).toMatchObject({ ...canary, outcome: 'COMMITTED' })
      } else {
        expect(document.unknown.map(u => u.what)).toContain('rollout')
        const fleet = { phase: 'fleet', since: second, outcome: 'COMMITTED' }
        expect(factsOf(late, 'delivery')).toMatchObject(fleet)
      }
    }
  })
  it.each([
    [{ at: '2026-03-01T00:00:00Z' }, 400, /at needs thing/],
    [{ thing: 'lab-1', at: 'soon' }, 400, /at must be an ISO time/],
    [{ thing: 'no thing' }, 400, /thing: letters/],
  ])('is refused with %j', async (query, status, message) => {
    const answer = await ofBundle(1, query as Record<string, string>)
    expect(answer.status).toBe(status)
    expect(answer.body['detail']).toMatch(message)
  })
  it('that nobody made is not found, and one that is no digest is refused', async () => {
    expect((await ask(BUNDLE, { digest: 'ab'.repeat(32) })).status).toBe(404)
    expect((await ask(BUNDLE, { digest: 'ab' })).status).toBe(400)
    expect((await ask(BUNDLE, { digest: '%' })).status).toBe(400)
  })
})

describe('a version', () => {
  it('that was imported has its object', async () => {
    const document = tell(await ofVersion(3))
    expect(factsOf(document, 'import')).toMatchObject({ key: 'imports/demo/by-hand.json', versionId: 'v1' })
    expect(document.unknown.map(u => u.what)).toContain('training of the import')
    expect(verifyLineage(document)).toEqual([])
  })
  it('that is only asked for has its data, and says that there is no model', async () => {
    const begun = new Chain()
    await begun.drop('register-dataset', 'datasets/demo/early.csv', dataset())
    await begun.drop('register-model', 'models/demo/model.yaml', MODEL_YAML)
    const document = tell(await ofVersion(1, begun.world))
    expect(kinds(document)).toEqual(['source', 'training-set', 'training'])
    expect(document).toMatchObject({ anchor: null, subject: 'training:demo@1' })
    expect(document.unknown.map(u => u.what)).toEqual(expect.arrayContaining(['model', 'package']))
    expect(verifyLineage(document)).toEqual([])
  })
  it.each([['9'], ['0'], ['x'], ['1e99']])('%s is none', async version => {
    const { status } = await ask(VERSION, { model: 'demo', version })
    expect(status).toBe(version === '9' ? 404 : 400)
  })
})

describe('the cost', () => {
  it('of an answer is a handful of reads, however many rows there are', async () => {
    const few = await ofPrediction()
    expect(few.reads).toMatchObject({ get: 4, queries: 4 })
    const world = chain.world.clone()
    const { quarantine, store } = world.state
    const [row] = await quarantine.query<SampleRow>(keys.sample('demo', captured, '').pk, captured)
    if (row === undefined) throw new Error('no sample')
    for (let i = 0; i < 300; i++) {
      const id = eventId('lab-1', 10_000 + i)
      await quarantine.commit([
        {
          kind: 'put',
          key: keys.sample('demo', id, 'lab-1'),
          data: { ...row.data, eventId: id },
          expect: 'absent',
        },
      ])
      const key = { pk: 'MODEL#demo', sk: `EPISODE#other-${i}` }
      await store.commit([{ kind: 'put', key, data: {}, expect: 'absent' }])
    }
    const many = await ofPrediction(world)
    expect(many.status).toBe(200)
    expect(many.reads).toEqual(few.reads)
  })
  it('of a bundle with a decision behind it as well', async () => {
    const { reads } = await ofBundle(2)
    expect(reads).toMatchObject({ get: 8, queries: 2 })
  })
  it('without the name of the model is bounded: too many models want it named', async () => {
    const world = chain.world.clone()
    for (let i = 0; i < 50; i++) {
      const data = { config: { name: `m${i}` } }
      const list = { pk: 'MODELS', sk: `m${i}` }
      await world.state.store.commit([
        { kind: 'put', key: keys.model(`m${i}`), data, expect: 'absent', list },
      ])
    }
    const { status, body } = await ofPrediction(world)
    expect(status).toBe(400)
    expect(body['detail']).toMatch(/more than 50 models; name .* \?model=/)
    expect((await ask(PREDICTION, { eventId: captured }, { model: 'demo' }, world)).status).toBe(200)
  })
})
