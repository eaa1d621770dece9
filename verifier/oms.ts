import type { PinnedKey } from './key.ts'
import { DEFAULT_IGNORED, openBundle, type Profile, type SignedFile } from './oms-bundle.ts'
import { type Check, fields, list, ShapeError, someText } from './shape.ts'

export { BUNDLE_MEDIA_TYPE, OMS_PREDICATE, type SignedFile } from './oms-bundle.ts'
export const MAX_BUNDLE_BYTES = 1_048_576
const MAX_RESOURCES = 1_024

/** The profile of a device. Stricter than the reference verifier, which accepts hidden and doubled files. */
const DEVICE: Profile = {
  maxBytes: MAX_BUNDLE_BYTES,
  maxFiles: MAX_RESOURCES,
  curves: ['prime256v1'],
  material: readMaterial,
  extensible: fields,
  fileName: (value, at) => {
    const name = someText(value, at)
    if (!isPlainPath(name)) throw new ShapeError(at, 'a relative path without `.`, `..` or `\\`')
    return name
  },
  ignorePath: (value, at) => {
    if (typeof value !== 'string' || !DEFAULT_IGNORED.includes(value))
      throw new ShapeError(at, `one of ${DEFAULT_IGNORED.join(', ')}`)
    return value
  },
  sorted: true,
}

/**
 * Verifies a bundle file as a device does and returns the files that it vouches for, in signed order.
 * For models of any origin see `verifyModel`.
 * @throws Refusal BUNDLE_MALFORMED, BUNDLE_SIGNATURE or BUNDLE_CONTENT
 */
export const verifyOmsBundle = (bytes: Uint8Array, modelKey: PinnedKey): readonly SignedFile[] =>
  openBundle(bytes, modelKey, DEVICE).files

function readMaterial(value: unknown, path: string): ReturnType<Check<string | undefined>> {
  const material = fields(value, path, ['publicKey'], ['tlogEntries', 'timestampVerificationData'])
  const { hint } = fields(material['publicKey'], `${path}.publicKey`, [], ['hint'])
  if (Object.hasOwn(material, 'tlogEntries'))
    list(material['tlogEntries'], `${path}.tlogEntries`, 0, 0, item => item)
  if (Object.hasOwn(material, 'timestampVerificationData'))
    fields(material['timestampVerificationData'], `${path}.timestampVerificationData`, [])
  return hint === undefined ? undefined : someText(hint, `${path}.publicKey.hint`)
}

function isPlainPath(name: string): boolean {
  if (!name.isWellFormed()) return false
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    if (c < 0x20 || c === 0x7f || c === 0x5c) return false
  }
  return name.split('/').every(part => part !== '' && part !== '.' && part !== '..')
}
