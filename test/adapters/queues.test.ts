import { SQSClient } from '@aws-sdk/client-sqs'
import { afterEach, expect, it } from 'vitest'
import { sqsQueues } from '../../src/adapters/queues.ts'
import { awsStub, type Stub, type StubAnswer } from './aws-stub.ts'

let stub: Stub | undefined
afterEach(() => stub?.close())
const answering = async (answer: StubAnswer) => {
  stub = await awsStub(() => answer)
  return sqsQueues(new SQSClient({ ...stub.config, md5: false, useQueueUrlAsEndpoint: false }))
}
const refusal = (code: string, message: string): StubAnswer => ({
  ...{ status: 400, body: { __type: `com.amazonaws.sqs#${code}`, message } },
})

it.each(['InvalidParameterValue', 'UnsupportedOperation'])(
  'a move that goes on is a state, whatever SQS calls it (%s)',
  async code => {
    const queues = await answering(refusal(code, 'There is already a task running. Only one is allowed.'))
    await expect(queues.moveBack('arn', 10)).rejects.toMatchObject({ code: 'ILLEGAL_STATE' })
  },
)
it('another refusal of a move says what SQS said', async () => {
  const queues = await answering(refusal('ResourceNotFoundException', 'no such queue'))
  await expect(queues.moveBack('arn', 10)).rejects.toMatchObject({
    ...{ code: 'NOT_FOUND', message: expect.stringContaining('move dead letters back: ResourceNotFound') },
  })
})
it('the newest move, with what SQS leaves out', async () => {
  const StartedTimestamp = Date.parse('2026-03-01T00:00:00Z')
  const queues = await answering({ body: { Results: [{ Status: 'RUNNING', StartedTimestamp }] } })
  expect(await queues.newestMove('arn')).toEqual({
    ...{ status: 'RUNNING', moved: 0, toMove: null, at: '2026-03-01T00:00:00.000Z' },
  })
  expect(stub?.calls[0]).toMatchObject({
    ...{ operation: 'ListMessageMoveTasks', body: { SourceArn: 'arn', MaxResults: 1 } },
  })
})
it('no move yet is none', async () => {
  expect(await (await answering({ body: {} })).newestMove('arn')).toBeUndefined()
})
it('a message with text attributes, times and counts', async () => {
  const queues = await answering({
    body: {
      Messages: [
        {
          ...{ MessageId: 'm', ReceiptHandle: 'r', Body: '{}' },
          Attributes: { SentTimestamp: '1772323200000', ApproximateReceiveCount: '6' },
          MessageAttributes: {
            TARGET_ARN: { DataType: 'String', StringValue: 'arn' },
            BYTES: { DataType: 'Binary', BinaryValue: 'AA==' },
          },
        },
      ],
    },
  })
  expect(
    await queues.receive('http://queue.example/1/q', { max: 3, hiddenSeconds: 10, waitSeconds: 1 }),
  ).toEqual([
    {
      ...{ id: 'm', receipt: 'r', body: '{}', sentAt: '2026-03-01T00:00:00.000Z', received: 6 },
      attributes: { TARGET_ARN: 'arn', BYTES: '' },
    },
  ])
  expect(stub?.calls[0]?.body).toMatchObject({
    ...{ MaxNumberOfMessages: 3, VisibilityTimeout: 10, WaitTimeSeconds: 1, MessageAttributeNames: ['All'] },
  })
})
it('nothing to show again is no call', async () => {
  await (await answering({ body: {} })).show('http://queue.example/1/q', [])
  expect(stub?.calls).toEqual([])
})
