import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { EVENT_SOURCE } from '../contracts/envelope.ts'
import type { Bus, PollQueue } from '../domain/ports.ts'
import { call, clientDefaults } from './aws-errors.ts'

export function pollQueue(
  queueUrl: string,
  delaySeconds: number,
  client = new SQSClient(clientDefaults),
): PollQueue {
  return {
    later: message =>
      call('ask for a later look', () =>
        client.send(
          new SendMessageCommand({
            QueueUrl: queueUrl,
            MessageBody: JSON.stringify(message),
            DelaySeconds: delaySeconds,
          }),
        ),
      ).then(() => undefined),
  }
}

/** PutEvents takes at most 10 entries and answers 200 even when some of them failed. */
export function eventBus(busName: string, client = new EventBridgeClient(clientDefaults)): Bus {
  return {
    async publish(events) {
      const failed: number[] = []
      for (let at = 0; at < events.length; at += 10) {
        const chunk = events.slice(at, at + 10)
        const answer = await call('publish events', () =>
          client.send(
            new PutEventsCommand({
              Entries: chunk.map(event => ({
                EventBusName: busName,
                Source: EVENT_SOURCE,
                DetailType: event.type,
                Detail: event.detail,
              })),
            }),
          ),
        )
        answer.Entries?.forEach((entry, i) => {
          if (entry.ErrorCode !== undefined) failed.push(at + i)
        })
      }
      return failed
    },
  }
}
