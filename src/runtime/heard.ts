import { keys } from '../domain/entities.ts'
import type { Core } from '../domain/ports.ts'

const AGAIN_MS = 15_000

/**
 * Keeps when a fleet was last heard of, in a row of its own, once per instance and a quarter of a minute: every message
 * would write to that row, and no transaction waits for it.
 */
export function hearing({ store, now }: Core): (fleets: ReadonlySet<string>) => Promise<void> {
  const noted = new Map<string, number>()
  return async fleets => {
    for (const fleet of fleets) {
      const at = now()
      if (at.getTime() - (noted.get(fleet) ?? 0) < AGAIN_MS) continue
      noted.set(fleet, at.getTime())
      const data = { at: at.toISOString() }
      await store.commit([{ kind: 'put', key: keys.fleetHeard(fleet), data, expect: 'any' }])
    }
  }
}
