import { describe, expect, it } from 'vitest'
import { cutBy, updateAhead } from './exhaustive.ts'
import { type Policy, product, rolloutId } from './products.ts'

const next = await product(2)
const policy: Policy = { phases: [{ name: 'fleet', exposure: 1 }], insufficient: 'proceed' }

describe('power cuts of a device in an update, with the whole cloud behind it', () => {
  it.each([
    ['an update', 0, 1],
    ['an update that begins in the shadow', 2, 2],
  ])(
    'twice, at every pair of changes of the disk, leave nothing undone: %s',
    async (_name, shadowMinutes, by) => {
      const from = await updateAhead(next, { ...policy, shadowMinutes })
      const whole = await cutBy(from, [])
      const [changes = 0] = whole.lives
      expect(changes).toBeGreaterThan(12)
      expect(whole.race.checks.switches).toBe(1)
      for (let first = 0; first < changes; first++) {
        // Before a change and after it by turns, and of the longer update every other pair; the bench takes all.
        const at = (n: number) =>
          ({ at: n, how: (first + Math.floor(n / by)) % 2 === 0 ? 'before' : 'after' }) as const
        const { lives } = await cutBy(from, [at(first)])
        for (let second = first % by; second < lives[1]!; second += by) {
          const { race } = await cutBy(from, [at(first), at(second)])
          expect(race.checks.switches, `${first}, then ${second}`).toBe(1)
          expect(race.rollouts().find(r => r.id === rolloutId(next))?.status).toBe('COMPLETED')
        }
      }
    },
  )
})
