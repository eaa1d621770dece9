import type { DomainEvent } from '../contracts/envelope.ts'

/** Primary key of one row of the state table. */
export interface Key {
  readonly pk: string
  readonly sk: string
}

/** A row: `data` is the entity, `rev` its revision for optimistic locking, `counters` what is only ever added to. */
export interface Row<T> {
  readonly key: Key
  readonly rev: number
  readonly data: T
  readonly counters: Readonly<Record<string, number>>
}

/** Place in the listing index, newest last by `sk`. */
export interface Listing {
  readonly pk: string
  readonly sk: string
}
/** Place in the index of unfinished work, which the reconciler sweeps. `since` is ISO time. */
export interface Pending {
  readonly kind: PendingKind
  readonly since: string
}
export const pendingKinds = [
  'training',
  'compilation',
  'package',
  'rollout',
  'fleet',
  'beacon',
  'trust',
  'labels',
  'window',
  'device',
  'silent',
  'revocation',
  'outbox',
] as const
export type PendingKind = (typeof pendingKinds)[number]

export interface Put<T = unknown> {
  readonly kind: 'put'
  readonly key: Key
  readonly data: T
  /** Revision that must still be there; `absent`: no such row yet; `any`: whatever is there is replaced. */
  readonly expect: number | 'absent' | 'any'
  readonly list?: Listing
  readonly pending?: Pending
  /** Seconds since 1970 after which the row may go. */
  readonly ttl?: number
}
/** Adds to counters of a row, making the row if need be. Commutes, so it needs no revision. */
export interface Add {
  readonly kind: 'add'
  readonly key: Key
  readonly by: Readonly<Record<string, number>>
  /** Set only when the row is made by this. */
  readonly pending?: Pending
  readonly ttl?: number
}
export interface Remove {
  readonly kind: 'remove'
  readonly key: Key
}
/** Nothing is written, but the commit fails when the row is not at this revision. */
export interface Check {
  readonly kind: 'check'
  readonly key: Key
  readonly expect: number | 'absent'
}
export type Write = Put | Add | Remove | Check

/** What an event was caused by; copied into the events that follow from it. */
export interface Cause {
  readonly correlationId: string
  readonly causationId?: string
  readonly generation: number
}

/** Rows of a partition, or of a listing. */
export type Range = { readonly pk: string; readonly prefix?: string } | { readonly listing: string }
/** One bounded read: as many rows as were asked for, or as fit into 1 MB. */
export interface Page<T> {
  readonly rows: readonly Row<T>[]
  /** Where the next page begins; absent at the end. */
  readonly next?: string
  /** The cursor behind a row of this page, for a reader that takes only some of it. */
  after(index: number): string
}

/**
 * State, and the events that a change of it causes, in one conditional transaction (outbox). All reads of single
 * rows and partitions are strongly consistent; the indexes lag.
 */
export interface Store {
  get<T>(key: Key): Promise<Row<T> | undefined>
  /** Rows of one partition whose sort key starts with `prefix`, in order. */
  query<T>(
    pk: string,
    prefix?: string,
    options?: { readonly limit?: number; readonly newestFirst?: boolean },
  ): Promise<readonly Row<T>[]>
  list<T>(
    listing: string,
    options?: { readonly limit?: number; readonly newestFirst?: boolean },
  ): Promise<readonly Row<T>[]>
  /** Throws InputError BAD_CURSOR for a cursor that is not one of this range. */
  page<T>(
    range: Range,
    options: { readonly limit: number; readonly cursor?: string | undefined; readonly newestFirst?: boolean },
  ): Promise<Page<T>>
  /** Number of rows in a partition. */
  count(pk: string): Promise<number>
  /** Number of rows in a listing. */
  countListed(listing: string): Promise<number>
  /** Unfinished rows by their keys: the index has nothing else. */
  pendingBefore(kind: PendingKind, before: string, limit: number): Promise<readonly { readonly key: Key }[]>
  /** Throws EdgeloopError CONFLICT when a condition no longer holds; then nothing was written. At most 90 writes and events. */
  commit(writes: readonly Write[], events?: readonly DomainEvent[], cause?: Cause): Promise<void>
}

export const put = <T>(
  key: Key,
  data: T,
  before: Row<unknown> | undefined,
  extra: { readonly list?: Listing; readonly pending?: Pending; readonly ttl?: number } = {},
): Put<T> => ({ kind: 'put', key, data, expect: before?.rev ?? 'absent', ...extra })
