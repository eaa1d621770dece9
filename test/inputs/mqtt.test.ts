import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { topics } from '../../src/contracts/mqtt.ts'
import { type BundleRow, keys, type SampleRow } from '../../src/domain/entities.ts'
import { metrics, type RawDevice, rawDevices, report, sample, samples } from './devices.ts'
import { datasetCsv, eventually, type Harness, modelYaml, startHarness } from './support.ts'

const MODEL = 'probe'
let h: Harness
let device: RawDevice
let other: RawDevice
let bundle: string
let stranger: RawDevice
let heavy: RawDevice
beforeAll(async () => {
  h = await startHarness()
  await h.drop(`models/${MODEL}/model.yaml`, modelYaml(MODEL))
  await h.event('ModelConfigured')
  await h.drop(`datasets/${MODEL}/rows.csv`, datasetCsv())
  const [a, b, c, d] = await rawDevices(h, ['probe-1', 'probe-2', 'probe-3', 'probe-4'])
  device = a as RawDevice
  other = b as RawDevice
  stranger = c as RawDevice
  heavy = d as RawDevice
  const signed = await h.event('PackageSigned')
  const [first] = signed['packages'] as { bundle: { sha256: string } }[]
  bundle = first?.bundle.sha256 ?? ''
})
afterAll(async () => {
  for (const d of [device, other, stranger, heavy]) await d?.close()
  await h?.close()
})

let seq = 100
const next = () => ({ thing: device.thing, seq: ++seq })
const deep = `${'['.repeat(40)}${']'.repeat(40)}`
const withBody = (body: Readonly<Record<string, unknown>>) => () => report({ ...next(), body })
/** What is wrong, the bytes of a report with it, the code, the field, and what the message has to say. */
const bad: readonly (readonly [string, () => string | Uint8Array, string, string, RegExp])[] = [
  ['no JSON', () => 'battery low', 'NOT_JSON', 'payload', /not JSON/],
  ['nothing', () => '', 'NOT_JSON', 'payload', /not JSON/],
  ['half a message', () => report(next()).slice(0, -9), 'NOT_JSON', 'payload', /not JSON/],
  ['no UTF-8', () => new Uint8Array([0x7b, 0xff, 0x7d]), 'NOT_UTF8', 'payload', /UTF-8/],
  ['too large for its kind', withBody({ detail: 'x'.repeat(5_000) }), 'TOO_LARGE', 'payload', /at most 4096/],
  ['too deep', () => deep, 'TOO_DEEP', 'payload', /5 levels/],
  [
    'an infinite number',
    () => report(next()).replace(/"t":\d+/, '"t":1e999'),
    'NOT_FINITE',
    'payload',
    /\$\.t/,
  ],
  ['an unknown field', () => report({ ...next(), colour: 'red' }), 'SCHEMA', 'colour', /colour/],
  ['an unknown field below', withBody({ colour: 'red' }), 'SCHEMA', 'body.colour', /colour/],
  ['a missing field', withBody({ bundle: undefined }), 'SCHEMA', 'body.bundle', /body\.bundle/],
  ['a wrong type', withBody({ slot: 7 }), 'SCHEMA', 'body.slot', /body\.slot/],
  ['an unknown step', withBody({ step: 'DANCED' }), 'SCHEMA', 'body.step', /body\.step/],
  ['another version', () => report({ ...next(), v: 2 }), 'SCHEMA', 'v', /v:/],
  ['the kind of another topic', () => report({ ...next(), kind: 'hello' }), 'SCHEMA', 'kind', /kind/],
  [
    'the name of another device',
    () => report({ ...next(), thing: 'probe-2' }),
    'WRONG_IDENTITY',
    'thing',
    /probe-2/,
  ],
  ['a list', () => '[]', 'SCHEMA', '', /object/],
]

describe('a message', () => {
  it.each(bad)('with %s is refused and loses nothing around it', async (_name, make, code, field, reason) => {
    const payload = Buffer.from(make() as Uint8Array)
    const before = next()
    await device.send('report', report(before))
    await device.send('report', payload)
    const after = next()
    await device.send('report', report(after))
    const excerpt = payload.subarray(0, 256).toString('base64')
    const { record, event } = await h.refused(r => r.excerpt === excerpt && r.code === code)
    expect(record).toMatchObject({
      channel: 'mqtt',
      thing: device.thing,
      subject: topics.up(device.thing, 'report'),
    })
    expect(record.field ?? '').toBe(field)
    expect(record.reason).toMatch(reason)
    expect(event).toMatchObject({ code, thing: device.thing, reason: record.reason })
    await device.acknowledged(before.seq)
    await device.acknowledged(after.seq)
    expect(device.connected()).toBe(true)
  })

  it('that repeats (thing, epoch, seq) with another body is refused; the same bytes are only acknowledged again', async () => {
    const id = next()
    await device.send('report', report(id))
    await device.acknowledged(id.seq)
    const acks = device.heard.length
    await device.send('report', report(id))
    await eventually(
      async () => device.heard.length > acks || undefined,
      () => 'a re-delivery was not acknowledged',
    )
    await device.send('report', report({ ...id, body: { step: 'COMMITTED', code: undefined } }))
    const { record } = await h.refused(r => r.code === 'REPLAYED' && r.thing === device.thing)
    expect(record).toMatchObject({ field: 'seq', channel: 'mqtt' })
    expect(record.reason).toContain(`(${device.thing}, 0, ${id.seq})`)
    const outcomes = h.events.filter(e => e.type === 'DeviceReported' && e.data['thing'] === device.thing)
    expect(outcomes.some(e => e.data['outcome'] === 'COMMITTED')).toBe(false)
  })
})

describe('the broker', () => {
  it('ends the connection of a device that publishes for another, and that is on record', async () => {
    const forged = report({ thing: other.thing, seq: 9_999 })
    stranger.sendTo(topics.up(other.thing, 'report'), forged)
    await stranger.disconnected()
    const { record, event } = await h.refused(r => r.thing === stranger.thing)
    expect(record).toMatchObject({ channel: 'mqtt', code: 'AUTH_ERROR', field: 'connection' })
    expect(record.reason).toContain('another device’s topic')
    expect(event).toMatchObject({ code: 'AUTH_ERROR', thing: stranger.thing })
    // Whoever was to be impersonated is heard all the same.
    await other.send('report', report({ thing: other.thing, seq: 9_999, body: { code: 'SELF_TEST' } }))
    await other.acknowledged(9_999)
    expect(await h.event('DeviceReported', d => d['thing'] === other.thing)).toMatchObject({
      code: 'SELF_TEST',
    })
  })

  it('ends the connection of a device that sends more than 128 KB, and that is on record', async () => {
    heavy.sendTo(topics.up(heavy.thing, 'samples'), Buffer.alloc(131_073, 0x20))
    await heavy.disconnected()
    const { record } = await h.refused(r => r.thing === heavy.thing)
    expect(record).toMatchObject({ channel: 'mqtt', code: 'CLIENT_ERROR', field: 'connection' })
    expect(record.reason).toContain('128 KB')
  })
})

describe('samples, counts and labels', () => {
  /** Event id of the device, told apart by a name in base 36. */
  const id = (name: string) => `${device.thing}-0-${name}`
  const stored = (name: string) => h.quarantine.get<SampleRow>(keys.sample(MODEL, id(name), device.thing))

  it('refuses one sample of a message and keeps the others', async () => {
    const rows = [
      sample(id('good1'), [10, 1]),
      sample(id('badrange'), [4000, 1]),
      sample(id('good2'), [900, 2]),
      sample(id('badcount'), [10]),
      sample(id('badmissing'), [10, null]),
    ]
    await device.send('samples', samples(bundle, rows, next()))
    const subject = (name: string) => `${topics.up(device.thing, 'samples')}#${id(name)}`
    const of = async (name: string) => (await h.refused(r => r.subject === subject(name))).record
    expect(await of('badrange')).toMatchObject({ code: 'OUT_OF_RANGE', field: 'a', model: MODEL })
    expect(await of('badcount')).toMatchObject({ code: 'FEATURE_COUNT', field: 'body.samples.3.row' })
    expect(await of('badmissing')).toMatchObject({ code: 'MISSING_VALUE', field: 'body.samples.4.row.1' })
    for (const name of ['good1', 'good2']) {
      await eventually(
        () => stored(name),
        () => `${name} was lost`,
      )
    }
    expect(await stored('badrange')).toBeUndefined()
  })

  it('refuses a sample under another device’s event id', async () => {
    const foreign = `${other.thing}-0-1`
    await device.send('samples', samples(bundle, [sample(foreign, [10, 1])], next()))
    const { record } = await h.refused(r => r.code === 'FOREIGN_EVENT_ID')
    expect(record).toMatchObject({ thing: device.thing, field: 'body.samples.0.eventId' })
    expect(record.reason).toContain(foreign)
    expect(await h.quarantine.get(keys.sample(MODEL, foreign, device.thing))).toBeUndefined()
  })

  it('refuses a sample whose shape is wrong alone, by its place, and a package that nobody made', async () => {
    await device.send(
      'samples',
      samples(bundle, [sample(id('x'), [1, 1]), sample(id('y'), [1, 1], { pi: 2 })], next()),
    )
    expect((await h.refused(r => r.field === 'body.samples.1.pi')).record.code).toBe('SCHEMA')
    await eventually(
      () => stored('x'),
      () => 'the good sample beside it was lost',
    )
    expect(await stored('y')).toBeUndefined()
    await device.send('samples', samples('cd'.repeat(32), [sample(id('z'), [1, 1])], next()))
    expect((await h.refused(r => r.code === 'UNKNOWN_BUNDLE')).record.field).toBe('body.bundle')
  })

  it('refuses counts that do not fit the baseline, and a second message under the same number', async () => {
    const row = (await h.store.get<BundleRow>(keys.bundle(bundle)))?.data as BundleRow
    const only = (bins: number, n: number) => [n, ...new Array<number>(bins - 1).fill(0)]
    const body = (n: number) => ({
      window: 1_000,
      inferences: n,
      features: Object.fromEntries(Object.entries(row.featureBins).map(([f, bins]) => [f, only(bins, n)])),
      prediction: only(row.predictionBins, n),
    })
    const good = next()
    await device.send('metrics', metrics(bundle, { ...good, body: body(5) }))
    await device.send(
      'metrics',
      metrics(bundle, { ...next(), body: { ...body(5), prediction: [5, 0, 0, 0, 0] } }),
    )
    await device.send('metrics', metrics(bundle, { ...next(), body: { ...body(5), inferences: 6 } }))
    await device.send(
      'metrics',
      metrics(bundle, { ...next(), body: { ...body(5), features: { colour: [5, 0] } } }),
    )
    expect((await h.refused(r => r.code === 'BIN_COUNT')).record.field).toBe('body.prediction')
    expect((await h.refused(r => r.code === 'COUNT_SUM')).record.field).toBe('body.features.a')
    expect((await h.refused(r => r.code === 'UNKNOWN_FEATURE')).record.field).toBe('body.features.colour')
    const counted = async () => (await h.store.get(keys.window(MODEL, 1, 1_000)))?.counters
    await eventually(
      async () => (await counted())?.['inferences'],
      () => 'the good counts were lost',
    )
    const subject = topics.up(device.thing, 'metrics')
    await device.send('metrics', metrics(bundle, { ...good, body: body(7) }))
    await h.refused(r => r.code === 'REPLAYED' && r.subject === subject)
    expect(await counted()).toEqual({ reported: 1, inferences: 5 })
  })

  it('joins the good lines of a ground-truth file and refuses the bad ones by number', async () => {
    const line = (name: string, data: string) =>
      JSON.stringify({
        groundTruthData: { data, encoding: 'CSV' },
        eventMetadata: { eventId: id(name) },
        eventVersion: '0',
      })
    const key = `labels/${MODEL}/may 2024 +.jsonl`
    const lines = [line('good1', '1'), '{"groundTruthData":', line('good2', 'maybe'), line('good2', '0')]
    await h.drop(key, `${lines.join('\n')}\n`)
    const second = (await h.refused(r => r.subject === key && r.code === 'NOT_JSON')).record
    expect(second).toMatchObject({ field: 'line', model: MODEL, reason: expect.stringMatching(/^line 2: /) })
    const third = (await h.refused(r => r.subject === key && r.code === 'UNKNOWN_CLASS')).record
    expect(third).toMatchObject({
      field: 'groundTruthData.data',
      reason: 'line 3: "maybe" is none of 0, 1',
    })
    expect(await h.event('LabelsReceived', d => d['key'] === key)).toMatchObject({ matched: 2, unmatched: 0 })
    expect((await stored('good1'))?.data.label).toBe(1)
    expect((await stored('good2'))?.data.label).toBe(0)
  })
})

it('nothing was denied by IAM and nothing is left in a dead-letter queue', () => {
  expect(h.cloud.denials).toEqual([])
  expect(h.deadLetters()).toEqual({})
})
