/** What a module's section headers promise, read before any engine sees the bytes. */
export interface Envelope {
  /** Pages of 64 KiB that the memory may ever have. */
  readonly maxPages: number
}

const CUSTOM = 0
const MEMORY = 5
/** type, function, memory, global, export, code, data: all that an artefact consists of. */
const ALLOWED = new Set([CUSTOM, 1, 3, MEMORY, 6, 7, 10, 11])
const REFUSED: Readonly<Record<number, string>> = {
  2: 'has imports',
  4: 'has a table',
  8: 'has a start function',
  9: 'has element segments',
  12: 'has a data count',
  13: 'has exception tags',
}
const MAGIC = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]

/** Reads the section headers and the memory's limits. Returns what is wrong as a string. */
export const readEnvelope = (bytes: Uint8Array): Envelope | string => {
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) return 'is not a WebAssembly 1.0 module'
  let at = MAGIC.length
  let maxPages: number | undefined
  let last = 0

  const u32 = (): number => {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = bytes[at++]
      if (byte === undefined) return Number.NaN
      value += (byte & 0x7f) * 2 ** shift
      if (byte < 0x80) return value
    }
    return Number.NaN
  }

  while (at < bytes.length) {
    const id = bytes[at++]!
    const size = u32()
    const end = at + size
    if (!(end <= bytes.length)) return 'is cut off'
    if (!ALLOWED.has(id)) return REFUSED[id] ?? `has a section of unknown kind ${id}`
    if (id !== CUSTOM && id <= last) return 'has sections out of order'
    if (id !== CUSTOM) last = id
    if (id === MEMORY) {
      const count = u32()
      const flags = u32()
      u32()
      maxPages = u32()
      if (count !== 1 || flags !== 1 || at !== end)
        return 'must have one memory with a maximum, 32-bit and not shared'
    }
    at = end
  }
  return maxPages === undefined ? 'has no memory' : { maxPages }
}
