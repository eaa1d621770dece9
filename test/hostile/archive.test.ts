import { gzipSync } from 'node:zlib'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { extractTarGz } from '../../src/domain/package/extract.ts'
import { locateFiles, untar } from '../../verifier/archive.ts'
import { BOMB, BROKEN, EVIL_NAMES, GOOD, NAMES, UNEXPECTED } from './archives.ts'
import { goodFiles, packageOf, storedVerdictOf, verdictOf } from './packages.ts'
import { checksum, paxRecord, tar } from './tar.ts'

const good = tar(...GOOD)
const content = Object.fromEntries(GOOD.map(file => [file.name, file.content]))
const named = (name: string | Uint8Array) => tar(...GOOD, { name, content: 'evil' })
const hostile: readonly (readonly [string, Uint8Array])[] = [
  ...Object.entries(EVIL_NAMES).map(([what, name]) => [`a file named by ${what}`, named(name)] as const),
  ...Object.entries(EVIL_NAMES).map(
    ([what, name]) =>
      [`a signed file renamed to ${what}`, tar({ ...GOOD[0], name }, ...GOOD.slice(1))] as const,
  ),
  ...Object.entries(BROKEN),
  ...Object.entries(UNEXPECTED),
  ['a claim of 8 GiB', BOMB],
]

describe('a package whose archive has', () => {
  it('nothing wrong is accepted, from memory and from a file', async () => {
    expect(verdictOf(packageOf(good))).toEqual({ code: null, files: content })
    expect(await storedVerdictOf(packageOf(good))).toEqual({ code: null, files: content })
    const empty = GOOD.map(file => (file.name === 'model.wasm' ? { ...file, content: '' } : file))
    const signed = empty.map(file => ({ name: file.name, bytes: Buffer.from(file.content) }))
    expect(verdictOf(packageOf(tar(...empty), signed)).files).toMatchObject({ 'model.wasm': '' })
  })

  it.each(hostile)('%s is refused by its archive, however it is read', async (_what, archive) => {
    expect(() => untar(archive, NAMES)).toThrow(expect.objectContaining({ code: 'PACKAGE_ARCHIVE' }))
    expect(verdictOf(packageOf(archive)).code).toBe('PACKAGE_ARCHIVE')
    expect((await storedVerdictOf(packageOf(archive))).code).toBe('PACKAGE_ARCHIVE')
  })

  it.each(Object.entries(EVIL_NAMES))(
    'a file named by %s is refused, though it is signed',
    async (_what, name) => {
      const text = typeof name === 'string' ? name : Buffer.from(name).toString('latin1')
      const signed = [...goodFiles, { name: text, bytes: Buffer.from('evil') }].sort((a, b) =>
        Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
      )
      const checks = { ...packageOf(named(name), signed), files: NAMES }
      const { code } = verdictOf(checks)
      expect(code).toBe('BUNDLE_CONTENT')
      expect((await storedVerdictOf(checks)).code).toBe(code)
    },
  )

  it('two names that differ by form or case keeps them apart, when both are signed', () => {
    const pairs = ['caf\u00e9', 'cafe\u0301', 'A', 'a'].map((name, i) => ({ name, content: `${i}` }))
    const entries = [...GOOD, ...pairs].sort((a, b) =>
      Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)),
    )
    const signed = entries.map(({ name, content: text }) => ({ name, bytes: Buffer.from(text) }))
    expect(verdictOf(packageOf(tar(...entries), signed)).files).toMatchObject({ A: '2', a: '3' })
  })

  it('other bytes than the manifest names says so before anything inside is judged', async () => {
    for (const [, archive] of hostile.slice(0, 40)) {
      const checks = packageOf(archive)
      const release = { ...checks.release, package: { ...checks.release.package, sha256: 'ab'.repeat(32) } }
      expect(verdictOf({ ...checks, release }).code).toBe('PACKAGE_DIGEST')
      expect((await storedVerdictOf({ ...checks, release })).code).toBe('PACKAGE_DIGEST')
    }
  })
})

describe('the work on an archive', () => {
  /** Bytes and reads that finding the files takes, whatever becomes of it. */
  function costOf(archive: Uint8Array, names: readonly string[] = NAMES) {
    const cost = { bytes: 0, reads: 0 }
    try {
      locateFiles(
        {
          length: archive.byteLength,
          read(offset, length) {
            expect(length).toBeLessThanOrEqual(65_536)
            expect(offset + length).toBeLessThanOrEqual(archive.byteLength)
            cost.bytes += length
            cost.reads++
            return archive.subarray(offset, offset + length)
          },
        },
        names,
      )
    } catch (error) {
      expect(error).toMatchObject({ code: 'PACKAGE_ARCHIVE' })
    }
    return cost
  }

  it('is one header for a claim of 8 GiB and for 100,000 members', () => {
    expect(costOf(BOMB).bytes).toBe(512)
    expect(costOf(BROKEN['100,000 tiny members']!).bytes).toBe(512)
  })

  it('is at most 1 KiB for each signed file and the rest behind them', () => {
    for (const [, archive] of hostile) {
      const { bytes, reads } = costOf(archive)
      const behind = Math.ceil(archive.byteLength / 65_536)
      expect(reads).toBeLessThanOrEqual(2 * (NAMES.length + 1) + behind)
      expect(bytes).toBeLessThanOrEqual(1_024 * (NAMES.length + 1) + behind * 65_536)
    }
    const large = [{ name: 'model.wasm', content: Buffer.alloc(5_000_000, 1) }]
    expect(costOf(tar(...large), ['model.wasm']).bytes).toBeLessThan(3_000)
  })
})

describe('an archive of a job', () => {
  const extract = (archive: Uint8Array) => extractTarGz(gzipSync(archive, { level: 1 }))
  const read = (archive: Uint8Array) =>
    Object.fromEntries(extract(archive).map(file => [file.name, Buffer.from(file.bytes).toString('latin1')]))
  const leadsOut = ['a step up', 'an absolute name', 'a way out and in', 'a step up at the end', 'two dots']
  const badNames = [
    ...[...leadsOut, 'a step up over a signed file', 'an absolute name of a signed file', 'a NUL and more'],
    ...['a Windows drive', 'a share', 'a backslash as separator', 'a NUL first', 'no UTF-8', 'Latin-1'],
    ...[
      'an overlong UTF-8 slash',
      'a leading dot and slash',
      'a slash at the end',
      'a dot',
      'no name',
      'a doubled slash',
    ],
  ]

  it('is read when nothing is wrong', () => {
    expect(read(good)).toEqual(content)
    expect(read(tar({ name: './xgboost-model', content: 'x' }))).toEqual({ 'xgboost-model': 'x' })
    const long = `${'folder/'.repeat(20)}x`
    const pax = { name: 'pax', type: 'x', content: paxRecord('mtime', '1.5') + paxRecord('path', long) }
    expect(read(tar(pax, { name: 'cut', content: 'x' }, { name: 'next' }))).toEqual({ [long]: 'x', next: '' })
    const gnu = { name: '././@LongLink', type: 'L', content: `${long}\0` }
    expect(read(tar(gnu, { name: 'cut', content: 'x' }))).toEqual({ [long]: 'x' })
  })

  it.each([...Object.entries(BROKEN), ...badNames.map(name => [name, named(EVIL_NAMES[name]!)] as const)])(
    'with %s is refused',
    (_what, archive) => {
      expect(() => extract(archive)).toThrow(expect.objectContaining({ code: 'ILLEGAL_STATE' }))
    },
  )

  it('leaves out folders and links, and follows none', () => {
    for (const what of ['a symbolic link', 'a hard link', 'a folder', 'a pax header', 'a global pax header'])
      expect(read(UNEXPECTED[what]!)).toEqual(content)
    const { 'contract.json': _gone, ...rest } = content
    expect(read(UNEXPECTED['a link in place of a file']!)).toEqual(rest)
  })

  it.each([
    ['no gzip', good],
    ['a cut gzip', gzipSync(good).subarray(0, -9)],
    ['bytes behind the gzip', Buffer.concat([gzipSync(good), Buffer.from('evil')])],
    ['two gzips', Buffer.concat([gzipSync(good), gzipSync(good)])],
    ['nothing', Buffer.alloc(0)],
    ['a bomb', gzipSync(Buffer.alloc(32_000_000))],
  ])('that is %s is refused', (_what, archive) => {
    expect(() => extractTarGz(archive)).toThrow(expect.objectContaining({ code: 'ILLEGAL_STATE' }))
  })
})

describe('a good archive, damaged on purpose', () => {
  /** Overwrites, moves, cuts out and doubles pieces; half of the time the checksums are made right again. */
  const damage = fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('set' as const), at: fc.nat(), byte: fc.nat(255) }),
      fc.record({
        kind: fc.constantFrom('copy', 'cut', 'insert'),
        at: fc.nat(),
        to: fc.nat(),
        length: fc.nat(1_600),
      }),
      fc.record({ kind: fc.constantFrom('blocks', 'drop'), at: fc.nat(), to: fc.nat(), length: fc.nat(4) }),
    ),
    { minLength: 1, maxLength: 4 },
  )
  function damaged(
    steps: readonly { kind: string; at: number; byte?: number; to?: number; length?: number }[],
  ) {
    let archive = Buffer.from(good)
    for (const { kind, at, byte = 0, to = 0, length = 0 } of steps) {
      const unit = kind === 'blocks' || kind === 'drop' ? 512 : 1
      const count = Math.max(1, Math.floor(archive.length / unit))
      const [from, target, size] = [(at % count) * unit, (to % count) * unit, length * unit]
      const piece = Buffer.from(archive.subarray(from, from + size))
      if (kind === 'set' && archive.length > 0) archive[from] = byte
      else if (kind === 'copy') piece.copy(archive, target)
      else if (kind === 'cut' || kind === 'drop')
        archive = Buffer.concat([archive.subarray(0, from), archive.subarray(from + size)])
      else archive = Buffer.concat([archive.subarray(0, target), piece, archive.subarray(target)])
    }
    return archive
  }
  const repaired = (archive: Buffer): Buffer => {
    for (let at = 0; at + 512 <= archive.length; at += 512)
      if (archive.toString('latin1', at + 257, at + 262) === 'ustar') checksum(archive.subarray(at, at + 512))
    return archive
  }

  it('is refused or has the very same files, from memory and from a file alike', async () => {
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(damage, fc.boolean(), async (steps, repair) => {
        const archive = repair ? repaired(damaged(steps)) : damaged(steps)
        const checks = packageOf(archive)
        const verdict = verdictOf(checks)
        if (verdict.code === null) accepted++
        if (verdict.code === null) expect(verdict.files).toEqual(content)
        else expect(['PACKAGE_ARCHIVE', 'PACKAGE_CONTENT']).toContain(verdict.code)
        expect(await storedVerdictOf(checks)).toEqual(verdict)
      }),
      { numRuns: 1_500 },
    )
    // Times and owners may differ: nobody reads them.
    expect(accepted).toBeGreaterThan(0)
  })

  it('is refused or unpacked by what reads job archives, which throws nothing else', () => {
    void fc.assert(
      fc.property(damage, fc.boolean(), (steps, repair) => {
        const archive = repair ? repaired(damaged(steps)) : damaged(steps)
        try {
          for (const { name } of extractTarGz(gzipSync(archive, { level: 0 })))
            expect(name).not.toMatch(/^\/|(^|\/)\.\.(\/|$)|\0|\\/)
        } catch (error) {
          expect(error).toMatchObject({ name: 'EdgeloopError', code: 'ILLEGAL_STATE' })
        }
      }),
      { numRuns: 1_500 },
    )
  })
})
