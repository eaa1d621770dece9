/** What erasing needs from the outside. */
import type { Objects } from '../../../src/domain/ports.ts'
import type { Quarantine } from '../../../src/domain/sampling/quarantine.ts'
import type { Row, Store } from '../../../src/domain/store.ts'

/** One key of a bucket, with everything that the bucket keeps under it. */
export interface Kept {
  readonly key: string
  /** Newest first. */
  readonly versions: readonly { readonly id: string; readonly size: number }[]
  /** Ids of delete markers. */
  readonly markers: readonly string[]
  /** Whether the newest version is what a reader gets, and not a delete marker. */
  readonly present: boolean
}
/** A bucket with its versions. */
export interface VersionedObjects extends Pick<Objects, 'get' | 'putOnce'> {
  versions(prefix: string): AsyncIterable<Kept>
  replace(key: string, bytes: Uint8Array, contentType: string): Promise<void>
  /** For good. */
  remove(key: string, ids: readonly string[]): Promise<void>
}
export interface ErasePorts {
  readonly store: Pick<Store, 'get' | 'query' | 'commit'>
  readonly quarantine: Pick<Quarantine, 'get' | 'commit'> & {
    /** Rows of a partition, page by page; a page may be empty. */
    pages<T>(pk: string, prefix: string): AsyncIterable<readonly Row<T>[]>
  }
  readonly artefacts: VersionedObjects
  readonly drops: Pick<VersionedObjects, 'get' | 'versions'>
}
