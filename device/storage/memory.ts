import { createHash } from 'node:crypto'
import type { Storage } from '../ports.ts'

/** Keeps one copy of equal files for all the devices of a simulation that hold them. */
export interface SharedBytes {
  intern(bytes: Uint8Array): Uint8Array
}

/** At least this long, a file is worth a hash to find its twin. */
const WORTH_SHARING = 4_096

export function sharedBytes(): SharedBytes {
  const known = new Map<string, WeakRef<Uint8Array>>()
  const gone = new FinalizationRegistry<string>(digest => {
    if (known.get(digest)?.deref() === undefined) known.delete(digest)
  })
  return {
    intern(bytes) {
      if (bytes.byteLength < WORTH_SHARING) return bytes
      const digest = createHash('sha256').update(bytes).digest('base64')
      const twin = known.get(digest)?.deref()
      if (twin !== undefined) return twin
      known.set(digest, new WeakRef(bytes))
      gone.register(bytes, digest)
      return bytes
    },
  }
}

/** Storage that a power cut would lose; for simulations. Files are never changed in place, so they can be shared. */
export function memoryStorage(shared: SharedBytes = sharedBytes()): Storage {
  const files = new Map<string, Uint8Array>()
  return {
    read: name => files.get(name) ?? null,
    write: (name, bytes) => {
      files.set(name, shared.intern(bytes.slice()))
    },
    append: (name, bytes) => {
      const head = files.get(name) ?? new Uint8Array(0)
      files.set(name, Buffer.concat([head, bytes]))
    },
    promote: (from, to) => {
      const bytes = files.get(from)
      if (bytes === undefined) throw new Error(`there is no file ${from}`)
      files.set(to, shared.intern(bytes))
      files.delete(from)
    },
    size: name => files.get(name)?.byteLength ?? null,
    remove: name => {
      files.delete(name)
    },
    list: () => [...files.keys()],
  }
}
