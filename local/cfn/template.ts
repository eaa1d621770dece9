/** A packaged CloudFormation template: its shape, and reading it from the folder that `osls package` wrote. */
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'

export type Json = Readonly<Record<string, unknown>>

export interface TemplateResource {
  readonly Type: string
  readonly Properties: Json
  readonly DependsOn: readonly string[]
  readonly Condition?: string
}
export interface TemplateOutput {
  readonly Value: unknown
  readonly Condition?: string
}
export interface Template {
  readonly Parameters: Readonly<Record<string, Json>>
  readonly Mappings: Readonly<Record<string, Json>>
  readonly Conditions: Json
  readonly Resources: Readonly<Record<string, TemplateResource>>
  readonly Outputs: Readonly<Record<string, TemplateOutput>>
}

/** A fault of the template, worded so that its author finds the place: logical id and property come first. */
export class TemplateError extends Error {
  constructor(where: string, problem: string, options?: ErrorOptions) {
    super(where === '' ? problem : `${where}: ${problem}`, options)
    this.name = 'TemplateError'
  }
}

/** Name that osls gives the template which a deployment would send. */
export const templateFile = 'cloudformation-template-update-stack.json'

const sections = new Set(
  'AWSTemplateFormatVersion Description Metadata Parameters Mappings Conditions Resources Outputs'.split(' '),
)

/** Reads the template of a `.serverless` folder. Throws TemplateError when it is missing, not JSON or misshapen. */
export async function loadTemplate(folder: string): Promise<Template> {
  const file = join(folder, templateFile)
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'not found; run `osls package` first' : cause.message
    throw new TemplateError(file, reason, { cause })
  })
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (cause) {
    throw new TemplateError(basename(file), `not JSON: ${(cause as Error).message}`, { cause })
  }
  return readTemplate(parsed)
}

/** Checks the shape of a parsed template. Throws TemplateError naming the section or the logical id. */
export function readTemplate(parsed: unknown): Template {
  const root = record(parsed, 'template')
  for (const key of Object.keys(root))
    if (!sections.has(key))
      throw new TemplateError(
        key,
        'this section is not run by the local cloud; remove it or package without it',
      )
  const resources = Object.entries(record(root['Resources'] ?? {}, 'Resources'))
  if (resources.length === 0) throw new TemplateError('Resources', 'the template has none')
  return {
    Parameters: records(root['Parameters'], 'Parameters'),
    Mappings: records(root['Mappings'], 'Mappings'),
    Conditions: record(root['Conditions'] ?? {}, 'Conditions'),
    Resources: Object.fromEntries(resources.map(([id, value]) => [id, readResource(id, value)])),
    Outputs: Object.fromEntries(
      Object.entries(records(root['Outputs'], 'Outputs')).map(([id, value]) => [id, readOutput(id, value)]),
    ),
  }
}

function readResource(id: string, value: unknown): TemplateResource {
  const resource = record(value, id)
  if (typeof resource['Type'] !== 'string') throw new TemplateError(id, 'Type must be a string')
  const dependsOn = resource['DependsOn'] ?? []
  const list = typeof dependsOn === 'string' ? [dependsOn] : dependsOn
  if (!Array.isArray(list) || list.some(each => typeof each !== 'string'))
    throw new TemplateError(`${id}.DependsOn`, 'must be a logical id or a list of them')
  return {
    Type: resource['Type'],
    Properties: record(resource['Properties'] ?? {}, `${id}.Properties`),
    DependsOn: list as string[],
    ...condition(id, resource),
  }
}

function readOutput(id: string, output: Json): TemplateOutput {
  if (output['Value'] === undefined) throw new TemplateError(`Outputs.${id}`, 'Value is missing')
  return { Value: output['Value'], ...condition(`Outputs.${id}`, output) }
}

function condition(where: string, holder: Json): { Condition?: string } {
  const name = holder['Condition']
  if (name === undefined) return {}
  if (typeof name !== 'string') throw new TemplateError(`${where}.Condition`, 'must name a condition')
  return { Condition: name }
}

export const isRecord = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function record(value: unknown, where: string): Json {
  if (!isRecord(value)) throw new TemplateError(where, 'must be an object')
  return value
}

function records(value: unknown, where: string): Readonly<Record<string, Json>> {
  const outer = record(value ?? {}, where)
  return Object.fromEntries(
    Object.entries(outer).map(([key, inner]) => [key, record(inner, `${where}.${key}`)]),
  )
}
