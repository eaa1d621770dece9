import { symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type Curve,
  type Flags,
  keyOn,
  modelOf,
  newFolder,
  payloadOf,
  put,
  read,
  rootOf,
  sha256,
  signModel,
  type Tree,
  verifyModel,
} from './support.ts'

/** Category 2 of the conformance suite's TEST_CASES.md, key mode: sign, check the bundle, verify. */
const keys = { 'P-256': keyOn('P-256'), 'P-384': keyOn('P-384'), 'P-521': keyOn('P-521') }
const SIMPLE: Tree = { 'signme-1': 'first\n', 'signme-2': 'second\n', 'ignore-me': '' }
const IGNORE: Flags = { ignore: ['ignore-me'] }
const noise = Uint8Array.from({ length: 1024 }, (_, i) => (i * 197) % 256)

interface Case {
  readonly id: string
  readonly files: Tree
  readonly signed: readonly string[]
  readonly curve?: Curve
  readonly flags?: Flags
  readonly inside?: boolean
  /** Appears between signing and verifying. */
  readonly later?: Tree
}
const simple = { files: SIMPLE, signed: ['signme-1', 'signme-2'], flags: IGNORE }
const cases: readonly Case[] = [
  { id: 'key-simple', ...simple },
  { id: 'key-p384', ...simple, curve: 'P-384' },
  { id: 'key-p521', ...simple, curve: 'P-521' },
  { id: 'key-ignore-paths', ...simple },
  { id: 'key-sig-inside-model', ...simple, inside: true },
  {
    id: 'key-ignore-unsigned',
    ...simple,
    flags: { ...IGNORE, ignoreUnsigned: true },
    later: { 'injected.bin': 'injected after signing\n' },
  },
  {
    id: 'key-multi-file',
    files: { 'weights.bin': noise, 'config.json': '{}', 'subdir/adapter.bin': 'a' },
    signed: ['config.json', 'subdir/adapter.bin', 'weights.bin'],
  },
  { id: 'key-single-file', files: { 'model.bin': noise }, signed: ['model.bin'] },
  {
    id: 'key-binary-content',
    files: { 'header.bin': Buffer.of(0, 0xff, 0x0d, 0x0a, 0x1a), 'weights.bin': noise },
    signed: ['header.bin', 'weights.bin'],
  },
  {
    id: 'key-empty-file',
    files: { 'empty.bin': '', 'signme-1': 'x' },
    signed: ['empty.bin', 'signme-1'],
  },
  {
    id: 'key-default-ignores',
    files: {
      'model.bin': 'm',
      '.gitattributes': '',
      '.gitignore': '',
      '.github/ci.yml': '',
      '.git/config': 'g',
    },
    signed: ['model.bin'],
  },
  {
    id: 'key-dotfile-included',
    files: { '.config': 'c', '.env.example': 'e', 'model.bin': 'm' },
    signed: ['.config', '.env.example', 'model.bin'],
  },
  {
    id: 'key-files-in-hidden-dir',
    files: { '.cache/weights.bin': 'w', '.local/share/data.bin': 'd', 'model.bin': 'm' },
    signed: ['.cache/weights.bin', '.local/share/data.bin', 'model.bin'],
  },
  {
    id: 'key-special-chars-path',
    files: { 'file (copy).bin': '1', 'normal.bin': '2', 'path with spaces/model.bin': '3' },
    signed: ['file (copy).bin', 'normal.bin', 'path with spaces/model.bin'],
  },
  {
    id: 'key-unicode-filename',
    files: { '模型.bin': 'm', 'weights.bin': 'w' },
    signed: ['weights.bin', '模型.bin'],
  },
  // Beyond the suite.
  {
    id: 'the defaults are excluded at the top only',
    files: { 'model.bin': 'm', 'sub/.git/config': 'g', 'sub/.gitignore': 'i', '.gitignore2': 'j' },
    signed: ['.gitignore2', 'model.bin', 'sub/.git/config', 'sub/.gitignore'],
  },
  {
    id: 'an ignored folder, with another that only starts the same',
    files: { 'cache/a': '1', 'cache/b/c': '2', cached: '3', 'sub/cache/d': '4' },
    signed: ['cached', 'sub/cache/d'],
    flags: { ignore: ['cache'] },
  },
  {
    id: 'code-point order, which is neither that of paths nor that of UTF-16',
    files: { 'a/b': '1', 'a-b': '2', 'a.b': '3', '\u{1f600}': '4', '\uffee': '5', B: '6' },
    signed: ['B', 'a-b', 'a.b', 'a/b', '\uffee', '\u{1f600}'],
  },
]

describe('OMS conformance: sign, then verify', () => {
  it.each(cases)(
    '$id',
    async ({ files, signed, curve = 'P-256', flags = {}, inside = false, later = {} }) => {
      const key = keys[curve]
      const model = modelOf(files)
      const file = join(inside ? model : newFolder(), 'bundle.sig')
      const { ignoreUnsigned: _, ...signing } = flags
      await signModel(model, key, file, signing)

      const bundle = read(file)
      expect(Object.keys(bundle)).toEqual(['mediaType', 'verificationMaterial', 'dsseEnvelope'])
      expect(bundle.mediaType).toBe('application/vnd.dev.sigstore.bundle.v0.3+json')
      expect(bundle.verificationMaterial).toEqual({ publicKey: { hint: key.hint }, tlogEntries: [] })
      expect(bundle.dsseEnvelope.payloadType).toBe('application/vnd.in-toto+json')
      expect(bundle.dsseEnvelope.signatures).toEqual([{ sig: expect.any(String), keyid: '' }])
      const resources = signed.map(name => ({ name, algorithm: 'sha256', digest: sha256(files[name]!) }))
      const ignored = [...(flags.ignore ?? []), ...(inside ? ['bundle.sig'] : [])]
      const { predicate, ...statement } = payloadOf(bundle)
      expect(statement).toEqual({
        _type: 'https://in-toto.io/Statement/v1',
        subject: [{ name: 'model', digest: { sha256: rootOf(resources) } }],
        predicateType: 'https://model_signing/signature/v1.0',
      })
      expect(predicate.resources).toEqual(resources)
      expect({
        ...predicate.serialization,
        ignore_paths: [...(predicate.serialization['ignore_paths'] as string[])].sort(),
      }).toEqual({
        method: 'files',
        hash_type: 'sha256',
        allow_symlinks: false,
        ignore_paths: ['.git', '.gitattributes', '.github', '.gitignore', ...ignored].sort(),
      })

      for (const [name, bytes] of Object.entries(later)) put(model, name, bytes)
      expect(await verifyModel(model, key, file, flags)).toBe(`verified ${signed.length} files of model`)

      // Each file that is signed matters, and nothing else does.
      for (const name of signed) {
        put(model, name, 'changed')
        await expect(verifyModel(model, key, file, flags)).rejects.toThrow(`model: ${name} is not the file`)
        put(model, name, files[name]!)
      }
      for (const name of Object.keys(files)) if (!signed.includes(name)) put(model, name, 'changed')
      await verifyModel(model, key, file, flags)
    },
  )

  it('key-simple-deterministic', async () => {
    const model = modelOf(SIMPLE)
    const [first, second] = [join(newFolder(), 'a.sig'), join(newFolder(), 'b.sig')]
    await signModel(model, keys['P-256'], first, IGNORE)
    await signModel(model, keys['P-256'], second, IGNORE)
    expect(read(first)).toEqual(read(second))
  })

  it('a model that is one file, named by its path', async () => {
    const model = join(modelOf({ 'model.onnx': noise, 'beside.txt': 'b' }), 'model.onnx')
    const file = join(newFolder(), 'bundle.sig')
    await signModel(model, keys['P-256'], file)
    expect(payloadOf(read(file)).subject[0]!.name).toBe('model.onnx')
    expect(payloadOf(read(file)).predicate.resources.map(r => r.name)).toEqual(['model.onnx'])
    expect(await verifyModel(model, keys['P-256'], file)).toBe('verified 1 files of model.onnx')
    writeFileSync(model, 'changed')
    await expect(verifyModel(model, keys['P-256'], file)).rejects.toThrow('model.onnx is not the file')
  })

  it.each<[string, (model: string) => void, string]>([
    [
      'key-symlink-default-rejected',
      m => symlinkSync('signme-1', join(m, 'link')),
      'link is a symbolic link',
    ],
    ['key-symlink-cycle', m => symlinkSync('.', join(m, 'cycle-link')), 'cycle-link is a symbolic link'],
    [
      'key-symlink-outside-root',
      m => symlinkSync('/nonexistent/target', join(m, 'outside-link')),
      'outside-link is a symbolic link',
    ],
  ])('%s: neither signed nor, when it comes later, verified', async (_, link, why) => {
    const model = modelOf(SIMPLE)
    const file = join(newFolder(), 'bundle.sig')
    await signModel(model, keys['P-256'], file)
    link(model)
    await expect(signModel(model, keys['P-256'], join(newFolder(), 'b.sig'))).rejects.toThrow(why)
    await expect(verifyModel(model, keys['P-256'], file)).rejects.toThrow(why)
    await expect(verifyModel(model, keys['P-256'], file, { ignoreUnsigned: true })).rejects.toThrow(why)
  })

  it('key-empty-model-rejected, also when all there is is excluded', async () => {
    const sign = (files: Tree, flags?: Flags) =>
      signModel(modelOf(files), keys['P-256'], join(newFolder(), 'b.sig'), flags)
    await expect(sign({})).rejects.toThrow('model: has no file to sign')
    await expect(sign({ '.gitignore': '*' })).rejects.toThrow('model: has no file to sign')
    await expect(sign({ a: '' }, { ignore: ['a'] })).rejects.toThrow('model: has no file to sign')
  })

  it('records no ignored path that a verifier could take for a pattern', async () => {
    const model = modelOf({ a: '1', 'b[1]': '2' })
    await expect(
      signModel(model, keys['P-256'], join(newFolder(), 'b.sig'), { ignore: ['b[1]'] }),
    ).rejects.toThrow('the ignored path b[1] must be without')
  })

  it('refuses what is neither a file nor a folder', async () => {
    const model = modelOf({ a: '1' })
    const server = createServer().listen(join(model, 'socket'))
    await new Promise(done => server.once('listening', done))
    await expect(signModel(model, keys['P-256'], join(newFolder(), 'b.sig'))).rejects.toThrow(
      'model: socket is neither a file nor a folder',
    )
    await new Promise(done => server.close(done))
  })

  it('refuses keys that OMS does not know, and methods that we do not', async () => {
    const model = modelOf({ a: '1' })
    const file = join(newFolder(), 'b.sig')
    const swapped = { ...keys['P-256'], privateFile: keys['P-256'].publicFile }
    await expect(signModel(model, swapped, file)).rejects.toThrow()
    await signModel(model, keys['P-256'], file)
    const turned = { ...keys['P-256'], publicFile: keys['P-256'].privateFile }
    await expect(verifyModel(model, turned, file)).rejects.toThrow('give the public key, not the private one')
    for (const method of ['certificate', 'sigstore']) {
      await expect(signModel(model, keys['P-256'], file, { method })).rejects.toThrow('--method must be key')
      await expect(verifyModel(model, keys['P-256'], file, { method })).rejects.toThrow(
        '--method must be key',
      )
    }
  })
})
