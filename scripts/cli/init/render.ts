/** A project's files out of a template, which itself is a project that runs. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseDocument } from 'yaml'

const root = fileURLToPath(new URL('../../../templates', import.meta.url))
export const TASKS = ['binary', 'multiclass', 'regression'] as const
export type Task = (typeof TASKS)[number]

export interface Project {
  readonly name: string
  readonly fleet: string
  readonly slot: string
  readonly hardware: string
  readonly task: Task
  /** As it is typed, for the commands in the README. */
  readonly dir: string
}

export const templates = (): string[] =>
  readdirSync(root, { withFileTypes: true })
    .filter(entry => entry.isDirectory())
    .map(entry => entry.name)
    .sort()

/** What differs with the task, in the template's data as well (make-data.mjs). */
const OF_TASK: Readonly<
  Record<Task, { readonly label: object; readonly evaluation: object; readonly about: string }>
> = {
  binary: {
    label: { column: 'fault', classes: ['0', '1'] },
    evaluation: { metric: 'auc', floor: 0.9, nonInferiority: 0.02 },
    about: 'Tells pumps that will fail from their vibration, temperature and current',
  },
  multiclass: {
    label: { column: 'state', classes: ['normal', 'worn', 'blocked'] },
    evaluation: { metric: 'accuracy', floor: 0.9, nonInferiority: 0.02 },
    about: 'Tells which state a pump is in from its vibration, temperature and current',
  },
  regression: {
    label: { column: 'hours_left' },
    evaluation: { metric: 'rmse', floor: 200, nonInferiority: 20 },
    about: 'Tells how many hours a pump has left from its vibration, temperature and current',
  },
}

/** Content by file name. */
export function render(template: string, project: Project): ReadonlyMap<string, string> {
  const folder = join(root, template)
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8')
  return new Map(
    readdirSync(folder).map(name => {
      if (name === 'model.yaml') return [name, modelYaml(read(name), project)] as const
      if (name === 'make-data.mjs')
        return [name, read(name).replace("const TASK = 'binary'", `const TASK = '${project.task}'`)] as const
      return [name, named(read(name), project)] as const
    }),
  )
}

function modelYaml(text: string, { name, fleet, slot, hardware, task }: Project): string {
  const document = parseDocument(text)
  const { label, evaluation, about } = OF_TASK[task]
  const values = { name, fleet, slot, task, description: about }
  for (const [key, value] of Object.entries(values)) document.setIn([key], value)
  document.setIn(['targets', 0, 'hardware'], hardware)
  if (task !== 'binary') {
    document.set('label', document.createNode(label))
    document.set('evaluation', document.createNode(evaluation))
  }
  return document.toString({ lineWidth: 120, singleQuote: true, flowCollectionPadding: true })
}

/** The template's own names in text; none of them is part of another word there. */
const named = (text: string, { name, fleet, hardware, dir }: Project): string =>
  text
    .replaceAll(/\bpumps\b/g, name)
    .replaceAll(/--fleet plant\b/g, `--fleet ${fleet}`)
    .replaceAll('gateway-arm64', hardware)
    .replaceAll(/\bDIR\b(?=\/)/g, dir)
    .replace('; `DIR` is this one', '')
