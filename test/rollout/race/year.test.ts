import { describe, expect, it } from 'vitest'
import { yearAway } from './year.ts'

describe('a device that was off for a year', () => {
  it.each(Array.from({ length: 12 }, (_, seed) => seed))(
    'holds the newest model after one manifest, whatever happened (%i)',
    async seed => {
      const { took } = await yearAway({ seed, happenings: seed % 7, days: 360 })
      expect(took).toBe(1)
    },
  )

  it('also takes it when nothing has happened for longer than a manifest lives', async () => {
    // Off in the middle of a rollout, which ended while it was away.
    const { took, from, to } = await yearAway({ seed: 18, happenings: 0, days: 400 })
    expect({ took, from, to }).toEqual({ took: 1, from: 1, to: 2 })
  })
})
