const TABLE_BITS = 14
const MIN_MATCH = 5

/** Finds where the bytes just coded stood before, and with that the byte that would come next. */
export interface History {
  /** Tells that `buffer[at]` is known now. */
  seen(at: number): void
  /** The byte that the longest known match says, or -1. */
  expected(): number
  /** Length of that match, 0 to 255. */
  matched(): number
}

export function createHistory(buffer: Uint8Array): History {
  const table = new Int32Array(2 ** TABLE_BITS).fill(-1)
  let pointer = -1
  let length = 0
  return {
    seen(at) {
      if (pointer >= 0 && buffer[pointer] === buffer[at]) {
        pointer++
        if (length < 255) length++
      } else {
        pointer = -1
        length = 0
      }
      if (at + 1 < MIN_MATCH) return
      let hash = 0
      for (let i = at - MIN_MATCH + 1; i <= at; i++) hash = Math.imul(hash + buffer[i]! + 1, 0x2f0b4c47)
      const slot = hash >>> (32 - TABLE_BITS)
      if (pointer < 0) {
        pointer = table[slot]!
        if (pointer >= 0) {
          while (
            length < 32 &&
            pointer - 1 - length >= 0 &&
            buffer[pointer - 1 - length] === buffer[at - length]
          )
            length++
          if (length < MIN_MATCH) {
            pointer = -1
            length = 0
          }
        }
      }
      table[slot] = at + 1
    },
    expected: () => (pointer < 0 ? -1 : buffer[pointer]!),
    matched: () => length,
  }
}
