import { describe, expect, it } from 'vitest'
import { api } from '../../src/contracts/api/index.ts'
import { landings, runbooks, view, wayBack } from '../../src/domain/operators/dead-letters.ts'
import {
  domainEvent,
  failedBatch,
  failedInvocation,
  functionArn,
  letter,
  objectCreated,
  ofRule,
  QUEUES,
  STACK,
  URLS,
} from './letters.ts'

const [undelivered, failures, reports, polls] = landings(URLS, STACK)
const shown = (landing: typeof failures, ...of: Parameters<typeof letter>) =>
  view(landing!, letter(...of), STACK)

describe('places', () => {
  it('are named without service and stage, and each kind has its runbook', () => {
    expect(landings(URLS, STACK).map(({ queue }) => queue)).toEqual(QUEUES)
    const kinds = [undelivered, failures, reports, polls].map(landing => landing!.kind)
    expect(kinds).toEqual(['undelivered-events', 'failed-invocations', 'dead-letters', 'dead-letters'])
    expect(Object.keys(runbooks).sort()).toEqual([...new Set(kinds)].sort())
  })
})

describe('what a person sees', () => {
  it('of a queue’s dead letter: who takes them, and whose it is', () => {
    const envelope = { data: 'eyJ2IjoxfQ==', thing: 'containers-0007', kind: 'report', client: 'x' }
    expect(shown(reports, envelope, { received: 6 })).toEqual({
      messageId: expect.stringMatching(/^m-/),
      ...{ sentAt: '2026-03-01T00:00:00.000Z', received: 6 },
      ...{ function: 'ingest-reports', error: null, subject: 'containers-0007' },
      body: JSON.stringify(envelope),
    })
    const poll = { model: 'cold-chain', version: 3, hardware: 'camera', attempt: 4 }
    expect(shown(polls, poll)).toMatchObject({ function: 'track-compilation', subject: 'cold-chain@3' })
  })
  it('of a failed invocation: the function, its error and the event’s subject', () => {
    expect(shown(failures, failedInvocation('register-model', objectCreated))).toMatchObject({
      function: 'register-model',
      error: expect.stringMatching(/^EdgeloopError: read the state table: AccessDenied/),
      subject: 'models/cold-chain/model.yaml',
    })
    expect(shown(failures, failedInvocation('plan-rollout', domainEvent))).toMatchObject({
      subject: 'PackageSigned',
    })
    const late = failedInvocation('answer-device', { thing: 'a-1' }, { responsePayload: null })
    expect(shown(failures, late)).toMatchObject({ error: 'RetriesExhausted', subject: 'a-1' })
  })
  it('of a batch of the stream: how many records', () => {
    expect(shown(failures, failedBatch)).toMatchObject({
      ...{ function: 'publish-outbox', error: 'RetryAttemptsExhausted', subject: '3 stream records' },
    })
  })
  it('of an undelivered event: target and reason from the attributes', () => {
    const attributes = ofRule(functionArn('register-model'))
    expect(shown(undelivered, objectCreated, { attributes })).toMatchObject({
      function: 'register-model',
      error: 'NO_PERMISSIONS: The function’s resource policy does not allow it.',
      subject: 'models/cold-chain/model.yaml',
    })
    const queue = ofRule('arn:aws:sqs:eu-west-1:123456789012:edgeloop-dev-decisions')
    expect(shown(undelivered, domainEvent, { attributes: queue })).toMatchObject({
      ...{ function: null, subject: 'PackageSigned' },
    })
  })
  it('of a function of another name: all of it', () => {
    const attributes = ofRule('arn:aws:lambda:eu-west-1:123456789012:function:other:12')
    expect(shown(undelivered, objectCreated, { attributes }).function).toBe('other')
  })
})

const deep = `{"thing":${'['.repeat(100_000)}`
const hostile: readonly (readonly [string, string])[] = [
  ['no JSON', 'battery low'],
  ['nothing', ''],
  ['a list', '[1,2]'],
  ['null', 'null'],
  ['a number', '1e999'],
  ['nested without end', deep],
  ['nested 1,000 deep', `${'{"a":'.repeat(1_000)}1${'}'.repeat(1_000)}`],
  ['a prototype', '{"__proto__":{"thing":"x"},"source":"edgeloop"}'],
  ['a key twice', '{"source":"edgeloop","source":"aws.s3"}'],
  ['the wrong types', '{"source":7,"detail":"x","requestContext":[],"requestPayload":null,"thing":{}}'],
  ['a megabyte', JSON.stringify({ source: 'x', pad: 'é'.repeat(500_000) })],
]
describe.each(hostile)('a body of %s', (_, body) => {
  it.each([undelivered, failures, reports])('is shown as far as it can be ($queue)', landing => {
    const seen = shown(landing, body)
    expect(api.listDeadLetters.answer.parse({ queue: landing!.queue, messages: [seen] })).toBeDefined()
    expect(seen.subject).toBeNull()
    expect(Buffer.byteLength(seen.body)).toBeLessThanOrEqual(4_096)
    expect(body.startsWith(seen.body)).toBe(true)
  })
  it('goes nowhere, with a reason', () => {
    for (const kind of ['failed-invocations', 'undelivered-events'] as const) {
      const way = wayBack(kind, letter(body))
      expect(way).toEqual({ to: 'nowhere', why: expect.stringMatching(/.{20}/) })
    }
  })
})
it('names are cut where they are long', () => {
  const seen = shown(reports, { thing: 'x'.repeat(5_000) })
  expect(seen.subject).toHaveLength(1_000)
})

describe('the way back', () => {
  it('of a failed invocation: the function, without its qualifier, with the payload', () => {
    expect(wayBack('failed-invocations', letter(failedInvocation('register-model', objectCreated)))).toEqual({
      ...{ to: 'function', name: `${STACK}-register-model`, payload: objectCreated },
    })
  })
  it('of one whose payload was left out: nowhere', () => {
    const { requestPayload: _, ...rest } = failedInvocation('register-model', 1)
    expect(wayBack('failed-invocations', letter(rest))).toEqual({
      ...{ to: 'nowhere', why: expect.stringContaining('no requestPayload') },
    })
  })
  it.each(['', 'arn:aws:sqs:eu-west-1:123456789012:q', `${functionArn('x')}/../y`, 7, undefined])(
    'of functionArn %j: nowhere',
    arn => {
      const record = { ...failedInvocation('x', {}), requestContext: { functionArn: arn } }
      expect(wayBack('failed-invocations', letter(record))).toMatchObject({ to: 'nowhere' })
    },
  )
  it('of a batch of the stream: the outbox', () => {
    expect(wayBack('failed-invocations', letter(failedBatch))).toEqual({ to: 'outbox' })
  })
  it('of a domain event: the bus, whatever its target was', () => {
    const attributes = ofRule('arn:aws:sqs:eu-west-1:123456789012:edgeloop-dev-decisions')
    expect(wayBack('undelivered-events', letter(domainEvent, { attributes }))).toEqual({
      ...{ to: 'bus', type: 'PackageSigned', detail: JSON.stringify(domainEvent.detail) },
    })
  })
  it('of an event of AWS: the function that the rule was for', () => {
    const attributes = ofRule(functionArn('register-model'))
    expect(wayBack('undelivered-events', letter(objectCreated, { attributes }))).toEqual({
      ...{ to: 'function', name: `${STACK}-register-model`, payload: objectCreated },
    })
    expect(wayBack('undelivered-events', letter(objectCreated))).toEqual({
      ...{ to: 'nowhere', why: 'attribute TARGET_ARN (missing) names no function' },
    })
  })
})
