import { createHash } from 'node:crypto'
import type { FleetManifest } from '../src/contracts/manifest.ts'
import { type Answer, MQTT_MAX_PAYLOAD } from '../src/contracts/mqtt.ts'
import { parseUntrustedJson } from '../verifier/json.ts'
import type { PinnedKey } from '../verifier/key.ts'
import { type VerifiedManifest, verifyManifest } from '../verifier/manifest.ts'
import { Refusal, refuseAs } from '../verifier/refusal.ts'
import { halfJitter } from './backoff.ts'
import { desiredRelease } from './placement.ts'
import type { Clock, Logger, Random } from './ports.ts'
import type { StateStore } from './state.ts'
import type { Updater } from './update/updater.ts'
import type { Uplink } from './uplink.ts'

const ASK_MS = 10_000
const ASK_CAP_MS = 300_000
const MAX_ASKS = 8
/** Between two asks on a quiet connection: a push may have been lost. */
const PULL_MS = 21_600_000
/** Refused payloads that are remembered, so that each is reported once. */
const MAX_REFUSED = 32

/** Where manifests arrive, pushed or asked for: verifies, records and hands out what each slot is to do. */
export interface ManifestDesk {
  manifestBytes(bytes: Uint8Array): void
  answer(corr: string, answer: Answer): void
  hint(counter: number): void
  connected(): void
  disconnected(): void
}

export function createDesk(deps: {
  readonly thing: string
  readonly fleet: string
  readonly hardware: string
  readonly slots: readonly string[]
  readonly deploymentKey: PinnedKey
  readonly state: StateStore
  readonly uplink: Uplink
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly updaters: ReadonlyMap<string, Updater>
  readonly onFailure: (refusal: Refusal) => void
}): ManifestDesk {
  const { thing, fleet, hardware, slots, state, uplink, clock, random, log, updaters } = deps
  let asked: { corr: string; cancel: () => void } | null = null
  let asks = 0

  const position = () => {
    const { manifest } = state.current
    return manifest && { epoch: manifest.epoch, counter: manifest.counter }
  }
  const stopAsking = (): void => {
    asked?.cancel()
    asked = null
  }
  const ask = (attempt: number): void => {
    stopAsking()
    if (attempt === MAX_ASKS) {
      rest()
      return
    }
    const corr = `ask-${++asks}`
    const cancel = clock.after(halfJitter(random, attempt, 2 * ASK_MS, ASK_CAP_MS), () => ask(attempt + 1))
    asked = { corr, cancel }
    uplink.request('ask', { corr, want: 'manifest', have: position() })
  }
  const rest = (): void => {
    stopAsking()
    asked = { corr: '', cancel: clock.after(halfJitter(random, 0, PULL_MS, PULL_MS), () => ask(0)) }
  }
  const runAll = (): void => {
    for (const updater of updaters.values()) updater.run()
  }
  const accept = (manifest: FleetManifest, digest: string): void => {
    const { epoch, counter, issued, slots: wanted } = manifest.predicate
    const at = { epoch, counter }
    // One write takes the position and what it means for every slot, or neither.
    state.update(draft => {
      draft.manifest = { ...at, digest }
      draft.timeFloor = Math.max(draft.timeFloor, Date.parse(issued))
      for (const slot of slots) {
        const entry = wanted.find(other => other.slot === slot && other.hardware === hardware)
        updaters.get(slot)?.plan(draft, entry ? desiredRelease(entry, thing) : null, at)
      }
    })
    log.info('MANIFEST_ACCEPTED', { thing, ...at })
    uplink.kick()
  }
  const refuse = (refusal: Refusal, payload: Uint8Array): void => {
    deps.onFailure(refusal)
    const digest = createHash('sha256').update(payload).digest('hex')
    if (state.current.refused.includes(digest)) return
    state.update(draft => {
      draft.refused = [...draft.refused, digest].slice(-MAX_REFUSED)
      uplink.keep(draft, {
        slot: slots[0]!,
        manifest: position() ?? { epoch: 0, counter: 0 },
        bundle: digest,
        step: 'REFUSED',
        code: refusal.code,
        detail: refusal.message.slice(0, 512),
      })
    })
    uplink.kick()
  }
  const take = (value: unknown, raw: Uint8Array): void => {
    let verified: VerifiedManifest
    try {
      const now = Math.max(clock.now(), state.current.timeFloor)
      const { deploymentKey } = deps
      verified = verifyManifest(value, { deploymentKey, fleet, seen: state.current.manifest, now })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      refuse(error, payloadOf(value) ?? raw)
      return
    }
    if (verified.kind === 'new') accept(verified.manifest, verified.digest)
    runAll()
  }

  return {
    manifestBytes(bytes) {
      let value: unknown
      try {
        value = refuseAs('MANIFEST_MALFORMED', () =>
          parseUntrustedJson(bytes, { maxBytes: MQTT_MAX_PAYLOAD, maxDepth: 8 }),
        )
      } catch (error) {
        if (!(error instanceof Refusal)) throw error
        refuse(error, bytes)
        return
      }
      take(value, bytes)
    },
    answer(corr, answer) {
      if (answer.kind === 'error')
        log.warn('ANSWER_ERROR', { thing, corr, code: answer.code, message: answer.message })
      if (answer.kind !== 'manifest' && answer.kind !== 'unchanged') return
      if (asked?.corr === corr) rest()
      if (answer.kind === 'manifest') take(answer.manifest, Buffer.from(JSON.stringify(answer.manifest)))
    },
    hint(counter) {
      runAll()
      if (counter >= (state.current.manifest?.counter ?? 0)) ask(0)
    },
    connected: () => ask(0),
    disconnected: stopAsking,
  }
}

/** The signed bytes of an envelope, so that one payload under many broken signatures counts as one. */
function payloadOf(value: unknown): Uint8Array | null {
  const payload = (value as { payload?: unknown } | null)?.payload
  return typeof payload === 'string' ? Buffer.from(payload, 'base64') : null
}
