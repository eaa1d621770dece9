import { place } from '../documents.ts'
import { AUDIT, WINDOW_SECONDS } from '../package.ts'
import type { Trial } from '../trial.ts'
import { FILLING } from './cuts.ts'
import { installed, type Scenario, short } from './scenario.ts'

const sum = (counts: readonly number[]): number => counts.reduce((a, b) => a + b, 0)

/** Feeds rows and waits until each has its answer. */
export async function answered(
  t: Trial,
  rows: number,
): Promise<readonly { eventId: string; bundle: string }[]> {
  const life = t.device.life!
  const before = life.answers.length
  for (let n = 0; n < rows; n++) life.row([(n % 10) / 10, n % 7 === 0 ? null : n % 20])
  for (let waited = 0; waited < t.deadlines.soon; waited += 100) {
    if (life.answers.length >= before + rows) break
    await t.quiet(100)
  }
  return life.answers.slice(before)
}

export const rows: readonly Scenario[] = [
  {
    name: 'rows during an update',
    ids: ['DEV-RUN-01'],
    rows: true,
    async run(t) {
      const one = await installed(t)
      const first = await answered(t, 5)
      const two = t.owner.pack(2, { filling: FILLING })
      const bundle = two.release.bundle.sha256
      const held: (() => void)[] = []
      t.cloud.block = (request, good) => {
        if (request.digest !== two.release.package.sha256) return good
        const { digest, offset } = request
        held.push(() => t.cloud.down('block', { digest, offset: String(offset) }, good))
        return null
      }
      t.cloud.release([t.owner.slot({ committed: two.release })])
      await t.wait('a request for the package', m =>
        m.kind === 'blob' && m.body.digest === two.release.package.sha256 ? m : undefined,
      )
      const during = await answered(t, 5)
      t.cloud.block = (_, good) => good
      for (const send of held) send()
      await t.report('COMMITTED', { bundle, ms: t.deadlines.again })
      const after = await answered(t, 5)
      const by = (answers: readonly { bundle: string }[], wanted: string) =>
        answers.length === 5 && answers.every(answer => answer.bundle === wanted)
      const old = one.release.bundle.sha256
      t.check(
        'DEV-RUN-01',
        by(first, old) && by(during, old) && by(after, bundle),
        `before ${short(first[0]?.bundle)}, during ${short(during[0]?.bundle)}, after ${short(after[0]?.bundle)}`,
      )
    },
  },
  {
    name: 'rows without a connection',
    ids: ['DEV-RUN-02'],
    needs: ['sessions'],
    rows: true,
    async run(t) {
      const one = await installed(t)
      await t.device.kill()
      t.wire.admit(false)
      await t.device.start()
      const found = await answered(t, 5)
      const ok = found.length === 5 && found.every(({ bundle }) => bundle === one.release.bundle.sha256)
      t.check('DEV-RUN-02', ok, `${found.length} of 5 rows answered while nothing could be reached`)
    },
  },
  {
    name: 'windows and samples',
    ids: ['DEV-MON-01', 'DEV-SAMPLE-01'],
    rows: true,
    async run(t) {
      const one = await installed(t)
      const MANY = 60
      const found = await answered(t, MANY)
      await t.quiet(WINDOW_SECONDS * 3_000)
      const windows = t.log.of('metrics').filter(m => m.body.bundle === one.release.bundle.sha256)
      const counted = sum(windows.map(m => m.body.inferences))
      const whole = windows.every(({ body }) =>
        [body.prediction, ...Object.values(body.features)].every(counts => sum(counts) === body.inferences),
      )
      t.check(
        'DEV-MON-01',
        counted === MANY && whole,
        `${MANY} rows, ${counted} counted in ${windows.length} windows`,
      )
      const wanted = found
        .filter(({ eventId }) => place('audit', eventId) < AUDIT)
        .map(answer => answer.eventId)
      const sent = t.log.of('samples').flatMap(m => m.body.samples.map(sample => sample.eventId))
      const same = wanted.toSorted().join() === sent.toSorted().join()
      t.check(
        'DEV-SAMPLE-01',
        same && found.length === MANY,
        `${wanted.length} rows by the hash, ${sent.length} came`,
      )
    },
  },
  {
    name: 'windows while the broker is down',
    ids: ['DEV-MON-02'],
    needs: ['sessions'],
    rows: true,
    async run(t) {
      await installed(t)
      t.wire.admit(false)
      t.wire.drop()
      await t.quiet(500)
      const found = await answered(t, 20)
      await t.quiet(WINDOW_SECONDS * 2_000)
      t.wire.admit(true)
      const ms = t.deadlines.again
      await t.wait('metrics', m => (m.kind === 'metrics' ? m : undefined), { ms })
      await t.quiet()
      const windows = t.log.of('metrics')
      const counted = sum(windows.map(m => m.body.inferences))
      t.check(
        'DEV-MON-02',
        found.length === 20 && counted === 20 && windows.every(m => m.body.historical),
        `${counted} of 20 rows in ${windows.length} windows, historical: ${windows.map(m => m.body.historical).join(', ')}`,
      )
    },
  },
  {
    name: 'a power cut between rows',
    ids: ['DEV-MON-03'],
    rows: true,
    async run(t) {
      await installed(t)
      await answered(t, 5)
      await t.quiet(WINDOW_SECONDS * 2_000)
      await t.device.restart()
      const from = t.mark()
      const found = await answered(t, 5)
      const window = await t.wait('metrics', m => (m.kind === 'metrics' ? m : undefined), { from })
      const { resets } = window.body
      t.check('DEV-MON-03', found.length === 5 && resets === 1, `one power cut, ${resets} told`)
    },
  },
  {
    name: 'rows beside a candidate in the shadow',
    ids: ['DEV-MON-04'],
    rows: true,
    async run(t) {
      const one = await installed(t)
      const { owner, cloud } = t
      const two = owner.pack(2)
      const candidate = owner.candidate(two, { mode: 'shadow' })
      cloud.release([owner.slot({ committed: one.release, candidate })])
      await t.report('SHADOWING', { bundle: two.release.bundle.sha256 })
      const MANY = 20
      const found = await answered(t, MANY)
      await t.quiet(WINDOW_SECONDS * 3_000)
      const beside = t.log.of('metrics').flatMap(m => (m.body.shadow ? [m.body.shadow] : []))
      const compared = sum(beside.map(shadow => shadow.compared))
      const ok =
        found.length === MANY &&
        found.every(({ bundle }) => bundle === one.release.bundle.sha256) &&
        beside.every(({ bundle }) => bundle === two.release.bundle.sha256)
      t.check('DEV-MON-04', ok && compared === MANY, `${found.length} rows answered, ${compared} compared`)
    },
  },
]
