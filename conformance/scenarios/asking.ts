import { json } from '../keys.ts'
import { installed, ready, type Scenario, short } from './scenario.ts'

export const asking: readonly Scenario[] = [
  {
    name: 'nothing retained, nothing pushed',
    ids: ['DEV-ASK-03'],
    async run(t) {
      t.cloud.pushes = false
      t.owner.rotate()
      t.cloud.release([t.owner.slot({ committed: t.owner.pack(1).release })])
      await t.device.start()
      const { body } = await t.report('COMMITTED')
      t.check('DEV-ASK-03', true, `committed ${short(body.bundle)} by asking alone`)
    },
  },
  {
    name: 'an answer that is lost',
    ids: ['DEV-ASK-02'],
    async run(t) {
      t.cloud.pushes = false
      const answer = t.cloud.state
      t.cloud.release([t.owner.slot({ committed: t.owner.pack(1).release })])
      let asks = 0
      t.cloud.state = have => (++asks <= 2 ? null : (answer?.(have) ?? null))
      await t.device.start()
      await t.report('COMMITTED', { ms: t.deadlines.again })
      t.check('DEV-ASK-02', asks >= 3, `asked ${asks} times until an answer came`)
    },
  },
  {
    name: 'hints',
    ids: ['DEV-ASK-05'],
    async run(t) {
      await installed(t)
      const counter = t.owner.counter
      // Something newer is there, and of its push nothing came through.
      t.cloud.pushes = false
      const two = t.owner.pack(2)
      t.cloud.release([t.owner.slot({ committed: two.release })])
      const from = t.mark()
      t.cloud.hint(t.owner.counter)
      await t.report('COMMITTED', { bundle: two.release.bundle.sha256, from })
      // A hint without anything behind it, by whoever, changes nothing.
      t.cloud.hint(t.owner.counter + 1_000)
      await t.quiet()
      const hello = await t.greet()
      const said = hello.body.manifest?.counter
      t.check(
        'DEV-ASK-05',
        said === t.owner.counter,
        `hint of ${counter + 1_001}: manifest ${said}, true is ${t.owner.counter}`,
      )
    },
  },
  {
    name: 'answers with fields that nobody knows',
    ids: ['DEV-ROB-02'],
    async run(t) {
      const good = t.cloud.state
      t.cloud.pushes = false
      t.cloud.release([t.owner.slot({ committed: t.owner.pack(1).release })])
      let asks = 0
      t.cloud.state = have =>
        ++asks === 1 ? { ...good?.(have), manifest: null, beacon: null, extra: true } : (good?.(have) ?? null)
      await t.device.start()
      await t.wait('ask', m => (m.kind === 'ask' ? m : undefined))
      t.cloud.down('answer', { corr: 'nobody-asked' }, json({ v: 1, kind: 'error', code: 'X', message: 'x' }))
      await t.report('COMMITTED', { ms: t.deadlines.again })
      t.check('DEV-ROB-02', t.device.life?.ended() === null, 'passed over, and the next answer was taken')
    },
  },
  {
    name: 'months offline',
    ids: ['DEV-OFF-01'],
    async run(t) {
      await installed(t)
      await t.device.kill()
      const { owner, cloud } = t
      const skipped = new Set<string>()
      for (let month = 1; month <= 6; month++) {
        owner.time += 30 * 86_400_000
        const made = owner.pack(1 + month)
        if (month < 6) for (const ref of [made.release.bundle, made.release.package]) skipped.add(ref.sha256)
        if (month % 2 === 0) owner.rotate()
        cloud.release([owner.slot({ committed: made.release })])
      }
      cloud.publish()
      const from = t.mark()
      await t.device.start()
      const newest = t.owner.pack(7).release.bundle.sha256
      const { body } = await t.report('COMMITTED', { bundle: newest, from })
      const wasted = t.log.of('blob').filter(m => skipped.has(m.body.digest)).length
      t.check(
        'DEV-OFF-01',
        wasted === 0,
        `committed ${short(body.bundle)}, the newest; ${wasted} requests for what lies between`,
      )
    },
  },
  {
    name: 'first start without a cloud that answers',
    ids: ['DEV-ASK-01'],
    async run(t) {
      t.cloud.state = null
      await ready(t)
      await t.wait('ask', m => (m.kind === 'ask' ? m : undefined))
    },
  },
]
