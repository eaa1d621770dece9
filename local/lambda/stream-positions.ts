/** How far each stream mapping has read, kept over restarts. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Realm } from '../core/types.ts'

export interface StreamPositions {
  get(key: string): number | undefined
  set(key: string, position: number): void
  /** Writes what is not yet on disk. */
  flush(): void
}

const delayMs = 200

/** A file that is unreadable counts as none: records come again, which stream consumers must bear anyway. */
export function openStreamPositions(realm: Realm, folder: string): StreamPositions {
  const file = join(folder, 'stream-positions.json')
  const positions = new Map<string, number>()
  let timer: NodeJS.Timeout | undefined
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, unknown>>
    for (const [key, value] of Object.entries(stored))
      if (typeof value === 'number') positions.set(key, value)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      realm.log({
        level: 'warn',
        service: 'lambda',
        message: 'stream positions are unreadable, starting anew',
      })
  }
  const flush = (): void => {
    if (timer === undefined) return
    clearTimeout(timer)
    timer = undefined
    mkdirSync(folder, { recursive: true })
    writeFileSync(`${file}.new`, JSON.stringify(Object.fromEntries(positions)))
    renameSync(`${file}.new`, file)
  }
  return {
    get: key => positions.get(key),
    set(key, position) {
      positions.set(key, position)
      timer ??= setTimeout(flush, delayMs).unref()
    },
    flush,
  }
}
