/** Offline root keys: P-256, PKCS#8 in PEM. They never leave the machine that made them. */
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DsseEnvelope } from '../../src/contracts/manifest.ts'
import { toBeSigned, withSignature } from '../../src/domain/trust/root.ts'
import { type PinnedKey, pinnedKey } from '../../verifier/key.ts'

export interface RootKeyFiles {
  readonly name: string
  readonly keyid: string
  /** Private half, mode 0600. */
  readonly file: string
  /** Public half, for drafts. */
  readonly publicFile: string
}

export const rootKeyFiles = (dir: string, name: string): Pick<RootKeyFiles, 'file' | 'publicFile'> => ({
  file: join(dir, `${name}.pem`),
  publicFile: join(dir, `${name}.pub.pem`),
})

/** @throws Error naming the first file that is there: a key is never overwritten */
export function assertNoRootKey(dir: string, name: string): void {
  for (const path of Object.values(rootKeyFiles(dir, name)))
    if (existsSync(path)) throw new Error(`${path}: is there already, and a key is never overwritten`)
}

const publicPem = (key: KeyObject): string =>
  createPublicKey(key).export({ type: 'spki', format: 'pem' }).toString()

/**
 * Makes `NAME.pem` and `NAME.pub.pem`. Never overwrites a key.
 * @param passphrase encrypts the private half (AES-256, PBES2); without it, the file is the key
 * @throws Error when a file of that name is there
 */
export function makeRootKey(dir: string, name: string, passphrase?: string): RootKeyFiles {
  assertNoRootKey(dir, name)
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = privateKey.export({
    type: 'pkcs8',
    format: 'pem',
    ...(passphrase === undefined ? {} : { cipher: 'aes-256-cbc', passphrase }),
  })
  const { file, publicFile } = rootKeyFiles(dir, name)
  writeFileSync(file, pem, { mode: 0o600, flag: 'wx' })
  writeFileSync(publicFile, publicPem(privateKey), { flag: 'wx' })
  return { name, keyid: pinnedKey(publicPem(privateKey)).hint, file, publicFile }
}

export interface RootKey extends PinnedKey {
  readonly secret: KeyObject
}

/** @throws Error naming the file when it is no P-256 private key, or the passphrase is missing or wrong */
export function readRootKey(file: string, passphrase?: string): RootKey {
  const pem = readFileSync(file, 'utf8')
  if (!pem.includes('PRIVATE KEY')) throw new Error(`${file}: give the private key, not the public one`)
  const encrypted = pem.includes('BEGIN ENCRYPTED PRIVATE KEY')
  if (encrypted && passphrase === undefined)
    throw new Error(`${file}: is encrypted; give its passphrase with --passphrase-file`)
  let secret: KeyObject
  try {
    secret = createPrivateKey({
      key: pem,
      format: 'pem',
      ...(passphrase === undefined ? {} : { passphrase }),
    })
  } catch (error) {
    const why = encrypted ? 'the passphrase is wrong, or the file is damaged' : (error as Error).message
    throw new Error(`${file}: ${why}`)
  }
  return { ...pinnedKey(publicPem(secret), file), secret }
}

/** Adds this key's signature. */
export function signRoot(envelope: DsseEnvelope, { hint, secret }: RootKey): DsseEnvelope {
  return withSignature(
    envelope,
    hint,
    sign('sha256', toBeSigned(envelope), { key: secret, dsaEncoding: 'der' }),
  )
}
