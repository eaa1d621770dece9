import { checkEpoch, counterIn } from './beacon.ts'
import {
  type Bars,
  FLEET_MANIFEST,
  type FleetManifest,
  MAX_COUNTER_JUMP,
  type ManifestSlot,
  type Release,
  type Spread,
} from './documents.ts'
import { bars, name, period, release, table, thing } from './names.ts'
import { Refusal, refuseAs } from './refusal.ts'
import { checkRootAge, type KnownRoot, rootOf } from './root.ts'
import { readSampling } from './sampling.ts'
import { type Check, fields, hex256, integer, list, ShapeError, text } from './shape.ts'
import { checkSignatures, type DocumentCodes, openDocument, openStatement } from './signed.ts'
import { comparePositions, mergeBars, type TrustState, trustedTime } from './state.ts'

const CODES: DocumentCodes = {
  malformed: 'MANIFEST_MALFORMED',
  signature: 'MANIFEST_SIGNATURE',
  type: 'MANIFEST_TYPE',
}
const MAX_SLOTS = 1_024
const MAX_PINS = 1_024
const MAX_SPREAD_SECONDS = 86_400
/** What a device keeps of revocations, over all manifests of an epoch. */
const MAX_BARS = 4_096

export interface ManifestChecks {
  readonly fleet: string
  readonly hardware: string
  /** What this device can run. */
  readonly runtimes: readonly string[]
  /** Slots of this device. */
  readonly slots: readonly string[]
  /** The device's clock, ms since 1970; may be wrong. */
  readonly clock: number
}
export type VerifiedManifest =
  /** `state` takes effect only if it is written, together with what the manifest means for the device. */
  | { readonly kind: 'new'; readonly manifest: FleetManifest; readonly state: TrustState }
  | { readonly kind: 'duplicate' }

/**
 * Checks 0 and 2 to 9 of a fleet manifest, in this order. Nothing may be kept before this returns.
 * @throws Refusal with a MANIFEST_, RELEASE_ or ROOT_EXPIRED code
 */
export function verifyManifest(
  state: TrustState,
  bytes: Uint8Array,
  checks: ManifestChecks,
): VerifiedManifest {
  const root = rootOf(state)
  const now = trustedTime(state, checks.clock)
  const document = openDocument(bytes, 'manifest', CODES)
  checkRootAge(root, Math.max(checks.clock, state.time.root))
  checkSignatures(document, root.keys.deployment, 'manifest', 'MANIFEST_SIGNATURE')
  const predicate = openStatement(document, FLEET_MANIFEST, 'manifest', CODES)
  const manifest = refuseAs('MANIFEST_MALFORMED', () => readManifest(predicate))
  checkAudience(manifest, checks)
  checkEpoch(manifest.epoch, root.value.epoch, 'manifest', 'MANIFEST_ROLLBACK', 'MANIFEST_EPOCH')
  if (checkOrder(state, manifest, document.digest)) return { kind: 'duplicate' }
  checkFresh(state, root, manifest, now)
  const barred = mergeBars(state.bars, manifest)
  if (barred.revokedBundles.length > MAX_BARS || Object.keys(barred.minimumRelease).length > MAX_BARS)
    throw new Refusal('MANIFEST_MALFORMED', `manifest: more than ${MAX_BARS} bars in one epoch`)
  checkBars(manifest, mergeBars(barred, root.value), checks)
  const { epoch, counter } = manifest
  return {
    kind: 'new',
    manifest,
    state: {
      ...state,
      manifest: { epoch, counter, digest: document.digest },
      time: { ...state.time, online: Math.max(state.time.online, Date.parse(manifest.issued)) },
      bars: barred,
    },
  }
}

/** Check 5. */
function checkAudience({ audience, slots }: FleetManifest, checks: ManifestChecks): void {
  if (audience.fleet !== checks.fleet)
    throw new Refusal('MANIFEST_AUDIENCE', `manifest: is for fleet ${audience.fleet}, not ${checks.fleet}`)
  for (const { model, version, runtime } of mine(slots, checks))
    if (!checks.runtimes.includes(runtime))
      throw new Refusal(
        'MANIFEST_RUNTIME',
        `manifest: ${model}@${version} needs ${runtime}, this device has ${checks.runtimes.join(', ')}`,
      )
}

/** Checks 6 and 7. @returns whether this very manifest was accepted before */
function checkOrder(state: TrustState, manifest: FleetManifest, digest: string): boolean {
  const { seen, at } = { seen: state.manifest, at: `${manifest.epoch}.${manifest.counter}` }
  if (seen !== null) {
    const order = comparePositions(manifest, seen)
    if (order < 0)
      throw new Refusal('MANIFEST_ROLLBACK', `manifest: ${at} is older than ${seen.epoch}.${seen.counter}`)
    if (order === 0 && digest !== seen.digest)
      throw new Refusal('MANIFEST_EQUIVOCATION', `manifest: another content for ${at}`)
    if (order === 0) return true
  }
  const highest = Math.max(counterIn(state, manifest.epoch), state.beacon?.minimumCounter ?? 0)
  if (manifest.counter > highest + MAX_COUNTER_JUMP)
    throw new Refusal('MANIFEST_JUMP', `manifest: counter ${manifest.counter} is too far ahead of ${highest}`)
  return false
}

/** Check 8. */
function checkFresh(state: TrustState, root: KnownRoot, manifest: FleetManifest, now: number): void {
  if (Date.parse(manifest.expires) <= now)
    throw new Refusal('MANIFEST_EXPIRED', `manifest: expired at ${manifest.expires}`)
  const { beacon } = state
  if (beacon === null || beacon.expires <= now)
    throw new Refusal('MANIFEST_FROZEN', `manifest: no fresh beacon says that ${manifest.counter} is current`)
  if (beacon.minimumRoot > root.value.version)
    throw new Refusal('MANIFEST_FROZEN', `manifest: trust root ${beacon.minimumRoot} exists and has not come`)
  if (manifest.counter < beacon.minimumCounter)
    throw new Refusal(
      'MANIFEST_STALE',
      `manifest: ${manifest.counter} is behind ${beacon.minimumCounter}, the lowest that counts`,
    )
}

/** Check 9. */
function checkBars({ slots }: FleetManifest, barred: Bars, checks: ManifestChecks): void {
  for (const found of mine(slots, checks)) {
    const code = barredBy(found, barred)
    if (code === null) continue
    const { model, version } = found
    throw new Refusal(code, `manifest: names ${model}@${version}, which may not run any more`)
  }
}

/** Why a release may not run, or null. */
export function barredBy(
  { model, version, bundle }: Release,
  barred: Bars,
): 'RELEASE_TOO_OLD' | 'RELEASE_REVOKED' | null {
  if (barred.revokedBundles.includes(bundle.sha256)) return 'RELEASE_REVOKED'
  const minimum = Object.hasOwn(barred.minimumRelease, model) ? barred.minimumRelease[model]! : 0
  return version < minimum ? 'RELEASE_TOO_OLD' : null
}

/** All that bars a device with this state from running a release. */
export const barsOf = (state: TrustState): Bars => mergeBars(state.bars, rootOf(state).value)

/** Releases that the manifest names for this device's slots and hardware. */
function mine(slots: readonly ManifestSlot[], checks: ManifestChecks): readonly Release[] {
  return slots
    .filter(s => s.hardware === checks.hardware && checks.slots.includes(s.slot))
    .flatMap(s => [s.committed, s.candidate?.release ?? null])
    .filter(r => r !== null)
}

function readManifest(predicate: Readonly<Record<string, unknown>>): FleetManifest {
  const at = 'predicate'
  const p = fields(predicate, at, [
    ...['audience', 'epoch', 'counter', 'issued', 'expires', 'slots', 'minimumRelease', 'revokedBundles'],
  ])
  const slots = list(p['slots'], `${at}.slots`, 1, MAX_SLOTS, readSlot)
  const places = new Set(slots.map(s => `${s.slot} ${s.hardware}`))
  if (places.size !== slots.length) throw new ShapeError(`${at}.slots`, 'one entry per slot and hardware')
  const audience = fields(p['audience'], `${at}.audience`, ['fleet'])
  return {
    audience: { fleet: name(audience['fleet'], `${at}.audience.fleet`) },
    epoch: integer(1)(p['epoch'], `${at}.epoch`),
    counter: integer(1)(p['counter'], `${at}.counter`),
    ...period(p, at),
    slots,
    ...bars(p, at),
  }
}

const fraction: Check<number> = (value, path) => {
  if (typeof value !== 'number' || !(value >= 0 && value <= 1)) throw new ShapeError(path, 'from 0 to 1')
  return value
}

const mode: Check<'active' | 'shadow'> = (value, path) => {
  if (value !== 'active' && value !== 'shadow') throw new ShapeError(path, '"active" or "shadow"')
  return value
}

function readSlot(value: unknown, at: string): ManifestSlot {
  const s = fields(value, at, ['slot', 'hardware', 'committed', 'candidate', 'pins'], ['sampling'])
  return {
    slot: name(s['slot'], `${at}.slot`),
    hardware: name(s['hardware'], `${at}.hardware`),
    committed: s['committed'] === null ? null : readCommitted(s['committed'], `${at}.committed`),
    candidate: s['candidate'] === null ? null : readCandidate(s['candidate'], `${at}.candidate`),
    pins: table(s['pins'], `${at}.pins`, MAX_PINS, thing, hex256),
    ...(Object.hasOwn(s, 'sampling') ? { sampling: readSampling(s['sampling'], `${at}.sampling`) } : {}),
  }
}

function readCommitted(value: unknown, at: string): Release & Spread {
  if (value === null || typeof value !== 'object' || !Object.hasOwn(value, 'startWithin'))
    return release(value, at)
  const { startWithin, ...rest } = value as Readonly<Record<string, unknown>>
  return { ...release(rest, at), ...spread({ startWithin }, at) }
}

/** At most a day: whoever signs manifests can delay an update with it, and not for good. */
function spread(value: Readonly<Record<string, unknown>>, at: string): Spread {
  if (!Object.hasOwn(value, 'startWithin')) return {}
  return { startWithin: integer(1, MAX_SPREAD_SECONDS)(value['startWithin'], `${at}.startWithin`) }
}

function readCandidate(value: unknown, at: string): NonNullable<ManifestSlot['candidate']> {
  const required = ['rollout', 'release', 'seed', 'exposure', 'control', 'mode']
  const c = fields(value, at, required, ['startWithin'])
  return {
    rollout: text(/^/, 'a string of at most 128 characters', 128)(c['rollout'], `${at}.rollout`),
    release: release(c['release'], `${at}.release`),
    seed: text(/^[\s\S]/, 'a string that is not empty')(c['seed'], `${at}.seed`),
    exposure: fraction(c['exposure'], `${at}.exposure`),
    control: fraction(c['control'], `${at}.control`),
    mode: mode(c['mode'], `${at}.mode`),
    ...spread(c, at),
  }
}
