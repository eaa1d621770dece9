import * as z from 'zod'
import { metricsBody, type UplinkKind } from '../src/contracts/mqtt.ts'
import type { Storage } from './ports.ts'

export interface Queued {
  readonly kind: UplinkKind
  readonly seq: number
  readonly t: number
  body: unknown
  readonly bytes: number
  /** It may have arrived, whatever became of the connection: it keeps its bytes, or its number would have two. */
  tried?: boolean
}

const FILE = 'windows.json'
/** A week of hourly windows. */
const MAX_WINDOWS = 168
/** Bytes of everything else that may wait on one device. */
const MAX_BYTES = 524_288

const windows = z.array(
  z.strictObject({ seq: z.int(), t: z.int(), body: metricsBody, tried: z.boolean().default(false) }),
)

/**
 * Messages that wait to be sent, first in first out. Windows have a bound of their own and are kept in a file
 * while they wait, so that samples never push them out; of both, the oldest goes first.
 */
export interface Queue {
  add(message: Queued): void
  /** Oldest first. */
  waiting(): readonly Queued[]
  remove(message: Queued): void
  /** Windows that are still here, and were never sent, waited over a reconnect. */
  markHistorical(): void
  /** Writes the waiting windows down. */
  save(): void
  readonly length: number
  /** Since the start of the process. */
  readonly dropped: number
}

export function createQueue(storage: Storage): Queue {
  let waiting: Queued[] = restore(storage)
  let dropped = 0
  const without = (message: Queued): Queued[] => waiting.filter(other => other !== message)
  const dropOldest = (kinds: readonly Queued[], tooMuch: (rest: readonly Queued[]) => boolean): void => {
    for (let rest = kinds; tooMuch(rest); rest = rest.slice(1)) {
      waiting = without(rest[0]!)
      dropped++
    }
  }
  const isWindow = (message: Queued): boolean => message.kind === 'metrics'
  return {
    add(message) {
      waiting.push(message)
      if (isWindow(message)) dropOldest(waiting.filter(isWindow), rest => rest.length > MAX_WINDOWS)
      else
        dropOldest(
          waiting.filter(other => !isWindow(other)),
          rest => rest.reduce((sum, other) => sum + other.bytes, 0) > MAX_BYTES,
        )
    },
    waiting: () => waiting,
    remove(message) {
      waiting = without(message)
      if (isWindow(message) && !waiting.some(isWindow) && storage.size(FILE) !== null) storage.remove(FILE)
    },
    markHistorical() {
      for (const message of waiting)
        if (isWindow(message) && !message.tried)
          message.body = { ...(message.body as object), historical: true }
    },
    save() {
      const kept = waiting
        .filter(isWindow)
        .map(({ seq, t, body, tried = false }) => ({ seq, t, body, tried }))
      if (kept.length > 0) storage.write(FILE, Buffer.from(JSON.stringify(kept)))
    },
    get length() {
      return waiting.length
    },
    get dropped() {
      return dropped
    },
  }
}

function restore(storage: Storage): Queued[] {
  const bytes = storage.read(FILE)
  if (bytes === null) return []
  try {
    return windows.parse(JSON.parse(Buffer.from(bytes).toString('utf8'))).map(message => ({
      kind: 'metrics',
      ...message,
      bytes: 0,
    }))
  } catch {
    // The file is an extra: a damaged one costs its windows and nothing else.
    storage.remove(FILE)
    return []
  }
}
