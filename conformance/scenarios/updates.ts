import type { Message } from '../log.ts'
import type { Package } from '../package.ts'
import type { Trial } from '../trial.ts'
import { FILLING } from './cuts.ts'
import { active, installed, ready, type Scenario, short } from './scenario.ts'

const STEPS = ['ACCEPTED', 'FETCHED', 'VERIFIED', 'TESTED'] as const
const of = (made: Package) => made.release.bundle.sha256
/** Another manifest arrives as soon as the device reports a step on the one before. */
function when(t: Trial, what: Package, step: string, then: () => void): void {
  let done = false
  void t.log.until(m => {
    if (done || m.kind !== 'report' || m.body.bundle !== of(what) || m.body.step !== step) return undefined
    done = true
    then()
    return true
  }, t.deadlines.soon)
}
const runs = async (t: Trial): Promise<string | null> => active(t, await t.greet())

function supersede(step: (typeof STEPS)[number] | 'a block request'): Scenario {
  return {
    name: `a newer manifest at ${step}`,
    ids: ['DEV-UPD-04'],
    async run(t) {
      await installed(t)
      const two = t.owner.pack(2, { filling: FILLING })
      const three = t.owner.pack(3)
      const release = () => void t.cloud.release([t.owner.slot({ committed: three.release })])
      if (step === 'a block request') {
        let once = false
        t.cloud.block = (request, good) => {
          if (!once && request.digest === two.release.package.sha256) {
            once = true
            release()
          }
          return good
        }
      } else when(t, two, step, release)
      t.cloud.release([t.owner.slot({ committed: two.release })])
      await t.report('COMMITTED', { bundle: of(three) })
      await t.quiet()
      const order = t
        .reports('COMMITTED')
        .toSorted((a, b) => a.epoch - b.epoch || a.seq - b.seq)
        .map(m => m.body.bundle)
      const late = order.lastIndexOf(of(two)) > order.indexOf(of(three))
      const now = await runs(t)
      t.check(
        'DEV-UPD-04',
        now === of(three) && !late,
        `at ${step}: runs ${short(now)}, wanted ${short(of(three))}`,
      )
    },
  }
}
function cancel(step: (typeof STEPS)[number]): Scenario {
  return {
    name: `taken back at ${step}`,
    ids: ['DEV-UPD-05'],
    async run(t) {
      const one = await installed(t)
      const two = t.owner.pack(2, { filling: FILLING })
      const position = new Promise<number>(resolve =>
        when(t, two, step, () =>
          resolve(t.cloud.release([t.owner.slot({ committed: one.release })]).counter),
        ),
      )
      t.cloud.release([t.owner.slot({ committed: two.release })])
      await t.report(step, { bundle: of(two) })
      const counter = await position
      // Either it had gone on to the end already, and goes back; or it never gets there.
      await t.quiet()
      const from = t.mark()
      await t.quiet()
      const after = t.log.messages.slice(from).some(m => committed(m, two))
      const hello = await t.greet()
      const knows = hello.body.manifest?.counter
      t.check(
        'DEV-UPD-05',
        active(t, hello) === of(one) && knows === counter && !after,
        `at ${step}: runs ${short(active(t, hello))} by manifest ${knows}, wanted ${short(of(one))} by ${counter}`,
      )
    },
  }
}
const committed = (m: Message, made: Package): boolean =>
  m.kind === 'report' && m.body.step === 'COMMITTED' && m.body.bundle === of(made)

export const updates: readonly Scenario[] = [
  ...STEPS.map(supersede),
  supersede('a block request'),
  ...STEPS.map(cancel),
  {
    name: 'the old model while a new one comes',
    ids: ['DEV-UPD-02'],
    async run(t) {
      const one = await installed(t)
      const two = t.owner.pack(2)
      // The package never comes.
      t.cloud.block = (request, good) => (request.digest === two.release.package.sha256 ? null : good)
      t.cloud.release([t.owner.slot({ committed: two.release })])
      await t.wait('a request for the package', m =>
        m.kind === 'blob' && m.body.digest === two.release.package.sha256 ? m : undefined,
      )
      const now = await runs(t)
      t.check('DEV-UPD-02', now === of(one), `half-way to ${short(of(two))} it runs ${short(now)}`)
    },
  },
  {
    name: 'the old model when a new one is bad',
    ids: ['DEV-UPD-03'],
    async run(t) {
      const one = await installed(t)
      const bad = t.owner.pack(2, { contract: { hardware: 'another-one' } })
      t.cloud.release([t.owner.slot({ committed: bad.release })])
      await t.wait('a refusal', m =>
        m.kind === 'report' && m.body.bundle === of(bad) && m.body.code !== undefined ? m : undefined,
      )
      const now = await runs(t)
      t.check('DEV-UPD-03', now === of(one), `after ${short(of(bad))} was refused it runs ${short(now)}`)
    },
  },
  {
    name: 'a package that failed',
    ids: ['DEV-UPD-06'],
    async run(t) {
      await installed(t)
      const bad = t.owner.pack(2, { contract: { hardware: 'another-one' } })
      t.cloud.release([t.owner.slot({ committed: bad.release })])
      const first = await t.wait('a refusal', m =>
        m.kind === 'report' && m.body.bundle === of(bad) && m.body.code !== undefined ? m : undefined,
      )
      await t.quiet()
      const from = t.mark()
      // All that may set an update going: the manifest once more, a hint, a new connection.
      t.cloud.publish()
      t.cloud.hint(t.owner.counter)
      await t.quiet()
      await t.greet()
      await t.quiet()
      const again = t.log.messages.slice(from)
      const requests = again.filter(
        m => m.kind === 'blob' && m.body.digest === bad.release.package.sha256,
      ).length
      const told = again.filter(
        m => m.kind === 'report' && m.body.bundle === of(bad) && m.seq !== first.seq,
      ).length
      t.check(
        'DEV-UPD-06',
        requests + told === 0,
        `${requests} more requests for it and ${told} more reports on it under the same manifest`,
      )
    },
  },
  {
    name: 'back to the one before',
    ids: ['DEV-UPD-07'],
    async run(t) {
      const one = await installed(t)
      await t.install(t.owner.pack(2))
      const from = t.mark()
      await t.install(one)
      const requests = t.log.messages.slice(from).filter(m => m.kind === 'blob').length
      t.check('DEV-UPD-07', requests === 0, `${requests} block requests on the way back`)
    },
  },
  {
    name: 'a candidate that runs already',
    ids: ['DEV-UPD-08'],
    async run(t) {
      const one = await installed(t)
      const { owner, cloud } = t
      const candidate = owner.candidate(one, { rollout: 'r-7' })
      const slot = owner.slot({ committed: one.release, candidate })
      const from = t.mark()
      cloud.release([slot])
      const told = (m: Message) =>
        m.kind === 'report' && m.body.step === 'COMMITTED' && m.body.rollout === 'r-7'
      await t.wait('COMMITTED for the rollout', m => (told(m) ? m : undefined), { from })
      cloud.release([slot])
      await t.greet()
      await t.quiet()
      const times = new Set(t.log.messages.filter(told).map(m => m.seq)).size
      t.check('DEV-UPD-08', times === 1, `reported ${times} times for the rollout`)
    },
  },
  {
    name: 'a slot that nothing is said about',
    ids: ['DEV-UPD-09'],
    async run(t) {
      const one = await installed(t)
      t.cloud.release([t.owner.slot({ committed: null })])
      await t.quiet()
      const first = await runs(t)
      t.cloud.release([t.owner.slot({ hardware: 'another-one' })])
      await t.quiet()
      const hello = await t.greet()
      const all = [first, active(t, hello)]
      const knows = hello.body.manifest?.counter === t.owner.counter
      t.check(
        'DEV-UPD-09',
        all.every(now => now === of(one)) && knows,
        `nothing committed: ${short(all[0])}; no entry: ${short(all[1])}; it ran ${short(of(one))}`,
      )
    },
  },
  {
    name: 'everything doubled, late and out of order, a third lost',
    ids: ['DEV-ROB-03'],
    async run(t) {
      await ready(t)
      const { route } = t.cloud
      let n = 0
      t.cloud.route = (topic, payload) => {
        n++
        if (n % 3 === 0) return
        route(topic, payload)
        t.clock.after(40 * (n % 5), () => route(topic, payload))
        t.clock.after(t.deadlines.quiet, () => route(topic, payload))
      }
      let last = t.owner.pack(1)
      for (let version = 1; version <= 3; version++) {
        last = t.owner.pack(version, { filling: FILLING })
        t.cloud.release([t.owner.slot({ committed: last.release })])
        await t.report('COMMITTED', { bundle: of(last), ms: t.deadlines.last })
      }
      const now = await runs(t)
      t.check('DEV-ROB-03', now === of(last), `${n} messages down for three updates; runs ${short(now)}`)
    },
  },
  {
    name: 'a broker that restarts during a download',
    ids: ['DEV-ROB-04'],
    needs: ['sessions'],
    async run(t) {
      await installed(t)
      const two = t.owner.pack(2, { filling: FILLING })
      let blocks = 0
      t.cloud.block = (request, good) => {
        if (request.digest === two.release.package.sha256 && ++blocks % 3 === 0 && blocks < 10) {
          t.wire.admit(false)
          t.wire.drop()
          t.clock.after(t.deadlines.quiet / 2, () => t.wire.admit(true))
          return null
        }
        return good
      }
      t.cloud.release([t.owner.slot({ committed: two.release })])
      await t.report('COMMITTED', { bundle: of(two), ms: t.deadlines.again })
      t.check('DEV-ROB-04', true, 'went on after each restart')
    },
  },
]
