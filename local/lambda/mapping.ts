/** What the two kinds of event source mappings share. */
import type { Realm } from '../core/types.ts'
import type { Outcome } from './execute.ts'
import type { FunctionConfig, MappingConfig } from './types.ts'

export interface Mapping {
  start(): void
  /** Takes no more; resolves when what it had taken is settled or given back. */
  stop(): Promise<void>
}
export interface MappingContext {
  readonly realm: Realm
  readonly fn: FunctionConfig
  readonly config: MappingConfig
  readonly execute: (payload: Buffer) => Promise<Outcome>
}

/** Pause between polls when nothing announced itself, in ms. */
export const pollMs = 1000

/** Documented limit of a synchronous invocation's payload, in bytes. */
export const maxPayloadBytes = 6 * 1024 * 1024

/**
 * Identifiers in a partial batch response. Undefined when the response is malformed, which fails the whole batch;
 * empty when it reports nothing. Reference: Lambda developer guide, "Reporting batch item failures".
 */
export function reportedFailures(payload: Buffer): readonly string[] | undefined {
  let response: unknown
  try {
    response = JSON.parse(payload.toString('utf8'))
  } catch {
    return undefined
  }
  if (response === null || response === '') return []
  if (typeof response !== 'object') return undefined
  const failures = (response as Readonly<Record<string, unknown>>)['batchItemFailures']
  if (failures === undefined || failures === null) return []
  if (!Array.isArray(failures)) return undefined
  const identifiers = failures.map(
    each => (each as Readonly<Record<string, unknown>> | null)?.['itemIdentifier'],
  )
  return identifiers.every(each => typeof each === 'string' && each !== '')
    ? (identifiers as string[])
    : undefined
}

/** A wait that a later call can cut short. The timer does not keep the process alive. */
export function createBell() {
  let ring: (() => void) | undefined
  let rung = false
  return {
    ring(): void {
      rung = true
      ring?.()
    },
    /** Resolves after `ms`, or at once when rung since the last wait. */
    async wait(ms: number): Promise<void> {
      if (!rung)
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, ms).unref()
          ring = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      ring = undefined
      rung = false
    },
  }
}
