/** A device is off for a year in which anything may happen, and comes back. */
import { type Rng, rng } from '../../../bench/rollouts/rng.ts'
import type { FieldDevice } from './field.ts'
import { MODEL, type Policy, product, SLOT } from './products.ts'
import type { Race } from './race.ts'
import { settledRace } from './schedule.ts'

const [HOUR, DAY] = [3_600_000, 86_400_000]

export interface Year {
  readonly seed: number
  /** How many things happen while it is off. */
  readonly happenings: number
  readonly days: number
}
export interface Return {
  /** Manifests that it took after its year, and those that were signed meanwhile. */
  readonly took: number
  readonly signed: number
  readonly from: number | undefined
  readonly to: number | undefined
}

/** @throws Error with what does not hold when it is back and all is at rest */
export async function yearAway({ seed, happenings, days }: Year): Promise<Return> {
  const random = rng(seed)
  const race = await settledRace(2, seed)
  await race.drain()
  const [home, away] = race.devices as [FieldDevice, FieldDevice]
  // Perhaps in the middle of something.
  if (random.next() < 0.5) {
    await race.release(await product(2), { insufficient: 'proceed' })
    for (let n = Math.floor(random.next() * 60); n > 0; n--) await race.any(random.next)
  }
  away.powerOff()
  await race.drain()
  const versionBefore = away.durable?.slots[SLOT]?.active?.version
  const signed = race.checks.manifests.size
  const takenBefore = race.checks.accepted.get(away.thing) ?? 0
  // The other device is there when something happens; between, nobody is.
  let newest = 2
  for (let n = 0; n < happenings; n++) {
    home.connect()
    await race.drain()
    newest = await happen(race, random, newest)
    await race.drain()
    await race.pass(2 * HOUR, 20 * 60_000)
    home.disconnect()
    await race.pass((days * DAY) / Math.max(1, happenings), 5 * DAY)
  }
  // The owner renews the trust root in time, if nothing else; the device's own is over by now.
  await race.rotate({ key: false, epoch: false })
  await race.drain()
  home.disconnect()
  if (happenings === 0) await race.pass(days * DAY, 5 * DAY)
  await race.pass(HOUR, HOUR / 4)
  away.boot()
  away.connect()
  await race.flush()
  while (race.broker.flights.length + race.backend.jobs.length > 0) await race.any(random.next)
  const took = (race.checks.accepted.get(away.thing) ?? 0) - takenBefore
  home.connect()
  await race.rest()
  return {
    ...{ took, signed: race.checks.manifests.size - signed, from: versionBefore },
    to: away.durable?.slots[SLOT]?.active?.version,
  }
}

async function happen(race: Race, random: Rng, newest: number): Promise<number> {
  const policy: Policy = { insufficient: 'proceed', shadowMinutes: random.next() < 0.2 ? 5 : 0 }
  const what = random.next()
  const version = 1 + Math.floor(random.next() * newest)
  if (what < 0.45) {
    await race.release(await product(newest + 1, random.next() < 0.1), policy)
    return newest + 1
  }
  if (what < 0.6) {
    const [last] = race.rollouts().toSorted((a, b) => (a.createdAt < b.createdAt ? 1 : -1))
    if (last !== undefined) race.order(last.id, { command: 'roll-back' })
  } else if (what < 0.7) {
    race.ask('POST /v1/rollouts', { model: MODEL, version, reason: 'back' })
  } else if (what < 0.8) {
    const revokedBundle = (await product(version)).ref.bundle.sha256
    race.ask('POST /v1/models/{model}/bars', { revokedBundle, reason: 'leaks' }, { model: MODEL })
  } else {
    const revoked = what < 0.85 ? (await product(version)).ref.bundle.sha256 : undefined
    const ceremony = { key: random.next() < 0.5, epoch: random.next() < 0.5 }
    await race.rotate(revoked === undefined ? ceremony : { ...ceremony, revoked })
  }
  return newest
}
