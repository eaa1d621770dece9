import {
  ChangeMessageVisibilityBatchCommand,
  ChangeMessageVisibilityCommand,
  DeleteMessageBatchCommand,
  DeleteMessageCommand,
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageBatchCommand,
  SendMessageCommand,
  type SendMessageCommandInput,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { refusal, type SqsCloud, startSqs } from './sqs-cloud.ts'

let cloud: SqsCloud
let number = 0
let arn = ''
let QueueUrl = ''
beforeAll(async () => {
  cloud = await startSqs()
})
afterAll(() => cloud.stop())
beforeEach(() => {
  const queue = cloud.service.createQueue({ QueueName: `messages-${number++}`, VisibilityTimeout: 30 })
  arn = queue.arn
  QueueUrl = queue.url
})

const send = (MessageBody: string, rest: Partial<SendMessageCommandInput> = {}) =>
  cloud.client.send(new SendMessageCommand({ QueueUrl, MessageBody, ...rest }))
const receive = async (rest: Partial<ReceiveMessageCommandInput> = {}): Promise<Message[]> =>
  (await cloud.client.send(new ReceiveMessageCommand({ QueueUrl, MaxNumberOfMessages: 10, ...rest })))
    .Messages ?? []
const bodies = (messages: readonly Message[]) => messages.map(message => message.Body)
const change = (ReceiptHandle: string | undefined, VisibilityTimeout: number) =>
  cloud.client.send(new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout }))
const remove = (ReceiptHandle: string | undefined) =>
  cloud.client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))

describe('sending and receiving', () => {
  it('carries body and attributes, with the digests that the SDK verifies', async () => {
    const MessageAttributes = {
      text: { DataType: 'String', StringValue: 'grün' },
      number: { DataType: 'Number.float', StringValue: '1.5' },
      bytes: { DataType: 'Binary', BinaryValue: new Uint8Array([0, 255]) },
    }
    // MD5 of "hällo\t😀" and of the attributes by the algorithm of the developer guide, computed apart from this code.
    const sent = await send('hällo\t\u{1f600}', { MessageAttributes })
    expect(sent.MD5OfMessageBody).toBe('6b59579842e74e1e7e0a408463221a05')
    expect(sent.MD5OfMessageAttributes).toBe('37fb44b84194ee72de62aa4628e9a511')
    const [message] = await receive({ MessageAttributeNames: ['All'], MessageSystemAttributeNames: ['All'] })
    expect(message).toMatchObject({
      MessageId: sent.MessageId,
      Body: 'hällo\t\u{1f600}',
      MD5OfBody: '6b59579842e74e1e7e0a408463221a05',
      MD5OfMessageAttributes: '37fb44b84194ee72de62aa4628e9a511',
      MessageAttributes,
      Attributes: { ApproximateReceiveCount: '1', SenderId: 'arn:aws:iam::000000000000:user/operator' },
    })
    expect(Number(message?.Attributes?.SentTimestamp)).toBeGreaterThan(1e12)
    expect(Number(message?.Attributes?.ApproximateFirstReceiveTimestamp)).toBeGreaterThan(1e12)
  })

  it('gives only the attributes asked for', async () => {
    const value = (StringValue: string) => ({ DataType: 'String', StringValue })
    await send('x', { MessageAttributes: { 'a.one': value('1'), 'a.two': value('2'), b: value('3') } })
    const [message] = await receive({
      MessageAttributeNames: ['a.*'],
      MessageSystemAttributeNames: ['ApproximateReceiveCount'],
      VisibilityTimeout: 0,
    })
    expect(Object.keys(message?.MessageAttributes ?? {})).toEqual(['a.one', 'a.two'])
    expect(message?.Attributes).toEqual({ ApproximateReceiveCount: '1' })
    const [plain] = await receive()
    expect([plain?.MessageAttributes, plain?.Attributes]).toEqual([undefined, undefined])
  })

  it('hides a received message until its timeout and counts receives', async () => {
    await send('x')
    expect(await receive()).toHaveLength(1)
    expect(await receive()).toEqual([])
    cloud.pass(31)
    const [again] = await receive({ AttributeNames: ['All'] })
    expect(again?.Attributes?.ApproximateReceiveCount).toBe('2')
    await remove(again?.ReceiptHandle)
    cloud.pass(31)
    expect(await receive()).toEqual([])
  })

  it('delays a message, and all of a queue with a delay', async () => {
    await send('later', { DelaySeconds: 60 })
    expect(cloud.service.depth(arn)).toEqual({ visible: 0, inFlight: 0, delayed: 1 })
    expect(await receive()).toEqual([])
    cloud.pass(61)
    expect(bodies(await receive())).toEqual(['later'])
    const slow = cloud.service.createQueue({ QueueName: 'slow', DelaySeconds: '10' })
    await send('x', { QueueUrl: slow.url })
    expect(await receive({ QueueUrl: slow.url })).toEqual([])
    cloud.pass(11)
    expect(await receive({ QueueUrl: slow.url })).toHaveLength(1)
  })

  it('forgets messages after the retention period', async () => {
    const brief = cloud.service.createQueue({ QueueName: 'brief', MessageRetentionPeriod: 60 })
    await send('x', { QueueUrl: brief.url })
    cloud.pass(61)
    expect(cloud.service.depth(brief.arn)).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
    expect(await receive({ QueueUrl: brief.url })).toEqual([])
  })

  it('receives up to ten in the order sent', async () => {
    for (let at = 0; at < 12; at++) await send(String(at))
    expect(bodies(await receive())).toEqual(['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
    expect(bodies(await receive({ MaxNumberOfMessages: 1 }))).toEqual(['10'])
  })
})

describe('visibility', () => {
  it('can be lengthened, ended at once, and not changed for messages that are not in flight', async () => {
    await send('x')
    const [message] = await receive()
    await change(message?.ReceiptHandle, 100)
    cloud.pass(31)
    expect(await receive()).toEqual([])
    await change(message?.ReceiptHandle, 0)
    const idle = await refusal(change(message?.ReceiptHandle, 10))
    expect(idle.name).toBe('MessageNotInflight')
    const [again] = await receive()
    expect(again?.Body).toBe('x')
    await remove(again?.ReceiptHandle)
    expect((await refusal(change(again?.ReceiptHandle, 10))).name).toBe('InvalidParameterValue')
  })

  it('belongs to the newest receipt: an older one deletes nothing', async () => {
    await send('x')
    const [first] = await receive({ VisibilityTimeout: 0 })
    const [second] = await receive()
    await remove(first?.ReceiptHandle)
    expect(cloud.service.depth(arn).inFlight).toBe(1)
    await remove(second?.ReceiptHandle)
    await remove(second?.ReceiptHandle)
    expect(cloud.service.depth(arn)).toEqual({ visible: 0, inFlight: 0, delayed: 0 })
  })

  it('of zero shows the message again, once per receive', async () => {
    await send('x')
    expect(await receive({ VisibilityTimeout: 0 })).toHaveLength(1)
    expect(cloud.service.depth(arn)).toEqual({ visible: 1, inFlight: 0, delayed: 0 })
  })
})

describe('long polling', () => {
  it('answers as soon as a message comes', async () => {
    const waiting = receive({ WaitTimeSeconds: 20 })
    await send('awaited')
    expect(bodies(await waiting)).toEqual(['awaited'])
  })

  it('answers when a delayed message becomes visible, by its own timer', async () => {
    await send('soon', { DelaySeconds: 1 })
    expect(bodies(await receive({ WaitTimeSeconds: 20 }))).toEqual(['soon'])
  })

  it('gives each message to one of many waiters', async () => {
    const waiting = Array.from({ length: 5 }, () => receive({ WaitTimeSeconds: 1, MaxNumberOfMessages: 1 }))
    for (const body of ['a', 'b', 'c']) await send(body)
    const received = (await Promise.all(waiting)).flatMap(bodies)
    expect(received.sort()).toEqual(['a', 'b', 'c'])
  })

  it('takes its time from the queue when the call has none', async () => {
    const { url } = cloud.service.createQueue({ QueueName: 'patient', ReceiveMessageWaitTimeSeconds: 20 })
    const waiting = receive({ QueueUrl: url })
    await send('x', { QueueUrl: url })
    expect(await waiting).toHaveLength(1)
  })

  it('ends with nothing when the service closes', async () => {
    const other = await startSqs()
    const { url } = other.service.createQueue({ QueueName: 'closing' })
    const waiting = other.client.send(new ReceiveMessageCommand({ QueueUrl: url, WaitTimeSeconds: 20 }))
    await new Promise(resolve => setTimeout(resolve, 50))
    await other.service.close()
    expect((await waiting).Messages).toBeUndefined()
    await other.stop()
  })
})

describe('batches', () => {
  it('report each entry by itself', async () => {
    const sent = await cloud.client.send(
      new SendMessageBatchCommand({
        QueueUrl,
        Entries: [
          { Id: 'good', MessageBody: 'x' },
          { Id: 'bad', MessageBody: 'a\u0000b' },
        ],
      }),
    )
    expect(sent.Successful?.map(({ Id }) => Id)).toEqual(['good'])
    expect(sent.Failed).toMatchObject([{ Id: 'bad', Code: 'InvalidMessageContents', SenderFault: true }])
    const [message] = await receive()
    const changed = await cloud.client.send(
      new ChangeMessageVisibilityBatchCommand({
        QueueUrl,
        Entries: [
          { Id: '1', ReceiptHandle: message?.ReceiptHandle, VisibilityTimeout: 0 },
          { Id: '2', ReceiptHandle: 'nonsense', VisibilityTimeout: 0 },
        ],
      }),
    )
    expect([changed.Successful?.length, changed.Failed?.[0]?.Code]).toEqual([1, 'ReceiptHandleIsInvalid'])
    const [again] = await receive()
    const deleted = await cloud.client.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: [{ Id: '1', ReceiptHandle: again?.ReceiptHandle }],
      }),
    )
    expect(deleted.Successful).toEqual([{ Id: '1' }])
  })

  it.each([
    ['EmptyBatchRequest', []],
    [
      'TooManyEntriesInBatchRequest',
      Array.from({ length: 11 }, (_, at) => ({ Id: `${at}`, MessageBody: 'x' })),
    ],
    ['BatchEntryIdsNotDistinct', ['1', '1'].map(Id => ({ Id, MessageBody: 'x' }))],
    ['InvalidBatchEntryId', [{ Id: 'a b', MessageBody: 'x' }]],
    ['BatchRequestTooLong', ['1', '2', '3'].map(Id => ({ Id, MessageBody: 'x'.repeat(400_000) }))],
  ])('are refused as a whole: %s', async (name, Entries) => {
    const error = await refusal(cloud.client.send(new SendMessageBatchCommand({ QueueUrl, Entries })))
    expect(error.name).toBe(name)
    expect(cloud.service.depth(arn).visible).toBe(0)
  })
})

describe('requests that are wrong', () => {
  it('name the fault', async () => {
    const long = await refusal(send('x'.repeat(1_048_577)))
    expect([long.name, long.message]).toEqual([
      'InvalidParameterValue',
      'One or more parameters are invalid. Reason: Message must be shorter than 1048576 bytes.',
    ])
    await send('x'.repeat(1_048_576))
    expect((await refusal(send(''))).message).toContain('non-empty MessageBody')
    expect((await refusal(send('\ud800'))).name).toBe('InvalidMessageContents')
    expect((await refusal(send('x', { DelaySeconds: 901 }))).message).toContain('DelaySeconds')
    const typed = { v: { DataType: 'Number', StringValue: 'one' } }
    expect((await refusal(send('x', { MessageAttributes: typed }))).message).toContain("'v'")
    expect((await refusal(receive({ MaxNumberOfMessages: 11 }))).message).toContain('MaxNumberOfMessages')
    expect((await refusal(receive({ AttributeNames: ['Nothing' as 'All'] }))).message).toContain('Nothing')
    expect((await refusal(remove('nonsense'))).name).toBe('ReceiptHandleIsInvalid')
    const unknown = `${cloud.harness.realm.endpoint}/000000000000/none`
    const gone = await refusal(send('x', { QueueUrl: unknown }))
    expect([gone.name, gone.message]).toEqual(['QueueDoesNotExist', 'The specified queue does not exist.'])
  })

  it('never crash the server', async () => {
    for (const body of [
      '[]',
      '1',
      '{"QueueUrl":1}',
      `{"QueueUrl":"${QueueUrl}","MessageBody":{}}`,
      `{"QueueUrl":"${QueueUrl}","MessageBody":"x","MessageAttributes":[]}`,
    ]) {
      const response = await fetch(cloud.harness.realm.endpoint, {
        method: 'POST',
        headers: { 'x-amz-target': 'AmazonSQS.SendMessage' },
        body,
      })
      expect([body, response.status]).toEqual([body, 400])
    }
  })
})
