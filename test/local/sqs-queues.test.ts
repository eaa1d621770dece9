import { cpSync } from 'node:fs'
import {
  CreateQueueCommand,
  DeleteQueueCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  ListDeadLetterSourceQueuesCommand,
  ListMessageMoveTasksCommand,
  ListQueuesCommand,
  ListQueueTagsCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import type { Principal } from '../../local/core/types.ts'
import { queryErrorHeader } from '../../local/sqs/index.ts'
import { refusal, type SqsCloud, startSqs } from './sqs-cloud.ts'

let cloud: SqsCloud
let number = 0
beforeAll(async () => {
  cloud = await startSqs()
})
afterAll(() => cloud.stop())
beforeEach(() => {
  cloud.harness.policy = () => true
  cloud.harness.asked.length = 0
})

const create = (properties: object = {}) =>
  cloud.service.createQueue({ QueueName: `queue-${number++}`, ...properties })
const send = (QueueUrl: string, MessageBody: string) =>
  cloud.client.send(new SendMessageCommand({ QueueUrl, MessageBody }))
const receive = async (QueueUrl: string) =>
  (
    await cloud.client.send(
      new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, AttributeNames: ['All'] }),
    )
  ).Messages ?? []
const attributes = async (QueueUrl: string) =>
  (await cloud.client.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['All'] })))
    .Attributes ?? {}

describe('queues', () => {
  it('have URLs at the local endpoint, which are found by name and may carry another port', async () => {
    const { url, arn } = create({ QueueName: 'named' })
    expect(url).toBe(`${cloud.harness.realm.endpoint}/000000000000/named`)
    expect(arn).toBe('arn:aws:sqs:eu-west-1:000000000000:named')
    expect((await cloud.client.send(new GetQueueUrlCommand({ QueueName: 'named' }))).QueueUrl).toBe(url)
    const response = await fetch(cloud.harness.realm.endpoint, {
      method: 'POST',
      headers: { 'x-amz-target': 'AmazonSQS.SendMessage' },
      body: JSON.stringify({ QueueUrl: 'http://127.0.0.1:1/000000000000/named', MessageBody: 'x' }),
    })
    expect(response.status).toBe(200)
  })

  it('are created, listed in pages and deleted', async () => {
    for (const QueueName of ['list-1', 'list-2', 'list-3'])
      await cloud.client.send(
        new CreateQueueCommand({ QueueName, Attributes: { VisibilityTimeout: '5' }, tags: { a: '1' } }),
      )
    const first = await cloud.client.send(new ListQueuesCommand({ QueueNamePrefix: 'list-', MaxResults: 2 }))
    const second = await cloud.client.send(
      new ListQueuesCommand({ QueueNamePrefix: 'list-', MaxResults: 2, NextToken: first.NextToken }),
    )
    const names = [...(first.QueueUrls ?? []), ...(second.QueueUrls ?? [])].map(url => url.split('/').at(-1))
    expect(names).toEqual(['list-1', 'list-2', 'list-3'])
    const [url = ''] = first.QueueUrls ?? []
    expect((await cloud.client.send(new ListQueueTagsCommand({ QueueUrl: url }))).Tags).toEqual({ a: '1' })
    const again = await refusal(
      cloud.client.send(
        new CreateQueueCommand({ QueueName: 'list-1', Attributes: { VisibilityTimeout: '6' } }),
      ),
    )
    expect([again.name, again.message]).toEqual([
      'QueueNameExists',
      'A queue already exists with the same name and a different value for attribute VisibilityTimeout',
    ])
    await cloud.client.send(new DeleteQueueCommand({ QueueUrl: url }))
    const gone = await refusal(cloud.client.send(new GetQueueUrlCommand({ QueueName: 'list-1' })))
    expect(gone.name).toBe('QueueDoesNotExist')
  })

  it('show and take attributes', async () => {
    const { url, arn } = create({
      MessageRetentionPeriod: 1_209_600,
      RedriveAllowPolicy: { redrivePermission: 'allowAll' },
    })
    await send(url, 'x')
    expect(await attributes(url)).toMatchObject({
      QueueArn: arn,
      ApproximateNumberOfMessages: '1',
      ApproximateNumberOfMessagesNotVisible: '0',
      ApproximateNumberOfMessagesDelayed: '0',
      MessageRetentionPeriod: '1209600',
      VisibilityTimeout: '30',
      MaximumMessageSize: '1048576',
      RedriveAllowPolicy: '{"redrivePermission":"allowAll"}',
    })
    const set = (Attributes: Record<string, string>) =>
      cloud.client.send(new SetQueueAttributesCommand({ QueueUrl: url, Attributes }))
    await set({ VisibilityTimeout: '7' })
    expect(cloud.service.visibilityTimeoutSeconds(arn)).toBe(7)
    expect((await refusal(set({ VisibilityTimeout: '43201' }))).name).toBe('InvalidAttributeValue')
    expect((await refusal(set({ Colour: 'red' }))).name).toBe('InvalidAttributeName')
    expect((await refusal(set({ Policy: 'no json' }))).name).toBe('InvalidAttributeValue')
    await cloud.client.send(new PurgeQueueCommand({ QueueUrl: url }))
    expect(await receive(url)).toEqual([])
  })

  it('are standard queues only', async () => {
    expect(() => create({ QueueName: 'orders.fifo' })).toThrow(
      'FIFO queues do not exist in the local cloud: orders.fifo',
    )
    expect(() => create({ QueueName: 'orders', FifoQueue: true })).toThrow('FIFO')
    const wire = await refusal(
      cloud.client.send(new CreateQueueCommand({ QueueName: 'x.fifo', Attributes: { FifoQueue: 'true' } })),
    )
    expect(wire.name).toBe('UnsupportedOperation')
  })

  it('keep messages and drop old settings when they are deployed again', async () => {
    const { url } = create({ QueueName: 'again', VisibilityTimeout: 5, DelaySeconds: 0 })
    cloud.service.setQueuePolicy(url, { Statement: [] })
    await send(url, 'kept')
    create({ QueueName: 'again', MaximumMessageSize: 2048 })
    expect(await attributes(url)).toMatchObject({
      ApproximateNumberOfMessages: '1',
      VisibilityTimeout: '30',
      MaximumMessageSize: '2048',
      Policy: '{"Statement":[]}',
    })
  })
})

describe('dead letters', () => {
  const pair = (maxReceiveCount: number | string) => {
    const dead = create()
    const source = create({
      VisibilityTimeout: 10,
      RedrivePolicy: { deadLetterTargetArn: dead.arn, maxReceiveCount },
    })
    return { dead, source }
  }

  it('are moved instead of being received once too often, and say where from', async () => {
    const { dead, source } = pair('2')
    await send(source.url, 'poison')
    for (let times = 0; times < 2; times++) {
      expect(await receive(source.url)).toHaveLength(1)
      cloud.pass(11)
    }
    expect(await receive(source.url)).toEqual([])
    const [message] = await receive(dead.url)
    expect(message?.Body).toBe('poison')
    expect(message?.Attributes).toMatchObject({
      DeadLetterQueueSourceArn: source.arn,
      ApproximateReceiveCount: '3',
    })
    const sources = await cloud.client.send(new ListDeadLetterSourceQueuesCommand({ QueueUrl: dead.url }))
    expect(sources.queueUrls).toEqual([source.url])
  })

  it('are moved by in-process receives as well', async () => {
    const { dead, source } = pair(1)
    await send(source.url, 'poison')
    expect(cloud.service.receive(source.arn, 10_000)).toHaveLength(1)
    cloud.pass(11)
    expect(cloud.service.receive(source.arn, 10_000)).toEqual([])
    expect(cloud.service.depth(dead.arn).visible).toBe(1)
    expect(cloud.service.depth(source.arn)).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  })

  it('go back to where they came from by a move task, as new messages', async () => {
    const { dead, source } = pair(1)
    for (const body of ['a', 'b', 'c']) await send(source.url, body)
    const ids = (await receive(source.url)).map(message => message.MessageId)
    cloud.pass(11)
    expect(await receive(source.url)).toEqual([])
    const started = await cloud.client.send(new StartMessageMoveTaskCommand({ SourceArn: dead.arn }))
    expect(started.TaskHandle).toBeDefined()
    const back = await receive(source.url)
    expect(back.map(message => message.Body).sort()).toEqual(['a', 'b', 'c'])
    expect(back.every(message => !ids.includes(message.MessageId))).toBe(true)
    expect(back.every(message => message.Attributes?.ApproximateReceiveCount === '1')).toBe(true)
    const { Results } = await cloud.client.send(new ListMessageMoveTasksCommand({ SourceArn: dead.arn }))
    expect(Results).toMatchObject([
      {
        Status: 'COMPLETED',
        ApproximateNumberOfMessagesMoved: 3,
        ApproximateNumberOfMessagesToMove: 3,
        SourceArn: dead.arn,
      },
    ])
  })

  it('go elsewhere when a destination is named, at a limited speed', async () => {
    const { dead, source } = pair(1)
    const elsewhere = create()
    for (const body of ['a', 'b', 'c']) await send(dead.url, body)
    await cloud.client.send(
      new StartMessageMoveTaskCommand({
        SourceArn: dead.arn,
        DestinationArn: elsewhere.arn,
        MaxNumberOfMessagesPerSecond: 2,
      }),
    )
    expect(cloud.service.depth(elsewhere.arn).visible).toBe(2)
    const second = await refusal(cloud.client.send(new StartMessageMoveTaskCommand({ SourceArn: dead.arn })))
    expect(second.name).toBe('UnsupportedOperation')
    await vi.waitFor(() => expect(cloud.service.depth(elsewhere.arn).visible).toBe(3), { timeout: 5000 })
    expect(cloud.service.depth(source.arn).visible).toBe(0)
  })

  it('whose origin is unknown stay, and the task says why', async () => {
    const { dead } = pair(1)
    await send(dead.url, 'from nowhere')
    await cloud.client.send(new StartMessageMoveTaskCommand({ SourceArn: dead.arn }))
    const { Results } = await cloud.client.send(new ListMessageMoveTasksCommand({ SourceArn: dead.arn }))
    expect(Results).toMatchObject([{ Status: 'FAILED', FailureReason: 'CouldNotDetermineMessageSource' }])
    expect(cloud.service.depth(dead.arn).visible).toBe(1)
    const plain = create()
    const error = await refusal(cloud.client.send(new StartMessageMoveTaskCommand({ SourceArn: plain.arn })))
    expect(error.message).toBe('Source queue must be configured as a Dead Letter Queue.')
  })

  it('need a queue that exists and allows it', () => {
    const redrive = (deadLetterTargetArn: string) => ({
      RedrivePolicy: { deadLetterTargetArn, maxReceiveCount: 1 },
    })
    expect(() => create(redrive('arn:aws:sqs:eu-west-1:000000000000:none'))).toThrow(
      'Dead letter target does not exist',
    )
    const closed = create({ RedriveAllowPolicy: { redrivePermission: 'denyAll' } })
    expect(() => create(redrive(closed.arn))).toThrow('does not allow this queue')
    const one = create({
      RedriveAllowPolicy: {
        redrivePermission: 'byQueue',
        sourceQueueArns: ['arn:aws:sqs:eu-west-1:000000000000:chosen'],
      },
    })
    expect(() => create(redrive(one.arn))).toThrow('does not allow this queue')
    create({ QueueName: 'chosen', ...redrive(one.arn) })
  })
})

describe('permissions', () => {
  it('are asked per action with the queue policy beside', async () => {
    const { url, arn } = create()
    const policy = {
      Version: '2012-10-17',
      Statement: [
        { Effect: 'Allow' as const, Principal: '*' as const, Action: 'sqs:SendMessage', Resource: arn },
      ],
    }
    cloud.service.setQueuePolicy(url, policy)
    await send(url, 'x')
    await receive(url)
    expect(cloud.harness.asked).toEqual([
      { action: 'sqs:SendMessage', resource: arn, resourcePolicies: [policy] },
      { action: 'sqs:ReceiveMessage', resource: arn, resourcePolicies: [policy] },
    ])
    cloud.harness.policy = () => false
    await refusal(send(url, 'denied'))
    cloud.harness.policy = () => true
    expect(cloud.service.depth(arn).visible).toBe(0)
  })

  it('of a move task cover both queues', async () => {
    const dead = create()
    const source = create({ RedrivePolicy: { deadLetterTargetArn: dead.arn, maxReceiveCount: 1 } })
    await cloud.client.send(new StartMessageMoveTaskCommand({ SourceArn: dead.arn }))
    expect(cloud.harness.asked.map(({ action, resource }) => [action, resource])).toEqual([
      ...['StartMessageMoveTask', 'ReceiveMessage', 'DeleteMessage', 'GetQueueAttributes'].map(action => [
        `sqs:${action}`,
        dead.arn,
      ]),
      ['sqs:SendMessage', source.arn],
    ])
  })
})

describe('the in-process side', () => {
  const service: Principal = { arn: 'events.amazonaws.com', kind: 'service' }

  it('sends for services under the queue policy, with attributes', async () => {
    const { arn } = create()
    await cloud.service.send(arn, 'body', service, { attributes: { ERROR_CODE: 'X' }, sourceArn: 'arn:rule' })
    expect(cloud.harness.asked).toEqual([
      {
        action: 'sqs:SendMessage',
        resource: arn,
        resourcePolicies: [],
        context: { 'aws:SourceArn': 'arn:rule', 'aws:SourceAccount': '000000000000' },
      },
    ])
    expect(cloud.service.receive(arn, 10)).toMatchObject([
      {
        body: 'body',
        attributes: { ApproximateReceiveCount: '1', SenderId: 'events.amazonaws.com' },
        messageAttributes: { ERROR_CODE: { DataType: 'String', StringValue: 'X' } },
      },
    ])
    cloud.harness.policy = () => false
    await expect(cloud.service.send(arn, 'body', service)).rejects.toThrow('not authorized')
    await expect(cloud.service.send(`${arn}-other`, 'body', service)).rejects.toThrow('does not exist')
  })

  it('wakes listeners on sends, releases and ended timeouts', async () => {
    const { arn, url } = create({ VisibilityTimeout: 1 })
    const woken = vi.fn()
    const stop = cloud.service.onMessage(arn, woken)
    await send(url, 'x')
    await vi.waitFor(() => expect(woken).toHaveBeenCalledTimes(1))
    const [message] = cloud.service.receive(arn, 10)
    cloud.service.release(arn, [message?.receiptHandle ?? ''])
    await vi.waitFor(() => expect(woken).toHaveBeenCalledTimes(2))
    expect(cloud.service.receive(arn, 10)).toHaveLength(1)
    expect(cloud.service.depth(arn)).toEqual({ visible: 0, inFlight: 1, delayed: 0 })
    await vi.waitFor(() => expect(woken).toHaveBeenCalledTimes(3), { timeout: 5000 })
    const [again] = cloud.service.receive(arn, 10)
    cloud.service.delete(arn, [again?.receiptHandle ?? ''])
    expect(cloud.service.depth(arn)).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
    stop()
    await send(url, 'y')
    await new Promise(resolve => setImmediate(resolve))
    expect(woken).toHaveBeenCalledTimes(3)
  })

  it('names the query-protocol code that belongs to an error', () => {
    expect(queryErrorHeader('com.amazonaws.sqs#QueueDoesNotExist')).toBe(
      'AWS.SimpleQueueService.NonExistentQueue;Sender',
    )
    expect(queryErrorHeader('InvalidParameterValue')).toBe('InvalidParameterValue;Sender')
  })
})

describe('a restart on the same folder', () => {
  const start = async (dir?: string) => {
    const next = await startSqs(dir)
    const { url, arn } = next.service.createQueue({ QueueName: 'kept', VisibilityTimeout: 60 })
    const counts = () => next.service.depth(arn)
    return { next, url, arn, counts }
  }
  const put = async (
    { next, url }: Awaited<ReturnType<typeof start>>,
    MessageBody: string,
    DelaySeconds = 0,
  ) => next.client.send(new SendMessageCommand({ QueueUrl: url, MessageBody, DelaySeconds }))

  it('keeps messages, what is in flight and its receipts, delays and policies', async () => {
    const first = await start()
    first.next.service.setQueuePolicy(first.url, { Statement: [] })
    for (const body of ['deleted', 'in flight', 'visible']) await put(first, body)
    await put(first, 'delayed', 600)
    const [deleted, held] = first.next.service.receive(first.arn, 2)
    first.next.service.delete(first.arn, [deleted?.receiptHandle ?? ''])
    await first.next.stop(true)

    const second = await start(first.next.harness.realm.dir)
    expect(second.counts()).toEqual({ visible: 1, inFlight: 1, delayed: 1 })
    second.next.service.delete(second.arn, [held?.receiptHandle ?? ''])
    expect(second.counts()).toEqual({ visible: 1, inFlight: 0, delayed: 1 })
    second.next.pass(601)
    expect(second.next.service.receive(second.arn, 10).map(message => message.body)).toEqual([
      'visible',
      'delayed',
    ])
    await second.next.stop()
  })

  it('has every message that was accepted even when the process was killed', async () => {
    const first = await start()
    for (const body of ['a', 'b', 'c']) await put(first, body)
    const [a] = first.next.service.receive(first.arn, 1)
    first.next.service.delete(first.arn, [a?.receiptHandle ?? ''])
    const { dir } = first.next.harness.realm
    // A copy of the folder while the service runs is what a kill would leave.
    cpSync(dir, `${dir}-killed`, { recursive: true })
    await first.next.stop()
    const second = await start(`${dir}-killed`)
    expect(second.next.service.receive(second.arn, 10).map(message => message.body)).toEqual(['b', 'c'])
    await second.next.stop()
  })
})
