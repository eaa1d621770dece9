/**
 * What is true of each reading that was ever asked about, by event id, in little memory: a device numbers its
 * inferences one after the other and goes through the rows one after the other, so a stretch is known by its start.
 */
import type { FieldPhase } from '../../examples/example.ts'

interface Stretch {
  readonly phase: FieldPhase
  readonly first: number
  /** Row of the first inference. */
  readonly row: number
  length: number
}

export interface Truths {
  /** Row `row` of the phase got this event id. */
  add(eventId: string, phase: FieldPhase, row: number): void
  get(eventId: string): string | undefined
}

/** Event ids are a device's prefix and, after the last hyphen, its count in base 36. */
export function createTruths(): Truths {
  const stretches = new Map<string, Stretch[]>()
  return {
    add(eventId, phase, row) {
      const [prefix, n] = split(eventId)
      const known = stretches.get(prefix) ?? []
      if (known.length === 0) stretches.set(prefix, known)
      const last = known.at(-1)
      if (last?.phase === phase && n === last.first + last.length && rowAt(last, n) === row) last.length++
      else known.push({ phase, first: n, row, length: 1 })
    },
    get(eventId) {
      const [prefix, n] = split(eventId)
      const found = stretches.get(prefix)?.find(s => n >= s.first && n < s.first + s.length)
      return found?.phase.rows[rowAt(found, n)]?.truth
    },
  }
}

const rowAt = ({ phase, first, row }: Stretch, n: number): number => (row + n - first) % phase.rows.length

function split(eventId: string): [string, number] {
  const cut = eventId.lastIndexOf('-') + 1
  return [eventId.slice(0, cut), Number.parseInt(eventId.slice(cut), 36)]
}
