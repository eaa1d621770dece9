import type { Message } from '../log.ts'
import type { Package } from '../package.ts'
import type { Trial } from '../trial.ts'
import { active, installed, type Scenario, short } from './scenario.ts'

/** Large enough for several blocks. */
export const FILLING = 300_000

interface Cut {
  readonly id: string
  readonly name: string
  readonly when: (two: Package) => (message: Message) => boolean
  /** What must hold in the first hello behind the cut, because it was written before it was said. */
  readonly kept: 'manifest' | 'active' | null
}
const reported = (step: string) => (two: Package) => (m: Message) =>
  m.kind === 'report' && m.body.step === step && m.body.bundle === two.release.bundle.sha256
const cuts: readonly Cut[] = [
  { id: 'DEV-CUT-01', name: 'ACCEPTED', when: reported('ACCEPTED'), kept: 'manifest' },
  {
    id: 'DEV-CUT-02',
    name: 'the first request for the bundle',
    when: two => m => m.kind === 'blob' && m.body.digest === two.release.bundle.sha256,
    kept: 'manifest',
  },
  {
    id: 'DEV-CUT-03',
    name: 'a request in the middle of the package',
    when: two => m => m.kind === 'blob' && m.body.digest === two.release.package.sha256 && m.body.offset > 0,
    kept: 'manifest',
  },
  { id: 'DEV-CUT-04', name: 'FETCHED', when: reported('FETCHED'), kept: 'manifest' },
  { id: 'DEV-CUT-05', name: 'VERIFIED', when: reported('VERIFIED'), kept: 'manifest' },
  { id: 'DEV-CUT-06', name: 'TESTED', when: reported('TESTED'), kept: 'manifest' },
  { id: 'DEV-CUT-07', name: 'COMMITTED', when: reported('COMMITTED'), kept: 'active' },
]

/** The power goes right behind a message. Once more, if it comes again: devices meet bad supplies. */
async function cutAndGoOn(t: Trial, cut: Cut): Promise<void> {
  await installed(t)
  const two = t.owner.pack(2, { filling: FILLING })
  const bundle = two.release.bundle.sha256
  const off = t.device.cut(cut.name, cut.when(two))
  t.cloud.release([t.owner.slot({ committed: two.release })])
  await off
  const from = t.mark()
  await t.device.start()
  const hello = await t.wait('hello', m => (m.kind === 'hello' ? m : undefined), { from })
  const counter = hello.body.manifest?.counter
  if (cut.kept === 'manifest' && counter !== t.owner.counter) {
    t.check(cut.id, false, `had reported on manifest ${t.owner.counter}, and knows ${counter} after the cut`)
    return
  }
  if (cut.kept === 'active' && active(t, hello) !== bundle) {
    t.check(cut.id, false, `had reported COMMITTED, and runs ${short(active(t, hello))} after the cut`)
    return
  }
  // It may have come already: reports overtake each other.
  await t.report('COMMITTED', { bundle })
  const last = await t.greet()
  t.check(
    cut.id,
    active(t, last) === bundle,
    `cut behind ${cut.name}: runs ${short(active(t, last))} in the end`,
  )
}

export const powerCuts: readonly Scenario[] = cuts.map(cut => ({
  name: `power cut behind ${cut.name}`,
  ids: cut.kept === 'active' ? [cut.id, 'DEV-REP-04'] : [cut.id],
  run: t => cutAndGoOn(t, cut),
}))
