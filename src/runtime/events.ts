import type * as z from 'zod'
import type { EventContract, Metadata } from '../contracts/envelope.ts'
import { type EventType, eventContracts } from '../contracts/events/index.ts'
import { deepest } from '../contracts/issues.ts'
import { EdgeloopError, InputError } from '../domain/errors.ts'
import type { Core } from '../domain/ports.ts'
import { rejectInput } from '../domain/rejection.ts'
import type { Cause } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { follow, noteRefused, remark } from './chain.ts'

type Contract<T extends EventType> = Extract<(typeof eventContracts)[number], { type: T }>
export type BusEvent<T extends EventType> = T extends EventType
  ? { readonly type: T; readonly data: z.infer<Contract<T>['data']>; readonly cause: Cause }
  : never

const causeOf = (metadata: Metadata): Cause => ({
  correlationId: metadata.correlationId,
  causationId: metadata.id,
  generation: metadata.generation,
})

/** Parses one of our own events; `types` are those the function's rule lets through. */
export function parseBusEvent<const T extends EventType>(event: unknown, types: readonly T[]): BusEvent<T> {
  const type = (event as { 'detail-type'?: unknown })?.['detail-type']
  const contract = eventContracts.find(c => c.type === type && (types as readonly string[]).includes(c.type))
  if (contract === undefined)
    throw new InputError(
      'UNEXPECTED_EVENT',
      `detail-type ${JSON.stringify(type)} is not handled here`,
      'detail-type',
    )
  const { metadata, data } = parseOrReject(contract.schema, (event as { detail: unknown }).detail)
  remark({ eventType: contract.type, eventId: metadata.id })
  follow(causeOf(metadata))
  return { type: contract.type, data, cause: causeOf(metadata) } as unknown as BusEvent<T>
}
export const isBusEvent = (event: unknown): boolean => (event as { source?: unknown })?.source === 'edgeloop'

/** zod's first complaint as a refusal that names the field. */
export function parseOrReject<S extends z.ZodType>(schema: S, value: unknown): z.infer<S> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw schemaError(parsed.error)
}
export function schemaError(error: z.ZodError): InputError {
  const issue = error.issues[0] && deepest(error.issues[0])
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys[0] : undefined
  const field = [...(issue?.path ?? []), ...(unknown === undefined ? [] : [unknown])].join('.')
  return new InputError(
    'SCHEMA',
    `${field === '' ? 'payload' : field}: ${issue?.message ?? 'does not fit the schema'}`,
    field,
  )
}

/** Start of a chain: an S3 drop or a clock, with an id that is the same for every delivery of it. */
export const rootCause = (...identity: readonly string[]): Cause => {
  const id = sha256Hex(identity.join('\0')).slice(0, 32)
  return { correlationId: id, causationId: id, generation: 0 }
}

/**
 * Runs logic that reads state, decides and commits conditionally; when somebody else committed first, all of it
 * runs again on the new state. Safe because every handler may run twice anyway. Where many meet at one row, a random
 * pause of up to `pauseMs` times the attempt lets them pass one by one.
 */
export async function retryOnConflict<T>(
  run: () => Promise<T>,
  { tries = 8, pauseMs = 0 }: { readonly tries?: number; readonly pauseMs?: number } = {},
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run()
    } catch (error) {
      if (!(error instanceof EdgeloopError && error.code === 'CONFLICT') || attempt === tries) throw error
      if (pauseMs > 0) await new Promise(resolve => setTimeout(resolve, Math.random() * pauseMs * attempt))
    }
  }
}

/** For functions behind EventBridge: a refused input is recorded and done with; everything else is thrown for a retry. */
export const fromBus =
  (core: Core, run: (event: unknown) => Promise<void>) =>
  async (event: unknown): Promise<void> => {
    try {
      await retryOnConflict(() => run(event))
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      noteRefused()
      const { id = '', 'detail-type': type = '' } = event as { id?: string; 'detail-type'?: string }
      await rejectInput(core, { channel: 'bus', subject: `${type}/${id}`, instance: id }, error)
    }
  }
export type { EventContract }
