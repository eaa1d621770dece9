import { notIncluded, type Side } from './includes.ts'
import { lostFields } from './lost-fields.ts'
import type { Schema } from './schemas.ts'

interface Message {
  readonly payload: Schema
  readonly carries: Readonly<Record<string, Schema>>
  readonly maxBytes: number
}
interface Operation {
  readonly action: string
  readonly address: string
  readonly retained: boolean
  readonly qos: number
  readonly messages: Readonly<Record<string, Message>>
  readonly reply: { readonly address: string; readonly messages: Readonly<Record<string, Message>> } | null
}

/**
 * Changes that devices in the field would not survive, one line each. They go on with the released contract: what
 * they send must stay welcome, so the new schema may only widen; what they receive must stay what they know, so it
 * may only narrow, and no field may go away.
 * @param released and @param current AsyncAPI documents as `asyncapiDocument` makes them
 */
export function breakingChanges(released: Schema, current: Schema): string[] {
  const before = readOperations(released)
  const after = readOperations(current)
  return [
    ...serverChanges(released, current),
    ...Object.entries(before).flatMap(([id, old]) => {
      const now = after[id]
      if (now === undefined) return [`${id}: the operation is gone`]
      return [...facts(id, old, now), ...messages(id, old, now, released, current)]
    }),
    ...Object.entries(after)
      .filter(([id, { action }]) => action === 'receive' && before[id] === undefined)
      .flatMap(([id, { address }]) =>
        subscribed(released, address) ? [] : [`${id}: devices do not subscribe to ${address}`],
      ),
  ]
}

function facts(id: string, old: Operation, now: Operation): string[] {
  const found: string[] = []
  for (const key of ['action', 'address', 'qos', 'retained'] as const)
    if (old[key] !== now[key]) found.push(`${id}: ${key} is ${now[key]}, was ${old[key]}`)
  if (old.reply !== null && now.reply?.address !== old.reply.address)
    found.push(`${id}: replies come on ${now.reply?.address ?? 'no topic'}, and came on ${old.reply.address}`)
  return found
}

function messages(id: string, old: Operation, now: Operation, released: Schema, current: Schema): string[] {
  const both = (
    m: Readonly<Record<string, Message>>,
    n: Readonly<Record<string, Message>>,
    sent: boolean,
  ) => [
    ...Object.keys(m)
      .filter(name => n[name] === undefined)
      .map(name => `${id}: the message ${name} is gone`),
    ...Object.entries(n).flatMap(([name, message]) => {
      const other = m[name]
      // What devices need not send, or what they get for a new request, breaks none of the old ones.
      if (other === undefined) return sent ? [] : [`${id}: devices do not know the message ${name}`]
      return compare(`${id}/${name}`, other, message, sent, released, current)
    }),
  ]
  return [
    ...both(old.messages, now.messages, old.action === 'send'),
    ...(old.reply !== null && now.reply !== null ? both(old.reply.messages, now.reply.messages, false) : []),
  ]
}

function compare(
  path: string,
  old: Message,
  now: Message,
  sent: boolean,
  released: Schema,
  current: Schema,
): string[] {
  const before = (schema: unknown): Side => ({ schema, resolve: ref => pointer(released, ref) })
  const after = (schema: unknown): Side => ({ schema, resolve: ref => pointer(current, ref) })
  const one = (at: string, from: unknown, to: unknown): string[] =>
    sent
      ? notIncluded(before(from), after(to), at).map(
          line => `${line} (devices in the field send it as it was)`,
        )
      : [...notIncluded(after(to), before(from), at), ...lostFields(before(from), after(to), at)]
  const size =
    sent === now.maxBytes < old.maxBytes && now.maxBytes !== old.maxBytes
      ? [`${path}: x-max-bytes is ${now.maxBytes}, was ${old.maxBytes}`]
      : []
  const inner = Object.entries(old.carries).flatMap(([name, schema]) => {
    const other = now.carries[name]
    return other === undefined ? [`${path} ${name}: is gone`] : one(`${path} ${name}`, schema, other)
  })
  return [...size, ...one(path, old.payload, now.payload), ...inner]
}

function serverChanges(released: Schema, current: Schema): string[] {
  const at = (document: Schema, key: string) =>
    JSON.stringify(pointer(document, `#/servers/broker/${key}`) ?? null)
  return ['protocol', 'protocolVersion', 'security']
    .filter(key => at(released, key) !== at(current, key))
    .map(key => `server: ${key} is ${at(current, key)}, was ${at(released, key)}`)
}

function subscribed(released: Schema, address: string): boolean {
  const filters = pointer(released, '#/servers/broker/x-subscriptions') as readonly string[]
  return filters.some(filter =>
    filter.endsWith('/#') ? address.startsWith(filter.slice(0, -1)) : filter === address,
  )
}

function readOperations(document: Schema): Readonly<Record<string, Operation>> {
  const follow = (value: unknown): Schema => {
    const ref = (value as Schema)['$ref']
    return typeof ref === 'string' ? follow(pointer(document, ref)) : (value as Schema)
  }
  const messagesOf = (refs: readonly Schema[]): Readonly<Record<string, Message>> =>
    Object.fromEntries(
      refs.map(ref => {
        const message = follow(ref)
        return [
          String(ref['$ref']).split('/').at(-1)!,
          {
            payload: message['payload'] as Schema,
            carries: (message['x-carries'] ?? {}) as Readonly<Record<string, Schema>>,
            maxBytes: Number(message['x-max-bytes']),
          },
        ]
      }),
    )
  return Object.fromEntries(
    Object.entries(document['operations'] as Schema).map(([id, value]) => {
      const operation = value as Schema
      const channel = follow(operation['channel'])
      const reply = operation['reply'] as Schema | undefined
      const binding = (operation['bindings'] as { mqtt: { qos: number } }).mqtt
      return [
        id,
        {
          action: String(operation['action']),
          address: String(channel['address']),
          retained: channel['x-retained'] === true,
          qos: binding.qos,
          messages: messagesOf(operation['messages'] as readonly Schema[]),
          reply: reply
            ? {
                address: String(follow(reply['channel'])['address']),
                messages: messagesOf(reply['messages'] as readonly Schema[]),
              }
            : null,
        },
      ]
    }),
  )
}

/** What a local JSON pointer names. @throws Error when it names nothing */
function pointer(document: Schema, ref: string): unknown {
  let found: unknown = document
  for (const part of ref.replace(/^#\//, '').split('/')) {
    found = (found as Schema | undefined)?.[part.replaceAll('~1', '/').replaceAll('~0', '~')]
    if (found === undefined) throw new Error(`${ref}: names nothing in the document`)
  }
  return found
}
