/** `npx edgeloop init`: projects that are right, and nothing overwritten. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { readOptions } from '../../scripts/cli/command.ts'
import { TASKS, templates } from '../../scripts/cli/init/render.ts'
import { commandOf } from '../../scripts/cli/registry.ts'
import { commandLines } from './runbooks.ts'
import { must, run } from './support.ts'

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'edgeloop-init-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const read = (...path: string[]): string => readFileSync(join(dir, ...path), 'utf8')

describe('a project', () => {
  it.each(templates().flatMap(template => TASKS.map(task => [template, task] as const)))(
    'of template %s for %s: its data fits its model.yaml',
    async (template, task) => {
      const at = join(dir, `${template}-${task}`)
      const names = ['--name', 'doors', '--fleet', 'lifts', '--slot', 'state', '--hardware', 'controller']
      await must('init', at, '--template', template, '--task', task, ...names)
      execFileSync(process.execPath, [join(at, 'make-data.mjs'), '400'])
      await must('validate', join(at, 'model.yaml'), '--data', join(at, 'readings.csv'))
      expect(parse(read(`${template}-${task}`, 'model.yaml'))).toMatchObject({
        ...{ name: 'doors', fleet: 'lifts', slot: 'state', task },
        targets: [{ hardware: 'controller' }],
      })
      const again = read(`${template}-${task}`, 'readings.csv')
      execFileSync(process.execPath, [join(at, 'make-data.mjs'), '400'])
      expect(read(`${template}-${task}`, 'readings.csv')).toBe(again)
    },
  )

  it('has a README whose commands are right, with its own names', async () => {
    const at = join(dir, 'readme')
    await must('init', at, '--name', 'doors', '--fleet', 'lifts')
    const text = read('readme', 'README.md')
    expect(text).not.toMatch(/pumps|DIR|plant/)
    const lines = commandLines(text)
    expect(lines.length).toBeGreaterThan(3)
    for (const args of lines) {
      const entry = commandOf(args)
      expect([args, entry?.name]).toEqual([args, expect.any(String)])
      readOptions(await entry!.load(), args.slice(entry?.name.split(' ').length))
    }
  })

  it('is named after its folder', async () => {
    const { name, files } = await must('init', join(dir, 'my-valves'))
    expect([name, files]).toEqual(['my-valves', ['README.md', 'make-data.mjs', 'model.yaml']])
  })
})

describe('what is there', () => {
  it('is not overwritten, unless that is asked for', async () => {
    const at = join(dir, 'kept')
    await must('init', at)
    writeFileSync(join(at, 'model.yaml'), 'mine')
    const { exit, err } = await run(['init', at])
    expect([exit, err]).toEqual([2, expect.stringContaining('--force overwrites them')])
    expect(read('kept', 'model.yaml')).toBe('mine')
    await must('init', at, '--force')
    expect(read('kept', 'model.yaml')).toContain('name: kept')
  })
})

describe('questions', () => {
  it('are asked on a terminal for what is not given', async () => {
    const at = join(dir, 'asked')
    const { exit } = await run(['init', at, '--fleet', 'lifts'], ['doors', '', 'regression'])
    expect(exit).toBe(0)
    expect(parse(read('asked', 'model.yaml'))).toMatchObject({
      ...{ name: 'doors', fleet: 'lifts', task: 'regression' },
      targets: [{ hardware: 'gateway-arm64' }],
    })
  })

  it.each([
    [['init', 'a', 'b'], 'name one folder'],
    [['init', 'x', '--name', 'Two Words'], '--name: "Two Words" must be lower-case letters'],
    [
      ['init', 'x', '--task', 'binry'],
      '--task must be one of binary, multiclass, regression, not "binry". Did you mean',
    ],
    [['init', 'x', '--template', 'vision'], '--template must be one of tabular'],
    [['init', 'x', '--slot', 'A'], '--slot: "A" is no name of a slot'],
  ])('%j is refused', async (args, message) => {
    const { exit, err } = await run(args)
    expect(exit).toBe(2)
    expect(err).toContain(message)
  })
})
