import type { Algorithm, Checksum, ChecksumType } from './checksums.ts'

/** One version of one object, or a delete marker. */
export interface StoredVersion {
  readonly key: string
  /** `null` where the bucket was not versioned. */
  readonly versionId: string
  /** Hexadecimal, grows with every write: the order of events on one key. */
  readonly sequencer: string
  /** ISO time, whole seconds. */
  readonly lastModified: string
  readonly deleteMarker: boolean
  readonly size: number
  /** Without quotes: MD5, or `md5-of-md5s-PARTS`. */
  readonly etag: string
  /** Name of the body's file; empty for a delete marker. */
  readonly file: string
  /** What GET returns as sent: Content-Type, Cache-Control, x-amz-meta-*, encryption, … */
  readonly headers: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly checksum?: Checksum
  /** Sizes of the parts of a multipart upload, in order. */
  readonly partSizes?: readonly number[]
}
export type VersionDraft = Omit<StoredVersion, 'versionId' | 'sequencer' | 'lastModified' | 'deleteMarker'>

export interface Part {
  readonly number: number
  readonly size: number
  readonly etag: string
  readonly file: string
  readonly lastModified: string
  readonly checksum?: Checksum
}
export interface Upload {
  readonly id: string
  readonly key: string
  readonly initiated: string
  readonly headers: Readonly<Record<string, string>>
  readonly tags: Readonly<Record<string, string>>
  readonly checksumAlgorithm?: Algorithm
  readonly checksumType?: ChecksumType
}

/** One line of a bucket's journal. Replaying the lines gives the bucket's state. */
export type JournalRecord =
  | { readonly op: 'bucket'; readonly created: string }
  | { readonly op: 'config'; readonly name: string; readonly value: string | null }
  | { readonly op: 'put'; readonly version: StoredVersion }
  | { readonly op: 'amend'; readonly version: StoredVersion }
  | { readonly op: 'remove'; readonly key: string; readonly versionId: string }
  | { readonly op: 'upload'; readonly upload: Upload }
  | { readonly op: 'part'; readonly uploadId: string; readonly part: Part }
  | { readonly op: 'drop'; readonly uploadId: string }
