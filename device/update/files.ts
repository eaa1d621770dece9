import { createHash } from 'node:crypto'
import type { Storage } from '../ports.ts'
import type { State } from '../state.ts'

export interface BlobRef {
  /** Lower-case hex. */
  readonly sha256: string
  readonly length: number
}

export const blobFile = (digest: string): string => `blob-${digest}`
export const partFile = (digest: string): string => `part-${digest}`

export const hexDigest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** A stored blob if it is whole; one that is damaged is removed, so that it is fetched again. */
export function wholeBlob(storage: Storage, ref: BlobRef): Uint8Array | null {
  const bytes = storage.read(blobFile(ref.sha256))
  if (bytes === null) return null
  if (bytes.byteLength === ref.length && hexDigest(bytes) === ref.sha256) return bytes
  storage.remove(blobFile(ref.sha256))
  return null
}

/** Removes blobs and partial downloads that no slot's active, previous or coming release names. */
export function sweep(storage: Storage, state: Readonly<State>): void {
  const wanted = new Set<string>()
  for (const slot of Object.values(state.slots))
    for (const release of [slot.active, slot.previous, slot.job?.release])
      if (release) for (const ref of [release.bundle, release.package]) wanted.add(ref.sha256)
  for (const name of storage.list()) {
    const digest = /^(?:blob|part)-([0-9a-f]{64})$/.exec(name)?.[1]
    if (digest !== undefined && !wanted.has(digest)) storage.remove(name)
  }
}
