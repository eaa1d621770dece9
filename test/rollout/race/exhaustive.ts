/** One update in every place where it can be disturbed. */

import type { Cut } from './disk.ts'
import type { Policy, Product } from './products.ts'
import { rolloutId } from './products.ts'
import { type Order, Race, type Snapshot } from './race.ts'
import { restFaults } from './rest.ts'
import { settledRace } from './schedule.ts'

const MINUTE = 60_000

/** One device is off and runs version 1; the first phase of version 2 is out. */
export async function updateAhead(next: Product, policy: Policy): Promise<Snapshot> {
  const race = await settledRace(1, 1, false)
  await race.release(next, policy)
  await race.drain()
  return race.snapshot()
}

/** Powers the device on, cut or not, and lets it go as far as it comes. @returns changes of its disk meanwhile */
async function live(race: Race, cut?: Cut): Promise<number> {
  const device = race.devices[0]!
  const before = device.disk.changes
  device.boot(cut)
  device.connect()
  await race.flush()
  await race.drain()
  for (let i = 0; device.agent !== undefined && restFaults(race).length > 0 && i < 30; i++)
    await race.pass(MINUTE)
  return device.disk.changes - before
}

/** Power goes at these changes of the disk, one life after the other; then it stays. @returns changes of each life */
export async function cutBy(from: Snapshot, cuts: readonly Cut[]): Promise<{ lives: number[]; race: Race }> {
  const race = new Race(['cam-1'], 1, from)
  const lives: number[] = []
  for (const cut of cuts) {
    lives.push(await live(race, cut))
    // The cut was behind the last change.
    if (race.devices[0]!.agent !== undefined) race.devices[0]!.powerOff()
  }
  lives.push(await live(race))
  await race.rest()
  return { lives, race }
}

export interface Interruption {
  readonly name: string
  /** What a person says, or another version. */
  readonly act: Order | { readonly release: Product; readonly policy: Policy }
}
/** Devices take an update; before the n-th message or delivery of it something else happens. @returns how many there were */
export async function interrupt(
  devices: number,
  next: Product,
  policy: Policy,
  at: number,
  { act }: Interruption,
): Promise<{ steps: number; race: Race }> {
  const race = await settledRace(devices, 1)
  await race.drain()
  await race.release(next, policy)
  const first = race.steps
  let done = false
  const disturb = async (): Promise<void> => {
    if (done || race.steps - first < at) return
    done = true
    if ('release' in act) await race.release(act.release, act.policy)
    else race.order(rolloutId(next), act)
    // What a person says is heard at once, between two messages.
    const job = race.backend.jobs.at(-1)
    if (!('release' in act) && job !== undefined) race.backend.start(job)
  }
  await race.drain(disturb)
  for (let i = 0; !done && i < 12; i++) {
    await race.pass(MINUTE)
    await race.drain(disturb)
  }
  await race.rest()
  return { steps: race.steps - first, race }
}
