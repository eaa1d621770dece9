/** A binary heap of things by the time they fall due. */
export interface DueQueue<T> {
  /** Time of the earliest entry. */
  readonly next: number | undefined
  add(time: number, value: T): void
  /** Takes out everything due at or before `now`, earliest first. */
  take(now: number): readonly T[]
  clear(): void
}

interface Entry<T> {
  readonly time: number
  /** Keeps things that fall due together in the order in which they came. */
  readonly order: number
  readonly value: T
}

export function createDueQueue<T>(): DueQueue<T> {
  let heap: Entry<T>[] = []
  let added = 0
  const earlier = (left: number, right: number) => {
    const a = heap[left]!
    const b = heap[right]!
    return a.time === b.time ? a.order < b.order : a.time < b.time
  }
  const swap = (left: number, right: number) => {
    const held = heap[left]!
    heap[left] = heap[right]!
    heap[right] = held
  }
  const pop = (): T => {
    const top = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return top.value
    heap[0] = last
    for (let at = 0; ; ) {
      const left = 2 * at + 1
      const right = left + 1
      let least = at
      if (left < heap.length && earlier(left, least)) least = left
      if (right < heap.length && earlier(right, least)) least = right
      if (least === at) return top.value
      swap(at, least)
      at = least
    }
  }
  return {
    get next() {
      return heap[0]?.time
    },
    add(time, value) {
      heap.push({ time, order: added++, value })
      for (let at = heap.length - 1; at > 0; ) {
        const parent = (at - 1) >> 1
        if (!earlier(at, parent)) break
        swap(at, parent)
        at = parent
      }
    },
    take(now) {
      const due: T[] = []
      while (heap.length > 0 && heap[0]!.time <= now) due.push(pop())
      return due
    },
    clear() {
      heap = []
    },
  }
}
