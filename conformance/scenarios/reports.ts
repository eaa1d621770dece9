import { manifestStatement } from '../documents.ts'
import { envelope, json } from '../keys.ts'
import { installed, ready, type Scenario } from './scenario.ts'

const number = (m: { epoch: number; seq: number }): string => `${m.epoch}-${m.seq}`

export const reports: readonly Scenario[] = [
  {
    name: 'a report that nobody acknowledges',
    ids: ['DEV-REP-01'],
    async run(t) {
      await ready(t)
      t.cloud.acknowledges = false
      const first = await t.install(t.owner.pack(1))
      const again = await t.wait(
        'the third COMMITTED',
        () => (t.reports('COMMITTED').length >= 3 ? t.reports('COMMITTED') : undefined),
        { ms: t.deadlines.again },
      )
      const same = again.every(m => m.text === first.text)
      t.check(
        'DEV-REP-01',
        same,
        same ? `${number(first)} came again, unchanged` : `other words: ${again[1]?.text}`,
      )
    },
  },
  {
    name: 'a report that is acknowledged',
    ids: ['DEV-REP-02'],
    async run(t) {
      await installed(t)
      await t.quiet(t.deadlines.again / 3)
      await t.greet()
      await t.quiet()
      const times = t.reports('COMMITTED').length
      t.check('DEV-REP-02', times === 1, `sent ${times} times, acknowledged the first time`)
    },
  },
  {
    name: 'a report over a power cut',
    ids: ['DEV-REP-03'],
    async run(t) {
      await ready(t)
      t.cloud.acknowledges = false
      const first = await t.install(t.owner.pack(1))
      const from = t.mark()
      await t.device.restart()
      const again = await t.report('COMMITTED', { from })
      t.check('DEV-REP-03', again.text === first.text, `${number(first)}, after the cut ${number(again)}`)
    },
  },
  {
    name: 'a document that is refused often',
    ids: ['DEV-REP-05'],
    async run(t) {
      await installed(t)
      const bad = t.owner.manifest([t.owner.slot()], { counter: 99, audience: { fleet: 'another-one' } })
      const from = t.mark()
      for (let n = 0; n < 5; n++) t.cloud.push('manifest', json(bad))
      await t.report('REFUSED', { code: 'MANIFEST_AUDIENCE', from })
      for (let n = 0; n < 5; n++) t.cloud.push('manifest', json(bad))
      await t.quiet()
      const all = new Set(t.reports('REFUSED').map(number))
      t.check('DEV-REP-05', all.size === 1, `one document, delivered 10 times: ${all.size} reports`)
    },
  },
  {
    name: 'many documents that are refused',
    ids: ['DEV-OUT-01'],
    needs: ['sessions'],
    async run(t) {
      await installed(t)
      t.cloud.acknowledges = false
      const MANY = 40
      for (let n = 1; n <= MANY; n++) {
        const statement = manifestStatement({
          ...{ audience: { fleet: 'another-one' }, epoch: 1, counter: n, slots: [t.owner.slot()] },
          ...{
            issued: t.owner.iso(),
            expires: t.owner.iso(86_400_000),
            minimumRelease: {},
            revokedBundles: [],
          },
        })
        t.cloud.push('manifest', json(envelope(json(statement), [t.owner.deployment])))
      }
      await t.quiet()
      const from = t.mark()
      t.wire.drop()
      const ms = t.deadlines.again
      const hello = await t.wait('hello', m => (m.kind === 'hello' ? m : undefined), { from, ms })
      await t.quiet()
      const kept = new Set(
        t.log.messages
          .slice(from)
          .filter(m => m.kind === 'report' && m.body.step === 'REFUSED')
          .map(number),
      )
      const { dropped } = hello.body.outbox
      t.check(
        'DEV-OUT-01',
        kept.size > 0 && kept.size <= 32 && dropped >= MANY - 32,
        `${MANY} refused, ${kept.size} kept, and hello counts ${dropped} dropped`,
      )
    },
  },
  {
    name: 'a broker that takes nothing',
    ids: ['DEV-REP-06'],
    needs: ['sessions', 'acknowledgements'],
    async run(t) {
      await installed(t)
      const two = t.owner.pack(2)
      // From the first block on, nothing that the device sends is taken any more.
      t.cloud.block = (request, good) => {
        if (request.digest === two.release.package.sha256) t.wire.stall(true)
        return good
      }
      t.cloud.release([t.owner.slot({ committed: two.release })])
      await t.wait('block request', m =>
        m.kind === 'blob' && m.body.digest === two.release.package.sha256 ? m : undefined,
      )
      await t.quiet()
      const from = t.mark()
      t.wire.stall(false)
      t.wire.drop()
      const ms = t.deadlines.again
      const { body } = await t.report('COMMITTED', { bundle: two.release.bundle.sha256, from, ms })
      t.check('DEV-REP-06', body.manifest.counter === t.owner.counter, 'sent again on the next connection')
    },
  },
]
