import type { Clock } from '../../../device/ports.ts'

interface Timer {
  readonly at: number
  readonly order: number
  readonly owner: object
  readonly call: () => void
}

/** One simulated time for the cloud and all devices. Nothing happens by itself: whoever schedules, fires. */
export class SimClock {
  now: number
  private timers: Timer[] = []
  private readonly gone = new WeakSet<object>()
  private order = 0
  constructor(now: number) {
    this.now = now
  }
  /** What one incarnation of a device sees; `forget` takes all of its timers away, also those to come. */
  for(owner: object, skewMs = 0): Clock {
    return {
      now: () => this.now + skewMs,
      micros: () => this.now * 1_000,
      after: (ms, call) => {
        if (this.gone.has(owner)) return () => undefined
        const timer = { at: this.now + Math.max(0, Math.ceil(ms)), order: this.order++, owner, call }
        this.timers.push(timer)
        return () => {
          this.timers = this.timers.filter(other => other !== timer)
        }
      },
    }
  }
  forget(owner: object): void {
    this.gone.add(owner)
    this.timers = this.timers.filter(timer => timer.owner !== owner)
  }
  /** When the next timer is due; undefined without one. */
  get next(): number | undefined {
    return this.first()?.at
  }
  /** Moves time to the next timer, if that is due by then, and fires it. @returns whether one fired */
  fire(until = Number.POSITIVE_INFINITY): boolean {
    const timer = this.first()
    if (timer === undefined || timer.at > until) return false
    this.timers = this.timers.filter(other => other !== timer)
    this.now = Math.max(this.now, timer.at)
    timer.call()
    return true
  }
  private first(): Timer | undefined {
    let first: Timer | undefined
    for (const timer of this.timers)
      if (first === undefined || timer.at < first.at || (timer.at === first.at && timer.order < first.order))
        first = timer
    return first
  }
}
