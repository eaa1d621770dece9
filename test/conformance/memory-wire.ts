import type { Clock, Connected, Seen, Wire } from '../../conformance/ports.ts'
import type { Transport } from '../../device/ports.ts'

/** A broker in memory, with both ends: the kit's and the device's. A message takes a millisecond down, and none up. */
export interface MemoryWire extends Wire {
  /** A new life of the device connects; the transport of the one before is dead. */
  attach(random: () => number): Transport & { cut(): void }
}
interface Session {
  readonly filters: Set<string>
  readonly reject: Set<(error: Error) => void>
  message: (topic: string, payload: Uint8Array) => void
  down: () => void
}
interface Listeners {
  up: () => void
  down: () => void
  message: (topic: string, payload: Uint8Array) => void
}
const HOP_MS = 1

export function memoryWire(thing: string, clock: Clock): MemoryWire {
  const retained = new Map<string, Uint8Array>()
  const heard = {
    publish: [] as ((seen: Seen) => void)[],
    connect: [] as ((connected: Connected) => void)[],
    disconnect: [] as (() => void)[],
    subscribe: [] as ((filters: readonly { filter: string; qos: number }[]) => void)[],
  }
  let session: Session | null = null
  let admits = true
  let stalls = false
  let attempts = 0

  const matches = (filter: string, topic: string): boolean =>
    filter.endsWith('/#') ? topic.startsWith(filter.slice(0, -1)) : filter === topic
  const deliver = (to: Session, topic: string, payload: Uint8Array): void =>
    void clock.after(HOP_MS, () => {
      if (session === to) to.message(topic, payload)
    })
  const end = (): void => {
    const ended = session
    if (ended === null) return
    session = null
    for (const reject of ended.reject) reject(new Error('the connection was closed'))
    for (const listener of heard.disconnect) listener()
    ended.down()
  }

  return {
    endpoint: 'memory',
    onPublish: listener => heard.publish.push(listener),
    onConnect: listener => heard.connect.push(listener),
    onDisconnect: listener => heard.disconnect.push(listener),
    onSubscribe: listener => heard.subscribe.push(listener),
    send(topic, payload, retain = false) {
      if (retain) retained.set(topic, payload)
      if (session !== null && [...session.filters].some(filter => matches(filter, topic)))
        deliver(session, topic, payload)
    },
    drop: end,
    admit(yes) {
      admits = yes
    },
    stall(yes) {
      stalls = yes
    },
    attempts: () => attempts,
    close: async () => end(),
    attach(random) {
      let dead = false
      let mine: Session | null = null
      let retry = 0
      const app: Listeners = { up: () => undefined, down: () => undefined, message: () => undefined }
      const later = (): void => {
        const wait = random() * Math.min(120_000, 1_000 * 2 ** retry++)
        clock.after(wait, () => {
          if (dead || session !== null) return
          attempts++
          if (!admits) later()
          else connect()
        })
      }
      const connect = (): void => {
        retry = 0
        mine = { filters: new Set(), reject: new Set(), message: () => undefined, down: () => undefined }
        mine.message = (topic, payload) => {
          if (!dead) app.message(topic, payload)
        }
        mine.down = () => {
          mine = null
          if (dead) return
          app.down()
          later()
        }
        session = mine
        const seen = {
          clientId: thing,
          cleanSession: true,
          protocolVersion: 4,
          certificate: thing,
          lastWill: false,
        }
        for (const listener of heard.connect) listener(seen)
        app.up()
      }
      const connected = (): Session => {
        if (dead || mine === null || session !== mine) throw new Error('not connected')
        return mine
      }
      clock.after(HOP_MS, () => {
        if (dead) return
        attempts++
        if (admits) connect()
        else later()
      })
      return {
        async publish(topic, payload) {
          const at = connected()
          const gone = new Promise<void>((_, reject) => void at.reject.add(reject))
          gone.catch(() => undefined)
          if (stalls) return gone
          for (const listener of heard.publish)
            listener({ topic, payload: Buffer.from(payload), qos: 1, retain: false })
          return Promise.race([gone, new Promise<void>(done => void clock.after(HOP_MS, done))])
        },
        async subscribe(filters) {
          const at = connected()
          for (const filter of filters) at.filters.add(filter)
          for (const listener of heard.subscribe) listener(filters.map(filter => ({ filter, qos: 1 })))
          // As on AWS IoT: a filter with wildcards gets nothing that is retained.
          for (const filter of filters) {
            const payload = retained.get(filter)
            if (payload !== undefined) deliver(at, filter, payload)
          }
        },
        onMessage(listener) {
          app.message = listener
        },
        onConnect(listener) {
          app.up = listener
        },
        onDisconnect(listener) {
          app.down = listener
        },
        async close() {
          dead = true
          if (mine !== null && session === mine) end()
        },
        cut() {
          dead = true
          if (mine !== null && session === mine) end()
        },
      }
    },
  }
}
