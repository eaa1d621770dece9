import { toJSONSchema, type ZodType } from 'zod'
import { seeded } from '../domain/support.ts'

interface Schema {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly anyOf?: readonly Schema[]
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly items?: Schema
  readonly minItems?: number
  readonly additionalProperties?: Schema | boolean
  readonly propertyNames?: Schema
  readonly pattern?: string
  readonly format?: string
  readonly minimum?: number
  readonly exclusiveMinimum?: number
  readonly maximum?: number
}

/** A value that fits a schema, made from the schema's JSON form; another seed makes another value. */
export function sampleOf(schema: ZodType, seed: number): unknown {
  return make(toJSONSchema(schema) as Schema, seeded(seed))
}

/** Examples for the patterns that contracts use; a new pattern has to be added here. */
const TEXTS: readonly (readonly [RegExp, readonly string[]])[] = [
  [/\{64\}/, ['0'.repeat(64), 'af09'.repeat(16)]],
  [/-\?/, ['m', 'cold-chain', 'a'.repeat(30)]],
  [/:_-/, ['thing:1', 'A_b-9']],
  [/A-Za-z_/, ['humidity', '_x.y-z']],
]

function make(schema: Schema, random: () => number): unknown {
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)] as T
  if (schema.const !== undefined) return schema.const
  if (schema.enum) return pick(schema.enum)
  if (schema.anyOf) return make(pick(schema.anyOf), random)
  switch (schema.type) {
    case 'object':
      return makeObject(schema, random)
    case 'array':
      return Array.from({ length: (schema.minItems ?? 0) + Math.floor(random() * 3) }, () =>
        make(schema.items ?? {}, random),
      )
    case 'integer':
    case 'number': {
      const low = schema.minimum ?? schema.exclusiveMinimum ?? -100
      const high = Math.min(schema.maximum ?? 1_000, Math.max(low, 1_000))
      const value = high - random() * (high - low)
      return schema.type === 'integer' ? Math.floor(value) : value
    }
    case 'boolean':
      return random() < 0.5
    case 'null':
      return null
    case 'string': {
      if (schema.format === 'date-time') return new Date(random() * 2e12).toISOString()
      if (schema.pattern === undefined) return pick(['x', 'some text', 'ünï "code"'])
      const known = TEXTS.find(([part]) => part.test(schema.pattern ?? ''))
      if (known === undefined) throw new Error(`no example for the pattern ${schema.pattern}`)
      return pick(known[1])
    }
    default:
      return 'anything'
  }
}

function makeObject(schema: Schema, random: () => number): unknown {
  const fields = Object.entries(schema.properties ?? {})
    .filter(([name]) => schema.required?.includes(name) || random() < 0.5)
    .map(([name, field]) => [name, make(field, random)] as const)
  const extra = schema.additionalProperties
  if (schema.propertyNames && extra && typeof extra === 'object')
    return Object.fromEntries([[make(schema.propertyNames, random), make(extra, random)]])
  return Object.fromEntries(fields)
}
