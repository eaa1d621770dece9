import type { Queue, Receipt } from './queue.ts'

/** Ends of the waits that are under way, so that closing can end them all. */
export type Waiting = Set<() => void>

/** Receives, waiting up to `milliseconds` for the first message. Timers do not keep the process alive. */
export async function receiveWaiting(
  queue: Queue,
  max: number,
  visibilityTimeout: number | undefined,
  milliseconds: number,
  waiting: Waiting,
): Promise<readonly Receipt[]> {
  const deadline = Date.now() + milliseconds
  for (;;) {
    const receipts = queue.receive(max, visibilityTimeout)
    const left = deadline - Date.now()
    if (receipts.length > 0 || left <= 0) return receipts
    if (!(await arrival(queue, left, waiting))) return []
  }
}

/** True when there may be something new or the time is up, false when the service is closing. */
function arrival(queue: Queue, milliseconds: number, waiting: Waiting): Promise<boolean> {
  return new Promise(resolve => {
    const finish = (goOn: boolean) => {
      clearTimeout(timer)
      unsubscribe()
      waiting.delete(cancel)
      resolve(goOn)
    }
    const cancel = () => finish(false)
    const timer = setTimeout(() => finish(true), milliseconds)
    timer.unref()
    const unsubscribe = queue.listen(() => finish(true))
    waiting.add(cancel)
  })
}
