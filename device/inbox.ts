import { type Answer, answer, hint, MQTT_MAX_PAYLOAD, topics } from '../src/contracts/mqtt.ts'
import { parseUntrustedJson } from '../verifier/json.ts'

/** What can come down, read and checked; what is malformed or not for this device is null. */
export type Incoming =
  | { readonly kind: 'trust' | 'beacon' | 'manifest'; readonly bytes: Uint8Array }
  | { readonly kind: 'answer'; readonly corr: string; readonly answer: Answer }
  | { readonly kind: 'blob'; readonly digest: string; readonly offset: number; readonly bytes: Uint8Array }
  | { readonly kind: 'hint'; readonly counter: number }

/** @throws Error when a message on one of our topics does not hold its contract */
export function readIncoming(
  thing: string,
  fleet: string,
  topic: string,
  payload: Uint8Array,
): Incoming | null {
  if (payload.byteLength > MQTT_MAX_PAYLOAD) throw new Error(`${payload.byteLength} bytes are too many`)
  if (topic === topics.trust) return { kind: 'trust', bytes: payload }
  if (topic === topics.beacon(fleet)) return { kind: 'beacon', bytes: payload }
  if (topic === topics.manifest(fleet)) return { kind: 'manifest', bytes: payload }
  const down = topics.down(thing).slice(0, -1)
  if (!topic.startsWith(down)) return null
  const [kind, key = '', offset = '', ...rest] = topic.slice(down.length).split('/')
  if (rest.length > 0) return null
  if (kind === 'blob' && /^[0-9a-f]{64}$/.test(key) && /^\d{1,15}$/.test(offset))
    return { kind, digest: key, offset: Number(offset), bytes: payload }
  if (kind === 'answer') return { kind, corr: key, answer: answer.parse(json(payload)) }
  if (kind === 'hint') return { kind, counter: hint.parse(json(payload)).counter }
  return null
}

const json = (payload: Uint8Array): unknown =>
  parseUntrustedJson(payload, { maxBytes: MQTT_MAX_PAYLOAD, maxDepth: 16 })
