import type { Clock } from '../../conformance/ports.ts'

/** Time that passes only when everybody waits: months cost nothing, and every run is the same. */
export interface Simulation {
  readonly clock: Clock & { micros(): number }
  /** In [0, 1), the same numbers in every run. */
  random(): number
  /** Lets time pass until the work is done. @throws Error when nobody waits for anything any more */
  run<T>(work: Promise<T>): Promise<T>
}
interface Timer {
  readonly at: number
  readonly order: number
  readonly call: () => void
}

export function createSimulation(start = Date.parse('2026-11-21T12:00:00Z')): Simulation {
  let elapsed = 0
  let order = 0
  let seed = 7
  const timers = new Set<Timer>()
  const next = (): Timer | undefined => {
    let first: Timer | undefined
    for (const timer of timers)
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer
    return first
  }
  return {
    clock: {
      now: () => start + elapsed,
      micros: () => elapsed * 1_000,
      after(ms, call) {
        const timer = { at: elapsed + Math.max(0, ms), order: order++, call }
        timers.add(timer)
        return () => timers.delete(timer)
      },
    },
    random() {
      seed = (seed * 48_271) % 2_147_483_647
      return seed / 2_147_483_647
    },
    async run(work) {
      let over = false
      const ended = work.finally(() => {
        over = true
      })
      ended.catch(() => undefined)
      while (!over) {
        await new Promise(done => setImmediate(done))
        if (over) break
        const timer = next()
        if (timer === undefined) throw new Error('nothing is left to wait for')
        timers.delete(timer)
        elapsed = Math.max(elapsed, timer.at)
        timer.call()
      }
      return ended
    },
  }
}
