import { describe, expect, it } from 'vitest'
import type { Storage } from '../../device/ports.ts'
import { wasmRuntime } from '../../device/runtime.ts'
import { memoryStorage } from '../../device/storage/memory.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import { THING } from './cloud.ts'
import { archiveOf, json, makePackage, type PackageChanges, signingKey } from './helpers.ts'
import { activeOf, candidate, committed, one, running, two } from './installed.ts'

describe('packages that do not hold', () => {
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
    ['for another slot', 'REFUSED PACKAGE_CONTRACT', { contract: { slot: 'other' } }],
    ['of another version', 'REFUSED PACKAGE_CONTRACT', { contract: { version: 7 } }],
    ['for other hardware', 'REFUSED PACKAGE_CONTRACT', { contract: { hardware: 'other' } }],
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
      'REFUSED PACKAGE_ARCHIVE',
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
      'REFUSED PACKAGE_CONTRACT',
      { edit: files => wrong(files, 'self-test.json', t => void (t['margins'] as unknown[]).pop()) },
    ],
    [
      'with a baseline of unknown features',
      'REFUSED PACKAGE_CONTRACT',
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
      'REFUSED PACKAGE_CONTRACT',
      {
        edit: files =>
          wrong(files, 'baseline.json', b => (b['features'] as { edges: number[] }[])[0]!.edges.reverse()),
      },
    ],
    [
      'with a contract of another shape',
      'REFUSED PACKAGE_CONTRACT',
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
    const done = () => [d.cloud.of('blob').length, d.cloud.of('report').length]
    const before = done()
    await d.cloud.push(topics.manifest('plant'), json(d.cloud.manifest))
    await d.cloud.push(topics.hint(THING), json({ v: 1, counter: 2 }))
    expect(done()).toEqual(before)
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
})

it('runs the artefact that the compiler made', () => {
  const d = wasmRuntime.load(one.files[3]!.bytes)
  expect([d.numFeature, d.numOutput]).toEqual([2, 1])
  expect(d.margins([0.9, 20])[0]).toBe(Math.fround(Math.fround(1) + Math.fround(-0.25)))
})
