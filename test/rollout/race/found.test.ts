/** What random schedules found, each as the shortest story of it. */
import { describe, expect, it } from 'vitest'
import { type DeviceRow, keys } from '../../../src/domain/entities.ts'
import type { Rollout } from '../../../src/domain/rollout/types.ts'
import { MODEL, type Policy, type Product, product, rolloutId, SLOT } from './products.ts'
import type { Race } from './race.ts'
import { settledRace } from './schedule.ts'

const [first, second, third] = [await product(1), await product(2), await product(3)]
const policy: Policy = { insufficient: 'proceed' }

async function calm(devices = 1): Promise<Race> {
  const race = await settledRace(devices, 1)
  await race.drain()
  return race
}
/** The next message, or the next timer when there is none. */
async function next(race: Race): Promise<void> {
  if (race.backend.jobs.length + race.broker.flights.length > 0) return race.any(() => 0)
  race.clock.fire()
  await race.flush()
}
const status = (race: Race, of: Product): string | undefined =>
  race.row<Rollout>(keys.rollout(rolloutId(of)))?.status
const running = (race: Race): number | null | undefined =>
  race.devices[0]!.agent!.status().slots[SLOT]?.version
const bar = (race: Race, { ref }: Product): void => {
  race.ask(
    'POST /v1/models/{model}/bars',
    { revokedBundle: ref.bundle.sha256, reason: 'leaks' },
    { model: MODEL },
  )
}

describe('the cloud', () => {
  it('does not let a version whose events come late take the place of a newer one', async () => {
    const race = await calm()
    await race.release(second, policy)
    const late = race.backend.jobs
    race.backend.jobs = []
    await race.release(third, policy)
    await race.rest()
    race.backend.jobs.push(...late)
    await race.rest()
    expect(running(race)).toBe(3)
    expect(status(race, second)).toBe('SUPERSEDED')
  })

  it('ends a rollout that waits for approval without a word about the one that runs', async () => {
    const race = await calm()
    race.devices[0]!.disconnect()
    await race.release(second, policy)
    await race.release(third, { ...policy, approval: true })
    await race.drain()
    race.order(rolloutId(third), { command: 'abort', devices: 'revert' })
    await race.drain()
    expect(status(race, third)).toBe('ABORTED')
    expect(race.fleet?.slots[0]?.candidate?.rollout).toBe(rolloutId(second))
    race.devices[0]!.connect()
    await race.rest()
    expect(status(race, second)).toBe('COMPLETED')
  })

  it('never names what may not run, also not where a roll-back leads', async () => {
    const race = await calm()
    await race.release(second, policy)
    await race.rest()
    bar(race, first)
    await race.rest()
    race.order(rolloutId(second), { command: 'roll-back' })
    await race.rest()
    expect(status(race, second)).toBe('ROLLED_BACK')
    expect(race.fleet?.slots[0]?.committed).toBeNull()
    expect([...race.checks.codes.keys()]).not.toContain('RELEASE_REVOKED')
  })

  it('does not take a command as done that came while its key was not trusted', async () => {
    const race = await calm()
    await race.release(second, policy)
    await race.rest()
    const { deploymentKey } = race.world
    race.world.deploymentKey = 'not yet in the trust root'
    const command = race.order(rolloutId(second), { command: 'roll-back' })
    await race.drain()
    race.world.deploymentKey = deploymentKey
    await race.rest()
    expect(race.checks.taken).toContain(command)
    const waits = race.backend.undelivered.map(j => (j.event as { 'detail-type'?: string })['detail-type'])
    expect(status(race, second) === 'ROLLED_BACK' || waits.includes('RolloutCommanded')).toBe(true)
  })

  it('knows what a device runs although its report was overtaken, and that a barred model does not run', async () => {
    const race = await calm()
    const device = race.devices[0]!
    await race.release(second, policy)
    const known = () => race.row<DeviceRow>(keys.device(device.thing))?.slots[SLOT]?.bundle
    // The report of the switch is lost, what comes behind it arrives, and then it is sent again.
    while (device.durable?.slots[SLOT]?.active?.version === 1) await next(race)
    race.broker.flights = race.broker.flights.filter(f => !f.topic.endsWith('/up/report'))
    await race.release(await product(4, true), policy)
    await race.rest()
    expect(known()).toBe(second.ref.bundle.sha256)
    bar(race, second)
    await race.rest()
    expect(known()).toBe(device.durable?.slots[SLOT]?.active?.bundle.sha256 ?? null)
  })
})

describe('the device', () => {
  it('takes up a download that failed on a connection that stays up', async () => {
    const race = await calm()
    await race.release(second, policy)
    while (race.checks.codes.get('UPDATE_FAILED') === undefined) {
      race.backend.jobs = race.backend.jobs.filter(job => job.handler !== 'serve-blob')
      await next(race)
    }
    await race.rest()
    expect(running(race)).toBe(2)
    expect(race.devices[0]!.starts).toBe(1)
  })

  it('sends a window again as it was when nobody said that it arrived', async () => {
    const race = await calm()
    const device = race.devices[0]!
    device.agent!.infer(SLOT, [0.5, 3])
    device.agent!.flush()
    // On its way when the connection goes, and at the broker all the same.
    device.disconnect()
    await race.drain()
    device.connect()
    // A refusal of the second copy is a fault of its own.
    await race.rest()
    const parts = [...race.store.rows.values()].filter(r => r.key.pk.startsWith('WINDOW#'))
    expect(parts.filter(r => r.key.sk.startsWith('DEVICE#'))).toHaveLength(1)
  })
})
