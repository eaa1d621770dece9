import { describe, expect, it } from 'vitest'
import { type Interruption, interrupt } from './exhaustive.ts'
import { product, rolloutId } from './products.ts'

const [next, other] = [await product(2), await product(3)]
const policy = {
  phases: [
    { name: 'canary', exposure: 0.5 },
    { name: 'fleet', exposure: 1 },
  ],
  insufficient: 'proceed' as const,
}
const interruptions: readonly (Interruption & { readonly ends: readonly string[] })[] = [
  { name: 'abort', act: { command: 'abort', devices: 'revert' }, ends: ['ABORTED', 'COMPLETED'] },
  { name: 'abort, keep', act: { command: 'abort', devices: 'keep' }, ends: ['ABORTED', 'COMPLETED'] },
  { name: 'roll-back', act: { command: 'roll-back' }, ends: ['ROLLED_BACK', 'COMPLETED'] },
  { name: 'a newer version', act: { release: other, policy }, ends: ['SUPERSEDED', 'COMPLETED'] },
]

describe.each([
  ['active', 0],
  ['in the shadow', 2],
])('a rollout, %s, is interrupted before each of its messages', (_name, shadowMinutes) => {
  it.each(interruptions)('by $name', async interruption => {
    const seen = new Set<string>()
    for (let at = 0; ; at++) {
      const { steps, race } = await interrupt(1, next, { ...policy, shadowMinutes }, at, interruption)
      seen.add(race.rollouts().find(r => r.id === rolloutId(next))?.status ?? '')
      if (at > steps) break
    }
    expect([...seen].sort()).toEqual([...interruption.ends].sort())
  })
})
