import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { compile } from '../../compiler/index.ts'
import { fixture } from './support.ts'

const CLI = join(import.meta.dirname, '../../compiler/cli.ts')

const run = (...args: string[]): Promise<{ code: number; stderr: string }> =>
  new Promise(resolve => {
    execFile(process.execPath, [CLI, ...args], (error, _stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stderr })
    })
  })

describe('cli', () => {
  let dir = ''
  beforeAll(async () => {
    dir = await mkdtemp(join(tmpdir(), 'compile-'))
    await writeFile(join(dir, 'model.json'), fixture('binary-3.2.json.gz'))
    await writeFile(join(dir, 'broken.json'), '{"version":[2,1,0]}')
  })
  afterAll(() => rm(dir, { recursive: true, force: true }))

  it('writes the artefact and its report', async () => {
    const output = join(dir, 'a', 'b')
    const { code } = await run('--input', join(dir, 'model.json'), '--output', output, '--target', 'rasp4b')
    expect(code).toBe(0)
    const { artefact, report } = compile(fixture('binary-3.2.json.gz'), { target: 'rasp4b' })
    expect(new Uint8Array(await readFile(join(output, 'compiled.wasm')))).toEqual(artefact)
    expect(JSON.parse(await readFile(join(output, 'report.json'), 'utf8'))).toEqual(report)
  })

  it.each([
    [
      'a model that is none',
      ['--input', 'broken.json', '--output', 'x', '--target', 't'],
      'compile: learner: is missing\n',
    ],
    ['a missing file', ['--input', 'none.json', '--output', 'x', '--target', 't'], 'ENOENT'],
    ['missing arguments', ['--input', 'model.json'], 'compile: usage:'],
    ['an unknown argument', ['--fast'], "Unknown option '--fast'"],
    [
      'a bad layout',
      ['--input', 'model.json', '--output', 'x', '--target', 't', '--layout', 'x'],
      'layout must be one of',
    ],
    [
      'bad iterations',
      ['--input', 'model.json', '--output', 'x', '--target', 't', '--iterations', 'x'],
      'found NaN',
    ],
  ])('refuses %s in one line', async (_name, args, message) => {
    const { code, stderr } = await run(
      ...args.map(arg => (/\.json$|^x$/.test(arg) && arg !== 'x' ? join(dir, arg) : arg)),
    )
    expect(code).toBe(1)
    expect(stderr).toContain(message)
    expect(stderr.trim().split('\n')).toHaveLength(1)
  })
})
