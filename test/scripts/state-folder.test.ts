import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { UsageError } from '../../scripts/lib/options.ts'
import { openStateFolder, temporaryStateFolder } from '../../scripts/lib/state-folder.ts'

let root: string
let dir: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'edgeloop-state-'))
  dir = join(root, 'a', 'b')
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

/** As after a run that has ended. */
function earlierRun(): void {
  const folder = openStateFolder(dir, { fresh: true })
  mkdirSync(join(dir, 'dynamodb'))
  writeFileSync(join(dir, 'dynamodb', 'journal.jsonl'), 'precious')
  folder.release()
}
const journal = () => existsSync(join(dir, 'dynamodb', 'journal.jsonl'))

describe('the state folder', () => {
  it('that another process uses is refused with nothing lost, whatever the other is asked to do', () => {
    earlierRun()
    const running = openStateFolder(dir, { fresh: false })
    expect(() => openStateFolder(dir, { fresh: false })).toThrow(`${dir} is in use by process ${process.pid}`)
    expect(() => openStateFolder(dir, { fresh: true })).toThrow('is in use by process')
    expect(journal()).toBe(true)
    running.release()
  })

  it('of an earlier run is opened by cloud and refused by start, which says what to do', () => {
    earlierRun()
    const start = () => openStateFolder(dir, { fresh: true })
    expect(start).toThrow(UsageError)
    expect(start).toThrow(
      `${dir} holds an earlier run; name another folder, or delete it (npm run cloud -- --keep`,
    )
    const folder = openStateFolder(dir, { fresh: false })
    expect(journal()).toBe(true)
    folder.release()
  })

  it('is emptied without losing its lock', () => {
    earlierRun()
    const folder = openStateFolder(dir, { fresh: false })
    folder.empty()
    expect(journal()).toBe(false)
    expect(() => openStateFolder(dir, { fresh: false })).toThrow('in use')
    folder.release()
    openStateFolder(dir, { fresh: true }).release()
  })

  it.each([true, false])('that is not ours is refused and left as it was (fresh: %s)', fresh => {
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, 'thesis.tex'), '')
    const open = () => openStateFolder(dir, { fresh })
    expect(open).toThrow(UsageError)
    expect(open).toThrow(`--dir: ${dir} is not empty and not a local cloud's folder`)
    expect(readdirSync(dir)).toEqual(['thesis.tex'])
  })

  it('of a start that failed is gone again', () => {
    const folder = openStateFolder(dir, { fresh: true })
    writeFileSync(join(dir, 'half'), '')
    folder.undo()
    expect(readdirSync(root)).toEqual([])
  })

  it('that was there and empty stays there and empty when a start fails', () => {
    mkdirSync(dir, { recursive: true })
    const folder = openStateFolder(dir, { fresh: true })
    writeFileSync(join(dir, 'half'), '')
    folder.undo()
    expect(readdirSync(dir)).toEqual([])
  })

  it('of a start that was killed before it made anything is as good as empty', () => {
    mkdirSync(dir, { recursive: true })
    writeFileSync(join(dir, '.edgeloop-cloud'), '')
    writeFileSync(join(dir, '.edgeloop-lock.4242'), '')
    openStateFolder(dir, { fresh: true }).release()
  })

  it('that is a file is a wrong option', () => {
    writeFileSync(join(root, 'a'), '')
    expect(() => openStateFolder(join(root, 'a'), { fresh: true })).toThrow(UsageError)
    expect(() => openStateFolder(dir, { fresh: false })).toThrow(`--dir: ${dir} cannot be made a folder`)
  })

  it('without a name is gone when it is released', () => {
    const folder = temporaryStateFolder()
    writeFileSync(join(folder.dir, 'x'), '')
    folder.release()
    expect(existsSync(folder.dir)).toBe(false)
  })
})
