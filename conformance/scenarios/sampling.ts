import { place, type Sampling } from '../documents.ts'
import { sha256 } from '../keys.ts'
import { WINDOW_SECONDS } from '../package.ts'
import type { Trial } from '../trial.ts'
import { answered } from './rows.ts'
import { installed, type Scenario } from './scenario.ts'

const HOUR_MS = 3_600_000
/** Batches wait for company, and windows for their end. */
const sent = (t: Trial): Promise<void> => t.quiet(WINDOW_SECONDS * 3_000)

/** Tells a device that runs version 1 what to sample. */
async function told(t: Trial, sampling: Sampling): Promise<void> {
  const { release } = t.owner.pack(1)
  t.cloud.release([t.owner.slot({ committed: release, sampling })])
  await t.quiet()
}
const samplesOf = (t: Trial) => t.log.of('samples').flatMap(m => m.body.samples)
const idsOf = (rows: readonly { readonly eventId: string }[]): string =>
  rows
    .map(row => row.eventId)
    .toSorted()
    .join()
const dropsOf = (t: Trial) => t.log.of('metrics').flatMap(m => (m.body.samples ? [m.body.samples.audit] : []))

export const sampling: readonly Scenario[] = [
  {
    name: 'a policy in the manifest',
    ids: ['DEV-SAMPLE-02'],
    rows: true,
    async run(t) {
      await installed(t)
      const policy = sha256('everything')
      await told(t, { policy, factor: 1, audit: 1 })
      const found = [...(await answered(t, 20))]
      await sent(t)
      await t.device.restart()
      await t.quiet()
      found.push(...(await answered(t, 20)))
      await sent(t)
      const samples = samplesOf(t)
      const named = samples.every(
        ({ lane, pi, strategy, policy: by }) =>
          lane === 'audit' && pi === 1 && strategy === 'random' && by === policy.slice(0, 16),
      )
      t.check(
        'DEV-SAMPLE-02',
        found.length === 40 && idsOf(found) === idsOf(samples) && named,
        `${samples.length} of ${found.length} rows came under a policy that takes all, ${named ? 'each' : 'not each'} with its name`,
      )
    },
  },
  {
    name: 'half a policy',
    ids: ['DEV-SAMPLE-03'],
    rows: true,
    async run(t) {
      await installed(t)
      await told(t, { policy: sha256('half'), factor: 0.5, audit: 0.8 })
      const found = await answered(t, 60)
      await sent(t)
      const wanted = found.filter(({ eventId }) => place('audit', eventId) < 0.4)
      const samples = samplesOf(t)
      const pis = [...new Set(samples.map(({ pi }) => pi))]
      t.check(
        'DEV-SAMPLE-03',
        found.length === 60 && idsOf(wanted) === idsOf(samples) && pis.join() === '0.4',
        `${wanted.length} rows by the hash and π = 0.4, ${samples.length} came with π = ${pis.join(', ')}`,
      )
    },
  },
  {
    name: 'two strategies for one row',
    ids: ['DEV-SAMPLE-04'],
    rows: true,
    async run(t) {
      await installed(t)
      const hard = [
        // No answer of the kit's model is certain, and each is in one of its classes.
        { strategy: 'margin', below: 1, probability: 0.5 },
        { strategy: 'class', classes: ['ok', 'bad'], probability: 1 },
      ]
      await told(t, { policy: sha256('two'), factor: 1, audit: 0.25, hard })
      const found = await answered(t, 60)
      await sent(t)
      const audited = found.filter(({ eventId }) => place('audit', eventId) < 0.25)
      const wanted = found.filter(row => !audited.includes(row) && place('hard', row.eventId) < 0.5)
      const lane = (name: string) => samplesOf(t).filter(sample => sample.lane === name)
      const good = lane('hard').every(({ strategy, pi }) => strategy === 'margin' && pi === 0.5)
      t.check(
        'DEV-SAMPLE-04',
        idsOf(audited) === idsOf(lane('audit')) && idsOf(wanted) === idsOf(lane('hard')) && good,
        `${wanted.length} rows are the first strategy's, ${lane('hard').length} came in the hard lane`,
      )
    },
  },
  {
    name: 'a burst',
    ids: ['DEV-SAMPLE-05'],
    rows: true,
    async run(t) {
      await installed(t)
      const until = new Date(t.clock.now() + HOUR_MS).toISOString()
      const burst = { id: 'kit-1', things: [t.thing], count: 12, until }
      const policy = { policy: sha256('burst'), factor: 1, audit: 0.25, burst }
      await told(t, policy)
      const found = await answered(t, 40)
      await sent(t)
      await t.device.restart()
      await told(t, policy)
      await answered(t, 20)
      await sent(t)
      const wanted = found.filter(({ eventId }) => place('audit', eventId) >= 0.25).slice(0, 12)
      const hard = samplesOf(t).filter(sample => sample.lane === 'hard')
      const good = hard.every(({ strategy, pi }) => strategy === 'burst' && pi === 1)
      t.check(
        'DEV-SAMPLE-05',
        wanted.length === 12 && idsOf(wanted) === idsOf(hard) && good,
        `a burst of 12, ${hard.length} rows came`,
      )
    },
  },
  {
    name: 'a limit',
    ids: ['DEV-SAMPLE-06'],
    rows: true,
    async run(t) {
      await installed(t)
      const policy = { policy: sha256('limit'), factor: 1, audit: 1, limits: { itemsPerHour: 10 } }
      await told(t, policy)
      await answered(t, 40)
      await sent(t)
      const before = samplesOf(t).length
      const counted = dropsOf(t).reduce((sum, { chosen }) => sum + chosen, 0)
      const dropped = dropsOf(t).reduce((sum, each) => sum + each.dropped, 0)
      await t.device.restart()
      await told(t, policy)
      await answered(t, 20)
      await sent(t)
      const after = samplesOf(t).length
      // A few come back with the minutes that the scenario takes.
      const ok = before >= 10 && before <= 12 && after <= 14 && counted === 40 && dropped === 40 - before
      t.check(
        'DEV-SAMPLE-06',
        ok,
        `10 an hour: ${before} of 40 rows came, ${counted} counted as chosen and ${dropped} as dropped; ${after} after a power cut`,
      )
    },
  },
]
