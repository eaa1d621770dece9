/** A table's change stream: records in order, kept for 24 hours, numbered from 0 by position. */
import { randomUUID } from 'node:crypto'
import type { StreamRecord } from '../core/services.ts'
import type { Item } from './attribute-value.ts'
import { itemSize } from './compare.ts'
import type { KeyAttributes, StreamViewType } from './table-definition.ts'

/** One change as it is kept: images as the view type wants them. */
export interface Change {
  readonly id: string
  readonly name: 'INSERT' | 'MODIFY' | 'REMOVE'
  /** Epoch seconds. */
  readonly at: number
  readonly keys: Item
  readonly newImage?: Item
  readonly oldImage?: Item
  /** Set on deletions by time to live. */
  readonly expired?: true
}
export interface StreamIdentity {
  readonly arn: string
  readonly label: string
  readonly tableName: string
  readonly key: KeyAttributes
  readonly viewType: StreamViewType
}
export interface Stream {
  readonly identity: StreamIdentity
  /** Position of the oldest record kept, and the position that the next record will get. */
  readonly first: number
  readonly end: number
  enabled: boolean
  append(changes: readonly Change[]): void
  read(position: number, limit: number): { readonly changes: readonly Change[]; readonly next: number }
  /** Takes over records from the journal. */
  restore(first: number, changes: readonly Change[]): void
  trim(before: number): void
  listen(listener: () => void): () => void
}

/** Bounds memory: a reader that is further behind loses the oldest records, as it would after AWS's 24 hours. */
const maxKept = 20_000

/** `onFault` hears of a listener that threw: it must neither stop the others nor fail the write. */
export function createStream(identity: StreamIdentity, onFault: (error: unknown) => void): Stream {
  let first = 0
  let changes: Change[] = []
  const listeners = new Set<() => void>()
  let notifying = false
  const drop = (count: number) => {
    if (count <= 0) return
    changes = changes.slice(count)
    first += count
  }
  const notify = () => {
    if (notifying || listeners.size === 0) return
    notifying = true
    setImmediate(() => {
      notifying = false
      for (const listener of [...listeners]) {
        try {
          listener()
        } catch (error) {
          onFault(error)
        }
      }
    })
  }
  return {
    identity,
    enabled: true,
    get first() {
      return first
    },
    get end() {
      return first + changes.length
    },
    append(added) {
      changes.push(...added)
      if (changes.length > maxKept * 1.25) drop(changes.length - maxKept)
      notify()
    },
    read(position, limit) {
      const from = Math.min(Math.max(position, first), first + changes.length)
      const found = changes.slice(from - first, from - first + limit)
      return { changes: found, next: from + found.length }
    },
    restore(start, restored) {
      if (changes.length === 0) first = start
      changes.push(...restored)
    },
    trim(before) {
      const kept = changes.findIndex(change => change.at >= before)
      drop(kept === -1 ? changes.length : kept)
    },
    listen(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
  }
}

/** The change from one version of an item to the next, with the images that the view type asks for. */
export function changeOf(
  { viewType }: StreamIdentity,
  keys: Item,
  oldItem: Item | undefined,
  newItem: Item | undefined,
  at: number,
  expired: boolean,
): Change {
  const wantsNew = viewType === 'NEW_IMAGE' || viewType === 'NEW_AND_OLD_IMAGES'
  const wantsOld = viewType === 'OLD_IMAGE' || viewType === 'NEW_AND_OLD_IMAGES'
  return {
    id: randomUUID().replaceAll('-', ''),
    name: oldItem === undefined ? 'INSERT' : newItem === undefined ? 'REMOVE' : 'MODIFY',
    at,
    keys,
    ...(wantsNew && newItem !== undefined ? { newImage: newItem } : {}),
    ...(wantsOld && oldItem !== undefined ? { oldImage: oldItem } : {}),
    ...(expired ? { expired: true } : {}),
  }
}

/** Sequence numbers are decimal texts of 21 digits that grow with the position. */
const sequenceBase = 100_000_000_000_000_000_001n
export const sequenceNumber = (position: number): string => String(sequenceBase + BigInt(position))
/** Position of a sequence number, NaN for a text that is none. */
export const positionOf = (sequence: string): number =>
  /^\d{21}$/.test(sequence) ? Number(BigInt(sequence) - sequenceBase) : Number.NaN

/** A change in the shape in which Lambda's event source mapping and the Streams API hand it out. */
export function streamRecord(
  { arn, viewType }: StreamIdentity,
  region: string,
  change: Change,
  position: number,
): StreamRecord {
  const images = {
    ...(change.newImage === undefined ? {} : { NewImage: change.newImage }),
    ...(change.oldImage === undefined ? {} : { OldImage: change.oldImage }),
  }
  const size = [change.keys, change.newImage, change.oldImage].reduce(
    (sum, image) => sum + (image === undefined ? 0 : itemSize(image)),
    0,
  )
  return {
    eventID: change.id,
    eventName: change.name,
    eventVersion: '1.1',
    eventSource: 'aws:dynamodb',
    awsRegion: region,
    dynamodb: {
      ApproximateCreationDateTime: change.at,
      Keys: change.keys,
      ...images,
      SequenceNumber: sequenceNumber(position),
      SizeBytes: size,
      StreamViewType: viewType,
    },
    ...(change.expired ? { userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' } } : {}),
    eventSourceARN: arn,
  }
}
