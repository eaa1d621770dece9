/**
 * What a target receives: the event, a constant (`Input`), a part (`InputPath`) or a text made from a template
 * (`InputTransformer`). Reference: EventBridge user guide, "Amazon EventBridge input transformation".
 */
import { AwsError } from '../core/types.ts'
import { isRecord, type Json, record, text } from './read.ts'

export interface InputContext {
  readonly ruleName: string
  readonly ruleArn: string
  /** ISO 8601, when the bus took the event in. */
  readonly ingestionTime: string
}

/** Throws AwsError ValidationException naming the target for a combination EventBridge refuses. */
export function validateInput(target: Json): void {
  const given = ['Input', 'InputPath', 'InputTransformer'].filter(key => target[key] !== undefined)
  if (given.length > 1) throw fault(target, `only one of ${given.join(', ')} is allowed`)
  if (target['InputPath'] !== undefined) parsePath(target, target['InputPath'])
  if (target['Input'] !== undefined && !isJson(target['Input']))
    throw fault(target, 'Input must be JSON text')
  if (target['InputTransformer'] === undefined) return
  const transformer = record(target['InputTransformer'])
  if (!text(transformer['InputTemplate'])) throw fault(target, 'InputTransformer needs InputTemplate')
  const variables = Object.entries(record(transformer['InputPathsMap']))
  if (variables.length > 100) throw fault(target, 'InputPathsMap has more than 100 entries')
  for (const [name, path] of variables) {
    if (!/^[A-Za-z0-9_-]+$/.test(name) || /^aws\./i.test(name))
      throw fault(target, `InputPathsMap key "${name}" is not allowed`)
    parsePath(target, path)
  }
}

/** Body for the target, as text. */
export function targetInput(target: Json, event: Json, context: InputContext): string {
  if (typeof target['Input'] === 'string') return target['Input']
  if (target['InputPath'] !== undefined)
    return JSON.stringify(select(event, parsePath(target, target['InputPath'])) ?? null)
  const transformer = target['InputTransformer']
  if (!isRecord(transformer)) return JSON.stringify(event)
  const values = new Map<string, unknown>([
    ['aws.events.rule-arn', context.ruleArn],
    ['aws.events.rule-name', context.ruleName],
    ['aws.events.event.ingestion-time', context.ingestionTime],
    ['aws.events.event', Object.fromEntries(Object.entries(event).filter(([key]) => key !== 'detail'))],
    ['aws.events.event.json', event],
  ])
  for (const [name, path] of Object.entries(record(transformer['InputPathsMap'])))
    values.set(name, select(event, parsePath(target, path)))
  return fill(String(transformer['InputTemplate']), values)
}

/**
 * Inside a JSON string literal a variable is spliced in as text, elsewhere as a JSON value. A path that finds
 * nothing gives an empty text inside a literal and `""` outside; AWS documents only that it "isn't created".
 */
function fill(template: string, values: ReadonlyMap<string, unknown>): string {
  let quoted = false
  let out = ''
  for (let at = 0; at < template.length; at++) {
    const char = template[at] ?? ''
    const name = char === '<' ? /^<([A-Za-z0-9_.-]+)>/.exec(template.slice(at, at + 300))?.[1] : undefined
    if (name !== undefined && values.has(name)) {
      const value = values.get(name) ?? ''
      out += quoted ? spliced(value) : JSON.stringify(value)
      at += name.length + 1
      continue
    }
    if (quoted && char === '\\') {
      out += char + (template[++at] ?? '')
      continue
    }
    if (char === '"') quoted = !quoted
    out += char
  }
  return out
}

const spliced = (value: unknown): string =>
  JSON.stringify(typeof value === 'string' ? value : JSON.stringify(value)).slice(1, -1)

type Step = string | number
/** JSONPath as far as EventBridge takes it: dots, names, array indices (and brackets with a quoted name). */
function parsePath(target: Json, path: unknown): readonly Step[] {
  const steps: Step[] = []
  const whole = typeof path === 'string' && path.startsWith('$') ? path.slice(1) : undefined
  let rest = whole
  while (rest) {
    const [matched, dotted, index, quoted] =
      /^(?:\.([A-Za-z0-9_/:-]+)|\[(\d+)\]|\[['"]([^'"\]]+)['"]\])/.exec(rest) ?? []
    if (matched === undefined) break
    steps.push(index === undefined ? String(dotted ?? quoted) : Number(index))
    rest = rest.slice(matched.length)
  }
  if (rest !== '') throw fault(target, `"${String(path)}" is not a JSON path that EventBridge supports`)
  return steps
}

function select(event: unknown, steps: readonly Step[]): unknown {
  let value = event
  for (const step of steps) {
    if (typeof step === 'number') value = Array.isArray(value) ? value[step] : undefined
    else value = isRecord(value) && Object.hasOwn(value, step) ? value[step] : undefined
  }
  return value
}

/** True for a text that parses as JSON. */
export function isJson(value: unknown): boolean {
  if (typeof value !== 'string') return false
  try {
    JSON.parse(value)
    return true
  } catch {
    return false
  }
}

const fault = (target: Json, reason: string): AwsError =>
  new AwsError('ValidationException', `Target ${String(target['Id'])}: ${reason}.`)
