import { describe, expect, it } from 'vitest'
import type { FieldDevice } from './field.ts'
import { product, SLOT } from './products.ts'
import { settledRace } from './schedule.ts'
import { yearAway } from './year.ts'

const [HOUR, DAY] = [3_600_000, 86_400_000]

describe('a device that was off for a year', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'holds the newest model after one manifest, whatever happened (%i)',
    async seed => {
      const { took } = await yearAway({ seed, happenings: seed % 7, days: 360 })
      expect(took).toBe(1)
    },
  )

  it('also takes it when nothing has happened for longer than a manifest lives', async () => {
    const race = await settledRace(2, 1)
    await race.drain()
    const [home, away] = race.devices as [FieldDevice, FieldDevice]
    away.powerOff()
    await race.release(await product(2), { insufficient: 'proceed' })
    await race.pass(2 * DAY, HOUR)
    expect(race.rollouts().map(r => r.status)).toEqual(['COMPLETED', 'COMPLETED'])
    await race.rotate({ key: false, epoch: false })
    await race.drain()
    home.disconnect()
    await race.pass(400 * DAY, 5 * DAY)
    const before = race.checks.accepted.get(away.thing) ?? 0
    away.boot()
    away.connect()
    home.connect()
    await race.rest()
    expect(away.agent?.status().slots[SLOT]?.version).toBe(2)
    expect(race.checks.accepted.get(away.thing)).toBe(before + 1)
  })
})
