import { describe, expect, it } from 'vitest'
import { AwsError } from '../../local/core/types.ts'
import {
  bridge,
  DLQ,
  denied,
  FN,
  faults,
  invoked,
  put,
  QUEUE,
  realm,
  rule,
  sent,
  useBridge,
} from './events-bridge.ts'
import { until } from './events-support.ts'

useBridge()

describe('targets', () => {
  it('sends to a queue as the service principal', async () => {
    const { arn } = rule({ Arn: QUEUE })
    await put()
    await until(() => sent.length === 1)
    expect(sent[0]).toMatchObject({
      queue: QUEUE,
      as: { kind: 'service', arn: 'events.amazonaws.com' },
      options: { sourceArn: arn },
    })
    expect(JSON.parse(sent[0]?.body ?? '')).toMatchObject({ source: 'app', detail: { n: 1 } })
  })
  it.each([
    [{ Input: '{"fixed":true}' }, '{"fixed":true}'],
    [{ InputPath: '$.detail' }, '{"n":1,"s":"a\\"b"}'],
    [{ InputPath: "$['detail'].n" }, '1'],
    [{ InputPath: '$.detail.none' }, 'null'],
    [
      {
        InputTransformer: {
          InputPathsMap: { n: '$.detail.n', s: '$.detail.s' },
          InputTemplate: '{"n":<n>,"s":<s>,"t":"<s> \\"<n>\\" of <aws.events.rule-name>"}',
        },
      },
      '{"n":1,"s":"a\\"b","t":"a\\"b \\"1\\" of r"}',
    ],
    [
      {
        InputTransformer: {
          InputPathsMap: { d: '$.detail', none: '$.x', r: '$.resources[0]' },
          InputTemplate: '{"d":<d>,"e":<none>,"f":"<none>","r":<r>,"u":"<unknown>"}',
        },
      },
      '{"d":{"n":1,"s":"a\\"b"},"e":"","f":"","r":"arn:1","u":"<unknown>"}',
    ],
    [
      { InputTransformer: { InputTemplate: '"by <aws.events.rule-arn>"' } },
      '"by arn:aws:events:eu-west-1:123456789012:rule/edge/r"',
    ],
  ])('%j', async (target, expected) => {
    rule({ Arn: QUEUE, ...target })
    await put({ Resources: ['arn:1'] })
    await until(() => sent.length === 1)
    expect(sent[0]?.body).toBe(expected)
  })
  it('passes the original event as JSON', async () => {
    rule({
      InputTransformer: {
        InputTemplate: '{"event":<aws.events.event.json>,"at":<aws.events.event.ingestion-time>}',
      },
    })
    await put()
    await until(() => invoked.length === 1)
    expect(invoked[0]?.event).toMatchObject({
      event: { source: 'app', detail: { n: 1 } },
      at: expect.stringMatching(/^20/),
    })
  })
})

describe('failed deliveries', () => {
  const dlq = { DeadLetterConfig: { Arn: DLQ } }
  it('retries with the policy and then sends the event to the dead-letter queue', async () => {
    faults.invoke = () => new Error('busy')
    const { arn } = rule({ ...dlq, RetryPolicy: { MaximumRetryAttempts: 3 } })
    await put()
    await until(() => sent.length === 1)
    expect(invoked).toHaveLength(4)
    expect(sent[0]).toMatchObject({
      queue: DLQ,
      options: {
        sourceArn: arn,
        attributes: {
          RULE_ARN: arn,
          TARGET_ARN: FN,
          ERROR_CODE: 'ERROR_FROM_TARGET',
          ERROR_MESSAGE: 'busy',
          EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts',
          RETRY_ATTEMPTS: '3',
        },
      },
    })
    expect(JSON.parse(sent[0]?.body ?? '')).toMatchObject({ source: 'app', detail: { n: 1 } })
  })
  it('recovers when a retry succeeds', async () => {
    faults.invoke = () => (invoked.length < 2 ? new Error('busy') : undefined)
    rule(dlq)
    await put()
    await until(() => invoked.length === 3)
    expect(sent).toEqual([])
  })
  it('stops at the maximum age', async () => {
    realm.clock = new Date('2026-11-21T00:00:00Z')
    faults.invoke = () => {
      realm.clock = new Date('2026-11-21T00:02:00Z')
      return new Error('busy')
    }
    rule({ ...dlq, RetryPolicy: { MaximumEventAgeInSeconds: '60' } })
    await put()
    await until(() => sent.length === 1)
    expect(sent[0]?.options).toMatchObject({
      attributes: { EXHAUSTED_RETRY_CONDITION: 'MaximumEventAgeInSeconds' },
    })
  })
  it.each([
    [denied(), 'NO_PERMISSIONS'],
    [new AwsError('ResourceNotFoundException', 'gone', 404), 'NO_RESOURCE'],
  ])('does not retry %s', async (error, code) => {
    faults.invoke = () => error
    rule(dlq)
    await put()
    await until(() => sent.length === 1)
    expect(invoked).toHaveLength(1)
    const attributes = sent[0]?.options?.['attributes']
    expect(attributes).toMatchObject({ ERROR_CODE: code })
    expect(attributes).not.toHaveProperty('EXHAUSTED_RETRY_CONDITION')
  })
  it('buries a template that does not give JSON for a function', async () => {
    rule({ ...dlq, InputTransformer: { InputTemplate: 'plain words' } })
    await put()
    await until(() => sent.length === 1)
    expect(sent[0]?.options).toMatchObject({ attributes: { ERROR_CODE: 'INVALID_JSON' } })
  })
  it('says loudly when the dead-letter queue refuses, or when there is none', async () => {
    faults.invoke = denied
    faults.send = denied
    rule({ ...dlq })
    rule({}, { Name: 'bare' })
    await put()
    const errors = () => realm.logged.filter(entry => entry.level === 'error').map(entry => entry.message)
    await until(() => errors().length === 2)
    expect(errors()).toContainEqual(expect.stringContaining('queue policy must allow events.amazonaws.com'))
    expect(errors()).toContainEqual(expect.stringContaining('no DeadLetterConfig'))
  })
  it('drops waiting retries when closed and says so', async () => {
    faults.invoke = () => new Error('busy')
    rule(dlq)
    await put()
    await until(() => invoked.length > 0)
    await bridge.close()
    expect(realm.logged).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('closed before') }),
    )
  })
})

describe('createRule', () => {
  it.each([
    [{}, { Name: 'bad name' }, 'Name must be'],
    [{}, { EventPattern: undefined }, 'EventPattern or ScheduleExpression'],
    [{}, { EventPattern: { source: 'app' } }, '"source"'],
    [{}, { ScheduleExpression: 'rate(1 minute)' }, 'default event bus'],
    [{}, { EventBusName: 'none' }, 'none does not exist'],
    [{}, { State: 'MAYBE' }, 'State'],
    [
      { Arn: 'arn:aws:events:eu-west-1:123456789012:event-bus/other' },
      {},
      'Lambda functions, SQS queues and API',
    ],
    [{ Id: '' }, {}, 'Id and Arn'],
    [{ RoleArn: 'arn:aws:iam::123456789012:role/r' }, {}, 'RoleArn'],
    [{ Arn: `${QUEUE}.fifo` }, {}, 'FIFO'],
    [{ Input: '{}', InputPath: '$.x' }, {}, 'only one of'],
    [{ Input: 'words' }, {}, 'JSON text'],
    [{ InputPath: '$..x' }, {}, 'JSON path'],
    [{ InputTransformer: {} }, {}, 'InputTemplate'],
    [{ InputTransformer: { InputTemplate: 'x', InputPathsMap: { 'a b': '$' } } }, {}, 'a b'],
    [{ RetryPolicy: { MaximumRetryAttempts: 186 } }, {}, 'MaximumRetryAttempts'],
    [{ RetryPolicy: { MaximumEventAgeInSeconds: 59 } }, {}, 'MaximumEventAgeInSeconds'],
    [{ DeadLetterConfig: { Arn: FN } }, {}, 'DeadLetterConfig.Arn'],
  ])('refuses %j %j', (target, rest, words) => {
    expect(() => rule(target, rest)).toThrow(words)
  })
  it('refuses a second rule or bus of the same name', () => {
    rule()
    expect(() => rule()).toThrow('already exists')
    expect(() => bridge.createBus({ Name: 'edge' })).toThrow('already exists')
    expect(() => bridge.createBus({ Name: 'a b' })).toThrow('not allowed')
  })
})
