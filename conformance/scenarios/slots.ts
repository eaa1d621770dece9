import { place } from '../documents.ts'
import type { Trial } from '../trial.ts'
import { active, installed, type Scenario, short } from './scenario.ts'

type Pin = 'committed' | 'candidate' | 'other'

/** What runs after a manifest with version 1 committed and a candidate of this exposure, pinned or not. */
async function settled(t: Trial, version: number, exposure: (u: number) => number, pin?: Pin) {
  const committed = t.owner.pack(1)
  const made = t.owner.pack(version)
  const candidate = t.owner.candidate(made)
  const bundles = {
    committed: committed.release.bundle.sha256,
    candidate: made.release.bundle.sha256,
    other: 'd'.repeat(64),
  }
  const u = place(candidate.seed, t.thing)
  const pins = { 'somebody-else': bundles.candidate, ...(pin ? { [t.thing]: bundles[pin] } : {}) }
  const from = t.mark()
  t.cloud.release([
    t.owner.slot({
      ...{ committed: committed.release, pins },
      candidate: { ...candidate, exposure: Math.min(1, exposure(u)) },
    }),
  ])
  await t.quiet()
  // Time for a download, if it comes to one.
  if (t.log.messages.slice(from).some(m => m.kind === 'blob'))
    await t.log.until(
      m => (m.kind === 'report' && m.body.step === 'COMMITTED' ? m : undefined),
      t.deadlines.soon,
      from,
    )
  const hello = await t.greet()
  const knows = hello.body.manifest?.counter === t.owner.counter
  return { bundles, knows, runs: active(t, hello) }
}

export const slots: readonly Scenario[] = [
  {
    name: 'place in a rollout',
    ids: ['DEV-SLOT-01'],
    async run(t) {
      await installed(t)
      const cases: readonly (readonly [number, (u: number) => number, 'committed' | 'candidate'])[] = [
        [2, u => u, 'committed'],
        [3, u => u + 1e-9, 'candidate'],
        [4, () => 0, 'committed'],
        [5, () => 1, 'candidate'],
      ]
      for (const [version, exposure, wanted] of cases) {
        const { bundles, knows, runs } = await settled(t, version, exposure)
        t.check(
          'DEV-SLOT-01',
          runs === bundles[wanted] && knows,
          `${wanted} wanted, ${short(bundles[wanted])}: runs ${short(runs)}`,
        )
      }
    },
  },
  {
    name: 'pins',
    ids: ['DEV-SLOT-02'],
    async run(t) {
      const one = await installed(t)
      let before: string | null = one.release.bundle.sha256
      const cases: readonly (readonly [number, number, Pin])[] = [
        [2, 1, 'committed'],
        [3, 0, 'candidate'],
        [4, 0, 'other'],
        [5, 1, 'other'],
        [6, 1, 'committed'],
      ]
      for (const [version, exposure, pin] of cases) {
        const { bundles, knows, runs } = await settled(t, version, () => exposure, pin)
        const wanted = pin === 'other' ? before : bundles[pin]
        t.check(
          'DEV-SLOT-02',
          runs === wanted && knows,
          `pinned to ${pin}, ${short(wanted)}: runs ${short(runs)}`,
        )
        before = runs
      }
    },
  },
  {
    name: 'a candidate in the shadow',
    ids: ['DEV-SHADOW-01', 'DEV-SHADOW-02'],
    async run(t) {
      const one = await installed(t)
      const { owner, cloud } = t
      const two = owner.pack(2)
      const bundle = two.release.bundle.sha256
      const release = (mode: 'shadow' | 'active') =>
        cloud.release([owner.slot({ committed: one.release, candidate: owner.candidate(two, { mode }) })])
      release('shadow')
      const { body } = await t.report('SHADOWING', { bundle })
      const hello = await t.greet()
      const runs = active(t, hello)
      t.check(
        'DEV-SHADOW-01',
        runs === one.release.bundle.sha256 && body.rollout === 'r-2',
        `SHADOWING of ${short(bundle)} for ${body.rollout}; runs ${short(runs)}`,
      )
      const from = t.mark()
      release('active')
      await t.report('COMMITTED', { bundle, from })
      const requests = t.log.messages.slice(from).filter(m => m.kind === 'blob').length
      t.check('DEV-SHADOW-02', requests === 0, `${requests} block requests when it took the slot`)
    },
  },
]
