import { createHash, createPublicKey } from 'node:crypto'
import type { SignedFile } from './oms-bundle.ts'
import { type BundleKey, CURVE_HASHES, DEFAULT_IGNORED, openBundle, type Profile } from './oms-bundle.ts'
import { Refusal, refuseAs } from './refusal.ts'
import { anyText, type Fields, fields, list, ShapeError, someText } from './shape.ts'

/** The files of a model, wherever they lie. */
export interface ModelFiles {
  /** Basename of a model that is one file; absent when it is a folder. */
  readonly single?: string
  /**
   * Every file's path, relative, `/`-separated, except below paths that `ignored` names; asks for folders too.
   * @throws Error at whatever is neither a file nor a folder, links above all
   */
  list(ignored: (path: string) => boolean): Iterable<string>
  /** Lower-case hex SHA-256 of a listed file. */
  sha256(name: string): string
}
export interface VerifyOptions {
  /** Paths that may differ, relative to the model; each with all that lies below. */
  readonly ignorePaths?: readonly string[]
  /** Accepts files that are not signed. */
  readonly ignoreUnsignedFiles?: boolean
}

/** As OMS §4.1, §5 and §8 have it: unknown keys where the schemas allow them, `rawBytes` in place of a hint. */
const OPEN: Profile = {
  maxBytes: 16_777_216,
  maxFiles: 65_536,
  curves: [...CURVE_HASHES.keys()],
  material: readMaterial,
  extensible,
  fileName: (value, at) => {
    const name = someText(value, at)
    // The whole name `.` is what signers before 1.0.1 called a model of one file.
    if (name !== '.' && !isRelativePath(name)) throw new ShapeError(at, 'a relative path without `.` or `..`')
    return name
  },
  ignorePath: someText,
  // The reference signer sorts by the parts of a path, which is another order for `a/b` and `a-b`.
  sorted: false,
}

/** @throws Error when the text is not the PEM of a public key on P-256, P-384 or P-521 */
export function omsKey(pem: string, name = 'public key'): BundleKey {
  if (pem.includes('PRIVATE KEY')) throw new Error(`${name}: give the public key, not the private one`)
  const key = (() => {
    try {
      return createPublicKey(pem)
    } catch (error) {
      throw new Error(`${name}: not a public key (${(error as Error).message})`)
    }
  })()
  if (!CURVE_HASHES.has(key.asymmetricKeyDetails?.namedCurve ?? ''))
    throw new Error(`${name}: must be an EC key on P-256, P-384 or P-521`)
  const hint = createHash('sha256').update(key.export({ type: 'spki', format: 'pem' }))
  return { key, hint: hint.digest('hex') }
}

/**
 * Verifies any model against its OMS bundle in key mode, as the specification asks and no stricter: what the bundle
 * says to ignore is ignored. A device must not use this; it has `verifyOmsBundle`.
 * @returns the signed files, in signed order
 * @throws Refusal BUNDLE_MALFORMED, BUNDLE_SIGNATURE, BUNDLE_CONTENT, or PACKAGE_CONTENT for the files
 */
export function verifyModel(
  bundle: Uint8Array,
  key: BundleKey,
  model: ModelFiles,
  options: VerifyOptions = {},
): readonly SignedFile[] {
  const { files, ignorePaths } = openBundle(bundle, key, OPEN)
  const { single } = model
  const signed =
    single !== undefined && files.length === 1 && files[0]?.name === '.'
      ? [{ ...files[0], name: single }]
      : files
  const ignored = ignoring([...ignorePaths, ...(options.ignorePaths ?? [])])
  refuseAs('PACKAGE_CONTENT', () => {
    const found = new Set(model.list(ignored))
    for (const { name, sha256 } of signed) {
      if (!found.delete(name)) throw new Refusal('PACKAGE_CONTENT', `model: ${name} is signed but missing`)
      if (model.sha256(name) !== sha256)
        throw new Refusal('PACKAGE_CONTENT', `model: ${name} is not the file that the bundle signs`)
    }
    const [extra] = found
    if (extra !== undefined && options.ignoreUnsignedFiles !== true)
      throw new Refusal('PACKAGE_CONTENT', `model: ${extra} is not signed`)
  })
  return signed
}

/** OMS §6.2.1: exact relative paths with what lies below them; no patterns. The default ones are always among them. */
export function ignoring(paths: readonly string[]): (path: string) => boolean {
  const exact = new Set([...DEFAULT_IGNORED, ...paths])
  return path => {
    for (let end = path.length; end > 0; end = path.lastIndexOf('/', end - 1))
      if (exact.has(path.slice(0, end))) return true
    return false
  }
}

function readMaterial(value: unknown, path: string): string | undefined {
  const material = extensible(value, path, ['publicKey'])
  for (const other of ['x509CertificateChain', 'certificate'])
    if (Object.hasOwn(material, other)) throw new ShapeError(`${path}.${other}`, 'absent in key mode')
  const key = extensible(material['publicKey'], `${path}.publicKey`, [])
  if (Object.hasOwn(material, 'tlogEntries'))
    list(material['tlogEntries'], `${path}.tlogEntries`, 0, 1_024, item => item)
  if (!Object.hasOwn(key, 'hint')) {
    // Before 1.1 the key itself was here. Which key counts is the caller's choice, so it is not even looked at.
    anyText(key['rawBytes'], `${path}.publicKey.rawBytes`)
    return undefined
  }
  return anyText(key['hint'], `${path}.publicKey.hint`) || undefined
}

/** Reads an object with at least these keys. */
function extensible(value: unknown, path: string, required: readonly string[]): Fields {
  const known = value !== null && typeof value === 'object' ? Object.keys(value) : []
  return fields(value, path, required, known)
}

const isRelativePath = (name: string): boolean =>
  name.isWellFormed() &&
  !name.includes('\0') &&
  name.split('/').every(part => part !== '' && part !== '.' && part !== '..')
