/** Runs jobs in the background, a few at a time, and ends them all when the cloud closes. */
import { setMaxListeners } from 'node:events'
import type { Child } from './child.ts'

/** What a running job is told from outside. */
export interface JobControl {
  /** Aborted when the job must stop waiting or transferring: StopJob, its time limit, or the cloud closing. */
  readonly signal: AbortSignal
  /** Aborted only when the cloud closes: what a stopped job may still do, such as uploading. */
  readonly closing: AbortSignal
  readonly reason: () => 'stop' | 'timeout' | 'close' | undefined
  /** Registers the child so that stopping reaches it. */
  attach(child: Child): void
  /** Starts the job's time limit, in seconds. */
  limit(seconds: number): void
}
/** Must not reject: a job ends in a status of its own. */
type Work = (control: JobControl) => Promise<void>
export interface Runner {
  start(name: string, work: Work): void
  stop(name: string): void
  close(): Promise<void>
}

const LONGEST_TIMER_MS = 2 ** 31 - 1

/** `graceMs`: time between SIGTERM and SIGKILL of a stopped job. `onBroken` hears of work that rejected all the same. */
export function createRunner(
  slots: number,
  graceMs: number,
  onBroken: (name: string, error: unknown) => void,
): Runner {
  interface Running {
    readonly interrupt: (reason: 'stop' | 'timeout' | 'close') => void
    readonly done: Promise<void>
  }
  const running = new Map<string, Running>()
  const queue: (() => void)[] = []
  let free = slots
  let closed = false

  const acquire = (signal: AbortSignal): Promise<boolean> =>
    new Promise(resolve => {
      const take = (): void => {
        free--
        resolve(true)
      }
      if (signal.aborted) return resolve(false)
      if (free > 0) return take()
      queue.push(take)
      signal.addEventListener('abort', () => {
        const at = queue.indexOf(take)
        if (at >= 0) queue.splice(at, 1)
        resolve(false)
      })
    })
  const release = (): void => {
    free++
    queue.shift()?.()
  }

  return {
    start(name, work) {
      if (closed) return
      const abort = new AbortController()
      const closing = new AbortController()
      setMaxListeners(0, abort.signal, closing.signal)
      let reason: 'stop' | 'timeout' | 'close' | undefined
      let child: Child | undefined
      let timer: NodeJS.Timeout | undefined
      const interrupt: Running['interrupt'] = why => {
        reason ??= why
        abort.abort(new Error(`the job was interrupted: ${why}`))
        if (why === 'close') {
          reason = why
          closing.abort(new Error('the local cloud is closing'))
          child?.kill()
        } else child?.stop(graceMs)
      }
      const control: JobControl = {
        signal: abort.signal,
        closing: closing.signal,
        reason: () => reason,
        attach(started) {
          child = started
          if (reason === 'close') child.kill()
          else if (reason) child.stop(graceMs)
        },
        limit(seconds) {
          timer = setTimeout(interrupt, Math.min(seconds * 1000, LONGEST_TIMER_MS), 'timeout').unref()
        },
      }
      const run = async (): Promise<void> => {
        const held = await acquire(abort.signal)
        try {
          await work(control)
        } finally {
          clearTimeout(timer)
          if (held) release()
          running.delete(name)
        }
      }
      // Later than this call, so that the caller has answered before the job moves.
      const done = new Promise<void>(resolve =>
        setImmediate(() => void run().then(resolve, error => resolve(onBroken(name, error)))),
      )
      running.set(name, { interrupt, done })
    },
    stop: name => running.get(name)?.interrupt('stop'),
    async close() {
      closed = true
      const all = [...running.values()]
      for (const job of all) job.interrupt('close')
      await Promise.all(all.map(job => job.done))
    },
  }
}
