/** Which events get an environment: warm ones first, new ones up to the limits, else they wait their turn. */
import { AwsError } from '../core/types.ts'
import type { FunctionConfig } from './types.ts'

export interface PoolMember {
  usable(): boolean
  terminate(): Promise<void>
}
export interface PoolOptions<M extends PoolMember> {
  /** Environments of all functions together. */
  readonly maxTotal: number
  /** Environments of a function without reserved concurrency. */
  readonly maxPerFunction: number
  /** Concurrency that was reserved for a function after it was made; undefined: what it was made with holds. */
  readonly reserved?: (functionName: string) => number | undefined
  /** An environment that was idle for so long is ended. */
  readonly idleMs: number
  readonly spawn: (fn: FunctionConfig) => M
}
interface Entry<M> {
  readonly fn: FunctionConfig
  readonly member: M
  busy: boolean
  idleTimer?: NodeJS.Timeout
}
interface Waiter<M> {
  readonly arrival: number
  readonly fn: FunctionConfig
  readonly resolve: (lease: Lease<M>) => void
  readonly reject: (error: Error) => void
}
export interface Lease<M> {
  readonly member: M
  readonly cold: boolean
  release(): void
}
export interface Pool<M> {
  /** `urgent` goes before everything else that waits: somebody is waiting for the answer. */
  acquire(fn: FunctionConfig, urgent: boolean): Promise<Lease<M>>
  limit(fn: FunctionConfig): number
  counts(): { readonly sandboxes: number; readonly running: number }
  /** Refuses whoever waits and whoever comes; what runs goes on. */
  refuse(): void
  /** Ends every environment, those at work too. */
  close(): Promise<void>
}

export function createPool<M extends PoolMember>(options: PoolOptions<M>): Pool<M> {
  const entries = new Set<Entry<M>>()
  const urgent: Lines<M> = new Map()
  const patient: Lines<M> = new Map()
  let arrivals = 0
  let closed = false

  const limit = (fn: FunctionConfig): number =>
    options.reserved?.(fn.name) ?? fn.reservedConcurrency ?? options.maxPerFunction
  const busyOf = (fn: FunctionConfig): number =>
    [...entries].filter(entry => entry.busy && entry.fn.name === fn.name).length

  const drop = (entry: Entry<M>): void => {
    clearTimeout(entry.idleTimer)
    entries.delete(entry)
    void entry.member.terminate()
  }

  const lease = (entry: Entry<M>, cold: boolean): Lease<M> => {
    entry.busy = true
    clearTimeout(entry.idleTimer)
    return {
      member: entry.member,
      cold,
      release() {
        entry.busy = false
        if (closed || !entry.member.usable()) drop(entry)
        else entry.idleTimer = setTimeout(() => drop(entry), options.idleMs).unref()
        dispatch()
      },
    }
  }

  const take = (fn: FunctionConfig): Lease<M> | undefined => {
    const idle = [...entries].filter(entry => !entry.busy)
    for (const entry of idle) if (!entry.member.usable()) drop(entry)
    const warm = idle.find(entry => entry.fn.name === fn.name && entry.member.usable())
    if (busyOf(fn) >= limit(fn)) return undefined
    if (warm) return lease(warm, false)
    if (entries.size >= options.maxTotal) {
      const victim = [...entries].find(entry => !entry.busy)
      if (!victim) return undefined
      drop(victim)
    }
    const entry: Entry<M> = { fn, member: options.spawn(fn), busy: true }
    entries.add(entry)
    return lease(entry, true)
  }

  const dispatch = (): void => {
    // Whoever waits behind a waiter of the same function cannot be served either.
    const blocked = new Set<string>()
    for (const lines of [urgent, patient]) {
      for (
        let line = longestWaiting(lines, blocked);
        line && !closed;
        line = longestWaiting(lines, blocked)
      ) {
        const waiter = line.head() as Waiter<M>
        const given = take(waiter.fn)
        if (!given) blocked.add(waiter.fn.name)
        else {
          line.next()
          if (line.head() === undefined) lines.delete(waiter.fn.name)
          waiter.resolve(given)
        }
      }
    }
  }

  const refuse = (): void => {
    closed = true
    const lines = [...urgent.values(), ...patient.values()]
    urgent.clear()
    patient.clear()
    for (const line of lines) for (const waiter of line.rest()) waiter.reject(shuttingDown())
  }

  return {
    limit,
    acquire(fn, isUrgent) {
      if (closed) return Promise.reject(shuttingDown())
      const reserved = options.reserved?.(fn.name) ?? fn.reservedConcurrency
      // Lambda makes no caller wait: beyond reserved concurrency it throttles. Our own limits are not Lambda's.
      if (reserved === 0 || (isUrgent && reserved !== undefined && busyOf(fn) >= reserved))
        return Promise.reject(throttled())
      return new Promise((resolve, reject) => {
        const lines = isUrgent ? urgent : patient
        const line = lines.get(fn.name) ?? createLine<M>()
        lines.set(fn.name, line)
        line.add({ fn, resolve, reject, arrival: arrivals++ })
        dispatch()
      })
    },
    counts: () => ({ sandboxes: entries.size, running: [...entries].filter(entry => entry.busy).length }),
    refuse,
    async close() {
      refuse()
      const all = [...entries]
      entries.clear()
      for (const entry of all) clearTimeout(entry.idleTimer)
      await Promise.all(all.map(entry => entry.member.terminate()))
    },
  }
}

/** Waiters of one function, first come first served. Thousands may wait, so nothing here looks at all of them. */
interface Line<M> {
  head(): Waiter<M> | undefined
  next(): void
  add(waiter: Waiter<M>): void
  rest(): readonly Waiter<M>[]
}
type Lines<M> = Map<string, Line<M>>

function createLine<M>(): Line<M> {
  let waiters: Waiter<M>[] = []
  let served = 0
  return {
    head: () => waiters[served],
    next() {
      served++
      if (served < 1_000) return
      waiters = waiters.slice(served)
      served = 0
    },
    add: waiter => void waiters.push(waiter),
    rest: () => waiters.slice(served),
  }
}

function longestWaiting<M>(lines: Lines<M>, blocked: ReadonlySet<string>): Line<M> | undefined {
  let found: Line<M> | undefined
  for (const [name, line] of lines)
    if (!blocked.has(name) && (found === undefined || line.head()!.arrival < found.head()!.arrival))
      found = line
  return found
}

const throttled = (): AwsError =>
  new AwsError('TooManyRequestsException', 'Rate Exceeded.', 429, {
    Reason: 'ReservedFunctionConcurrentInvocationLimitExceeded',
  })
const shuttingDown = (): AwsError => new AwsError('ServiceException', 'the local cloud is closing', 500)
