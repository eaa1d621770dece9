import { EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { SQSClient } from '@aws-sdk/client-sqs'
import { afterEach, describe, expect, it } from 'vitest'
import { eventBus, pollQueue } from '../../src/adapters/messaging.ts'
import { awsStub, type Stub } from './aws-stub.ts'

let stub: Stub | undefined
afterEach(() => stub?.close())
const events = (n: number) =>
  Array.from({ length: n }, (_, i) => ({ type: 'CheckDue', detail: JSON.stringify({ i }) }))
const entries = (body: unknown) => (body as { Entries: { Detail: string }[] }).Entries
const failing = (...numbers: number[]) =>
  awsStub((_operation, body) => ({
    body: {
      FailedEntryCount: 1,
      Entries: entries(body).map(({ Detail }) =>
        numbers.includes((JSON.parse(Detail) as { i: number }).i)
          ? { ErrorCode: 'ThrottlingException', ErrorMessage: 'slow down' }
          : { EventId: 'e' },
      ),
    },
  }))

describe('the bus', () => {
  it('sends at most ten at a time and returns the positions that failed, over all of them', async () => {
    stub = await failing(0, 9, 10, 24)
    const bus = eventBus('edgeloop-dev', new EventBridgeClient(stub.config))
    expect(await bus.publish(events(25))).toEqual([0, 9, 10, 24])
    expect(stub.calls.map(c => entries(c.body).length)).toEqual([10, 10, 5])
    expect(entries(stub.calls[2]?.body)[4]).toEqual({
      EventBusName: 'edgeloop-dev',
      Source: 'edgeloop',
      DetailType: 'CheckDue',
      Detail: '{"i":24}',
    })
  })

  it('calls nobody for nothing, and returns nothing when all went well', async () => {
    stub = await failing()
    const bus = eventBus('edgeloop-dev', new EventBridgeClient(stub.config))
    expect(await bus.publish([])).toEqual([])
    expect(stub.calls).toHaveLength(0)
    expect(await bus.publish(events(10))).toEqual([])
  })

  it('throws for a retry when the call as a whole fails', async () => {
    stub = await awsStub(() => ({ status: 500, body: { __type: 'InternalException', message: 'oops' } }))
    const bus = eventBus('edgeloop-dev', new EventBridgeClient(stub.config))
    await expect(bus.publish(events(1))).rejects.toMatchObject({
      code: 'DEPENDENCY',
      message: expect.stringMatching(/^publish events: /),
    })
  })
})

describe('the poll queue', () => {
  it('delays the message by the configured seconds', async () => {
    stub = await awsStub(() => ({ body: { MessageId: 'm' } }))
    const message = { model: 'm', version: 1, hardware: 'h', attempt: 2, correlationId: 'c', generation: 0 }
    const queue = pollQueue(
      'http://queue.example/1/polls',
      30,
      new SQSClient({ ...stub.config, md5: false, useQueueUrlAsEndpoint: false }),
    )
    await queue.later(message)
    const body = stub.calls[0]?.body as Record<string, unknown>
    expect(body).toMatchObject({ QueueUrl: 'http://queue.example/1/polls', DelaySeconds: 30 })
    expect(JSON.parse(String(body['MessageBody']))).toEqual(message)
  })
})
