/** One process at a time in a folder. A lock whose process is gone, as after `kill -9`, is taken over. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'

export const LOCK = '.edgeloop-lock'

export interface FolderLock {
  release(): void
}
interface Owner {
  readonly pid: number
  /** Start of the process in clock ticks since boot, where /proc tells: a pid is given out again. */
  readonly started: string | null
  readonly host: string
}

/** Takes the lock of an existing folder. Throws, naming folder and pid, while another process holds it. */
export function lockFolder(dir: string): FolderLock {
  const file = join(dir, LOCK)
  const own = `${file}.${process.pid}`
  const mine = JSON.stringify({
    pid: process.pid,
    started: startOf(process.pid),
    host: hostname(),
  } satisfies Owner)
  writeFileSync(own, mine)
  try {
    while (!link(own, file)) {
      const found = read(file)
      if (found === undefined) continue
      const owner = parse(found)
      if (owner !== undefined && holds(owner)) throw new Error(heldBy(dir, file, owner))
      takeAway(file, found)
    }
  } finally {
    rmSync(own, { force: true })
  }
  return {
    release() {
      if (read(file) === mine) rmSync(file, { force: true })
    },
  }
}

/** A hard link comes into being with its content, or not at all: nobody reads a lock that is half written. */
function link(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Renames before it deletes: of two processes that find the same stale lock, only one gets it. */
function takeAway(file: string, stale: string): void {
  const aside = `${file}.${process.pid}.stale`
  try {
    renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  // Another process was faster, and this is its fresh lock.
  if (read(aside) !== stale) link(aside, file)
  rmSync(aside, { force: true })
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
}

function parse(text: string): Owner | undefined {
  try {
    const { pid, started, host } = JSON.parse(text) as Partial<Owner>
    if (typeof pid !== 'number' || !Number.isSafeInteger(pid) || pid <= 0 || typeof host !== 'string')
      return undefined
    return { pid, started: typeof started === 'string' ? started : null, host }
  } catch {
    return undefined
  }
}

/** Whether the process of another machine or container lives cannot be seen from here: it counts as alive. */
function holds({ pid, started, host }: Owner): boolean {
  if (host !== hostname()) return true
  try {
    process.kill(pid, 0)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
  const now = startOf(pid)
  return started === null || now === null || started === now
}

function startOf(pid: number): string | null {
  try {
    // Fields after the command, which may hold blanks; the start time is the 22nd of all.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8').replace(/^.*\) /s, '')
    return stat.split(' ')[19] ?? null
  } catch {
    return null
  }
}

const heldBy = (dir: string, file: string, { pid, host }: Owner): string =>
  host === hostname()
    ? `${dir} is in use by process ${pid}; stop it, or name another folder with --dir`
    : `${dir} is in use by process ${pid} on ${host}; name another folder with --dir, or delete ${file} if that machine is gone`
