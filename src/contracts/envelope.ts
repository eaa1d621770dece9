import * as z from 'zod'
import { timestamp } from './names.ts'

/**
 * Every domain event on the bus: our own envelope inside `detail`, because EventBridge's `id` changes when an
 * event is forwarded. `generation` counts turns of the loop (drop → deploy → samples → retrain); a run-away loop
 * is refused when it passes the model's limit, since AWS's recursion detection does not see through EventBridge.
 */
export const metadata = z.object({
  id: z.string().min(1).max(128),
  type: z.string(),
  version: z.literal(1),
  occurredAt: timestamp,
  correlationId: z.string().min(1).max(128),
  causationId: z.string().max(128).optional(),
  generation: z.int().min(0),
})
export type Metadata = z.infer<typeof metadata>

export const EVENT_SOURCE = 'edgeloop'

/** One contract per event: detail type, schema of the data, and the rule pattern that selects it. */
export function defineEvent<const T extends string, D extends z.ZodType>(type: T, title: string, data: D) {
  return {
    type,
    title,
    data,
    schema: z.object({ metadata: metadata.extend({ type: z.literal(type) }), data }),
    pattern: { source: [EVENT_SOURCE], 'detail-type': [type] },
  } as const
}
export interface EventContract<T extends string = string, D extends z.ZodType = z.ZodType> {
  readonly type: T
  readonly title: string
  readonly data: D
}
/** An event as the domain makes it: without id, time and correlation, which the caller's context adds. */
export interface DomainEvent<T extends string = string, D = unknown> {
  readonly type: T
  readonly data: D
}
