import type { Storage } from '../../../device/ports.ts'

/** The power goes at a change of the disk: before it, with an append torn in half, or right after it. */
export interface Cut {
  /** Changes from now on that are still whole; 0 is the next one. */
  readonly at: number
  readonly how: 'before' | 'after'
}

/**
 * A device's disk. Behind a power cut the program runs on for the moment in which it cannot be stopped, but on a copy:
 * nothing that it does then is on the disk.
 */
export class Disk {
  files: Map<string, Uint8Array>
  /** Changes that are on the disk. */
  changes = 0
  /** Called with each whole write that is on the disk. */
  onWrite: (name: string, bytes: Uint8Array) => void = () => undefined
  private left = Number.POSITIVE_INFINITY
  private how: Cut['how'] = 'after'
  private ghost: Map<string, Uint8Array> | null = null
  private lives = 0
  constructor(files = new Map<string, Uint8Array>()) {
    this.files = files
  }
  get dead(): boolean {
    return this.ghost !== null
  }
  cut({ at, how }: Cut): void {
    this.left = at
    this.how = how
  }
  /** Power is there again. */
  revive(): void {
    this.ghost = null
    this.left = Number.POSITIVE_INFINITY
  }
  /** The power goes now, between two changes. */
  kill(): void {
    this.ghost ??= new Map(this.files)
  }

  /** For one start of the program. */
  storage(): Storage {
    const life = ++this.lives
    // What is left of an earlier start has nothing but its own copy, also when there is power again.
    let own: Map<string, Uint8Array> | null = null
    const dead = (): Map<string, Uint8Array> | null => {
      if (life === this.lives) own = this.ghost
      else own ??= new Map()
      return own
    }
    const files = (): Map<string, Uint8Array> => dead() ?? this.files
    const change = (act: (to: Map<string, Uint8Array>) => void, torn?: (to: typeof this.files) => void) => {
      const copy = dead()
      if (copy !== null) return act(copy)
      const last = this.left-- === 0
      if (last && this.how === 'before') {
        this.kill()
        torn?.(this.files)
        act(files())
        return
      }
      this.changes++
      act(this.files)
      if (last) this.kill()
    }
    return {
      read: name => files().get(name) ?? null,
      size: name => files().get(name)?.byteLength ?? null,
      list: () => [...files().keys()],
      write: (name, bytes) => {
        const copy = bytes.slice()
        change(to => {
          to.set(name, copy)
          if (to === this.files) this.onWrite(name, copy)
        })
      },
      append: (name, bytes) => {
        const add = (to: Map<string, Uint8Array>, part: Uint8Array) =>
          to.set(name, Buffer.concat([to.get(name) ?? Buffer.alloc(0), part]))
        change(
          to => add(to, bytes),
          to => add(to, bytes.subarray(0, bytes.byteLength >> 1)),
        )
      },
      promote: (from, to) =>
        change(on => {
          const bytes = on.get(from)
          if (bytes === undefined) throw new Error(`there is no file ${from}`)
          on.set(to, bytes)
          on.delete(from)
        }),
      remove: name => change(on => on.delete(name)),
    }
  }
}
