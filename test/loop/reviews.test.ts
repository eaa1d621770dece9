/** The queue of people who label one by one, through the real handlers. */
import { describe, expect, it } from 'vitest'
import { type AuditRow, keys, type SampleRow } from '../../src/domain/entities.ts'
import type { ReviewRow } from '../../src/domain/review/rows.ts'
import { type ReviewAnswer, standing } from '../../src/domain/review/standing.ts'
import { eventId, labelLine, runToDrift, THINGS } from './chain.ts'
import { makeHandlers } from './handlers.ts'
import { command } from './identity.ts'
import { Crash, type World } from './world.ts'

const drifted = await runToDrift()
const ID = `demo.${eventId('lab-1', 0)}`

interface Said {
  readonly statusCode: number
  readonly body: Record<string, unknown>
}
let requests = 0
function asked(act: string, by: string, body: unknown, id = ID, request = `r${requests++}`): unknown {
  const event = command(`POST /v1/reviews/{review}/${act}`, body, { review: id }) as {
    requestContext: { requestId: string; authorizer: { jwt: { claims: object } } }
  }
  event.requestContext.requestId = request
  event.requestContext.authorizer.jwt.claims = { sub: by, scope: 'labels:write' }
  return event
}
async function give(world: World, event: unknown): Promise<Said> {
  world.time += 1_000
  const answer = (await makeHandlers(world.deps())['ops-command']?.(event)) as {
    statusCode: number
    body: string
  }
  return { statusCode: answer.statusCode, body: JSON.parse(answer.body) }
}
const act = (world: World, what: string, by: string, body: unknown = {}, id = ID): Promise<Said> =>
  give(world, asked(what, by, body, id))
async function answer(world: World, by: string, label: string): Promise<void> {
  expect((await act(world, 'claim', by)).statusCode).toBe(200)
  expect((await act(world, 'label', by, { label })).statusCode).toBe(200)
}
const queue = async (
  world: World,
  limit = 500,
): Promise<{ reviews: Record<string, unknown>[]; labellers: unknown[] }> => {
  const event = {
    ...{ routeKey: 'GET /v1/reviews', rawPath: '/v1/reviews' },
    queryStringParameters: { model: 'demo', limit: String(limit) },
  }
  const answer = (await makeHandlers(world.deps())['ops-query']?.(event)) as { body?: string } | undefined
  return JSON.parse(answer?.body ?? '')
}
const sample = async (world: World, id = eventId('lab-1', 0)): Promise<SampleRow | undefined> =>
  (await world.state.quarantine.query<SampleRow>(keys.sample('demo', '', '').pk, `${id}#`))[0]?.data
const stats = async (world: World): Promise<Record<string, number>> => ({
  ...(await world.state.quarantine.get(keys.labelStats('demo', 1)))?.counters,
})
const review = async (world: World): Promise<ReviewRow | undefined> =>
  (await world.state.store.get<ReviewRow>(keys.review('demo', eventId('lab-1', 0))))?.data
const world = (): World => drifted.world.clone()
/** What the outbox has for the webhook. */
const opened = (world: World): unknown[] =>
  [...world.state.store.rows.values()]
    .filter(r => r.key.pk.startsWith('OUTBOX#'))
    .map(r => JSON.parse(r.data) as { type: string; detail: string })
    .filter(r => r.type === 'ReviewsOpened')
    .map(r => (JSON.parse(r.detail) as { data: unknown }).data)
/** A label request like the one of the run, with other data. */
async function ask(world: World, other: object): Promise<void> {
  const request = drifted.deliveries.find(d => d.handler === 'request-labels')
  if (request === undefined) throw new Error('no labels were requested')
  const { data } = (request.event as { detail: { data: object } }).detail
  await makeHandlers(world.deps())['request-labels']?.({
    ...{ id: 'x', source: 'edgeloop', 'detail-type': 'LabelsRequested', time: '' },
    detail: {
      metadata: {
        ...{ id: 'x', type: 'LabelsRequested', version: 1, occurredAt: '2026-03-01T00:00:00.000Z' },
        ...{ correlationId: 'x', generation: 0 },
      },
      data: { ...data, ...other },
    },
  })
}

describe('what answers come to', () => {
  const of = (labels: string): ReviewAnswer[] =>
    [...labels].map((label, i) => ({ by: `p${i}`, label, at: '2026-01-01T00:00:00.000Z' }))
  it.each([
    ['', 'OPEN', undefined],
    ['a', 'SETTLED', 'a'],
    ['ab', 'OPEN', undefined],
    ['abb', 'SETTLED', 'b'],
    ['aba', 'SETTLED', 'a'],
    ['abc', 'DISPUTED', undefined],
  ])('%j is %s', (labels, status, label) => {
    expect(standing(of(labels))).toEqual({ status, ...(label ? { label } : {}) })
  })
})

describe('the queue', () => {
  it('has what a label request names, with its values, in bounded pages', async () => {
    const { reviews } = await queue(world())
    expect(reviews).toHaveLength(100)
    expect(reviews.find(r => r['review'] === ID)).toMatchObject({
      ...{ status: 'OPEN', answers: 0, claim: null, row: [30, null], prediction: 1 },
    })
    expect((await queue(world(), 7)).reviews).toHaveLength(7)
    const times = reviews.map(r => String(r['requestedAt']))
    expect(times).toEqual([...times].sort())
  })
  it('is full, and its file written, before anybody is told of it', async () => {
    const told = drifted.deliveries.filter(d => d.label === 'ReviewsOpened')
    expect(told.map(d => d.handler)).toEqual(['publish-outbox'])
    const before = told[0]?.before ?? world()
    expect((await queue(before)).reviews).toHaveLength(100)
    expect([...before.state.artefacts.keys()].filter(k => k.startsWith('label-requests/demo/'))).toHaveLength(
      1,
    )
  })
  it('takes a sample in once, however often it is asked for, and tells of each request', async () => {
    const again = world()
    await ask(again, { request: 'another' })
    expect((await queue(again)).reviews).toHaveLength(100)
    expect(opened(again)).toMatchObject([{ model: 'demo', request: 'another' }])
  })
  it('tells nobody of a request that found no samples', async () => {
    const idle = world()
    await ask(idle, { request: 'early', since: '2099-01-01T00:00:00.000Z' })
    expect(opened(idle)).toEqual([])
  })
  it('loses what a file of ground truth has answered', async () => {
    const after = world()
    const key = 'labels/demo/some.jsonl'
    const lines = THINGS.map(t => labelLine(eventId(t, 0)))
    after.state.drops.set(key, { bytes: Buffer.from(lines.join('\n')), versionId: 'v1' })
    const detail = { bucket: { name: 'drops' }, object: { key, size: 1, etag: 'e', 'version-id': 'v1' } }
    const listed = (await queue(after)).reviews.filter(r => String(r['review']).endsWith('-0')).length
    await makeHandlers(after.deps())['ingest-labels']?.({
      ...{ id: 's', time: '', source: 'aws.s3', 'detail-type': 'Object Created', detail },
    })
    expect(listed).toBeGreaterThan(0)
    expect((await queue(after)).reviews).toHaveLength(100 - listed)
    expect(await act(after, 'claim', 'ann')).toMatchObject({ statusCode: 409 })
  })
})

describe('one review', () => {
  it('is for whoever claims it, for a quarter of an hour', async () => {
    const w = world()
    expect(await act(w, 'label', 'ann', { label: '1' })).toMatchObject({ statusCode: 409 })
    expect((await act(w, 'claim', 'ann')).statusCode).toBe(200)
    expect(await act(w, 'claim', 'bob')).toMatchObject({ statusCode: 409 })
    expect((await act(w, 'claim', 'ann')).statusCode).toBe(200)
    w.time += 15 * 60_000
    expect(await act(w, 'label', 'ann', { label: '1' })).toMatchObject({ statusCode: 409 })
    expect((await act(w, 'claim', 'bob')).statusCode).toBe(200)
  })
  it('is settled by one answer, as if the label had come in a file, and on record', async () => {
    const w = world()
    await answer(w, 'ann', '0')
    expect(await sample(w)).toMatchObject({ label: 0, labelClass: '0', labelledAt: expect.any(String) })
    expect(await stats(w)).toEqual({ 'labels@0.5': 1, 'errors@0.5': 1 })
    expect((await queue(w)).reviews).toHaveLength(99)
    const received = [...w.events().values()].filter(e => e.type === 'LabelsReceived').at(-1)
    expect(received?.detail.data).toEqual({ model: 'demo', key: `reviews/${ID}`, matched: 1, unmatched: 0 })
    const audit = (await w.state.store.list<AuditRow>('AUDIT')).at(-1)?.data
    expect(audit).toMatchObject({ action: 'REVIEW_SAMPLE', by: 'ann', subject: ID })
    // Whoever may read the audit log may not see labels, and whoever disagrees is not to follow.
    expect(audit?.change).toEqual({ act: 'label' })
    expect(audit?.answer).toMatchObject({ status: 'SETTLED', row: null, prediction: null })
  })
  it('is open again when somebody disagrees, and the label is gone until a third decides', async () => {
    const w = world()
    await answer(w, 'ann', '0')
    expect(await act(w, 'disagree', 'ann', { label: '1' })).toMatchObject({ statusCode: 409 })
    expect(await act(w, 'disagree', 'bob', { label: '0' })).toMatchObject({ statusCode: 409 })
    expect(await act(w, 'disagree', 'bob', { label: '1' })).toMatchObject({ statusCode: 200 })
    expect((await sample(w))?.label).toBeUndefined()
    expect((await sample(w))?.contested).toBe(true)
    expect(await stats(w)).toEqual({ 'labels@0.5': 0, 'errors@0.5': 0 })
    expect((await queue(w)).reviews).toHaveLength(100)
    expect(await act(w, 'claim', 'bob')).toMatchObject({ statusCode: 409 })
    await answer(w, 'eve', '1')
    expect(await sample(w)).toMatchObject({ label: 1 })
    expect((await sample(w))?.contested).toBeUndefined()
    expect(await stats(w)).toEqual({ 'labels@0.5': 1, 'errors@0.5': 0 })
    expect((await queue(w)).labellers).toEqual([
      { by: 'ann', agreed: 0, disagreed: 1 },
      { by: 'bob', agreed: 1, disagreed: 0 },
      { by: 'eve', agreed: 1, disagreed: 0 },
    ])
  })
  it('that stays contested has no label, and a file gives it none', async () => {
    const w = world()
    await answer(w, 'ann', '0')
    await act(w, 'disagree', 'bob', { label: '1' })
    const body = { model: 'demo', labels: [JSON.parse(labelLine(eventId('lab-1', 0)))] }
    expect(await give(w, command('POST /v1/labels', body))).toMatchObject({ statusCode: 200 })
    expect((await sample(w))?.label).toBeUndefined()
    expect((await review(w))?.status).toBe('OPEN')
  })
  it('is left alone after three have skipped it', async () => {
    const w = world()
    for (const by of ['ann', 'bob', 'eve']) {
      expect(await act(w, 'skip', by, { reason: 'unclear' })).toMatchObject({ statusCode: 409 })
      await act(w, 'claim', by)
      expect((await act(w, 'skip', by, { reason: 'unclear' })).statusCode).toBe(200)
    }
    expect((await review(w))?.status).toBe('SKIPPED')
    expect((await queue(w)).reviews).toHaveLength(99)
  })
  it.each<[string, unknown, string, number]>([
    ['label', { label: 'maybe' }, ID, 400],
    ['label', {}, ID, 400],
    ['skip', {}, ID, 400],
    ['claim', { colour: 'red' }, ID, 400],
    ['claim', {}, 'demo', 400],
    ['claim', {}, 'demo.lab-9-1-1', 404],
    ['claim', {}, 'other.lab-1-1-0', 404],
  ])('%s with %j of %s is answered with %i', async (what, body, id, status) => {
    const w = world()
    if (what !== 'claim') await act(w, 'claim', 'ann')
    expect((await act(w, what, 'ann', body, id)).statusCode).toBe(status)
  })
  it('comes to the same after a crash at each effect and a retry', async () => {
    const before = world()
    await act(before, 'claim', 'ann')
    const event = asked('label', 'ann', { label: '0' })
    const whole = before.clone()
    const first = await give(whole, event)
    expect(first.statusCode).toBe(200)
    for (let k = 1; k <= whole.effects; k++) {
      const broken = before.clone()
      broken.crashAfter = k
      await give(broken, event).catch(error => {
        if (!(error instanceof Crash)) throw error
      })
      broken.crashAfter = Number.POSITIVE_INFINITY
      expect(await give(broken, event)).toEqual(first)
      expect([await sample(broken), await stats(broken), (await review(broken))?.status]).toEqual([
        { ...(await sample(whole)), labelledAt: expect.any(String) },
        await stats(whole),
        'SETTLED',
      ])
    }
    expect(whole.effects).toBeGreaterThan(1)
  })
})

describe('labels by the API', () => {
  it('are taken like those of a file, line by line', async () => {
    const w = world()
    const labels = [
      JSON.parse(labelLine(eventId('lab-2', 1))),
      JSON.parse(labelLine('nobody-1-1')),
      JSON.parse(labelLine(eventId('lab-2', 2), 'maybe')),
      { eventMetadata: {} },
    ]
    const event = command('POST /v1/labels', { model: 'demo', labels })
    const first = await give(w, event)
    expect(first).toMatchObject({
      statusCode: 200,
      body: {
        model: 'demo',
        matched: 1,
        unmatched: 1,
        refused: [
          { index: 2, code: 'UNKNOWN_CLASS' },
          { index: 3, code: 'SCHEMA' },
        ],
      },
    })
    expect(await sample(w, eventId('lab-2', 1))).toMatchObject({ label: 1 })
    expect(await give(w, event)).toEqual(first)
    expect(await stats(w)).toEqual({ 'labels@0.5': 1, 'errors@0.5': 0 })
    expect(await give(w, command('POST /v1/labels', { model: 'other', labels }))).toMatchObject({
      statusCode: 404,
    })
  })
})
