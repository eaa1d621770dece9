/** The folder in which a local cloud keeps its state: who may use it, and who made it. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type FolderLock, LOCK, lockFolder } from './folder-lock.ts'
import { UsageError } from './options.ts'

const MARK = '.edgeloop-cloud'

export interface StateFolder {
  readonly dir: string
  /** Deletes what an earlier run left. */
  empty(): void
  /** Makes it as it was before it was opened, for a start that failed and has nothing to show; ends the use of it. */
  undo(): void
  /** Lets others use it. */
  release(): void
}

/** One that is gone when it is released. */
export function temporaryStateFolder(): StateFolder {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-'))
  const remove = (): void => rmSync(dir, { recursive: true, force: true })
  return { dir, empty() {}, undo: remove, release: remove }
}

/**
 * Locks a folder, made if it is missing, for one local cloud, and changes nothing else in it. `fresh`: only one
 * without anything in it. Otherwise one with an earlier run will do. Throws UsageError for a folder that will not
 * do, Error while another process uses it.
 */
export function openStateFolder(dir: string, { fresh }: { readonly fresh: boolean }): StateFolder {
  const made = make(dir)
  let lock: FolderLock | undefined
  const release = (): void => lock?.release()
  const remove = (): void => {
    if (made !== undefined) rmSync(made, { recursive: true, force: true })
  }
  try {
    refuseForeign(dir)
    lock = lockFolder(dir)
    const marked = names(dir).includes(MARK)
    const state = content(dir)
    if (state.length > 0 && fresh) {
      throw new UsageError(
        `--dir: ${dir} holds an earlier run; name another folder, or delete it (npm run cloud -- --keep --dir opens it)`,
      )
    }
    writeFileSync(join(dir, MARK), 'state of an Edgeloop local cloud\n')
    return {
      dir,
      release,
      empty() {
        for (const name of content(dir)) rmSync(join(dir, name), { recursive: true })
      },
      undo() {
        if (state.length === 0) this.empty()
        if (!marked) rmSync(join(dir, MARK), { force: true })
        release()
        remove()
      },
    }
  } catch (error) {
    release()
    remove()
    throw error
  }
}

/** The first folder that had to be made, undefined when all were there. */
function make(dir: string): string | undefined {
  try {
    return mkdirSync(dir, { recursive: true })
  } catch (error) {
    throw new UsageError(`--dir: ${dir} cannot be made a folder: ${(error as Error).message}`)
  }
}

function names(dir: string): string[] {
  try {
    return readdirSync(dir)
  } catch (error) {
    throw new UsageError(`--dir: ${dir} cannot be read: ${(error as Error).message}`)
  }
}

const content = (dir: string): string[] => names(dir).filter(name => name !== MARK && !name.startsWith(LOCK))

function refuseForeign(dir: string): void {
  if (content(dir).length > 0 && !names(dir).includes(MARK)) {
    throw new UsageError(`--dir: ${dir} is not empty and not a local cloud's folder; name another`)
  }
}
