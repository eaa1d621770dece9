import { createHash, createPublicKey, verify } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { p256 } from '@noble/curves/nist.js'
import { describe, expect, it } from 'vitest'
import { omsAdapter } from '../../scripts/lib/oms-adapter.ts'
import { pinnedKey } from '../../verifier/key.ts'
import { verifyOmsBundle } from '../../verifier/oms.ts'
import { modelOf, newFolder, read, sha256 } from './support.ts'

/** The worked example: three files, signed by the P-256 test key of RFC 6979 A.2.5 with that document's nonces. */
const SECRET = 'C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721'
const PAYLOAD =
  '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"model","digest":{"sha256":"1ce8b7d4378b910e6f7d35ddbc218bc0f885c6422a17d3e4caaaa13f4359b6d9"}}],"predicateType":"https://model_signing/signature/v1.0","predicate":{"serialization":{"method":"files","hash_type":"sha256","allow_symlinks":false,"ignore_paths":[".git",".gitattributes",".github",".gitignore"]},"resources":[{"name":"config.json","algorithm":"sha256","digest":"e346432021b04179518d9614f3560ccd71354a4ee101ddcb893d6959a9d6301c"},{"name":"weights.txt","algorithm":"sha256","digest":"cf945b5236e101dbe0471d5200f28b1ae64f21c1f35bf55fcf40cd0fe42cd8e7"},{"name":"weights/w.bin","algorithm":"sha256","digest":"054edec1d0211f624fed0cbca9d4f9400b0e491c43742af2c5b0abebf0c990d8"}]}}'
const PAE_DIGEST = '0d5cc61848382c9add417895a111b4034ed5ff835c7ed8c03d376b0d8854a40d'
const HINT = '4975c03dd2ad43f3803bf943ca231389c41f26352bf098c930568797eff44dcc'
const SIG = 'MEUCIQCN1vQm3g7owp7r0I7bm3hpPbzVzPGbRiEnFf3yw8RhjAIgAZj9fYAxhMJyhIlRHnGWxSON3f+nuHWQKsLkoFYOxgI='

const point = Buffer.from(p256.getPublicKey(Buffer.from(SECRET, 'hex'), false))
const publicKey = createPublicKey({
  key: {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  },
  format: 'jwk',
})
/** RFC 5915 ECPrivateKey: version, secret, curve 1.2.840.10045.3.1.7, public point. */
const ecPrivateKey = Buffer.concat([
  Buffer.from('30770201010420', 'hex'),
  Buffer.from(SECRET, 'hex'),
  Buffer.from('a00a06082a8648ce3d030107a144034200', 'hex'),
  point,
])

describe('the worked example, from a folder to a bundle file', () => {
  it('has the payload, the PAE digest, the hint and the signature that were checked with model_signing', async () => {
    const model = modelOf({
      'config.json': '{"a":1}\n',
      'weights.txt': 'w\n',
      'weights/w.bin': Buffer.of(0, 1, 2, 3),
    })
    const folder = newFolder()
    const [privateFile, publicFile] = [join(folder, 'private.pem'), join(folder, 'public.pem')]
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    writeFileSync(
      privateFile,
      `-----BEGIN EC PRIVATE KEY-----\n${ecPrivateKey.toString('base64')}\n-----END EC PRIVATE KEY-----\n`,
    )
    writeFileSync(publicFile, pem)
    const file = join(folder, 'bundle.sig')
    const common = ['--method', 'key', '--model-path', model]
    await omsAdapter(['sign-model', ...common, '--private-key', privateFile, '--output-bundle', file])

    const bundle = read(file)
    const payload = Buffer.from(bundle.dsseEnvelope.payload, 'base64')
    expect(payload.toString()).toBe(PAYLOAD)
    expect(payload.byteLength).toBe(747)
    const pae = Buffer.concat([Buffer.from('DSSEv1 28 application/vnd.in-toto+json 747 '), payload])
    expect(sha256(pae)).toBe(PAE_DIGEST)
    expect(bundle.verificationMaterial).toEqual({ publicKey: { hint: HINT }, tlogEntries: [] })
    expect(createHash('sha256').update(pem).digest('hex')).toBe(HINT)
    expect(bundle.dsseEnvelope.signatures).toEqual([{ sig: SIG, keyid: '' }])
    expect(verify('sha256', pae, publicKey, Buffer.from(SIG, 'base64'))).toBe(true)

    const bytes = Buffer.from(JSON.stringify(bundle))
    expect(bytes.byteLength).toBe(1395)
    const names = ['config.json', 'weights.txt', 'weights/w.bin']
    expect(verifyOmsBundle(bytes, pinnedKey(pem)).map(f => f.name)).toEqual(names)
    expect(await omsAdapter(['verify-model', ...common, '--public-key', publicFile, '--bundle', file])).toBe(
      'verified 3 files of model',
    )
  })
})
