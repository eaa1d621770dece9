import type { Bars } from './documents.ts'
import type { KnownRoot } from './root.ts'

/** Place of an instruction: epochs first, then counters. */
export interface Position {
  readonly epoch: number
  readonly counter: number
}
export const comparePositions = (a: Position, b: Position): number =>
  Math.sign(a.epoch - b.epoch) || Math.sign(a.counter - b.counter)

/** What a verifier remembers. Plain data: whoever keeps it writes it whole, in one atomic step. */
export interface TrustState {
  /** Bytes of the newest trust root's envelope, base64. */
  readonly root: string
  /** Latest signed times, ms since 1970, by offline and by online keys. A new epoch forgets the second. */
  readonly time: { readonly root: number; readonly online: number }
  readonly beacon: SeenBeacon | null
  readonly manifest: SeenManifest | null
  /** From manifests of this epoch. */
  readonly bars: Bars
}
export interface SeenManifest extends Position {
  /** SHA-256 of the signed payload. */
  readonly digest: string
}
export interface SeenBeacon {
  readonly epoch: number
  readonly minimumCounter: number
  readonly minimumRoot: number
  /** Milliseconds since 1970. */
  readonly issued: number
  readonly expires: number
  readonly digest: string
}

const NO_BARS: Bars = { minimumRelease: {}, revokedBundles: [] }

/** What a device knows when it is new: the trust root it was made with. */
export const initialState = (root: KnownRoot): TrustState => ({
  root: root.bytes,
  time: { root: Date.parse(root.value.issued), online: 0 },
  beacon: null,
  manifest: null,
  bars: NO_BARS,
})

/**
 * Check 1. The latest of the clock and every signed time: a clock that starts in 1970, or is set back, brings nothing
 * back that had expired. In ms since 1970.
 */
export const trustedTime = (state: TrustState, clock: number): number =>
  Math.max(clock, state.time.root, state.time.online)

/** State behind a root of a higher version. A new epoch forgets all that online keys of the old one have said. */
export function adoptRoot(state: TrustState, before: KnownRoot, next: KnownRoot): TrustState {
  const root = Math.max(state.time.root, Date.parse(next.value.issued))
  if (next.value.epoch === before.value.epoch)
    return { ...state, root: next.bytes, time: { ...state.time, root } }
  return { ...state, root: next.bytes, time: { root, online: 0 }, beacon: null, bars: NO_BARS }
}

/** Union of bars. */
export function mergeBars(...all: readonly Bars[]): Bars {
  const minimumRelease = new Map<string, number>()
  const revoked = new Set<string>()
  for (const bars of all) {
    for (const [model, minimum] of Object.entries(bars.minimumRelease))
      minimumRelease.set(model, Math.max(minimum, minimumRelease.get(model) ?? 0))
    for (const bundle of bars.revokedBundles) revoked.add(bundle)
  }
  return { minimumRelease: Object.fromEntries(minimumRelease), revokedBundles: [...revoked] }
}
