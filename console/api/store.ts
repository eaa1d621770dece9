/** The one place that keeps answers: by path, with their ETags, shared by all that show them. */
import type { Client } from './client.ts'
import { Fault } from './fault.ts'
import type { Scope } from './types.ts'

export interface Entry {
  readonly data?: unknown
  readonly etag?: string
  /** Of the last try; `data` is then what was known before. */
  readonly fault?: Fault
  readonly loading: boolean
}
export interface Store {
  get(path: string): Entry
  /** Asks, unless an answer is already on its way. */
  load(path: string, scope: Scope): Promise<void>
  /** Called on every change of an entry; returns how to stop. */
  watch(path: string, changed: () => void): () => void
  /** Asks every `ms` milliseconds, after the answer that is on its way, while the page can be seen; returns how to stop. */
  poll(path: string, scope: Scope, ms: number): () => void
  /** Forgets everything, what is on its way included: the next one who signs in may not be allowed to see it. */
  clear(): void
}
export interface Surroundings {
  hidden(): boolean
  onVisibility(changed: () => void): void
}

const NOTHING: Entry = { loading: false }
/** Answers that nobody looks at are forgotten beyond so many, the oldest first. */
const KEPT = 100
const LONGEST_MS = 300_000

/** Milliseconds until the next try: the interval, twice as long after each failure, never sooner than was asked for. */
export const pause = (ms: number, failures: number, retryAfter = 0): number =>
  Math.max(Math.min(ms * 2 ** failures, LONGEST_MS), retryAfter * 1_000)

export function makeStore(client: Client, around: Surroundings): Store {
  const entries = new Map<string, Entry>()
  const watchers = new Map<string, Set<() => void>>()
  const underway = new Map<string, Promise<void>>()
  const polls = new Set<() => void>()
  let cleared = 0

  const set = (path: string, entry: Entry): void => {
    entries.delete(path)
    entries.set(path, entry)
    for (const old of entries.keys()) {
      if (entries.size <= KEPT) break
      if (!watchers.has(old)) entries.delete(old)
    }
    for (const changed of watchers.get(path) ?? []) changed()
  }
  const ask = async (path: string, scope: Scope): Promise<void> => {
    const before = entries.get(path) ?? NOTHING
    const asked = cleared
    if (before.data === undefined) set(path, { loading: true })
    try {
      const { data, etag } = await client.ask(path, scope, before.etag)
      if (asked !== cleared) return
      if (data !== undefined) set(path, { data, loading: false, ...(etag === undefined ? {} : { etag }) })
      // 304: those who watch are not disturbed, unless there is a fault to take back.
      else if (before.fault !== undefined) set(path, { data: before.data, loading: false, ...keep(before) })
    } catch (error) {
      if (asked !== cleared) return
      const fault =
        error instanceof Fault ? error : new Fault('failed', 'Something went wrong', String(error))
      set(path, {
        ...(before.data === undefined ? {} : { data: before.data, ...keep(before) }),
        fault,
        loading: false,
      })
    }
  }
  const load: Store['load'] = (path, scope) => {
    const running = underway.get(path)
    if (running !== undefined) return running
    const asked = ask(path, scope).finally(() => {
      if (underway.get(path) === asked) underway.delete(path)
    })
    underway.set(path, asked)
    return asked
  }
  around.onVisibility(() => {
    for (const wake of polls) wake()
  })
  return {
    load,
    clear() {
      cleared++
      entries.clear()
      underway.clear()
    },
    get: path => entries.get(path) ?? NOTHING,
    watch(path, changed) {
      const set = watchers.get(path) ?? new Set()
      watchers.set(path, set.add(changed))
      return () => {
        set.delete(changed)
        if (set.size === 0) watchers.delete(path)
      }
    },
    poll(path, scope, ms) {
      let timer: ReturnType<typeof setTimeout> | undefined
      let failures = 0
      let stopped = false
      let next = 0
      const turn = async (): Promise<void> => {
        timer = undefined
        if (stopped || around.hidden()) return
        await load(path, scope)
        const { fault } = entries.get(path) ?? NOTHING
        failures = fault === undefined ? 0 : failures + 1
        // Whoever is signed out asks again after signing in, not on a timer.
        if (stopped || fault?.kind === 'signed-out') return
        const wait = pause(ms, Math.min(failures, 8), fault?.retryAfter)
        next = Date.now() + wait
        timer = setTimeout(turn, wait)
      }
      const wake = (): void => {
        if (around.hidden()) {
          clearTimeout(timer)
          timer = undefined
        } else if (timer === undefined && !underway.has(path)) {
          timer = setTimeout(turn, Math.max(0, failures > 0 ? next - Date.now() : 0))
        }
      }
      polls.add(wake)
      if (underway.has(path)) void turn()
      else timer = setTimeout(turn, ms)
      return () => {
        stopped = true
        clearTimeout(timer)
        polls.delete(wake)
      }
    },
  }
}

const keep = ({ etag }: Entry): { etag?: string } => (etag === undefined ? {} : { etag })
