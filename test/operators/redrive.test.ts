/** Redriving over a queue in memory: what goes where, what stays, and what is on record. */
import { beforeEach, describe, expect, it } from 'vitest'
import { type AuditRow, listings } from '../../src/domain/entities.ts'
import { EdgeloopError } from '../../src/domain/errors.ts'
import { landings } from '../../src/domain/operators/dead-letters.ts'
import type { QueueDeps } from '../../src/domain/operators/queues.ts'
import type { Move, QueueMessage } from '../../src/domain/ports.ts'
import { opsQueues } from '../../src/handlers/ops-queues.ts'
import { MemoryStore } from '../loop/memory-store.ts'
import {
  domainEvent,
  failedBatch,
  failedInvocation,
  functionArn,
  letter,
  objectCreated,
  ofRule,
  STACK,
  URLS,
} from './letters.ts'

let time: number
let store: MemoryStore
let visible: QueueMessage[]
let hidden: Map<string, QueueMessage>
let invoked: { name: string; payload: unknown }[]
let published: { type: string; detail: string }[]
let moves: Move[]
let cannotRemove: boolean
let warnings: string[]
beforeEach(() => {
  time = Date.parse('2026-03-02T00:00:00Z')
  store = new MemoryStore(() => new Date(time))
  visible = []
  hidden = new Map()
  invoked = []
  published = []
  moves = []
  cannotRemove = false
  warnings = []
})

const deps = (): QueueDeps => ({
  ...{
    store,
    now: () => new Date(time),
    count: () => {},
    measure: () => {},
    landings: landings(URLS, STACK),
    stack: STACK,
  },
  log: { info: () => {}, warn: code => void warnings.push(code), error: () => {} },
  queues: {
    state: async url => ({ arn: `arn of ${url}`, messages: visible.length, inFlight: hidden.size }),
    receive: async (_url, { max }) => {
      const taken = visible.splice(0, max)
      for (const message of taken) hidden.set(message.receipt, message)
      return taken
    },
    show: async (_url, receipts) => {
      for (const receipt of receipts) {
        const message = hidden.get(receipt)
        if (message === undefined) throw new EdgeloopError('DEPENDENCY', 'not in flight')
        hidden.delete(receipt)
        visible.push(message)
      }
    },
    remove: async (_url, receipt) => {
      if (cannotRemove) throw new EdgeloopError('DEPENDENCY', 'SQS is away')
      hidden.delete(receipt)
    },
    newestMove: async () => moves[0],
    moveBack: async (arn, perSecond) => `move ${arn} at ${perSecond}/s`,
  },
  functions: {
    async invoke(name, payload) {
      if (name.endsWith('-gone')) throw new EdgeloopError('NOT_FOUND', `invoke ${name}: it is gone`)
      invoked.push({ name, payload })
    },
  },
  bus: {
    async publish(events) {
      published.push(...events)
      return events.flatMap((event, i) => (event.type === 'Refused' ? [i] : []))
    },
  },
})

const post = async (queue: string, body: object, headers: Record<string, string> = {}) => {
  const path = `/v1/dead-letters/${queue}/redrives`
  const answer = await opsQueues(deps(), { perMinute: 60, burst: 60 })({
    ...{ routeKey: 'POST /v1/dead-letters/{queue}/redrives', rawPath: path, pathParameters: { queue } },
    ...{ headers, body: JSON.stringify(body) },
    requestContext: { requestId: `request ${time}`, authorizer: { jwt: { claims: { sub: 'ann' } } } },
  })
  return { status: answer.statusCode, body: JSON.parse(answer.body) as Record<string, unknown> }
}
const get = async (path: string, queue?: string) => {
  const answer = await opsQueues(deps(), { perMinute: 60, burst: 60 })({
    routeKey: queue === undefined ? 'GET /v1/dead-letters' : 'GET /v1/dead-letters/{queue}',
    ...{ rawPath: path, ...(queue === undefined ? {} : { pathParameters: { queue } }) },
    requestContext: { requestId: 'r' },
  })
  return { status: answer.statusCode, body: JSON.parse(answer.body) as Record<string, unknown> }
}
const reason = 'the role is mended'
const audit = async () =>
  (await store.list<AuditRow>(listings.audit)).map(({ data: { by, action, subject, change, before } }) => ({
    ...{ by, action, subject, change, before },
  }))

describe('failures', () => {
  it('each goes to its function with its payload, and is removed', async () => {
    visible = ['a', 'b', 'c'].map(name => letter(failedInvocation(name, { n: name })))
    const ids = visible.map(({ id }) => id)
    const { status, body } = await post('failures', { reason })
    expect([status, body]).toEqual([202, { queue: 'failures', task: null, redriven: 3, left: [] }])
    expect(invoked).toEqual(['a', 'b', 'c'].map(n => ({ name: `${STACK}-${n}`, payload: { n } })))
    expect([visible, hidden.size]).toEqual([[], 0])
    const about = { by: 'ann', action: 'REDRIVE', subject: 'failures', before: { messages: 3 } }
    expect(await audit()).toHaveLength(2)
    expect(await audit()).toEqual(
      expect.arrayContaining([
        { ...about, change: { reason, max: 10 } },
        { ...about, change: { reason, redriven: ids, left: [] } },
      ]),
    )
  })

  it('what cannot go stays with a reason, is seen again, and keeps nobody up', async () => {
    const bad = letter('no JSON')
    const gone = letter(failedInvocation('gone', {}))
    visible = [bad, letter(failedInvocation('a', {})), gone]
    const { body } = await post('failures', { reason })
    expect(body).toMatchObject({
      redriven: 1,
      left: [
        { messageId: bad.id, why: expect.stringContaining('not JSON') },
        { messageId: gone.id, why: `invoke ${STACK}-gone: it is gone` },
      ],
    })
    expect(visible).toEqual([bad, gone])
  })

  it('no more than `max`, in pages of ten', async () => {
    visible = Array.from({ length: 30 }, (_, i) => letter(failedInvocation('a', { i })))
    expect((await post('failures', { reason, max: 25 })).body).toMatchObject({ redriven: 25 })
    expect(invoked).toHaveLength(25)
    expect(visible).toHaveLength(5)
  })

  it('one that cannot be removed says so, and comes again', async () => {
    visible = [letter(failedInvocation('a', {}))]
    cannotRemove = true
    expect((await post('failures', { reason })).body).toMatchObject({ left: [{ why: 'SQS is away' }] })
    cannotRemove = false
    time += 1_000
    expect((await post('failures', { reason })).body).toMatchObject({ redriven: 1 })
    expect(invoked).toHaveLength(2)
  })

  it('a batch of the stream goes when the outbox is empty, and stays while it is not', async () => {
    const batch = letter(failedBatch)
    visible = [batch]
    await store.commit([], [{ type: 'CheckDue', data: { kind: 'fleet', subject: 'lab' } }])
    time += 1_000
    const waiting = await post('failures', { reason })
    expect(waiting.body).toMatchObject({
      redriven: 0,
      left: [{ messageId: batch.id, why: expect.stringContaining('outbox') }],
    })
    for (const { key } of await store.pendingBefore('outbox', '9', 10))
      await store.commit([{ kind: 'remove', key }])
    time += 1_000
    expect((await post('failures', { reason })).body).toMatchObject({ redriven: 1, left: [] })
    expect([visible, invoked]).toEqual([[], []])
  })
})

describe('undelivered', () => {
  it('our events go to the bus, AWS’s to the function that their rule was for', async () => {
    const odd = letter({ ...domainEvent, 'detail-type': 'Refused' })
    const queue = letter(objectCreated, { attributes: ofRule('arn:aws:sqs:eu-west-1:123456789012:q') })
    visible = [
      letter(domainEvent, { attributes: ofRule(functionArn('gone')) }),
      letter(objectCreated, { attributes: ofRule(functionArn('register-model')) }),
      ...[odd, queue],
    ]
    expect((await post('undelivered', { reason })).body).toMatchObject({
      redriven: 2,
      left: [
        { messageId: odd.id, why: 'the bus did not take it; try again' },
        { messageId: queue.id, why: expect.stringContaining('TARGET_ARN') },
      ],
    })
    expect(published[0]).toEqual({ type: 'PackageSigned', detail: JSON.stringify(domainEvent.detail) })
    expect(invoked).toEqual([{ name: `${STACK}-register-model`, payload: objectCreated }])
  })

  it('what comes back at once does not go round', async () => {
    visible = [letter(domainEvent)]
    const busy = deps()
    const back = letter(domainEvent, { sentAt: new Date(time).toISOString() })
    const again = {
      ...busy,
      bus: {
        publish: async (events: readonly { type: string; detail: string }[]) => {
          visible.push({ ...back, id: `again-${published.length}` })
          return busy.bus.publish(events)
        },
      },
    }
    const answer = await opsQueues(again, { perMinute: 60, burst: 60 })({
      ...{
        routeKey: 'POST /v1/dead-letters/{queue}/redrives',
        rawPath: '/',
        body: JSON.stringify({ reason }),
      },
      pathParameters: { queue: 'undelivered' },
      requestContext: { requestId: 'r', authorizer: { jwt: { claims: { sub: 'ann' } } } },
    })
    expect(JSON.parse(answer.body)).toMatchObject({ redriven: 1, left: [] })
    expect(published).toHaveLength(1)
    expect(visible.map(({ id }) => id)).toEqual(['again-0'])
  })
})

describe('dead letters of queues', () => {
  it('are moved back by SQS, slowly, and the move is on record', async () => {
    visible = [letter({}), letter({})]
    const { status, body } = await post('reports-dead', { reason })
    const task = `move arn of ${URLS[2]} at 10/s`
    expect([status, body]).toEqual([202, { queue: 'reports-dead', task, redriven: 2, left: [] }])
    expect(visible).toHaveLength(2)
    expect(await audit()).toEqual([
      { by: 'ann', action: 'REDRIVE', subject: 'reports-dead', change: { reason }, before: { messages: 2 } },
    ])
  })
  it.each(['RUNNING', 'CANCELLING'])(
    'a second move while one is %s is refused, without a record',
    async status => {
      moves = [{ status, moved: 3, toMove: null, at: '2026-03-01T23:59:00.000Z' }]
      const answer = await post('reports-dead', { reason })
      expect(answer.status).toBe(409)
      expect(answer.body).toMatchObject({
        ...{
          code: 'ILLEGAL_STATE',
          detail: expect.stringContaining('since 2026-03-01T23:59:00.000Z: 3 of about ?'),
        },
      })
      expect(await audit()).toEqual([])
    },
  )
})

it('the same request with its key is carried out once', async () => {
  const key = { 'idempotency-key': 'k1' }
  visible = [letter(failedInvocation('a', { n: 1 }))]
  const first = await post('failures', { reason }, key)
  visible = [letter(failedInvocation('a', { n: 2 }))]
  time += 1_000
  expect(await post('failures', { reason }, key)).toEqual(first)
  expect(invoked).toHaveLength(1)
  expect(await audit()).toHaveLength(2)
})

it.each([
  [{}, 'reason'],
  [{ reason: ' ' }, 'reason'],
  [{ reason, max: 0 }, 'max'],
  [{ reason, max: 101 }, 'max'],
  [{ reason, all: true }, 'all'],
])('refuses %j by name, and touches nothing', async (body, field) => {
  visible = [letter(failedInvocation('a', {}))]
  expect(await post('failures', body)).toMatchObject({ status: 400, body: { field } })
  expect([visible.length, invoked, await audit()]).toEqual([1, [], []])
})
it('an unknown queue is not found, and the known ones are named', async () => {
  for (const answer of [await post('letters', { reason }), await get('/v1/dead-letters/letters', 'letters')])
    expect(answer).toMatchObject({
      ...{ status: 404, body: { detail: expect.stringContaining('undelivered, failures, reports-dead') } },
    })
})

describe('looking', () => {
  it('shows up to ten, although SQS gives them a few at a time, and all are seen again', async () => {
    visible = Array.from({ length: 14 }, (_, i) => letter({ thing: `a-${i}` }))
    const few = deps()
    const receive: QueueDeps['queues']['receive'] = (url, options) =>
      few.queues.receive(url, { ...options, max: Math.min(4, options.max) })
    const answer = await opsQueues(
      { ...few, queues: { ...few.queues, receive } },
      { perMinute: 1, burst: 1 },
    )({
      ...{
        routeKey: 'GET /v1/dead-letters/{queue}',
        rawPath: '/',
        pathParameters: { queue: 'reports-dead' },
      },
      requestContext: { requestId: 'r' },
    })
    const { messages } = JSON.parse(answer.body) as { messages: { subject: string }[] }
    expect(messages.map(({ subject }) => subject)).toEqual(Array.from({ length: 10 }, (_, i) => `a-${i}`))
    expect([visible.length, hidden.size]).toEqual([14, 0])
  })
  it('answers although they cannot be shown again: they come back by themselves', async () => {
    visible = [letter({ thing: 'a-1' })]
    const broken = deps()
    const show = async () => {
      throw new EdgeloopError('DEPENDENCY', 'SQS is away')
    }
    const answer = await opsQueues(
      { ...broken, queues: { ...broken.queues, show } },
      { perMinute: 1, burst: 1 },
    )({
      ...{ routeKey: 'GET /v1/dead-letters/{queue}', rawPath: '/', pathParameters: { queue: 'failures' } },
      requestContext: { requestId: 'r' },
    })
    expect(answer.statusCode).toBe(200)
    expect(warnings).toEqual(['DEAD_LETTERS_HIDDEN'])
  })
  it('the list has every place, its runbook, and the newest move where SQS moves', async () => {
    moves = [{ status: 'COMPLETED', moved: 2, toMove: 2, at: '2026-03-01T00:00:00.000Z' }]
    const { body } = await get('/v1/dead-letters')
    const queues = body['queues'] as Record<string, unknown>[]
    expect(queues.map(q => [q['queue'], q['kind'], q['redrive']])).toEqual([
      ['undelivered', 'undelivered-events', null],
      ['failures', 'failed-invocations', null],
      ['reports-dead', 'dead-letters', moves[0]],
      ['compilation-polls-dead', 'dead-letters', moves[0]],
    ])
    expect(queues[0]?.['runbook']).toBe('docs/runbooks/undelivered-events.md')
  })
})
