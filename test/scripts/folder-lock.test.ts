import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { LOCK, lockFolder } from '../../scripts/lib/folder-lock.ts'

let dir: string
const file = () => join(dir, LOCK)
const owner = () => JSON.parse(readFileSync(file(), 'utf8')) as Record<string, unknown>
const heldBy = (other: Record<string, unknown>) => writeFileSync(file(), JSON.stringify(other))

/** The pid of a process that has ended. */
async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['-e', ''])
  await new Promise(ended => child.once('exit', ended))
  return child.pid as number
}

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'edgeloop-lock-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

describe('the lock of a folder', () => {
  it('is held once, names folder and process to the second, and goes with its release', () => {
    const lock = lockFolder(dir)
    expect(owner()).toMatchObject({ pid: process.pid, host: hostname() })
    expect(() => lockFolder(dir)).toThrow(`${dir} is in use by process ${process.pid}; stop it`)
    expect(readdirSync(dir)).toEqual([LOCK])
    lock.release()
    expect(readdirSync(dir)).toEqual([])
    lockFolder(dir).release()
  })

  it('holds while a process of its own holds it, and is taken over when that was killed', async () => {
    const source = new URL('../../scripts/lib/folder-lock.ts', import.meta.url).href
    const code = `import { lockFolder } from '${source}'; lockFolder(process.argv[1]); console.log('locked'); setInterval(() => {}, 1e6)`
    const child = spawn(process.execPath, ['--input-type=module', '-e', code, dir])
    try {
      await new Promise(locked => child.stdout.once('data', locked))
      expect(() => lockFolder(dir)).toThrow(`in use by process ${child.pid}`)
    } finally {
      const ended = new Promise(done => child.once('exit', done))
      child.kill('SIGKILL')
      await ended
    }
    const lock = lockFolder(dir)
    expect(owner()['pid']).toBe(process.pid)
    lock.release()
  })

  it.each([
    ['of a process that is gone', async () => ({ pid: await deadPid(), started: null, host: hostname() })],
    ['whose pid was given out again', async () => ({ pid: process.pid, started: '1', host: hostname() })],
    ['that says nothing', async () => ({ pid: -1 })],
  ])('%s is taken over', async (_what, stale) => {
    heldBy(await stale())
    const lock = lockFolder(dir)
    expect(owner()['pid']).toBe(process.pid)
    lock.release()
    expect(existsSync(file())).toBe(false)
  })

  it('of another machine counts as held, and says which file to delete', async () => {
    heldBy({ pid: await deadPid(), started: null, host: 'elsewhere' })
    expect(() => lockFolder(dir)).toThrow(/on elsewhere; .* or delete .*\.edgeloop-lock/)
  })

  it('is not released by one who has lost it', async () => {
    const lock = lockFolder(dir)
    heldBy({ pid: process.pid, started: 'later', host: hostname() })
    lock.release()
    expect(existsSync(file())).toBe(true)
  })
})
