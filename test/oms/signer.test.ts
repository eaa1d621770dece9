import { generateKeyPairSync } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { omsStatement, signBundle } from '../../src/domain/trust/oms.ts'
import { sha256 } from './support.ts'

const file = (name: string) => ({ name, bytes: Buffer.from('x') })

describe('OMS signer', () => {
  it.each(['../a', 'b/../a', '/a', './a', 'b//a', 'a/', '', '.', '\ud800'])(
    'refuses the file name %j',
    name => {
      expect(() => omsStatement('m', [file('a'), file(name)])).toThrow('is not a relative path')
    },
  )

  it('refuses a name twice', () => {
    expect(() => omsStatement('m', [file('a'), file('b'), file('a')])).toThrow('model: a is there twice')
  })

  it('takes digests in place of bytes', () => {
    const digested = { name: 'a', sha256: sha256('x') }
    expect(omsStatement('m', [digested, file('b')])).toEqual(omsStatement('m', [file('b'), file('a')]))
  })

  it('records what is ignored once, after the paths that always are', () => {
    const { predicate } = JSON.parse(omsStatement('m', [file('a')], ['c/d', '.git', 'c/d']).toString()) as {
      predicate: { serialization: { ignore_paths: string[] } }
    }
    expect(predicate.serialization.ignore_paths).toEqual([
      '.git',
      '.gitattributes',
      '.github',
      '.gitignore',
      'c/d',
    ])
    for (const path of ['/c', '../c', 'c/*', 'c?', '[c]'])
      expect(() => omsStatement('m', [file('a')], [path])).toThrow(/is not a relative path|must be without/)
  })

  it('gives the signer a digest of the size that its curve signs, and signs with no other key', async () => {
    const lengths: number[] = []
    const signWith = (spki: Buffer) =>
      signBundle('m', [file('a')], spki, async digest => {
        lengths.push(digest.byteLength)
        return Buffer.of(0)
      })
    for (const namedCurve of ['P-256', 'P-384', 'P-521'])
      await signWith(
        generateKeyPairSync('ec', { namedCurve }).publicKey.export({ type: 'spki', format: 'der' }),
      )
    expect(lengths).toEqual([32, 48, 64])
    const koblitz = generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey
    const edwards = generateKeyPairSync('ed25519').publicKey
    for (const key of [koblitz, edwards])
      await expect(signWith(key.export({ type: 'spki', format: 'der' }))).rejects.toThrow(
        'model key: must be on P-256, P-384 or P-521',
      )
    expect(lengths).toHaveLength(3)
  })
})
