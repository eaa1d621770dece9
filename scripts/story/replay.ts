/** The simulated world around the devices: each asks its model about readings, a few times a second. */

import type { Field } from '../../device/field.ts'
import type { FieldPhase } from '../../examples/example.ts'
import { createTruths } from './truths.ts'

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

/** A sensor that has died: its device reads nothing there any more. */
export interface Fault {
  /** Index of the device, and of the value in its rows. */
  readonly device: number
  readonly value: number
}

/**
 * Each device goes through the rows in their order and over again, from a place of its own, evenly spread: at any
 * moment the fleet sees all of the phase and each device a short stretch of it, as in the field.
 */
export function replay(
  field: Field,
  slot: string,
  first: FieldPhase,
  rowsPerTick: number,
  fault?: Fault,
): Replay {
  const truths = createTruths()
  let phase = first
  let step = 0
  let count = 0
  let timer: NodeJS.Timeout | undefined
  const tick = (): void => {
    const { length } = phase.rows
    field.devices.forEach((device, d) => {
      // Null until the device has a model.
      if (device.features(slot) === null) return
      const start = Math.floor((d * length) / field.devices.length)
      for (let i = 0; i < rowsPerTick; i++) {
        const row = (start + step + i) % length
        const reading = phase.rows[row]
        if (reading === undefined) return
        const read = d === fault?.device ? reading.row.with(fault.value, null) : reading.row
        truths.add(device.infer(slot, read).eventId, phase, row)
        count++
      }
    })
    step += rowsPerTick
  }
  return {
    inferences: () => count,
    phase: () => phase.name,
    truth: truths.get,
    start() {
      timer ??= setInterval(tick, TICK_MS)
    },
    moveTo(other) {
      phase = other
      step = 0
    },
    stop() {
      clearInterval(timer)
      timer = undefined
    },
  }
}
