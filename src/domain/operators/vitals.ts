import type { OutboxEntry } from '../outbox.ts'
import type { Core } from '../ports.ts'
import { standing } from '../rollout/standing.ts'
import type { Rollout } from '../rollout/types.ts'
import type { PendingKind, Row } from '../store.ts'

/** Above it the number of silent devices is not counted further: the alarm is long up. */
const MOST_SILENT = 1_000
/** After every time in the index, which is ISO. */
export const EVER = '9999'

/** Gauges of the whole system, from rows that the reconciler reads anyway and two queries of keys. */
export interface Vitals {
  saw(kind: PendingKind, row: Row<unknown>): void
  /** Costs at most `MOST_SILENT` + 1 keys of the index. */
  report(): Promise<void>
}

/**
 * The sweep reads rows that have been still for a minute and at most 50 of a kind, so that in one run a number may be
 * smaller than it is; alarms look at the largest of several runs.
 */
export function startVitals(deps: Core): Vitals {
  const now = deps.now()
  let outboxAge = 0
  const rollouts = { moving: 0, waiting: 0, stuck: 0, over: 0 }
  return {
    saw(kind, { data }) {
      if (kind === 'rollout') rollouts[standing(data as Rollout, now)]++
      // `since` is set anew with every attempt; the event says when it was made.
      if (kind === 'outbox') outboxAge = Math.max(outboxAge, ageOf(data as OutboxEntry, now))
    },
    async report() {
      const silent = await deps.store.pendingBefore('silent', EVER, MOST_SILENT)
      const awaited = await deps.store.pendingBefore('device', EVER, 1)
      deps.count('ReconcilerRuns')
      deps.measure('OutboxAge', Math.round(outboxAge / 1000))
      deps.measure('RolloutsStuck', rollouts.stuck)
      deps.measure('RolloutsWaiting', rollouts.waiting)
      deps.measure('SilentDevices', silent.length)
      deps.measure('DevicesAwaited', awaited.length)
    },
  }
}

/** Milliseconds since the event was made. */
function ageOf({ detail }: OutboxEntry, now: Date): number {
  const { metadata } = JSON.parse(detail) as { readonly metadata: { readonly occurredAt: string } }
  return Math.max(0, now.getTime() - Date.parse(metadata.occurredAt))
}
