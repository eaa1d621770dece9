import { describe, expect, it } from 'vitest'
import { placement } from '../../device/placement.ts'
import type { Storage } from '../../device/ports.ts'
import { wasmRuntime } from '../../device/runtime.ts'
import { memoryStorage } from '../../device/storage/memory.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import { THING, testDevice } from './cloud.ts'
import {
  archiveOf,
  json,
  type MadePackage,
  makePackage,
  type PackageChanges,
  sha256,
  signedManifest,
  signingKey,
  slotOf,
} from './helpers.ts'

const one = makePackage({ version: 1 })
const two = makePackage({ version: 2, lift: 0.5 })
const committed = (pkg: MadePackage) => [slotOf({ committed: pkg.release })]
const candidate = (pkg: MadePackage, exposure: number, base: MadePackage | null = null, rollout = 'r1') => [
  slotOf({
    committed: base?.release ?? null,
    candidate: { rollout, release: pkg.release, seed: 'seed', exposure },
  }),
]
const activeOf = (d: ReturnType<typeof testDevice>) => d.device.status().slots['quality']!.active

async function running(pkg: MadePackage, over: Parameters<typeof testDevice>[0] = {}) {
  const d = testDevice(over)
  d.cloud.hold(one)
  d.cloud.hold(two)
  await d.cloud.up()
  await d.cloud.publish(1, committed(pkg))
  expect(activeOf(d)).toBe(pkg.release.bundle.sha256)
  return d
}

describe('update machine', () => {
  it('says hello and asks on connect, and installs what the answer names', async () => {
    const d = testDevice()
    d.cloud.hold(one)
    d.cloud.manifest = signedManifest(1, committed(one))
    await d.cloud.up()
    expect(d.cloud.sent.slice(0, 2).map(m => m.kind)).toEqual(['hello', 'ask'])
    expect(d.cloud.of('hello')[0]!.body).toMatchObject({
      manifest: null,
      slots: { quality: { active: null } },
    })
    expect(d.cloud.steps()).toEqual(['ACCEPTED', 'FETCHED', 'VERIFIED', 'TESTED', 'COMMITTED'])
    expect(d.device.infer('quality', [0.9, 20]).version).toBe(1)
    await d.cloud.down()
    await d.cloud.up()
    expect(d.cloud.of('hello')[1]!.body).toMatchObject({
      manifest: { epoch: 1, counter: 1 },
      slots: { quality: { active: one.release.bundle.sha256, previous: null } },
      outbox: { queued: 0, dropped: 0 },
    })
  })

  it('never uses an idempotency key twice, over restarts too', async () => {
    const d = await running(one)
    await d.device.stop()
    const again = testDevice({ storage: d.storage })
    await again.cloud.up()
    const keys = [...d.cloud.sent, ...again.cloud.sent].map(m => `${m.epoch}-${m.seq}`)
    expect(new Set(keys).size).toBe(keys.length)
    expect(again.cloud.sent[0]!.epoch).toBe(d.cloud.sent[0]!.epoch)
  })

  it('takes the candidate only when its place is below the exposure', async () => {
    const u = placement('seed', THING)
    const out = await running(one)
    await out.cloud.publish(2, candidate(two, u, one))
    expect(activeOf(out)).toBe(one.release.bundle.sha256)
    await out.cloud.publish(3, candidate(two, u + 1e-9, one))
    expect(activeOf(out)).toBe(two.release.bundle.sha256)
    expect(out.cloud.of('report').at(-1)!.body).toMatchObject({ rollout: 'r1', step: 'COMMITTED' })
  })

  it('follows a pin against the exposure, both ways', async () => {
    const d = await running(one)
    const [entry] = candidate(two, 1, one)
    await d.cloud.publish(2, [{ ...entry!, pins: { [THING]: one.release.bundle.sha256 } }])
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    const [none] = candidate(two, 0, one)
    await d.cloud.publish(3, [{ ...none!, pins: { [THING]: two.release.bundle.sha256 } }])
    expect(activeOf(d)).toBe(two.release.bundle.sha256)
  })

  it('keeps what runs when nothing is committed or its hardware is not listed', async () => {
    const d = await running(one)
    await d.cloud.publish(2, [slotOf()])
    await d.cloud.publish(3, [slotOf({ hardware: 'other', committed: two.release })])
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    expect(d.device.status().manifest).toEqual({ epoch: 1, counter: 3 })
    expect(d.device.status().refused).toBe(0)
  })

  it('goes back to the previous model from its own files, by a newer manifest', async () => {
    const d = await running(one)
    await d.cloud.publish(2, candidate(two, 1, one))
    d.cloud.serves = false
    const asked = d.cloud.of('blob').length
    await d.cloud.publish(3, committed(one))
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    expect(d.cloud.of('blob')).toHaveLength(asked)
    expect(d.cloud.steps().slice(-5)).toEqual(['ACCEPTED', 'FETCHED', 'VERIFIED', 'TESTED', 'COMMITTED'])
  })

  it('answers a rollout that wants what already runs, once', async () => {
    const d = await running(one)
    const before = d.cloud.of('report').length
    await d.cloud.publish(2, candidate(one, 0.99, null, 'again'))
    await d.cloud.publish(3, candidate(one, 1, null, 'again'))
    const reports = d.cloud.of('report').slice(before)
    expect(reports.map(r => [r.body.step, r.body.rollout])).toEqual([['COMMITTED', 'again']])
  })

  it('installs from lost, doubled, reordered and forged blocks', async () => {
    const d = testDevice({ fetch: { blockBytes: 100, window: 4, timeoutMs: 100 } })
    d.cloud.hold(one)
    const late: [string, Uint8Array][] = []
    let n = 0
    d.cloud.deliver = ([block], request) => {
      n++
      const topic = topics.blob(THING, request.body.digest, request.body.offset)
      if (block === undefined || n % 7 === 0) return []
      if (n % 3 === 0) {
        late.unshift([topic, block])
        return []
      }
      return n % 2 === 0 ? [block.subarray(1), Buffer.concat([block, block]), block, block] : [block]
    }
    await d.cloud.up()
    await d.cloud.publish(1, committed(one))
    for (let i = 0; i < 400 && activeOf(d) === null; i++) {
      for (const [topic, block] of late.splice(0)) await d.cloud.push(topic, block)
      await d.clock.advance(200)
    }
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
  })

  it('gives up a download after bounded attempts, says so once, and goes on with the next hint', async () => {
    const d = await running(one)
    d.cloud.serves = false
    await d.cloud.publish(2, committed(two))
    await d.clock.advance(3_600_000)
    expect(d.cloud.steps().filter(s => s === 'FAILED FETCH_FAILED')).toHaveLength(1)
    const asked = d.cloud.of('blob').length
    expect(asked).toBeLessThan(60)
    await d.clock.advance(3_600_000)
    expect(d.cloud.of('blob')).toHaveLength(asked)
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    await d.cloud.push(topics.hint(THING), json({ v: 1, counter: 2 }))
    await d.clock.advance(3_600_000)
    expect(d.cloud.steps().filter(s => s === 'FAILED FETCH_FAILED')).toHaveLength(1)
    d.cloud.serves = true
    await d.cloud.push(topics.hint(THING), json({ v: 1, counter: 2 }))
    expect(activeOf(d)).toBe(two.release.bundle.sha256)
  })

  it('resumes behind the blocks it has, after a disconnection and after a restart', async () => {
    const d = testDevice()
    d.cloud.hold(two)
    let left = 6
    d.cloud.deliver = blocks => (left-- > 0 ? blocks : [])
    await d.cloud.up()
    await d.cloud.publish(1, committed(two))
    await d.cloud.down()
    const again = testDevice({ storage: d.storage })
    again.cloud.hold(two)
    await again.cloud.up()
    expect(activeOf(again)).toBe(two.release.bundle.sha256)
    const offsets = again.cloud.of('blob').map(m => `${m.body.digest} ${m.body.offset}`)
    const first = new Set(
      d.cloud
        .of('blob')
        .slice(0, 6)
        .map(m => `${m.body.digest} ${m.body.offset}`),
    )
    expect(offsets.some(offset => first.has(offset))).toBe(false)
  })

  it('fetches again from nothing when what a power cut left is torn', async () => {
    const storage = memoryStorage()
    const d = testDevice({ storage })
    d.cloud.hold(two)
    d.cloud.deliver = (blocks, m) => (m.body.digest === two.release.package.sha256 ? [] : blocks)
    await d.cloud.up()
    await d.cloud.publish(1, committed(two))
    storage.append(`part-${two.release.package.sha256}`, Buffer.alloc(700, 1))
    const again = testDevice({ storage })
    again.cloud.hold(two)
    await again.cloud.up()
    expect(activeOf(again)).toBe(two.release.bundle.sha256)
  })

  it('does so only once: bytes that are wrong again are refused', async () => {
    const storage = memoryStorage()
    const d = testDevice({ storage })
    d.cloud.hold(two)
    d.cloud.deliver = (blocks, m) => (m.body.digest === two.release.package.sha256 ? [] : blocks)
    await d.cloud.up()
    await d.cloud.publish(1, committed(two))
    storage.append(`part-${two.release.package.sha256}`, Buffer.alloc(700, 1))
    const again = testDevice({ storage })
    again.cloud.hold(two)
    let left = 1_000
    again.cloud.deliver = ([block]) => (left-- > 0 ? [Buffer.alloc(block!.length)] : [])
    await again.cloud.up()
    expect(left).toBeGreaterThan(0)
    expect(again.cloud.steps().at(-1)).toBe('REFUSED PACKAGE_DIGEST')
  })

  it('takes a manifest that it could not write down when it comes again', async () => {
    const inner = memoryStorage()
    let broken = false
    const storage: Storage = {
      ...inner,
      write(name, bytes) {
        if (broken) throw new Error('input/output error')
        inner.write(name, bytes)
      },
    }
    const d = await running(one, { storage })
    broken = true
    await d.cloud.publish(2, committed(two))
    expect(d.device.status()).toMatchObject({ manifest: { counter: 1 }, refused: 0 })
    expect(d.device.status().errors.at(-1)).toBe('MESSAGE_FAILED: input/output error')
    broken = false
    await d.cloud.push(topics.manifest('plant'), json(d.cloud.manifest))
    expect(activeOf(d)).toBe(two.release.bundle.sha256)
  })

  it('drops a download that a newer manifest made pointless', async () => {
    const d = await running(one)
    let served = 0
    d.cloud.deliver = blocks => (served++ < 3 ? blocks : [])
    await d.cloud.publish(2, committed(two))
    expect(d.device.status().slots['quality']!.updating).toBe(two.release.bundle.sha256)
    d.cloud.deliver = blocks => blocks
    const three = makePackage({ version: 3, lift: 0.25 })
    d.cloud.hold(three)
    await d.cloud.publish(3, committed(three))
    expect(activeOf(d)).toBe(three.release.bundle.sha256)
    expect(
      d.cloud
        .of('report')
        .filter(r => r.body.step === 'COMMITTED')
        .map(r => r.body.manifest.counter),
    ).toEqual([1, 3])
    await d.clock.advance(600_000)
    expect(activeOf(d)).toBe(three.release.bundle.sha256)
    expect(d.storage.list().filter(name => name.includes(two.release.package.sha256))).toEqual([])
  })

  it('abandons an update that a newer manifest takes back', async () => {
    const d = await running(one)
    d.cloud.serves = false
    await d.cloud.publish(2, candidate(two, 1, one))
    await d.cloud.publish(3, committed(one))
    const asked = d.cloud.of('blob').length
    d.cloud.serves = true
    await d.clock.advance(600_000)
    expect(d.cloud.of('blob')).toHaveLength(asked)
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    expect(d.device.status().slots['quality']!.updating).toBeNull()
  })

  const wrong = (
    files: { name: string; bytes: Uint8Array }[],
    name: string,
    edit: (value: Record<string, unknown>) => void,
  ) => {
    const file = files.find(f => f.name === name)!
    const value = JSON.parse(Buffer.from(file.bytes).toString()) as Record<string, unknown>
    edit(value)
    file.bytes = json(value)
  }
  it.each<[string, string, PackageChanges]>([
    ['by another model key', 'REFUSED BUNDLE_SIGNATURE', { key: signingKey() }],
    ['for another slot', 'REFUSED PACKAGE_CONTENT', { contract: { slot: 'other' } }],
    ['of another version', 'REFUSED PACKAGE_CONTENT', { contract: { version: 7 } }],
    ['for other hardware', 'REFUSED MANIFEST_HARDWARE', { contract: { hardware: 'other' } }],
    [
      'with more features than its model',
      'FAILED MODEL_FORMAT',
      { contract: { features: ['a', 'b', 'c'].map(name => ({ name, required: false })) } },
    ],
    [
      'with several outputs expected',
      'FAILED MODEL_FORMAT',
      { contract: { task: 'multiclass', classes: ['x', 'y', 'z'] } },
    ],
    [
      'with a file changed after signing',
      'REFUSED PACKAGE_CONTENT',
      {
        pack: files =>
          archiveOf(
            files.map(f =>
              f.name === 'lineage.json' ? { ...f, bytes: Buffer.concat([f.bytes, Buffer.from(' ')]) } : f,
            ),
          ),
      },
    ],
    [
      'with a file more',
      'REFUSED PACKAGE_CONTENT',
      { pack: files => archiveOf([...files, { name: 'x', bytes: Buffer.from('x') }]) },
    ],
    [
      'with a file more, signed',
      'REFUSED BUNDLE_CONTENT',
      { edit: files => void files.push({ name: 'x', bytes: Buffer.from('x') }) },
    ],
    [
      'with an artefact that is no module',
      'FAILED MODEL_FORMAT',
      { edit: files => void Object.assign(files[3]!, { bytes: Buffer.from('nonsense') }) },
    ],
    [
      'with a self-test margin one bit off',
      'FAILED SELF_TEST',
      {
        edit: files =>
          wrong(files, 'self-test.json', t => {
            const margins = t['margins'] as string[][]
            margins[1]![0] = (Number.parseInt(margins[1]![0]!, 16) ^ 1).toString(16).padStart(8, '0')
          }),
      },
    ],
    [
      'with a margin too few',
      'REFUSED PACKAGE_CONTENT',
      { edit: files => wrong(files, 'self-test.json', t => void (t['margins'] as unknown[]).pop()) },
    ],
    [
      'with a baseline of unknown features',
      'REFUSED PACKAGE_CONTENT',
      {
        edit: files =>
          wrong(
            files,
            'baseline.json',
            b => void Object.assign((b['features'] as object[])[0]!, { name: 'zzz' }),
          ),
      },
    ],
    [
      'with a baseline whose bins do not rise',
      'REFUSED PACKAGE_CONTENT',
      {
        edit: files =>
          wrong(files, 'baseline.json', b => (b['features'] as { edges: number[] }[])[0]!.edges.reverse()),
      },
    ],
    [
      'with a contract of another shape',
      'REFUSED PACKAGE_CONTENT',
      { edit: files => wrong(files, 'contract.json', c => void Object.assign(c, { more: 1 })) },
    ],
  ])('keeps the old model and does not retry a package %s', async (_, step, changes) => {
    const d = await running(one)
    const bad = makePackage({ version: 2, lift: 0.5, ...changes })
    d.cloud.hold(bad)
    await d.cloud.publish(2, candidate(bad, 1, one))
    expect(d.cloud.steps().at(-1)).toBe(step)
    expect(d.cloud.of('report').at(-1)!.body).toMatchObject({
      bundle: bad.release.bundle.sha256,
      rollout: 'r1',
    })
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    expect(d.device.infer('quality', [0.9, 20]).version).toBe(1)
    const before = d.cloud.sent.length
    await d.cloud.push(topics.manifest('plant'), json(d.cloud.manifest))
    await d.cloud.push(topics.hint(THING), json({ v: 1, counter: 2 }))
    expect(d.cloud.sent).toHaveLength(before)
  })

  it('refuses bytes that are not the ones the manifest names', async () => {
    const d = await running(one)
    d.cloud.deliver = ([block], m) =>
      m.body.digest === two.release.package.sha256 && m.body.offset === 0
        ? [Buffer.alloc(block!.length)]
        : [block!]
    await d.cloud.publish(2, committed(two))
    expect(d.cloud.steps().at(-1)).toBe('REFUSED PACKAGE_DIGEST')
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    expect(d.storage.list().some(name => name.includes(two.release.package.sha256))).toBe(false)
  })

  it('says NO_SPACE when the disk is full', async () => {
    const inner = memoryStorage()
    let full = false
    const storage: Storage = {
      ...inner,
      append(name, bytes) {
        if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
        inner.append(name, bytes)
      },
    }
    const d = await running(one, { storage })
    full = true
    await d.cloud.publish(2, committed(two))
    expect(d.cloud.steps().at(-1)).toBe('FAILED NO_SPACE')
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
  })

  it('runs the previous model and heals itself when the active one is damaged on disk', async () => {
    const d = await running(one)
    await d.cloud.publish(2, committed(two))
    await d.device.stop()
    d.storage.write(`blob-${two.release.package.sha256}`, Buffer.from('damaged'))
    const again = testDevice({ storage: d.storage })
    expect(again.device.infer('quality', [0.9, 20]).version).toBe(1)
    again.cloud.hold(two)
    again.cloud.manifest = d.cloud.manifest
    await again.cloud.up()
    expect(activeOf(again)).toBe(two.release.bundle.sha256)
  })

  it('starts anew with a higher epoch when its state is lost, and belongs to one thing', async () => {
    const d = await running(one)
    d.storage.write('state.json', Buffer.from('{"v":1'))
    const clock = { ...d.clock, now: () => d.clock.now() + 5 }
    const again = testDevice({ storage: d.storage, clock })
    await again.cloud.up()
    expect(again.cloud.sent[0]!.epoch).toBeGreaterThan(d.cloud.sent[0]!.epoch)
    expect(() => testDevice({ storage: d.storage, thing: 'other' })).toThrow('belongs to cam-1')
  })

  it('tells its listeners what was committed', async () => {
    const d = testDevice()
    const seen: unknown[] = []
    const off = d.device.onCommitted(event => seen.push(event))
    d.cloud.hold(one)
    d.cloud.hold(two)
    await d.cloud.up()
    await d.cloud.publish(1, committed(one))
    off()
    await d.cloud.publish(2, committed(two))
    expect(seen).toEqual([
      { thing: THING, slot: 'quality', model: 'quality', version: 1, bundle: one.release.bundle.sha256 },
    ])
  })
})

describe('refused manifests', () => {
  const refusedBody = (d: ReturnType<typeof testDevice>) =>
    d.cloud.of('report').filter(r => r.body.step === 'REFUSED')

  it('reports each payload once, with the digest of its bytes', async () => {
    const d = await running(one)
    const old = signedManifest(1, committed(two))
    const forged = {
      ...old,
      signatures: [{ sig: old.signatures[0]!.sig.replace(/^..../, 'AAAA'), keyid: '' }],
    }
    for (let i = 0; i < 3; i++) await d.cloud.push(topics.manifest('plant'), json(forged))
    expect(refusedBody(d).map(r => [r.body.code, r.body.bundle, r.body.slot])).toEqual([
      ['MANIFEST_SIGNATURE', sha256(Buffer.from(old.payload, 'base64')), 'quality'],
    ])
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    await d.cloud.push(topics.manifest('plant'), json(signedManifest(1, [slotOf()])))
    await d.cloud.publish(5, committed(one))
    await d.cloud.push(topics.manifest('plant'), json(signedManifest(4, committed(two))))
    await d.cloud.push(
      topics.manifest('plant'),
      json(signedManifest(6, committed(two), { expires: '2026-11-21T11:30:00Z' })),
    )
    await d.cloud.push(topics.manifest('plant'), Buffer.from('{'))
    expect(refusedBody(d).map(r => r.body.code)).toEqual([
      'MANIFEST_SIGNATURE',
      'MANIFEST_EQUIVOCATION',
      'MANIFEST_ROLLBACK',
      'MANIFEST_EXPIRED',
      'MANIFEST_MALFORMED',
    ])
    expect(d.device.status().manifest).toEqual({ epoch: 1, counter: 5 })
  })

  it('keeps the newest position over a restart', async () => {
    const d = await running(one)
    await d.cloud.publish(7, committed(two))
    await d.device.stop()
    const again = testDevice({ storage: d.storage })
    await again.cloud.up()
    await again.cloud.push(topics.manifest('plant'), json(signedManifest(6, committed(one))))
    expect(again.cloud.steps()).toEqual(['REFUSED MANIFEST_ROLLBACK'])
    expect(activeOf(again)).toBe(two.release.bundle.sha256)
  })

  it('does not let a clock that starts in 1970 bring an expired manifest back', async () => {
    const d = await running(one)
    const clock = { ...d.clock, now: () => 1_000 }
    const again = testDevice({ storage: d.storage, clock })
    await again.cloud.up()
    const expired = signedManifest(2, committed(two), {
      issued: '2020-01-01T00:00:00Z',
      expires: '2021-01-01T00:00:00Z',
    })
    await again.cloud.push(topics.manifest('plant'), json(expired))
    expect(again.cloud.steps()).toEqual(['REFUSED MANIFEST_EXPIRED'])
  })

  it('holds a bounded number of them while offline and counts the rest', async () => {
    const d = await running(one)
    d.cloud.acknowledges = false
    for (let i = 0; i < 50; i++) await d.cloud.push(topics.manifest('plant'), Buffer.from(`{"n":${i}}`))
    expect(d.device.status().outbox).toEqual({ queued: 32, dropped: 18 })
  })

  it('survives whatever comes down', async () => {
    const d = await running(one)
    const topicsDown = [
      'answer/x',
      'answer/',
      'blob/zz/0',
      `blob/${'a'.repeat(64)}/1e9`,
      'hint',
      'predict/1',
      'x/y/z/w',
    ]
    for (const topic of topicsDown)
      for (const bytes of ['', '{}', 'null', '{"v":1,"kind":"ack"}', '\xff', '['.repeat(9_999)])
        await d.cloud.push(`edgeloop/v1/${THING}/down/${topic}`, Buffer.from(bytes, 'latin1'))
    await d.cloud.push(topics.manifest('plant'), Buffer.alloc(200_000, 32))
    await d.cloud.publish(2, committed(two))
    expect(activeOf(d)).toBe(two.release.bundle.sha256)
  })
})

it('runs the artefact that the compiler made', () => {
  const d = wasmRuntime.load(one.files[3]!.bytes)
  expect([d.numFeature, d.numOutput]).toEqual([2, 1])
  expect(d.margins([0.9, 20])[0]).toBe(Math.fround(Math.fround(1) + Math.fround(-0.25)))
})
