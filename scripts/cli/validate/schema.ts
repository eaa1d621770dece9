/** The schema as a document, so that a message can say what would have been right. */
import * as z from 'zod'
import { modelConfig } from '../../../src/contracts/model-config.ts'

/** The part of JSON Schema that zod's output has and messages need. */
export interface Node {
  readonly type?: string | readonly string[]
  readonly properties?: Readonly<Record<string, Node>>
  readonly additionalProperties?: Node | boolean
  readonly items?: Node
  readonly enum?: readonly unknown[]
  readonly const?: unknown
  readonly oneOf?: readonly Node[]
  readonly anyOf?: readonly Node[]
  readonly minimum?: number
  readonly maximum?: number
  readonly exclusiveMinimum?: number
  readonly exclusiveMaximum?: number
  readonly minLength?: number
  readonly maxLength?: number
  readonly minItems?: number
  readonly maxItems?: number
  readonly pattern?: string
}
type Path = readonly PropertyKey[]

const modelSchema = z.toJSONSchema(modelConfig, {
  io: 'output',
  unrepresentable: 'any',
  reused: 'inline',
}) as Node

/** What the schema says of a field; of alternatives the one whose constants the value has. */
export function schemaAt(path: Path, document: unknown): Node | undefined {
  let node: Node | undefined = modelSchema
  let here: unknown = document
  for (const step of path) {
    node = chosen(node, here)
    if (node === undefined) return undefined
    const more = node.additionalProperties
    node =
      typeof step === 'number'
        ? node.items
        : (node.properties?.[String(step)] ?? (typeof more === 'object' ? more : undefined))
    here = (here as Readonly<Record<PropertyKey, unknown>> | null | undefined)?.[step]
  }
  return chosen(node, here)
}

function chosen(node: Node | undefined, value: unknown): Node | undefined {
  const options = node?.oneOf ?? node?.anyOf
  if (options === undefined) return node
  const kind = Array.isArray(value) ? 'array' : typeof value === 'object' ? 'object' : typeof value
  const fitting = options.filter(o => o.type === undefined || o.type === kind)
  return fitting.find(o => hasConstants(o, value)) ?? fitting[0] ?? options[0]
}

const hasConstants = ({ properties = {} }: Node, value: unknown): boolean =>
  Object.entries(properties).every(
    ([key, { const: wanted }]) =>
      wanted === undefined || (value as Readonly<Record<string, unknown>> | null)?.[key] === wanted,
  )

/** Values that a field can have, where they can be counted. */
export function valuesAt(path: Path, document: unknown): readonly string[] {
  const node = schemaAt(path, document)
  return (node?.enum ?? (node?.const === undefined ? [] : [node.const])).map(String)
}

const UNITS: readonly (readonly [RegExp, string])[] = [
  [/Seconds$/, ' seconds'],
  [/Minutes$/, ' minutes'],
  [/(Days|everyDays)$/, ' days'],
  [/Ms$/, ' ms'],
  [/^bytesPer/, ' bytes'],
]
/** Unit of a number by its name, as model.yaml's fields are named. */
export const unitOf = (name: PropertyKey | undefined): string =>
  UNITS.find(([ending]) => ending.test(String(name)))?.[1] ?? ''

const DESCRIPTIONS: Readonly<Record<string, (node: Node, unit: string) => string>> = {
  integer: (node, unit) => `a whole number${range(node)}${unit}`,
  number: (node, unit) => `a number${range(node)}${unit}`,
  boolean: () => 'true or false',
  string: ({ maxLength }) => (maxLength === undefined ? 'text' : `text of at most ${maxLength} characters`),
  array: ({ minItems, maxItems }) =>
    `a list${minItems ? ` of ${minItems === maxItems ? minItems : `${minItems} or more`}` : ''}${maxItems ? `, at most ${maxItems}` : ''}`,
  object: () => 'a block of fields',
  null: () => 'null',
}

/** `a number from 60 to 86400 seconds`, `text of at most 500 characters`, `one of auc, accuracy, rmse`. */
export function wantedAt(path: Path, document: unknown): string | undefined {
  const node = schemaAt(path, document)
  const name = [...path].reverse().find(step => typeof step === 'string')
  if (node === undefined) return undefined
  if (node.enum !== undefined) return `one of ${node.enum.join(', ')}`
  if (node.const !== undefined) return String(node.const)
  const types = [node.type ?? []].flat()
  const described = types.map(type => DESCRIPTIONS[type]?.(node, unitOf(name)) ?? type)
  return described.length === 0 ? undefined : described.join(' or ')
}

/** ` from 60 to 86400`, ` above 0 and at most 1`, ` of at least 0`. zod writes the safe integers as a range of whole numbers. */
function range({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: Node): string {
  const stated = (n: number | undefined) =>
    n !== undefined && Number.isSafeInteger(n + Math.sign(n)) ? n : undefined
  const [low, high] = [stated(minimum), stated(maximum)]
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`
  const bounds = [
    ...(low === undefined ? [] : [`at least ${low}`]),
    ...(exclusiveMinimum === undefined ? [] : [`above ${exclusiveMinimum}`]),
    ...(high === undefined ? [] : [`at most ${high}`]),
    ...(exclusiveMaximum === undefined ? [] : [`below ${exclusiveMaximum}`]),
  ]
  return bounds.length === 0 ? '' : ` ${bounds.join(' and ')}`
}
