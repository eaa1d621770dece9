import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll } from 'vitest'
import { omsAdapter } from '../../scripts/lib/oms-adapter.ts'

/** Fixtures of the OMS conformance cases, made anew by every run: the formats are written out, not taken from our signer. */
export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

const root = mkdtempSync(join(tmpdir(), 'oms-'))
afterAll(() => rmSync(root, { recursive: true, force: true }))
let made = 0
export const newFolder = (): string => {
  const folder = join(root, String(made++))
  mkdirSync(folder)
  return folder
}

export type Tree = Readonly<Record<string, string | Uint8Array>>
/** Writes `files` into a folder called `model`. @returns its path */
export function modelOf(files: Tree): string {
  const model = join(newFolder(), 'model')
  mkdirSync(model)
  for (const [name, bytes] of Object.entries(files)) put(model, name, bytes)
  return model
}
export function put(model: string, name: string, bytes: string | Uint8Array): void {
  mkdirSync(dirname(join(model, name)), { recursive: true })
  writeFileSync(join(model, name), bytes)
}

const HASHES = { 'P-256': 'sha256', 'P-384': 'sha384', 'P-521': 'sha512' } as const
export type Curve = keyof typeof HASHES
export interface Key {
  readonly curve: Curve
  readonly privateKey: KeyObject
  readonly pem: string
  readonly hint: string
  /** Paths of the PEM files. */
  readonly privateFile: string
  readonly publicFile: string
}
export function keyOn(curve: Curve): Key {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const folder = newFolder()
  const [privateFile, publicFile] = [join(folder, 'private.pem'), join(folder, 'public.pem')]
  // As certtool writes PEM files: with a description in front.
  writeFileSync(privateFile, `Private Key Info:\n${privateKey.export({ type: 'sec1', format: 'pem' })}`)
  writeFileSync(publicFile, `Public Key Info:\n${pem}`)
  return { curve, privateKey, pem, hint: sha256(pem), privateFile, publicFile }
}

export interface Resource {
  name: string
  algorithm: string
  digest: string
}
export interface Statement {
  _type: string
  subject: { name: string; digest: Record<string, string> }[]
  predicateType: string
  predicate: { serialization: Record<string, unknown>; resources: Resource[] }
}
export const rootOf = (resources: readonly Resource[]): string =>
  sha256(Buffer.concat(resources.map(r => Buffer.from(r.digest, 'hex'))))

/** A statement over `files` in the given order. */
export function statementOf(files: Tree, ignorePaths?: readonly string[]): Statement {
  const resources = Object.entries(files).map(([name, bytes]) => ({
    name,
    algorithm: 'sha256',
    digest: sha256(bytes),
  }))
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'model', digest: { sha256: rootOf(resources) } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: {
        method: 'files',
        hash_type: 'sha256',
        allow_symlinks: false,
        ...(ignorePaths && { ignore_paths: ignorePaths }),
      },
      resources,
    },
  }
}

export interface Bundle {
  mediaType: string
  verificationMaterial: Record<string, unknown>
  dsseEnvelope: {
    payload: string
    payloadType: string
    signatures: { sig: string; keyid?: string | null }[]
  }
}
export function bundleOf(statement: unknown, key: Key, text = JSON.stringify(statement)): Bundle {
  const payload = Buffer.from(text)
  const payloadType = 'application/vnd.in-toto+json'
  const signed = Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${payload.byteLength} `),
    payload,
  ])
  const sig = sign(HASHES[key.curve], signed, key.privateKey).toString('base64')
  return {
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: key.hint }, tlogEntries: [] },
    dsseEnvelope: { payload: payload.toString('base64'), payloadType, signatures: [{ sig, keyid: '' }] },
  }
}
/** @returns the path of a bundle file */
export function write(bundle: object | string): string {
  const file = join(newFolder(), 'bundle.sig')
  writeFileSync(file, typeof bundle === 'string' ? bundle : JSON.stringify(bundle))
  return file
}
export const read = (file: string): Bundle => JSON.parse(readFileSync(file, 'utf8')) as Bundle
export const payloadOf = (bundle: Bundle): Statement =>
  JSON.parse(Buffer.from(bundle.dsseEnvelope.payload, 'base64').toString()) as Statement

export interface Flags {
  /** Relative to the model. */
  readonly ignore?: readonly string[]
  readonly ignoreUnsigned?: boolean
  readonly method?: string
}
const flagsOf = (model: string, { ignore = [], ignoreUnsigned = false, method = 'key' }: Flags): string[] => [
  ...['--method', method, '--model-path', model],
  ...ignore.flatMap(path => ['--ignore-paths', join(model, path)]),
  ...(ignoreUnsigned ? ['--ignore-unsigned-files'] : []),
]
/** Signs through the suite's command line, in this process. */
export const signModel = (model: string, key: Key, bundle: string, flags: Flags = {}): Promise<string> =>
  omsAdapter([
    'sign-model',
    ...flagsOf(model, flags),
    '--private-key',
    key.privateFile,
    '--output-bundle',
    bundle,
  ])
/** Verifies through the suite's command line, in this process. */
export const verifyModel = (model: string, key: Key, bundle: string, flags: Flags = {}): Promise<string> =>
  omsAdapter(['verify-model', ...flagsOf(model, flags), '--public-key', key.publicFile, '--bundle', bundle])
