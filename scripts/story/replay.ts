/** The simulated world around the devices: each asks its model about readings, a few times a second. */

import type { Field } from '../../device/field.ts'
import type { FieldPhase } from '../../examples/example.ts'

const TICK_MS = 100

export interface Replay {
  readonly inferences: () => number
  readonly phase: () => string
  /** True label of a captured row, as a person would find it out. */
  truth(eventId: string): string | undefined
  start(): void
  moveTo(phase: FieldPhase): void
  stop(): void
}

/** Rows are dealt to the devices in turn, in the order of the data, and over again when they run out. */
export function replay(field: Field, slot: string, first: FieldPhase, rowsPerTick: number): Replay {
  const truths = new Map<string, string>()
  let phase = first
  let next = 0
  let count = 0
  let timer: NodeJS.Timeout | undefined
  const tick = (): void => {
    for (const device of field.devices) {
      // Null until the device has a model.
      if (device.features(slot) === null) continue
      for (let i = 0; i < rowsPerTick; i++) {
        const reading = phase.rows[next++ % phase.rows.length]
        if (reading === undefined) continue
        const { eventId } = device.infer(slot, reading.row)
        truths.set(eventId, reading.truth)
        count++
      }
    }
  }
  return {
    inferences: () => count,
    phase: () => phase.name,
    truth: eventId => truths.get(eventId),
    start() {
      timer ??= setInterval(tick, TICK_MS)
    },
    moveTo(other) {
      phase = other
      next = 0
    },
    stop() {
      clearInterval(timer)
      timer = undefined
    },
  }
}
