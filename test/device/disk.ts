import type { Storage } from '../../device/ports.ts'

export type How = 'before' | 'after'
/** A disk whose power goes at the n-th change: before it, or right after it; a torn append leaves half. */
export function disk(
  files: Map<string, Uint8Array>,
  cutAt: number,
  how: How,
): Storage & { readonly changes: number } {
  let changes = 0
  let dead = false
  const change = (act: () => void, torn: () => void): void => {
    if (dead) throw new Error('no power')
    const last = changes++ === cutAt
    if (last && how === 'before') torn()
    else act()
    if (last) {
      dead = true
      throw new Error('power cut')
    }
  }
  return {
    get changes() {
      return changes
    },
    read: name => {
      if (dead) throw new Error('no power')
      return files.get(name) ?? null
    },
    size: name => files.get(name)?.byteLength ?? null,
    list: () => [...files.keys()],
    write: (name, bytes) =>
      change(
        () => files.set(name, bytes.slice()),
        () => undefined,
      ),
    append: (name, bytes) => {
      const put = (part: Uint8Array) =>
        files.set(name, Buffer.concat([files.get(name) ?? Buffer.alloc(0), part]))
      change(
        () => put(bytes),
        () => put(bytes.subarray(0, bytes.byteLength >> 1)),
      )
    },
    promote: (from, to) =>
      change(
        () => {
          files.set(to, files.get(from)!)
          files.delete(from)
        },
        () => undefined,
      ),
    remove: name =>
      change(
        () => files.delete(name),
        () => undefined,
      ),
  }
}
