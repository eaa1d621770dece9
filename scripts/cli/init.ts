/** `npx edgeloop init`: a model project that runs, to be changed into one's own. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, join, relative, resolve } from 'node:path'
import { hardwareName, modelName } from '../../src/contracts/names.ts'
import { UsageError } from '../lib/options.ts'
import { type Command, type Io, type Options, oneOf } from './command.ts'
import { type Project, render, TASKS, templates } from './init/render.ts'
import { readModelYaml } from './validate/model-yaml.ts'

const DEFAULTS = { fleet: 'plant', slot: 'health', hardware: 'gateway-arm64' } as const

export const init: Command = {
  help: `Usage: npx edgeloop init [DIR] [--name NAME] [--fleet F] [--hardware H] [--task TASK] [--force]

Writes a model project: model.yaml, a script that makes data to begin with, and a README with the next commands. It trains, is
signed and rolls out as it is. On a terminal it asks for what is not given.

  --template T  tabular: readings of sensors as rows (the default)
  --task TASK   binary (default), multiclass or regression
  --name NAME   of the model (default: DIR's name)
  --fleet F     who gets it: the things' attribute fleet (default ${DEFAULTS.fleet})
  --slot S      a device runs one model per slot (default ${DEFAULTS.slot})
  --hardware H  what it is compiled for (default ${DEFAULTS.hardware})
  --force       overwrites files that are there
`,
  examples: ['pumps', 'projects/doors --task multiclass --fleet lifts --hardware door-controller'],
  options: {
    template: { type: 'string', choices: templates() },
    task: { type: 'string', choices: TASKS },
    ...{ name: { type: 'string' }, fleet: { type: 'string' }, slot: { type: 'string' } },
    ...{ hardware: { type: 'string' }, force: { type: 'boolean' } },
  },
  positionals: [{ name: 'DIR', takes: 'dir' }],
  async run(options, io) {
    if (options.positionals.length > 1) throw new UsageError('name one folder')
    const [given] = options.positionals
    const template = options.string('template') ?? 'tabular'
    const project = await projectOf(options, given, io)
    const files = render(template, project)
    const { faults } = readModelYaml(files.get('model.yaml') ?? '')
    if (faults[0] !== undefined)
      throw new Error(`the template gives a model.yaml with a fault: ${faults[0].message}`)
    const dir = resolve(project.dir)
    const there = [...files.keys()].filter(name => existsSync(join(dir, name)))
    if (there.length > 0 && !options.flag('force'))
      throw new UsageError(`${project.dir} has ${there.join(', ')} already; --force overwrites them`)
    mkdirSync(dir, { recursive: true })
    for (const [name, content] of files) writeFileSync(join(dir, name), content)
    const shown = relative(process.cwd(), dir) || '.'
    const next = [
      `node ${shown}/make-data.mjs`,
      `npx edgeloop validate ${shown}/model.yaml --data ${shown}/readings.csv`,
      `npx edgeloop drop model ${shown}/model.yaml --wait`,
      `npx edgeloop drop dataset ${shown}/readings.csv --model ${project.name} --wait --until packaged`,
    ]
    return {
      exit: 0,
      text: [
        `${io.paint.good('✓')} ${shown}: ${[...files.keys()].join(', ')}`,
        'Next, with npm run cloud in another terminal and its variables in this one:',
        ...next.map(line => `  ${line}`),
      ].join('\n'),
      data: { ...project, dir, template, files: [...files.keys()], next },
    }
  },
}

async function projectOf(options: Options, dir: string | undefined, io: Io): Promise<Project> {
  const fallback = modelName.safeParse(basename(resolve(dir ?? '.')).toLowerCase())
  const name = await asked('name', 'Name of the model', fallback.success ? fallback.data : 'pumps', modelName)
  const fleet = await asked('fleet', 'Fleet that gets it', DEFAULTS.fleet, modelName)
  const hardware = await asked('hardware', 'Hardware of its devices', DEFAULTS.hardware, hardwareName)
  const task = await askedTask()
  const slot = options.string('slot') ?? DEFAULTS.slot
  if (!modelName.safeParse(slot).success) throw new UsageError(`--slot: "${slot}" is no name of a slot`)
  return { name, fleet, hardware, slot, task, dir: dir ?? name }

  async function asked(
    option: string,
    question: string,
    preset: string,
    schema: typeof modelName,
  ): Promise<string> {
    const given = options.string(option)
    const value =
      given ?? (io.interactive ? (await io.ask(`${question} (${preset}): `)).trim() || preset : preset)
    const parsed = schema.safeParse(value)
    if (!parsed.success)
      throw new UsageError(`--${option}: "${value}" must be ${parsed.error.issues[0]?.message}`)
    return parsed.data
  }
  async function askedTask(): Promise<Project['task']> {
    const given = options.string('task')
    const value =
      given ??
      (io.interactive ? (await io.ask(`Task: ${TASKS.join(', ')} (binary): `)).trim() || 'binary' : 'binary')
    return oneOf('--task', value, TASKS)
  }
}
