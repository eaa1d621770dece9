import { isDeepStrictEqual } from 'node:util'
import { contract, type Kind } from './contract.ts'
import type { Log, Message } from './log.ts'
import type { Clock, Connected, Seen } from './ports.ts'

type Check = (id: string, ok: boolean, evidence: string) => void

/** What must hold of everything that a device ever does, whatever a scenario is about. */
export interface Monitors {
  connected(connected: Connected): void
  disconnected(): void
  subscribed(filters: readonly { readonly filter: string; readonly qos: number }[]): void
  /** @returns the message, or null when it cannot be read */
  published(seen: Seen): Message | null
  /** The device was started again, perhaps without its storage. */
  started(lost: boolean): void
  readonly connection: number
}

export function createMonitors(deps: {
  readonly thing: string
  readonly fleet: string
  readonly clock: Clock
  readonly log: Log
  readonly check: Check
  /** Length of a blob that some signed document names. */
  readonly lengthOf: (digest: string) => number | undefined
  /** How long a message may take that belongs to a new connection. */
  readonly soonMs: number
}): Monitors {
  const { thing, fleet, clock, log, check, lengthOf, soonMs } = deps
  const filters = new Set<string>()
  const byNumber = new Map<string, unknown>()
  const committed = new Map<string, string>()
  let connection = 0
  let life = 0
  /** Highest number of what is made when it is sent. */
  let fresh: readonly [number, number] = [-1, -1]
  let cancel = (): void => undefined

  const expectOnConnect = (): void => {
    const mine = connection
    cancel = clock.after(soonMs, () => {
      const came = (kind: Kind) => log.messages.some(m => m.kind === kind && m.connection === mine)
      for (const [id, kind] of [
        ['DEV-HELLO-01', 'hello'],
        ['DEV-ASK-01', 'ask'],
      ] as const)
        if (!came(kind)) check(id, false, `connection ${mine}: no ${kind} within ${soonMs / 1_000} s`)
    })
  }
  const number = (message: Message): void => {
    const key = `${message.epoch}-${message.seq}`
    const known = byNumber.get(key)
    const content = contentOf(message)
    if (known === undefined) byNumber.set(key, content)
    const ok = known === undefined || isDeepStrictEqual(known, content)
    check(
      'DEV-SEQ-01',
      ok,
      ok ? 'each number names one message' : `(${key}) names two messages: ${message.text}`,
    )
    if (message.kind !== 'hello' && message.kind !== 'ask') return
    const [epoch, seq] = fresh
    const rises = message.epoch > epoch || (message.epoch === epoch && message.seq > seq)
    check(
      'DEV-SEQ-02',
      rises,
      rises ? 'every hello and ask is above the last' : `${message.kind} (${key}) after (${epoch}-${seq})`,
    )
    if (rises) fresh = [message.epoch, message.seq]
  }
  const once = (message: Message): void => {
    if (message.kind !== 'report' || message.body.step !== 'COMMITTED') return
    const { manifest, slot, bundle, rollout } = message.body
    const what = JSON.stringify([manifest, slot, bundle, rollout])
    const key = `${message.epoch}-${message.seq}`
    const known = committed.get(what) ?? key
    committed.set(what, known)
    check(
      'DEV-REP-04',
      known === key,
      known === key
        ? 'one COMMITTED per manifest and bundle'
        : `COMMITTED (${known}) and (${key}) of ${what}`,
    )
  }
  const request = (message: Message): void => {
    if (message.kind !== 'blob') return
    const { digest, offset, length } = message.body
    const whole = lengthOf(digest)
    const ok = whole !== undefined && offset + length <= whole && length <= contract.maxBlock
    check(
      'DEV-FETCH-01',
      ok,
      ok
        ? 'blocks of signed files, within their lengths'
        : `asked for ${length} bytes at ${offset} of ${digest.slice(0, 12)}…, which has ${whole ?? 'no'} bytes`,
    )
  }

  return {
    get connection() {
      return connection
    },
    started(lost) {
      life++
      if (lost) fresh = [-1, -1]
    },
    connected({ clientId, cleanSession, protocolVersion, certificate }) {
      connection++
      filters.clear()
      cancel()
      expectOnConnect()
      const good =
        clientId === thing && cleanSession && protocolVersion === 4 && (certificate ?? thing) === thing
      check(
        'DEV-CONN-01',
        good,
        `client id ${clientId}, certificate of ${certificate ?? 'nobody'}, clean session ${cleanSession}, protocol level ${protocolVersion}`,
      )
    },
    disconnected: () => cancel(),
    subscribed(list) {
      const allowed = contract.subscriptions(thing, fleet)
      const down = allowed.find(filter => filter.endsWith('/#'))!.slice(0, -1)
      for (const { filter, qos } of list) {
        filters.add(filter)
        const exact = allowed.includes(filter) || filter.startsWith(down)
        const ok = exact && qos === 1 && filters.size <= contract.maxSubscriptions
        check(
          'DEV-CONN-03',
          ok,
          ok ? `${filters.size} subscriptions` : `subscription ${filters.size}: ${filter} with QoS ${qos}`,
        )
      }
    },
    published({ topic, payload, qos, retain }) {
      const kind = contract.kindOf(topic, thing)
      const ok = kind !== null && (qos ?? 1) === 1 && !retain
      check('DEV-CONN-04', ok, ok ? 'own topics, QoS 1' : `${topic}, QoS ${qos}${retain ? ', retained' : ''}`)
      if (kind === null) return null
      const text = Buffer.from(payload).toString('utf8')
      const { maxBytes } = contract.limits(kind)
      const fits = payload.byteLength <= maxBytes
      check('DEV-MSG-02', fits, `${kind} of ${payload.byteLength} bytes, at most ${maxBytes}`)
      const read = readMessage(kind, text, thing)
      check(
        'DEV-MSG-01',
        read.fault === null,
        read.fault === null ? 'fits its schema' : `${kind}: ${read.fault}`,
      )
      if (read.message === null) return null
      const message = { ...read.message, text, life, connection, at: clock.now() } as Message
      number(message)
      once(message)
      request(message)
      if (kind === 'hello') check('DEV-HELLO-01', true, 'came with the connection')
      if (kind === 'ask') check('DEV-ASK-01', true, 'came with the connection')
      log.add(message)
      return message
    },
  }
}

/** What must be equal when a number comes again; a window that has waited may say so. */
function contentOf({ kind, text }: Message): unknown {
  const value = JSON.parse(text) as { body: Record<string, unknown> }
  if (kind === 'metrics') delete value.body['historical']
  return value
}

function readMessage(
  kind: Kind,
  text: string,
  thing: string,
): { readonly fault: string | null; readonly message: object | null } {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return { fault: 'is not JSON', message: null }
  }
  const fault = contract.fault(kind, value)
  const fields = value as Readonly<Record<string, unknown>>
  const whole = typeof fields === 'object' && fields !== null && typeof fields['body'] === 'object'
  const told = whole && (fields['kind'] !== kind || fields['thing'] !== thing)
  return {
    fault: fault ?? (told ? `says it is ${String(fields['kind'])} of ${String(fields['thing'])}` : null),
    message: whole ? { kind, epoch: fields['epoch'], seq: fields['seq'], body: fields['body'] } : null,
  }
}
