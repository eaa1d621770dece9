import { readFileSync } from 'node:fs'
import * as z from 'zod'

/**
 * The device contract as it is published: docs/asyncapi.json, and nothing of the code it was made from. The kit judges
 * messages by it as any other implementer would.
 */
type Json = Readonly<Record<string, unknown>>

export interface Limits {
  readonly maxBytes: number
  readonly maxDepth: number
}
export type Kind = 'hello' | 'report' | 'metrics' | 'samples' | 'ask' | 'blob' | 'predict'

export interface Contract {
  readonly version: string
  /** Topic filters that a device may subscribe to. */
  subscriptions(thing: string, fleet: string): readonly string[]
  readonly maxSubscriptions: number
  topic(channel: string, parameters?: Readonly<Record<string, string>>): string
  /** What kind of message belongs on a topic; null when a device must not publish there. */
  kindOf(topic: string, thing: string): Kind | null
  limits(kind: Kind): Limits
  /** What is wrong with a message, or null. */
  fault(kind: Kind, message: unknown): string | null
  readonly maxBlock: number
}

const document = JSON.parse(readFileSync(new URL('../docs/asyncapi.json', import.meta.url), 'utf8')) as Json

export const contract: Contract = readContract(document)

function readContract(of: Json): Contract {
  const at = <T>(...path: string[]): T => {
    let found: unknown = of
    for (const part of path) found = (found as Json | undefined)?.[part]
    if (found === undefined) throw new Error(`docs/asyncapi.json: ${path.join('.')} is missing`)
    return found as T
  }
  const inline = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(inline)
    if (value === null || typeof value !== 'object') return value
    const ref = (value as Json)['$ref']
    if (typeof ref === 'string') return inline(at(...ref.replace(/^#\//, '').split('/')))
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, inline(item)]))
  }
  const address = (channel: string): string => at('channels', channel, 'address')
  const fill = (text: string, parameters: Readonly<Record<string, string>>): string =>
    text.replaceAll(/\{(\w+)\}/g, (_, name: string) => {
      const value = parameters[name]
      if (value === undefined) throw new Error(`${text}: no value for ${name}`)
      return value
    })
  /** Channel by kind, where a device publishes. */
  const up = new Map<Kind, string>(
    Object.keys(at<Json>('channels')).flatMap(channel => {
      const kind = /^edgeloop\/v1\/\{thing\}\/up\/(\w+)$/.exec(address(channel))?.[1]
      return kind === undefined ? [] : [[kind as Kind, channel] as const]
    }),
  )
  const schemas = new Map<Kind, z.ZodType>()
  const schemaOf = (kind: Kind): z.ZodType => {
    const known = schemas.get(kind)
    if (known !== undefined) return known
    const payload = inline(at('components', 'messages', up.get(kind)!, 'payload'))
    const made = z.fromJSONSchema(payload as z.core.JSONSchema.JSONSchema)
    schemas.set(kind, made)
    return made
  }
  return {
    version: at('info', 'version'),
    subscriptions: (thing, fleet) =>
      at<string[]>('servers', 'broker', 'x-subscriptions').map(filter => fill(filter, { thing, fleet })),
    maxSubscriptions: at('servers', 'broker', 'x-max-subscriptions'),
    topic: (channel, parameters = {}) => fill(address(channel), parameters),
    kindOf(topic, thing) {
      for (const [kind, channel] of up) if (fill(address(channel), { thing }) === topic) return kind
      return null
    },
    limits: kind => ({
      maxBytes: at('components', 'messages', up.get(kind)!, 'x-max-bytes'),
      maxDepth: at('components', 'messages', up.get(kind)!, 'x-max-depth'),
    }),
    fault(kind, message) {
      const parsed = schemaOf(kind).safeParse(message)
      if (parsed.success) return null
      const [issue] = parsed.error.issues
      return `${issue?.path.join('.') || 'message'}: ${issue?.message ?? 'does not fit'}`
    },
    maxBlock: at('components', 'messages', 'block', 'x-max-bytes'),
  }
}
