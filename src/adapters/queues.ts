import { InvokeCommand, LambdaClient } from '@aws-sdk/client-lambda'
import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ListMessageMoveTasksCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { EdgeloopError } from '../domain/errors.ts'
import type { Functions, QueueMessage, Queues } from '../domain/ports.ts'
import { call, clientDefaults, translate } from './aws-errors.ts'

export function sqsQueues(client = new SQSClient(clientDefaults)): Queues {
  return {
    async state(url) {
      const { Attributes: found = {} } = await call('look at a queue', () =>
        client.send(
          new GetQueueAttributesCommand({
            QueueUrl: url,
            AttributeNames: [
              'QueueArn',
              'ApproximateNumberOfMessages',
              'ApproximateNumberOfMessagesNotVisible',
            ],
          }),
        ),
      )
      return {
        arn: found['QueueArn'] ?? '',
        messages: Number(found['ApproximateNumberOfMessages'] ?? 0),
        inFlight: Number(found['ApproximateNumberOfMessagesNotVisible'] ?? 0),
      }
    },
    async receive(url, { max, hiddenSeconds, waitSeconds }) {
      const { Messages = [] } = await call('receive dead letters', () =>
        client.send(
          new ReceiveMessageCommand({
            QueueUrl: url,
            MaxNumberOfMessages: max,
            VisibilityTimeout: hiddenSeconds,
            WaitTimeSeconds: waitSeconds,
            MessageAttributeNames: ['All'],
            MessageSystemAttributeNames: ['SentTimestamp', 'ApproximateReceiveCount'],
          }),
        ),
      )
      return Messages.map(toMessage)
    },
    async show(url, receipts) {
      if (receipts.length === 0) return
      const Entries = receipts.map((ReceiptHandle, i) => ({
        ...{ Id: String(i), ReceiptHandle, VisibilityTimeout: 0 },
      }))
      await call('show dead letters again', () =>
        client.send(new ChangeMessageVisibilityBatchCommand({ QueueUrl: url, Entries })),
      )
    },
    async remove(url, receipt) {
      await call('it was handed over, and cannot be removed', () =>
        client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: receipt })),
      )
    },
    async newestMove(arn) {
      const { Results = [] } = await call('look for moves of dead letters', () =>
        client.send(new ListMessageMoveTasksCommand({ SourceArn: arn, MaxResults: 1 })),
      )
      const [newest] = Results
      if (newest === undefined) return undefined
      return {
        status: newest.Status ?? 'UNKNOWN',
        moved: newest.ApproximateNumberOfMessagesMoved ?? 0,
        // SQS leaves it out where it does not know.
        toMove: newest.ApproximateNumberOfMessagesToMove ?? null,
        at: new Date(newest.StartedTimestamp ?? 0).toISOString(),
      }
    },
    async moveBack(arn, perSecond) {
      const input = { SourceArn: arn, MaxNumberOfMessagesPerSecond: perSecond }
      try {
        const { TaskHandle = '' } = await client.send(new StartMessageMoveTaskCommand(input))
        return TaskHandle
      } catch (error) {
        // By its message: the API reference has no name for it, and SQS says InvalidParameterValue.
        if (/already a task running/i.test((error as Error).message))
          throw new EdgeloopError('ILLEGAL_STATE', 'its messages are being moved back already')
        throw translate(error, 'move dead letters back')
      }
    },
  }
}

const toMessage = (message: Message): QueueMessage => ({
  id: message.MessageId ?? '',
  receipt: message.ReceiptHandle ?? '',
  body: message.Body ?? '',
  sentAt: new Date(Number(message.Attributes?.SentTimestamp ?? 0)).toISOString(),
  received: Number(message.Attributes?.ApproximateReceiveCount ?? 0),
  attributes: Object.fromEntries(
    Object.entries(message.MessageAttributes ?? {}).map(([name, { StringValue }]) => [
      name,
      StringValue ?? '',
    ]),
  ),
})

export function lambdaFunctions(client = new LambdaClient(clientDefaults)): Functions {
  return {
    async invoke(name, payload) {
      await call(`invoke ${name}`, () =>
        client.send(
          new InvokeCommand({
            FunctionName: name,
            InvocationType: 'Event',
            Payload: Buffer.from(JSON.stringify(payload)),
          }),
        ),
      )
    },
  }
}
