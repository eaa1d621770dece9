import * as z from 'zod'
import { eventBus } from '../adapters/messaging.ts'
import { outboxStreamEvent } from '../contracts/aws.ts'
import type { Metadata } from '../contracts/envelope.ts'
import type { OutboxEntry } from '../domain/outbox.ts'
import type { Bus, Core } from '../domain/ports.ts'
import type { BatchResponse } from '../runtime/batch.ts'
import { lambda } from '../runtime/lambda.ts'

export interface PublishOutboxDeps extends Core {
  readonly bus: Bus
}

/**
 * From the state table's stream to the bus. A row is removed when its event is out; a crash in between publishes
 * twice, which every consumer stands. Failure of one record sends the stream back to that record.
 */
export const publishOutbox =
  (deps: PublishOutboxDeps) =>
  async (event: unknown): Promise<BatchResponse> => {
    const records = outboxStreamEvent.parse(event).Records
    const entries = records.map(r => JSON.parse(r.dynamodb.NewImage.data.S) as OutboxEntry)
    const failed = new Set(await deps.bus.publish(entries))
    for (const [i, entry] of entries.entries()) if (!failed.has(i)) tell(deps, entry)
    const done = records.filter((_, i) => !failed.has(i))
    await deps.store.commit(
      [...new Set(done.map(r => r.dynamodb.NewImage.pk.S))].map(pk => ({
        kind: 'remove',
        key: { pk, sk: 'EVENT' },
      })),
    )
    return {
      batchItemFailures: [...failed]
        .sort((a, b) => a - b)
        .map(i => ({ itemIdentifier: records[i]?.dynamodb.SequenceNumber ?? '' })),
    }
  }

/** How long the event lay in the outbox is seen nowhere else. */
function tell(deps: Core, { type, detail }: OutboxEntry): void {
  const { metadata } = JSON.parse(detail) as { readonly metadata: Metadata }
  const { id, correlationId, causationId, generation, occurredAt } = metadata
  deps.log.info('EVENT_PUBLISHED', {
    ...{ eventType: type, eventId: id, correlationId, generation },
    ...(causationId === undefined ? {} : { causationId }),
    waitedMs: Math.max(0, deps.now().getTime() - Date.parse(occurredAt)),
  })
}

export const handler = lambda({ BUS_NAME: z.string().min(1) }, (env, core) =>
  publishOutbox({ ...core, bus: eventBus(env.BUS_NAME) }),
)
