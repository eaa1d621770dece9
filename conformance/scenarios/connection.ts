import { contract } from '../contract.ts'
import { json } from '../keys.ts'
import { active, installed, ready, type Scenario, short } from './scenario.ts'

export const connection: readonly Scenario[] = [
  {
    name: 'first connection',
    ids: [
      ...['DEV-CONN-04', 'DEV-MSG-01', 'DEV-MSG-02', 'DEV-SEQ-01', 'DEV-SEQ-02'],
      ...['DEV-HELLO-01', 'DEV-ASK-01', 'DEV-UPD-01', 'DEV-FETCH-01', 'DEV-REP-04'],
    ],
    async run(t) {
      const one = await installed(t)
      const bundle = one.release.bundle.sha256
      // Messages may overtake each other; their numbers say what came first.
      await t.quiet()
      const steps = t
        .reports()
        .filter(m => m.body.bundle === bundle)
        .toSorted((a, b) => a.epoch - b.epoch || a.seq - b.seq)
      const order = ['ACCEPTED', 'FETCHED', 'VERIFIED', 'TESTED', 'COMMITTED']
      // A step may come twice, never before the one that it follows.
      const said = steps.map(m => m.body.step).filter((step, i, all) => all.indexOf(step) === i)
      const same = steps.every(
        m => m.body.manifest.counter === t.owner.counter && m.body.slot === t.owner.target.slot,
      )
      t.check('DEV-UPD-01', said.join() === order.join() && same, said.join(' → '))
    },
  },
  {
    name: 'identity and subscriptions',
    ids: ['DEV-CONN-01', 'DEV-CONN-03'],
    needs: ['sessions'],
    async run(t) {
      await ready(t)
      await t.wait('hello', m => (m.kind === 'hello' ? m : undefined))
    },
  },
  {
    name: 'a broker of another authority',
    ids: ['DEV-CONN-02'],
    needs: ['impostor'],
    async run(t) {
      // The wire of this scenario shows a certificate that no authority of the device has signed.
      await t.device.start()
      await t.quiet(t.deadlines.soon / 3)
      const sent = t.log.messages.length
      const tried = t.wire.attempts()
      t.check('DEV-CONN-02', tried > 0 && sent === 0, `${tried} attempts, ${sent} messages sent`)
    },
  },
  {
    name: 'a lost connection',
    ids: ['DEV-CONN-05', 'DEV-HELLO-02', 'DEV-HELLO-01', 'DEV-ASK-01'],
    needs: ['sessions'],
    async run(t) {
      const one = await installed(t)
      for (let n = 1; n <= 2; n++) {
        const from = t.mark()
        t.wire.drop()
        const ms = t.deadlines.again
        const hello = await t.wait('hello after the cut', m => (m.kind === 'hello' ? m : undefined), {
          from,
          ms,
        })
        t.check('DEV-CONN-05', true, 'came back by itself')
        const ok = active(t, hello) === one.release.bundle.sha256
        t.check(
          'DEV-HELLO-02',
          ok,
          `runs ${short(one.release.bundle.sha256)}, says ${short(active(t, hello))}`,
        )
      }
    },
  },
  {
    name: 'a broker that is down for long',
    ids: ['DEV-CONN-06'],
    needs: ['sessions', 'tls'],
    slow: true,
    async run(t) {
      await ready(t)
      await t.wait('hello', m => (m.kind === 'hello' ? m : undefined))
      const from = t.mark()
      const before = t.wire.attempts()
      t.wire.admit(false)
      t.wire.drop()
      await t.quiet(60_000)
      const tried = t.wire.attempts() - before
      t.wire.admit(true)
      const ms = t.deadlines.again
      await t.wait('hello afterwards', m => (m.kind === 'hello' ? m : undefined), { from, ms })
      // Full jitter from 1 s doubles its mean: some eight attempts in a minute. Once a second would be 60.
      t.check('DEV-CONN-06', tried > 0 && tried <= 25, `${tried} attempts in 60 s, and then it came back`)
    },
  },
  {
    name: 'what says hello after a restart',
    ids: ['DEV-HELLO-02', 'DEV-ASK-04', 'DEV-SEQ-01', 'DEV-SEQ-02', 'DEV-HELLO-01', 'DEV-ASK-01'],
    async run(t) {
      const one = await installed(t)
      const two = t.owner.pack(2)
      await t.install(two)
      const from = t.mark()
      const hello = await t.greet()
      const slot = hello.body.slots[t.owner.target.slot]
      const truth = {
        ...{ active: two.release.bundle.sha256, previous: one.release.bundle.sha256 },
        counter: t.owner.counter,
      }
      const said = { active: slot?.active, previous: slot?.previous, counter: hello.body.manifest?.counter }
      const ok =
        said.active === truth.active && said.previous === truth.previous && said.counter === truth.counter
      t.check(
        'DEV-HELLO-02',
        ok,
        `says ${short(said.active)} after ${short(said.previous)}, manifest ${said.counter}; it is ${short(truth.active)} after ${short(truth.previous)}, ${truth.counter}`,
      )
      const ask = await t.wait('ask', m => (m.kind === 'ask' ? m : undefined), { from })
      const { root, manifest } = ask.body.have
      t.check(
        'DEV-ASK-04',
        root === 1 && manifest?.counter === t.owner.counter && manifest.epoch === 1,
        `has root ${root} and manifest ${manifest?.epoch}.${manifest?.counter}; it is root 1 and 1.${t.owner.counter}`,
      )
    },
  },
  {
    name: 'storage that is lost',
    ids: ['DEV-SEQ-03'],
    loses: true,
    async run(t) {
      await installed(t)
      const before = Math.max(...t.log.messages.map(m => m.epoch))
      await t.device.kill()
      t.device.lose()
      const hello = await t.greet()
      t.check('DEV-SEQ-03', hello.epoch > before, `epoch ${hello.epoch} after ${before}`)
    },
  },
  {
    name: 'messages that are none',
    ids: ['DEV-ROB-01'],
    async run(t) {
      await installed(t)
      const { thing } = t
      const deep = Buffer.from('['.repeat(50_000) + ']'.repeat(50_000))
      const rubbish = [
        ...[Buffer.alloc(0), Buffer.from('{'), Buffer.from('null'), Buffer.from('[]'), Buffer.from('{}')],
        ...[Buffer.from([0xff, 0xfe, 0x00]), Buffer.alloc(100_000, 0x61), deep],
        ...[json({ v: 2, kind: 'ack' }), json({ v: 1, kind: 'nothing' }), json({ v: 1, counter: '7' })],
        json({ v: 1, kind: 'state', chain: [{}], beacon: 7, manifest: [] }),
      ]
      const digest = 'f'.repeat(64)
      for (const payload of rubbish) {
        for (const channel of ['hint', 'answer', 'block', 'prediction'])
          t.cloud.down(channel, { corr: 'no-one', digest, offset: '0' }, payload)
        t.wire.send(`edgeloop/v1/${thing}/down/unknown/thing`, payload)
        t.wire.send(contract.topic('block', { thing, digest, offset: 'NaN' }), payload)
        for (const channel of ['trust', 'beacon', 'manifest'] as const) t.cloud.push(channel, payload)
      }
      const committed = await t.install(t.owner.pack(2))
      t.check(
        'DEV-ROB-01',
        t.device.life?.ended() === null && committed.life === 1,
        `${rubbish.length * 9} malformed messages, and then an update`,
      )
    },
  },
]
