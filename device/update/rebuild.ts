import { applyTo } from '../../delta/index.ts'
import type { Clock, OpenFile, Storage } from '../ports.ts'
import { type BlobRef, blobFile, keepDownload, openStored, partFile } from './files.ts'

export interface Rebuild {
  /** Digest of the package that is being made. */
  readonly target: string
  /** Forgets what is under way; what was stored stays, and a new rebuild goes on behind it. */
  stop(): void
}

/**
 * Makes a package out of a stored one and a stored delta, a block at a time, in the file of a partial download: neither
 * of the two is trusted, and only what has the digest of the target becomes a blob. Between blocks other work of the
 * device goes on. Ends with one call of `done` or `failed`, never before this returns.
 */
export function startRebuild(deps: {
  readonly base: string
  readonly delta: BlobRef
  readonly target: BlobRef
  readonly storage: Storage
  readonly clock: Clock
  readonly done: () => void
  /** The partial file is gone. */
  readonly failed: (error: Error) => void
}): Rebuild {
  const { base, delta, target, storage, clock } = deps
  const part = partFile(target.sha256)
  const open = new Set<OpenFile>()
  let over = false

  const close = (): void => {
    for (const file of open) file.close()
    open.clear()
  }
  const goesOn = (): void => {
    if (over) throw new Error('nobody waits for this package any more')
  }
  const source = (name: string) => {
    const file = openStored(storage, name)
    if (file === null) throw new Error(`there is no file ${name}`)
    open.add(file)
    const read = (offset: number, length: number): Uint8Array => {
      goesOn()
      return file.read(offset, length)
    }
    return { length: file.length, read }
  }
  const write = async (bytes: Uint8Array, offset: number): Promise<void> => {
    goesOn()
    const stored = storage.size(part) ?? 0
    // A power cut in an append leaves part of a block. Files cannot be shortened, so it has to be what belongs there.
    const torn = Math.max(0, stored - offset)
    if (torn > 0 && !Buffer.from(tail(offset, torn)).equals(bytes.subarray(0, torn)))
      throw new Error('what a power cut left of the package is torn')
    storage.append(part, bytes.subarray(torn))
    await new Promise<void>(resume => clock.after(0, resume))
    goesOn()
  }
  const tail = (offset: number, length: number): Uint8Array => {
    const file = openStored(storage, part)
    try {
      return file?.read(offset, length) ?? new Uint8Array(0)
    } finally {
      file?.close()
    }
  }
  const attempt = async (): Promise<void> => {
    const stored = storage.size(part) ?? 0
    const resumed = stored > 0 && stored <= target.length
    if (stored > target.length) storage.remove(part)
    try {
      await applyTo({
        ...{ base: source(blobFile(base)), delta: source(blobFile(delta.sha256)), target, write },
        ...(resumed ? { written: source(part) } : {}),
      })
    } catch (error) {
      close()
      if (over) throw error
      storage.remove(part)
      // What was there before may be torn in the middle; the delta deserves one clean attempt.
      if (!resumed) throw error
      await attempt()
    }
  }
  // By the clock, whose calls the agent guards: nothing that `done` throws is lost in a promise.
  const end = (then: () => void): void => {
    close()
    clock.after(0, () => {
      if (over) return
      over = true
      then()
    })
  }

  attempt().then(
    () =>
      end(() => {
        keepDownload(storage, target.sha256)
        deps.done()
      }),
    (error: Error) => end(() => deps.failed(error)),
  )
  return {
    target: target.sha256,
    stop() {
      over = true
      close()
    },
  }
}
