import { createHash, generateKeyPairSync, randomFillSync, sign } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { packageArchive } from '../../src/domain/package/archive.ts'
import { PAYLOAD_TYPE, pae } from '../../verifier/dsse.ts'
import type { Release } from '../../verifier/index.ts'
import { BUNDLE_MEDIA_TYPE, OMS_PREDICATE } from '../../verifier/oms.ts'

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))
const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

export interface Claims {
  readonly release: Release
  readonly slot: string
  readonly hardware: string
  /** PEM. */
  readonly key: string
}

/** Writes `package.tar`, `bundle.json` and `claims.json`: a signed package whose model is so many random bytes. */
export function writePackage(dir: string, modelBytes: number): void {
  mkdirSync(dir, { recursive: true })
  const slot = { slot: 'bench', hardware: 'edge' }
  const model = randomFillSync(Buffer.allocUnsafe(modelBytes))
  const files = [
    { name: 'contract.json', bytes: json({ model: 'bench', version: 1, ...slot }) },
    { name: 'model.wasm', bytes: model },
    { name: 'self-test.json', bytes: json({ rows: [], margins: [] }) },
  ]
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const bundle = json(bundleOf(files, sha256(Buffer.from(key)), bytes => sign('sha256', bytes, privateKey)))
  const archive = packageArchive(files)
  const ref = (bytes: Uint8Array) => ({ sha256: sha256(bytes), length: bytes.byteLength })
  const release = { model: 'bench', version: 1, runtime: 'bench', bundle: ref(bundle), package: ref(archive) }
  writeFileSync(join(dir, 'package.tar'), archive)
  writeFileSync(join(dir, 'bundle.json'), bundle)
  writeFileSync(join(dir, 'claims.json'), json({ release, ...slot, key } satisfies Claims))
}

function bundleOf(
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
  hint: string,
  signed: (bytes: Uint8Array) => Buffer,
) {
  const resources = files.map(f => ({ name: f.name, algorithm: 'sha256', digest: sha256(f.bytes) }))
  const root = sha256(Buffer.concat(resources.map(r => Buffer.from(r.digest, 'hex'))))
  const payload = json({
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'bench', digest: { sha256: root } }],
    predicateType: OMS_PREDICATE,
    predicate: {
      serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false },
      resources,
    },
  })
  return {
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
    dsseEnvelope: {
      payload: payload.toString('base64'),
      payloadType: PAYLOAD_TYPE,
      signatures: [{ sig: signed(pae(PAYLOAD_TYPE, payload)).toString('base64'), keyid: '' }],
    },
  }
}
