import { chainOf } from '../cloud.ts'
import { json, makeKey } from '../keys.ts'
import { DAY } from '../owner.ts'
import { active, installed, ready, type Scenario, short } from './scenario.ts'

export const trust: readonly Scenario[] = [
  {
    name: 'a chain that went on while the device was away',
    ids: ['DEV-TRUST-41'],
    async run(t) {
      await installed(t)
      await t.device.kill()
      const { owner, cloud } = t
      // Three ceremonies: every online key is another one in the end.
      owner.rotate()
      owner.deployment = makeKey()
      owner.rotate()
      owner.model = makeKey()
      owner.rotate()
      const two = owner.pack(2)
      cloud.release([owner.slot({ committed: two.release })])
      cloud.publish()
      const from = t.mark()
      await t.device.start()
      await t.report('COMMITTED', { bundle: two.release.bundle.sha256, from })
      const hello = await t.greet()
      const ask = await t.wait('ask', m => (m.kind === 'ask' ? m : undefined), {
        from: t.log.messages.indexOf(hello),
      })
      t.check(
        'DEV-TRUST-41',
        active(t, hello) === two.release.bundle.sha256 && ask.body.have.root === 4,
        `walked to root ${ask.body.have.root} of 4 and committed what the new keys sign`,
      )
    },
  },
  {
    name: 'documents in the wrong order',
    ids: ['DEV-TRUST-42'],
    async run(t) {
      await installed(t)
      await t.device.kill()
      const { owner, cloud } = t
      owner.deployment = makeKey()
      owner.rotate()
      const two = owner.pack(2)
      // Beacon and manifest are there at once; the link that names their key comes with the answer.
      const state = cloud.state!
      cloud.state = () => null
      cloud.release([owner.slot({ committed: two.release })])
      const from = t.mark()
      await t.device.start()
      const ask = await t.wait('ask', m => (m.kind === 'ask' ? m : undefined), { from })
      await t.quiet()
      cloud.state = state
      cloud.down('answer', { corr: ask.body.corr }, json(state(ask.body.have)))
      await t.report('COMMITTED', { bundle: two.release.bundle.sha256, from, ms: t.deadlines.again })
      const refused = t.reports('REFUSED').map(m => m.body.code)
      t.check('DEV-TRUST-42', refused.length === 0, `${refused.join(', ') || 'nothing'} refused on the way`)
    },
  },
  {
    name: 'a new epoch',
    ids: ['DEV-TRUST-43'],
    async run(t) {
      const { owner, cloud } = t
      await ready(t)
      owner.counter = 500
      await t.install(owner.pack(1))
      // What a thief could have signed: a beacon from a far future.
      const stolen = owner.deployment
      cloud.push(
        'beacon',
        json(owner.beacon({ issued: owner.iso(300 * DAY), expires: owner.iso(301 * DAY) })),
      )
      await t.quiet()
      owner.deployment = makeKey()
      owner.epoch++
      owner.rotate()
      owner.counter = 0
      const two = owner.pack(2)
      cloud.push('trust', chainOf(owner.chain))
      const position = cloud.release([owner.slot({ committed: two.release })])
      cloud.publish()
      await t.report('COMMITTED', { bundle: two.release.bundle.sha256, ms: t.deadlines.again })
      const from = t.mark()
      cloud.push('manifest', json(owner.manifest([owner.slot()], { counter: 900, epoch: 1 }, [stolen])))
      const refusal = await t.report('REFUSED', { from })
      const hello = await t.greet()
      const known = hello.body.manifest
      t.check(
        'DEV-TRUST-43',
        known?.epoch === 2 && known.counter === position.counter,
        `manifest ${known?.epoch}.${known?.counter} after 1.501; the old key's 1.900 is ${refusal.body.code}`,
      )
    },
  },
  {
    name: 'signed time',
    ids: ['DEV-TRUST-44'],
    async run(t) {
      await installed(t)
      const { owner, cloud } = t
      const soon = owner.iso(30 * DAY)
      owner.time += 60 * DAY
      cloud.beacon = owner.beacon()
      cloud.push('beacon', json(cloud.beacon))
      await t.quiet()
      const from = t.mark()
      const issued = owner.iso(-60 * DAY)
      cloud.push(
        'manifest',
        json(
          owner.manifest([owner.slot({ committed: owner.pack(2).release })], {
            ...{ counter: owner.counter + 1, issued, expires: soon },
          }),
        ),
      )
      const refusal = await t.report('REFUSED', { from })
      t.check(
        'DEV-TRUST-44',
        refusal.body.code === 'MANIFEST_EXPIRED',
        `a beacon was signed 60 days ahead of the clock, a manifest ends after 30: ${refusal.body.code}`,
      )
    },
  },
  {
    name: 'a manifest without any beacon',
    ids: ['DEV-TRUST-45'],
    async run(t) {
      const { owner, cloud } = t
      cloud.publish()
      const document = owner.manifest([owner.slot({ committed: owner.pack(1).release })])
      cloud.manifest = document
      cloud.publish()
      await t.device.start()
      const { body } = await t.report('REFUSED', { code: 'MANIFEST_FROZEN' })
      const hello = await t.greet()
      const ok = active(t, hello) === null && hello.body.manifest === null
      t.check('DEV-TRUST-45', ok, `${body.code}; runs ${short(active(t, hello))}`)
    },
  },
  {
    name: 'a revoked model that runs',
    ids: ['DEV-BAR-01'],
    async run(t) {
      const one = await installed(t)
      const two = t.owner.pack(2)
      const bad = two.release.bundle.sha256
      await t.install(two)
      const from = t.mark()
      t.cloud.release([t.owner.slot({ committed: null })], { revokedBundles: [bad] })
      await t.report('REFUSED', { bundle: bad, code: 'RELEASE_REVOKED', from })
      const hello = await t.greet()
      t.check(
        'DEV-BAR-01',
        active(t, hello) === one.release.bundle.sha256,
        `revoked ${short(bad)}; runs ${short(active(t, hello))}, the one before was ${short(one.release.bundle.sha256)}`,
      )
    },
  },
  {
    name: 'a bar that later manifests do not repeat',
    ids: ['DEV-BAR-02'],
    async run(t) {
      await installed(t)
      const { owner, cloud } = t
      const { model } = owner.target
      const five = owner.pack(5)
      cloud.release([owner.slot({ committed: five.release })], { minimumRelease: { [model]: 5 } })
      await t.report('COMMITTED', { bundle: five.release.bundle.sha256 })
      cloud.release([owner.slot({ committed: five.release })])
      await t.quiet()
      await t.greet()
      const from = t.mark()
      cloud.push('manifest', json(owner.manifest([owner.slot({ committed: owner.pack(3).release })])))
      const { body } = await t.report('REFUSED', { from })
      t.check(
        'DEV-BAR-02',
        body.code === 'RELEASE_TOO_OLD',
        `version 3 below a minimum of 5 that came earlier: ${body.code}`,
      )
    },
  },
  {
    name: 'a bar by the root',
    ids: ['DEV-BAR-03'],
    async run(t) {
      const one = await installed(t)
      const bad = one.release.bundle.sha256
      const from = t.mark()
      t.owner.rotate({ revokedBundles: [bad] })
      t.cloud.push('trust', chainOf(t.owner.chain))
      await t.report('REFUSED', { bundle: bad, code: 'RELEASE_REVOKED', from })
      const hello = await t.greet()
      t.check(
        'DEV-BAR-03',
        active(t, hello) === null,
        `the only model was revoked: runs ${short(active(t, hello))}`,
      )
    },
  },
]
