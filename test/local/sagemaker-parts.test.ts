import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { createTarGzip, parseTarGzip } from 'nanotar'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { startChild } from '../../local/sagemaker/child.ts'
import { type Listed, listJobs } from '../../local/sagemaker/listing.ts'
import { packFolder, unpack } from '../../local/sagemaker/tar.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'parts-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const long = `${'deep/'.repeat(30)}ünïcode-${'x'.repeat(60)}.txt`
const files: Record<string, string> = {
  'a.txt': 'alpha',
  'b/c.bin': 'x'.repeat(512),
  'b/empty': '',
  'd/e.txt': 'y'.repeat(1025),
  [long]: 'long',
}

describe('tar', () => {
  const fill = async () => {
    for (const [name, text] of Object.entries(files)) {
      await mkdir(dirname(join(dir, 'in', name)), { recursive: true })
      await writeFile(join(dir, 'in', name), text)
    }
    await packFolder(join(dir, 'in'), join(dir, 'x.tar.gz'))
    return readFileSync(join(dir, 'x.tar.gz'))
  }
  it('writes what another implementation reads, and reads it back', async () => {
    const archive = await fill()
    const other = await parseTarGzip(archive)
    const plain = (entries: { name: string; text: string }[]) =>
      Object.fromEntries(entries.map(each => [each.name, each.text]))
    const { [long]: _, ...short } = files
    expect(
      plain(
        other
          .filter(each => each.name in short)
          .map(each => ({ name: each.name, text: Buffer.from(each.data ?? []).toString() })),
      ),
    ).toEqual(short)
    expect(
      plain((await unpack(archive, 1e6)).map(each => ({ name: each.name, text: each.data.toString() }))),
    ).toEqual(files)
  })
  it('gives the same bytes for the same files', async () => {
    const first = await fill()
    expect((await fill()).equals(first)).toBe(true)
  })
  it('reads what another implementation writes', async () => {
    const archive = await createTarGzip([
      { name: 'm/model.json', data: '{"a":1}' },
      { name: 'm/', attrs: {} },
    ])
    const entries = await unpack(Buffer.from(archive), 1e6)
    expect(entries.map(each => [each.name, each.data.toString()])).toContainEqual(['m/model.json', '{"a":1}'])
  })
  it('refuses what is no archive, damaged, cut off or too large', async () => {
    const archive = await fill()
    await expect(unpack(Buffer.from('text'), 1e6)).rejects.toThrow()
    await expect(unpack(gzipSync(Buffer.alloc(2048, 'x')), 1e6)).rejects.toThrow('checksum')
    await expect(unpack(archive.subarray(0, 60), 1e6)).rejects.toThrow()
    await expect(unpack(archive, 600)).rejects.toThrow()
    const tar = Buffer.concat([Buffer.from('a.txt'), Buffer.alloc(2000)])
    await expect(unpack(gzipSync(tar), 1e6)).rejects.toThrow('checksum')
  })
  it('never fails but with an Error on arbitrary bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), async bytes => {
        await unpack(gzipSync(bytes), 1e6).catch(error => expect(error).toBeInstanceOf(Error))
      }),
      { numRuns: 50 },
    )
  })
})

describe('startChild', () => {
  const run = (source: string, env: Record<string, string> = {}) => {
    const lines: string[] = []
    const child = startChild({
      command: [process.execPath, '-e', source],
      cwd: dir,
      env,
      logFile: join(dir, 'log'),
      onLine: line => lines.push(line),
    })
    return { child, lines }
  }
  it('gives the exit code, every line of both streams, and inherits nothing', async () => {
    const { child, lines } = run(
      'console.log("one\\ntwo"); console.error(Object.keys(process.env).join()); process.stdout.write("end"); process.exitCode = 7',
      { A: 'b' },
    )
    expect(await child.done).toEqual({ code: 7 })
    expect(lines.toSorted()).toEqual(['A', 'end', 'one', 'two'])
  })
  it('cuts endless lines', async () => {
    const { child, lines } = run('process.stdout.write("x".repeat(100000))')
    await child.done
    expect(lines.join('')).toHaveLength(100_000)
    expect(Math.max(...lines.map(line => line.length))).toBeLessThanOrEqual(16_384)
  })
  it('reports a program that does not exist', async () => {
    const start = (command: string[], env = {}) =>
      startChild({ command, cwd: dir, env, logFile: join(dir, 'log'), onLine: () => {} }).done
    expect(await start(['/no/such/program'])).toMatchObject({
      code: 127,
      error: expect.stringContaining('ENOENT'),
    })
    expect(await start([])).toMatchObject({ code: 127, error: expect.any(String) })
    expect(await start([process.execPath], { A: 'nul\0' })).toMatchObject({ code: 127 })
  })
  it('kills a program that ignores SIGTERM, with its own children', async () => {
    const { child, lines } = run(
      `process.on('SIGTERM', () => console.log('ignored'))
       const own = require('node:child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'])
       console.log(own.pid); setInterval(() => {}, 1000)`,
    )
    while (lines.length === 0) await new Promise(resolve => setTimeout(resolve, 10))
    child.stop(50)
    expect(await child.done).toEqual({ code: 137 })
    expect(lines).toContain('ignored')
    const pid = Number(lines[0])
    const alive = () => {
      try {
        // A killed process that nobody has reaped yet still answers to signal 0.
        return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
      } catch {
        return false
      }
    }
    while (alive()) await new Promise(resolve => setTimeout(resolve, 10))
  })
})

describe('listJobs', () => {
  const job = (name: string, creationTime: number, status = 'Completed'): Listed => ({
    name,
    status,
    creationTime,
    lastModifiedTime: creationTime,
  })
  it('gives every job exactly once over pages of any size, in order', () => {
    const jobs = fc.uniqueArray(fc.tuple(fc.stringMatching(/^[a-z]{1,4}$/), fc.integer({ min: 0, max: 5 })), {
      selector: ([name]) => name,
    })
    fc.assert(
      fc.property(
        jobs,
        fc.integer({ min: 1, max: 5 }),
        fc.constantFrom('Ascending', 'Descending'),
        fc.constantFrom('Name', 'CreationTime'),
        (given, MaxResults, SortOrder, SortBy) => {
          const all = given.map(([name, time]) => job(name, time))
          const seen: Listed[] = []
          for (let NextToken: string | undefined, first = true; first || NextToken; first = false) {
            const { page, next } = listJobs(all, {
              MaxResults,
              SortOrder,
              SortBy,
              ...(NextToken && { NextToken }),
            })
            seen.push(...page)
            NextToken = next.NextToken
          }
          expect(seen).toHaveLength(all.length)
          expect(new Set(seen)).toEqual(new Set(all))
          const values = seen.map(each => (SortBy === 'Name' ? each.name : each.creationTime))
          const sorted = values.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0))
          expect(values).toEqual(SortOrder === 'Ascending' ? sorted : sorted.reverse())
        },
      ),
    )
  })
  it('filters, and refuses bad input', () => {
    const all = [job('cold-1', 1000), job('cold-2', 3000, 'Failed'), job('warm-1', 5000)]
    const names = (input: Record<string, unknown>) => listJobs(all, input).page.map(each => each.name)
    expect(names({})).toEqual(['warm-1', 'cold-2', 'cold-1'])
    expect(names({ NameContains: 'cold' })).toEqual(['cold-2', 'cold-1'])
    expect(names({ StatusEquals: 'Failed' })).toEqual(['cold-2'])
    expect(names({ CreationTimeAfter: 1, CreationTimeBefore: 5 })).toEqual(['cold-2'])
    expect(names({ SortBy: 'Status', SortOrder: 'Ascending' })).toEqual(['cold-1', 'warm-1', 'cold-2'])
    expect(() => names({ MaxResults: 101 })).toThrow("'maxResults'")
    expect(() => names({ NextToken: 'x' })).toThrow('NextToken')
  })
})
