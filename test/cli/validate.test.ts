/** `npx edgeloop validate`: every fault, its place, and what would be right. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { type Fault, fileFault } from '../../scripts/cli/validate/fault.ts'
import { readModelYaml } from '../../scripts/cli/validate/model-yaml.ts'
import { readDevicesFile, readImportFile, readLabelsFile } from '../../scripts/cli/validate/rows.ts'
import { modelConfig } from '../../src/contracts/model-config.ts'
import { configFaults } from '../../src/domain/model/check-config.ts'
import { run } from './support.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const GOOD = readFileSync(`${root}templates/tabular/model.yaml`, 'utf8')
const config = modelConfig.parse(parse(GOOD))

let dir: string
beforeAll(() => {
  dir = mkdtempSync(join(tmpdir(), 'edgeloop-validate-'))
})
afterAll(() => rmSync(dir, { recursive: true, force: true }))
const file = (name: string, content: string | Uint8Array): string => {
  writeFileSync(join(dir, name), content)
  return join(dir, name)
}

/** The good file with one thing changed. */
const changed = (from: string | RegExp, to: string): Fault[] => {
  expect(GOOD).toMatch(from)
  return [...readModelYaml(GOOD.replace(from, to)).faults]
}
const lineOf = (text: string): number => GOOD.split('\n').findIndex(line => line.includes(text)) + 1

describe('a model.yaml', () => {
  it.each(['templates/tabular', 'examples/cold-chain', 'examples/shuttle'])('of %s is right', path => {
    expect(readModelYaml(readFileSync(`${root}${path}/model.yaml`, 'utf8')).faults).toEqual([])
  })

  it.each([
    ['name: pumps', 'name: Big Pumps', 'name', 'Big Pumps', 'big-pumps'],
    ['task: binary', 'task: binry', 'task', 'binry', 'binary'],
    ['metric: auc', 'metric: aucc', 'evaluation.metric', 'aucc', 'auc'],
    ['floor: 0.9', 'flor: 0.9', 'evaluation.flor', 'flor', 'floor'],
    ['tolerance: 0.1', 'tolerance: 1.5', 'monitoring.tolerance', '1.5', 'tolerance: below 1'],
    ['windowSeconds: 3600', 'window: 3600', 'monitoring.window', 'window', 'windowSeconds, in seconds'],
    ['coolDownMinutes: 1440', 'coolDown: 1', 'retrain.coolDown', 'coolDown', 'coolDownMinutes, in minutes'],
    ["['0', '1']", '[0, "1"]', 'label.classes.0', '0', '"0", in quotes'],
    ['minLabels: 200', "minLabels: '200'", 'retrain.minLabels', "'200'", '200, without quotes'],
    ['minDevices: 3', 'minDevices: 2.6', 'retrain.minDevices', '2.6', '3'],
    ['ignore: [pump]', 'ignore: pump', 'ignore', 'pump', '[pump]'],
    ['compile: edgeloop', 'compile: edgelop', 'targets.0.compile', 'edgelop', 'edgeloop'],
    ['required: false', 'required: no', 'features.1.required', 'no', 'false'],
    ['exposure: 1 }', 'exposure: 0.5 }', 'rollout.phases.1.exposure', '0.5', null],
    ['audit: 0.05', 'audit: 0', 'sampling.audit', '0', 'audit: above 0'],
    ['max: 50', 'max: -1', 'features.0.min', '0', 'exchange min and max'],
    ['ignore: [pump]', 'ignore: [current]', 'ignore.0', 'current', 'name each column once'],
    ["['0', '1']", "['0', '0']", 'label.classes.1', "'0'", null],
  ])('with %s as %s: %s', (from, to, path, wrong, fix) => {
    const faults = changed(from, to)
    expect(faults).toHaveLength(1)
    const [{ line, column, length, message } = fileFault('', '')] = faults
    expect(faults[0]).toMatchObject({ path, fix })
    const [lines, at] = [GOOD.replace(from, to).split('\n'), (column ?? 0) - 1]
    expect(lines[(line ?? 0) - 1]?.slice(at, at + length)).toBe(wrong)
    expect(message.length).toBeGreaterThan(10)
  })

  it('that lacks a field points at the block that lacks it', () => {
    const [fault] = changed(/ {2}floor: .*\n/, '')
    expect(fault).toMatchObject({ path: 'evaluation.floor', line: lineOf('evaluation:'), column: 1 })
    expect(fault?.message).toBe('evaluation.floor is missing')
    expect(fault?.fix).toBe('add `floor: …`, a number')
  })

  it('tells all its faults at once, also those that others hide', () => {
    const text = GOOD.replace('task: binary', 'task: binry')
      .replace('metric: auc', 'metric: aucc')
      .replace('floor: 0.9', 'flor: 0.9')
      .replace('max: 50', 'max: -1')
      .replace('ignore: [pump]', 'ignore: [current]')
      .replace('compile: edgeloop', 'compile: neoo')
    const paths = readModelYaml(text).faults.map(f => f.path)
    expect(paths).toEqual([
      ...['task', 'features.0.min', 'ignore.0', 'evaluation.metric', 'evaluation.flor', 'targets.0.compile'],
    ])
  })

  it('says of YAML itself what is wrong and where', () => {
    expect(readModelYaml('name: a\nname: b\n').faults).toMatchObject([
      { code: 'NOT_YAML', line: 2, column: 1, fix: 'keep one of the two' },
    ])
    expect(readModelYaml('name: [a\ntask: binary\n').faults[0]).toMatchObject({ code: 'NOT_YAML' })
    expect(readModelYaml('features:\n\t- a\n').faults[0]).toMatchObject({
      line: 2,
      fix: 'indent with spaces',
    })
    expect(readModelYaml('').faults[0]).toMatchObject({ code: 'SCHEMA' })
    expect(readModelYaml('- a\n- b\n').faults[0]?.message).toContain('is a list')
    const bomb = `a: &a [x]\nb: [${'*a,'.repeat(30)}]\nc: &c [*a,*a,*a]\nd: [${'*c,'.repeat(30)}]\n`
    expect(readModelYaml(bomb).faults[0]).toMatchObject({ code: 'NOT_YAML', fix: 'write aliases out' })
    expect(readModelYaml(`# ${'x'.repeat(70_000)}`).faults[0]).toMatchObject({ code: 'TOO_LARGE' })
  })

  it('follows an alias to where the value stands', () => {
    const slices = 'slices: [&s { name: cold, feature: temperature, max: low }, *s]'
    const { faults } = readModelYaml(GOOD.replace('  metric: auc', `  metric: auc\n  ${slices}`))
    const ends = faults.filter(f => f.path.endsWith('.max'))
    expect(ends.map(f => f.path)).toEqual(['evaluation.slices.0.max', 'evaluation.slices.1.max'])
    expect(new Set(ends.map(f => `${f.line}:${f.column}`)).size).toBe(1)
  })

  it('is judged as register-model judges it, whatever is changed, and never ends in an exception', () => {
    const strange = fc.oneof(
      fc.constantFrom(null, true, 0, -1, 1e9, '', 'x', '0.5', [], {}, [1], { a: 1 }),
      fc.string({ maxLength: 8 }),
    )
    const fields = [
      'name',
      'task',
      'features',
      'label',
      'training',
      'evaluation',
      'targets',
      'rollout',
      'retrain',
    ]
    fc.assert(
      fc.property(
        fc.constantFrom(...fields),
        fc.option(fc.constantFrom('name', 'metric', 'x')),
        strange,
        (a, b, value) => {
          const document = parse(GOOD) as Record<string, unknown>
          const block = document[a]
          if (b !== null && block !== null && typeof block === 'object' && !Array.isArray(block))
            (block as Record<string, unknown>)[b] = value
          else document[a] = value
          const parsed = modelConfig.safeParse(document)
          const taken = parsed.success && [...configFaults(parsed.data)].length === 0
          const { faults } = readModelYaml(JSON.stringify(document))
          expect(faults.length === 0).toBe(taken)
        },
      ),
      { numRuns: 300 },
    )
  })
})

describe('data', () => {
  const rows = (...lines: string[]) => ['pump,vibration,temperature,current,fault', ...lines].join('\n')

  it('is checked line by line: all faults, each with its cell', async () => {
    const [model, data] = [
      file('model.yaml', GOOD),
      file('bad.csv', rows('p1,abc,20,10,1', 'p1,1,20,10,yes', 'p1,99,20,10,1', 'p1,1,20', 'p1,,20,10,0')),
    ]
    const { exit, json } = await run(['validate', model, '--data', data, '--json'])
    expect(exit).toBe(1)
    const { files } = json() as { files: { file: string; errors: (Omit<Fault, 'length'> & object)[] }[] }
    expect(files.map(f => f.file)).toEqual([model, data])
    expect(files[0]?.errors).toEqual([])
    const none = null
    expect(files[1]?.errors.map(e => [e.code, e.path, e.line, e.column, e.fix])).toEqual([
      ['NOT_A_NUMBER', 'vibration', 2, 4, none],
      ['UNKNOWN_CLASS', 'fault', 3, 12, 'one of 0, 1'],
      ['OUT_OF_RANGE', 'vibration', 4, 4, none],
      ['RAGGED_ROW', '', 5, none, none],
      ['MISSING_VALUE', 'vibration', 6, 4, 'required: false for vibration in model.yaml, or a value'],
    ])
    for (const error of files[1]?.errors ?? [])
      expect(Object.keys(error).sort()).toEqual(['code', 'column', 'fix', 'line', 'message', 'path'])
  })

  it('is quoted with a caret under what is wrong', async () => {
    const [model, data] = [file('model.yaml', GOOD), file('one.csv', rows('p1,"1,5",20,10,1'))]
    const { exit, out } = await run(['validate', model, '--data', data])
    expect(exit).toBe(1)
    expect(out).toContain('one.csv:2:4  NOT_A_NUMBER')
    expect(out).toContain('    2 | p1,"1,5",20,10,1\n      |    ^^^^^\n')
    expect(out).toContain('1 fault.')
  })

  it('with other columns says which was likely meant', async () => {
    const text = 'pump,vibraton,temperature,current,fault,note\np,1,2,3,1,x\n'
    const { json } = await run(['validate', file('m.yaml', GOOD), '--data', file('c.csv', text), '--json'])
    const { files } = json() as { files: { errors: Fault[] }[] }
    expect(files[1]?.errors.map(e => [e.code, e.path, e.fix])).toEqual([
      ['MISSING_COLUMN', 'vibration', null],
      ['UNKNOWN_COLUMN', 'vibraton', 'call it vibration'],
    ])
  })

  it('shows the first twenty of many faults', async () => {
    const data = file('many.csv', rows(...Array.from({ length: 50 }, () => 'p,x,1,1,1')))
    const { exit, out } = await run(['validate', file('m.yaml', GOOD), '--data', data])
    expect(exit).toBe(1)
    expect(out).toContain('these are the first 20 faults')
    expect(out.match(/NOT_A_NUMBER/g)).toHaveLength(20)
  })

  it('is not looked at before model.yaml is right', async () => {
    const model = file('wrong.yaml', GOOD.replace('task: binary', 'task: x'))
    const { exit, out } = await run(['validate', model, '--data', file('c.csv', 'x')])
    expect(exit).toBe(1)
    expect(out).toContain('c.csv is not looked at before model.yaml is right')
  })

  it('that is right leaves nothing to say', async () => {
    const data = file('good.csv', rows('p1,1,20,10,1', 'p2,2,,10,0'))
    const { exit, out } = await run(['validate', file('m.yaml', GOOD), '--data', data])
    expect([exit, out.match(/would be taken/g)?.length]).toEqual([0, 2])
  })
})

describe('labels, devices and imports', () => {
  const truth = (data: string, id = 'x-1-1') =>
    JSON.stringify({
      groundTruthData: { data, encoding: 'CSV' },
      eventMetadata: { eventId: id },
      eventVersion: '0',
    })

  it('are refused line by line, as the handlers do', () => {
    const labels = [truth('1'), '{', '', truth('2'), '{"a":1}'].join('\n')
    expect(readLabelsFile(Buffer.from(labels), config).faults.map(f => [f.line, f.code])).toEqual([
      [2, 'NOT_JSON'],
      [4, 'UNKNOWN_CLASS'],
      [5, 'SCHEMA'],
    ])
    expect(readLabelsFile(Buffer.from(truth('2')), undefined).faults).toEqual([])
    expect(readLabelsFile(Buffer.from('\n'), config).faults).toMatchObject([{ code: 'EMPTY_FILE' }])
    const devices = 'serial,fleet,hardware\na b,f,h\nfleet,f,h\nok,f,h\n'
    expect(readDevicesFile(Buffer.from(devices)).faults.map(f => [f.line, f.path])).toEqual([
      [2, 'serial'],
      [3, 'serial'],
    ])
    expect(readDevicesFile(Buffer.from('a,b\n')).faults).toMatchObject([{ code: 'BAD_HEADER' }])
    expect(readImportFile(Buffer.from('{}'), config).faults).toMatchObject([{ code: 'MODEL_FORMAT' }])
  })
})

describe('what people type wrongly', () => {
  it.each([
    [['validate'], 'name at least one model.yaml'],
    [['validate', 'nothing.yaml'], 'nothing.yaml: there is no such file'],
    [['validate', 'a.yaml', 'b.yaml', '--data', 'c.csv'], '--data goes with one model.yaml'],
    [['validate', '.'], '.: '],
  ])('%j', async (args, message) => {
    const { exit, err } = await run(args)
    expect(exit).toBe(2)
    expect(err).toContain(message)
  })
})
