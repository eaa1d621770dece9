import type { Package } from '../package.ts'
import type { Trial } from '../trial.ts'
import { FILLING } from './cuts.ts'
import { active, installed, type Scenario, short } from './scenario.ts'

const requests = (t: Trial, made: Package, from = 0) =>
  t.log.messages
    .slice(from)
    .flatMap(m => (m.kind === 'blob' && m.body.digest === made.release.package.sha256 ? [m.body] : []))

async function update(t: Trial, ms?: number): Promise<Package> {
  const two = t.owner.pack(2, { filling: FILLING })
  t.cloud.release([t.owner.slot({ committed: two.release })])
  await t.report('COMMITTED', { bundle: two.release.bundle.sha256, ...(ms === undefined ? {} : { ms }) })
  return two
}

export const fetching: readonly Scenario[] = [
  {
    name: 'blocks that are lost',
    ids: ['DEV-FETCH-02'],
    async run(t) {
      await installed(t)
      const lost = new Set<string>()
      t.cloud.block = (request, good) => {
        const key = `${request.digest} ${request.offset}`
        if (lost.has(key)) return good
        lost.add(key)
        return lost.size % 2 === 0 ? null : good
      }
      const two = await update(t, t.deadlines.again)
      t.check('DEV-FETCH-02', true, `${requests(t, two).length} requests, every other block lost once`)
    },
  },
  {
    name: 'blocks doubled and in the wrong order',
    ids: ['DEV-FETCH-03'],
    async run(t) {
      await installed(t)
      const { route } = t.cloud
      let held: (() => void) | null = null
      t.cloud.route = (topic, payload) => {
        if (!topic.includes('/down/blob/')) {
          route(topic, payload)
          return
        }
        const now = (): void => {
          route(topic, payload)
          route(topic, payload)
        }
        if (held === null) {
          held = now
          // A device that asks for one block at a time gets it alone.
          t.clock.after(200, () => {
            held?.()
            held = null
          })
        } else {
          now()
          held()
          held = null
        }
      }
      const two = await update(t)
      t.check('DEV-FETCH-03', true, `${requests(t, two).length} requests, each block twice, pairs swapped`)
    },
  },
  {
    name: 'blocks that nobody asked for',
    ids: ['DEV-FETCH-04'],
    async run(t) {
      await installed(t)
      t.cloud.block = (request, good) => {
        const { digest, offset, length } = request
        const junk = (at: number, bytes: number) =>
          t.cloud.down('block', { digest, offset: String(at) }, Buffer.alloc(bytes, 0xaa))
        junk(offset + 7, length)
        junk(offset, length + 1)
        if (length > 1) junk(offset, length - 1)
        junk(offset + length * 50, length)
        t.cloud.down('block', { digest: 'e'.repeat(64), offset: String(offset) }, Buffer.alloc(length, 0xaa))
        return good
      }
      const two = await update(t)
      t.check(
        'DEV-FETCH-04',
        true,
        `other offsets, lengths and digests beside ${requests(t, two).length} good blocks`,
      )
    },
  },
  {
    name: 'a download over a power cut',
    ids: ['DEV-FETCH-05'],
    async run(t) {
      await installed(t)
      const two = t.owner.pack(2, { filling: FILLING })
      const { length, sha256 } = two.release.package
      // Behind half of the bytes nothing comes any more, so what came before has been stored when the power goes.
      t.cloud.block = (request, good) =>
        request.digest === sha256 && request.offset > length / 2 ? null : good
      t.cloud.release([t.owner.slot({ committed: two.release })])
      await t.wait('a request behind the middle', m =>
        m.kind === 'blob' && m.body.digest === sha256 && m.body.offset > length / 2 ? m : undefined,
      )
      await t.quiet()
      t.cloud.block = (_, good) => good
      const from = t.mark()
      await t.device.restart()
      await t.report('COMMITTED', { bundle: two.release.bundle.sha256, from, ms: t.deadlines.again })
      const again = requests(t, two, from)
      const bytes = again.reduce((sum, request) => sum + request.length, 0)
      const first = Math.min(...again.map(request => request.offset))
      t.check(
        'DEV-FETCH-05',
        bytes <= length * 0.75,
        `${bytes} of ${length} bytes fetched after the cut, from ${first} on`,
      )
    },
  },
  {
    name: 'blocks that never come',
    ids: ['DEV-FETCH-06', 'DEV-FETCH-07'],
    slow: true,
    async run(t) {
      const one = await installed(t)
      const two = t.owner.pack(2)
      t.cloud.block = (request, good) => (request.digest === two.release.package.sha256 ? null : good)
      t.cloud.release([t.owner.slot({ committed: two.release })])
      await t.wait(
        'FETCH_FAILED',
        m =>
          m.kind === 'report' && m.body.bundle === two.release.bundle.sha256 && m.body.code === 'FETCH_FAILED'
            ? m
            : undefined,
        { ms: t.deadlines.last },
      )
      const asked = requests(t, two).length
      await t.quiet()
      t.check('DEV-FETCH-06', true, `${asked} requests until it gave up`)
      t.cloud.block = (_, good) => good
      const from = t.mark()
      t.cloud.hint(t.owner.counter)
      const { bundle } = two.release
      const { body } = await t.report('COMMITTED', { bundle: bundle.sha256, from, ms: t.deadlines.again })
      const hello = await t.greet()
      t.check(
        'DEV-FETCH-07',
        active(t, hello) === body.bundle,
        `tried again on a hint: runs ${short(active(t, hello))} in place of ${short(one.release.bundle.sha256)}`,
      )
    },
  },
]
