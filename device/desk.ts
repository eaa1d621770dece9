import { createHash } from 'node:crypto'
import type { Answer } from '../src/contracts/mqtt.ts'
import {
  barsOf,
  openChain,
  type ReasonCode,
  Refusal,
  rootOf,
  type TrustState,
  trustedTime,
  verifyBeacon,
  verifyManifest,
  walkChain,
} from '../verifier/index.ts'
import { halfJitter } from './backoff.ts'
import { desiredRelease, type Wanted } from './placement.ts'
import type { Clock, Logger, Random } from './ports.ts'
import type { SlotState, State, StateStore } from './state.ts'
import { withStarts } from './update/start.ts'
import type { Updater } from './update/updater.ts'
import type { Uplink } from './uplink.ts'

const ASK_MS = 10_000
const ASK_CAP_MS = 300_000
const MAX_ASKS = 8
/** A beacon and its manifest are pushed one after the other: a fleet must not ask for what is on its way. */
const ON_ITS_WAY_MS = 5_000
/** Between two asks on a quiet connection: a push may have been lost. */
const PULL_MS = 21_600_000
/** Refused documents that are remembered, so that each is reported once. */
const MAX_REFUSED = 32

/** A slot that the manifest does not name stays as it is. */
const NOTHING_WANTED: Wanted = { active: null, shadow: null }

/** What an `ask` says of what the device has. */
export function haveOf({ current: { trust } }: StateStore) {
  const { manifest } = trust
  return {
    root: rootOf(trust).value.version,
    manifest: manifest && { epoch: manifest.epoch, counter: manifest.counter },
  }
}

export type DocumentKind = 'trust' | 'beacon' | 'manifest'

/**
 * What newer documents may cure: retained messages come in any order, so a beacon may be there before the trust root
 * that names its key, and a manifest before its beacon.
 */
const CURABLE: ReadonlySet<ReasonCode> = new Set<ReasonCode>([
  ...(['BEACON_SIGNATURE', 'BEACON_EPOCH', 'BEACON_EXPIRED', 'ROOT_EXPIRED'] as const),
  ...(['MANIFEST_SIGNATURE', 'MANIFEST_EPOCH', 'MANIFEST_FROZEN'] as const),
])

/**
 * Where signed documents arrive, pushed or asked for: verifies, keeps what holds and hands out what each slot is to
 * do. What newer documents may cure waits for one answer of the cloud before it is refused.
 */
export interface Desk {
  take(kind: DocumentKind, bytes: Uint8Array): void
  answer(corr: string, answer: Answer): void
  hint(counter: number): void
  connected(): void
  disconnected(): void
}

export function createDesk(deps: {
  readonly thing: string
  readonly fleet: string
  readonly hardware: string
  readonly runtimes: readonly string[]
  readonly slots: readonly string[]
  readonly state: StateStore
  readonly uplink: Uplink
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly updaters: ReadonlyMap<string, Updater>
  readonly onFailure: (refusal: Refusal) => void
}): Desk {
  const { thing, fleet, hardware, runtimes, slots, state, uplink, clock, random, log, updaters } = deps
  let asked: { readonly corr: string; readonly cancel: () => void; readonly soon?: true } | null = null
  /** Version of the trust root that each open ask named: its answer holds the links behind that one. */
  const askedFrom = new Map<string, number>()
  let asks = 0
  let askedAt = Number.NEGATIVE_INFINITY
  const held = new Map<DocumentKind, { readonly bytes: Uint8Array; readonly refusal: Refusal }>()

  const stopAsking = (): void => {
    asked?.cancel()
    asked = null
  }
  const ask = (attempt: number): void => {
    stopAsking()
    if (attempt === MAX_ASKS) {
      rest()
      settleHeld()
      return
    }
    const corr = `ask-${++asks}`
    const cancel = clock.after(halfJitter(random, attempt, 2 * ASK_MS, ASK_CAP_MS), () => ask(attempt + 1))
    asked = { corr, cancel }
    askedAt = clock.micros()
    const have = haveOf(state)
    askedFrom.set(corr, have.root)
    for (const old of askedFrom.keys()) if (askedFrom.size > MAX_ASKS) askedFrom.delete(old)
    uplink.request('ask', { corr, have })
  }
  const rest = (): void => {
    stopAsking()
    asked = { corr: '', cancel: clock.after(halfJitter(random, 0, PULL_MS, PULL_MS), () => ask(0)) }
  }
  const runAll = (): void => {
    for (const updater of updaters.values()) updater.run()
  }
  /** Check 16, first half: one write takes the document and what it means for every slot, or neither. */
  const adopt = (trust: TrustState, plan: (draft: State) => void = () => undefined): void => {
    const bars = barsOf(trust)
    state.update(draft => {
      draft.trust = structuredClone(trust) as State['trust']
      for (const updater of updaters.values()) updater.bar(draft, bars)
      plan(draft)
    })
    for (const updater of updaters.values()) updater.settle()
  }
  const verify = (kind: DocumentKind, bytes: Uint8Array): void => {
    const { trust } = state.current
    if (kind === 'trust') adoptChain(walkChain(trust, openChain(bytes)))
    else if (kind === 'beacon') adoptBeacon(verifyBeacon(trust, bytes, { fleet, clock: clock.now() }))
    else takeManifest(bytes)
  }
  const takeManifest = (bytes: Uint8Array): void => {
    const { trust } = state.current
    const verified = verifyManifest(trust, bytes, { fleet, hardware, runtimes, slots, clock: clock.now() })
    if (verified.kind === 'new') {
      const { epoch, counter, issued, slots: wanted } = verified.manifest
      const now = trustedTime(verified.state, clock.now())
      adopt(verified.state, draft => {
        for (const slot of slots) {
          const entry = wanted.find(other => other.slot === slot && other.hardware === hardware)
          const want = entry ? desiredRelease(entry, thing) : NOTHING_WANTED
          const timed = withStarts(want, thing, Date.parse(issued), now)
          updaters.get(slot)?.plan(draft, timed, { epoch, counter })
          draft.slots[slot]!.sampling = structuredClone(entry?.sampling ?? null) as SlotState['sampling']
        }
      })
      log.info('MANIFEST_ACCEPTED', { thing, epoch, counter })
      uplink.kick()
    }
    runAll()
  }
  const adoptBeacon = (next: TrustState): void => {
    if (next !== state.current.trust) adopt(next)
    // There is a newer manifest than the one that came.
    if ((next.beacon?.minimumCounter ?? 0) > (next.manifest?.counter ?? 0)) askSoon()
  }
  const adoptChain = (next: TrustState): void => {
    const { trust } = state.current
    if (next === trust) return
    adopt(next)
    const { version, epoch } = rootOf(next).value
    log.info('TRUST_ROOT_ACCEPTED', { thing, version, epoch })
    // A new epoch voids the beacon that was seen.
    if (next.beacon === null) askSoon()
  }
  const refuse = (refusal: Refusal, bytes: Uint8Array): void => {
    deps.onFailure(refusal)
    const digest = createHash('sha256').update(signedPart(bytes)).digest('hex')
    const key = createHash('sha256').update(`${refusal.code} ${digest}`).digest('hex')
    if (state.current.refused.includes(key)) return
    state.update(draft => {
      draft.refused = [...draft.refused, key].slice(-MAX_REFUSED)
      uplink.keep(draft, {
        slot: slots[0]!,
        manifest: haveOf(state).manifest ?? { epoch: 0, counter: 0 },
        bundle: digest,
        step: 'REFUSED',
        code: refusal.code,
        detail: refusal.message.slice(0, 512),
      })
    })
    uplink.kick()
  }
  /** Whether another answer would tell more than is known: something waits for it, or is known to be missing. */
  const lacking = (): boolean => {
    const { beacon, manifest } = state.current.trust
    return held.size > 0 || beacon === null || beacon.minimumCounter > (manifest?.counter ?? 0)
  }
  /**
   * An answer is under way, or will be asked for once the connection is up, or when what is lacking has not come after
   * a while and the last ask is ASK_MS old.
   */
  const askSoon = (): void => {
    if (asked === null || asked.corr !== '' || asked.soon) return
    const grace = halfJitter(random, 0, 2 * ON_ITS_WAY_MS, ASK_MS)
    const wait = Math.max(grace, ASK_MS - (clock.micros() - askedAt) / 1_000)
    stopAsking()
    asked = { corr: '', soon: true, cancel: clock.after(wait, () => (lacking() ? ask(0) : rest())) }
  }
  const take = (kind: DocumentKind, bytes: Uint8Array, last: boolean): void => {
    try {
      verify(kind, bytes)
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      if (last || !CURABLE.has(error.code)) {
        refuse(error, bytes)
        return
      }
      held.set(kind, { bytes, refusal: error })
      askSoon()
      return
    }
    const waiting = held.get(kind)
    held.delete(kind)
    // What has a wrong signature or an epoch ahead of the root still, although a good one came, was never the owner's
    // word for this device. All else was merely older.
    if (waiting !== undefined && /_(SIGNATURE|EPOCH)$/.test(waiting.refusal.code))
      refuse(waiting.refusal, waiting.bytes)
    // A beacon may be what a manifest that came before it waits for, and a root what both wait for.
    if (kind !== 'manifest') retryHeld()
  }
  const retryHeld = (): void => {
    for (const kind of ['beacon', 'manifest'] as const) {
      const waiting = held.get(kind)
      held.delete(kind)
      if (waiting !== undefined) take(kind, waiting.bytes, false)
    }
  }
  const settleHeld = (): void => {
    for (const kind of ['beacon', 'manifest'] as const) {
      const waiting = held.get(kind)
      held.delete(kind)
      if (waiting !== undefined) take(kind, waiting.bytes, true)
    }
  }

  return {
    take: (kind, bytes) => take(kind, bytes, false),
    answer(corr, answer) {
      if (answer.kind === 'error')
        log.warn('ANSWER_ERROR', { thing, corr, code: answer.code, message: answer.message })
      if (answer.kind !== 'state') return
      if (asked?.corr === corr) rest()
      const { chain, beacon, manifest } = answer
      const bytes = (value: unknown) => Buffer.from(JSON.stringify(value))
      // The retained chain may have come since the ask: what is known already is not news.
      const from = askedFrom.get(corr) ?? 0
      const news = chain.slice(Math.max(0, rootOf(state.current.trust).value.version - from))
      if (from > 0 && news.length > 0) take('trust', bytes({ v: 1, chain: news }), true)
      if (beacon !== null) take('beacon', bytes(beacon), true)
      if (manifest !== null) take('manifest', bytes(manifest), true)
      settleHeld()
      // On a connection that stays up, and without a newer manifest, nothing else takes up a download that failed.
      runAll()
    },
    hint(counter) {
      runAll()
      if (counter >= (state.current.trust.manifest?.counter ?? 0)) ask(0)
    },
    connected: () => ask(0),
    disconnected() {
      stopAsking()
      held.clear()
    },
  }
}

/** The signed bytes of an envelope, or of a chain's links one after the other, so that one content under many broken signatures counts as one. */
function signedPart(bytes: Uint8Array): Uint8Array {
  const text = Buffer.from(bytes.subarray(0, 262_144)).toString('latin1')
  const payloads = [...text.matchAll(/"payload":"([A-Za-z0-9+/=]+)"/g)].map(([, p = '']) =>
    Buffer.from(p, 'base64'),
  )
  return payloads.length === 0 ? bytes : Buffer.concat(payloads)
}
