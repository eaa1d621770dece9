/**
 * A sorted sequence in chunks of bounded length: inserting and removing cost about √n moves, and a walk can
 * start anywhere in either direction. One list per table and per index holds all of its entries.
 */
export interface SortedList<T> {
  readonly length: number
  insert(element: T): void
  /** Removes the element that compares equal, if there is one. */
  remove(element: T): void
  /** Elements in order, from the first one for which `isBefore` is false. `isBefore` must be monotone. */
  ascending(isBefore: (element: T) => boolean): Iterable<T>
  /** Elements in reverse order, from the last one for which `isAfter` is false. `isAfter` must be monotone. */
  descending(isAfter: (element: T) => boolean): Iterable<T>
}

const maxChunk = 512

export function createSortedList<T>(compare: (left: T, right: T) => number): SortedList<T> {
  const chunks: T[][] = []
  let length = 0

  /** Number of leading elements of a sorted array for which the monotone predicate holds. */
  const countWhile = <E>(array: readonly E[], holds: (element: E) => boolean): number => {
    let low = 0
    let high = array.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (holds(array[middle]!)) low = middle + 1
      else high = middle
    }
    return low
  }
  /** Chunk and offset of the first element for which the predicate is false. */
  const seek = (holds: (element: T) => boolean): readonly [number, number] => {
    const chunk = countWhile(chunks, candidate => holds(candidate.at(-1)!))
    return [chunk, chunk < chunks.length ? countWhile(chunks[chunk]!, holds) : 0]
  }

  return {
    get length() {
      return length
    },
    insert(element) {
      length++
      const [found, offset] = seek(other => compare(other, element) < 0)
      if (chunks.length === 0) chunks.push([])
      const last = chunks.length - 1
      const at = Math.min(found, last)
      const chunk = chunks[at]!
      chunk.splice(found > last ? chunk.length : offset, 0, element)
      if (chunk.length > maxChunk) chunks.splice(at + 1, 0, chunk.splice(chunk.length >>> 1))
    },
    remove(element) {
      const [at, offset] = seek(other => compare(other, element) < 0)
      const chunk = chunks[at]
      if (chunk === undefined || compare(chunk[offset]!, element) !== 0) return
      length--
      chunk.splice(offset, 1)
      if (chunk.length === 0) chunks.splice(at, 1)
    },
    *ascending(isBefore) {
      let [at, offset] = seek(isBefore)
      for (; at < chunks.length; at++, offset = 0) {
        const chunk = chunks[at]!
        for (; offset < chunk.length; offset++) yield chunk[offset]!
      }
    },
    *descending(isAfter) {
      const [start, offset] = seek(element => !isAfter(element))
      let from = offset - 1
      for (let at = start; at >= 0; at--, from = (chunks[at]?.length ?? 0) - 1) {
        const chunk = chunks[at] ?? []
        for (; from >= 0; from--) yield chunk[from]!
      }
    },
  }
}
