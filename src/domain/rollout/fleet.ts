import type { Bars, FleetManifest, ManifestSlot, Release } from '../../contracts/manifest.ts'
import { type FleetRow, keys, listings, type TrustRow } from '../entities.ts'
import type { Core, DeviceLink, Signer } from '../ports.ts'
import { withSampling } from '../sampling/in-force.ts'
import { type Cause, type Put, put, type Row } from '../store.ts'
import { requireTrusted } from '../trust/anchors.ts'
import { BEACON_PERIOD_MS, freshnessBeacon } from '../trust/beacon.ts'
import { signEnvelope } from '../trust/dsse.ts'
import { fleetManifest, MANIFEST_RENEWAL_MS } from '../trust/manifest.ts'

export interface FleetDeps extends Core {
  readonly link: DeviceLink
  /** The deployment key; no other function may use it. */
  readonly deploymentKey: Signer
}

export const NO_BARS: Bars = { minimumRelease: {}, revokedBundles: [] }

export const newFleet = (fleet: string): FleetRow => ({
  fleet,
  epoch: 1,
  counter: 0,
  slots: [],
  bars: NO_BARS,
  published: 0,
  active: {},
})

/** The trust root in force, and the id of the deployment key in it. @throws KeyNotTrusted */
const anchor = async (deps: FleetDeps) =>
  requireTrusted(deps.store, 'deployment', await deps.deploymentKey.publicKey())

/**
 * The next manifest of a fleet, signed, as a write. The counter is this write's condition, so no two manifests share
 * one; it counts only once the write is committed.
 */
export async function nextManifest(
  deps: FleetDeps,
  before: Row<FleetRow> | undefined,
  fleet: FleetRow,
): Promise<{ readonly write: Put; readonly counter: number }> {
  const { keyid, root } = await anchor(deps)
  const counter = fleet.counter + 1
  // What a rollout leads back to may have been barred since: every device would refuse the whole manifest.
  const { slots, bars } = await withSampling(deps, barFleet(fleet, root))
  const manifest = fleetManifest({
    ...{ fleet: fleet.fleet, epoch: root.epoch, counter, issued: deps.now(), slots, bars },
  })
  const envelope = await signEnvelope(Buffer.from(JSON.stringify(manifest)), deps.deploymentKey.sign, keyid)
  const next: FleetRow = { ...fleet, slots, bars, epoch: root.epoch, counter, envelope, keyid }
  return { counter, write: fleetPut(next, before, 'fleet', deps.now()) }
}

const fleetPut = (
  fleet: FleetRow,
  before: Row<FleetRow> | undefined,
  kind: 'fleet' | 'beacon',
  since: Date,
): Put =>
  put(keys.fleet(fleet.fleet), fleet, before, {
    list: { pk: listings.fleets, sk: fleet.fleet },
    pending: { kind, since: since.toISOString() },
  })

/**
 * Publishes what is committed and not yet out, behind a beacon that says so; an old beacon is signed anew. Publishing
 * twice is harmless: devices know the counter. `cause` is of the manifest, where it is known.
 */
export async function publishFleet(deps: FleetDeps, fleet: string, cause?: Cause): Promise<void> {
  const row = await deps.store.get<FleetRow>(keys.fleet(fleet))
  if (row?.data.envelope === undefined) return
  const { keyid, root } = await anchor(deps)
  const { data } = row
  // Signed by a key or for an epoch that does not count any more: see renewFleet.
  if (data.keyid !== keyid || data.epoch !== root.epoch) return
  const now = deps.now()
  const unpublished = data.published < data.counter
  if (!unpublished && !beaconDue(data, root, now)) return
  const { epoch, counter } = data
  const beacon = freshnessBeacon({
    ...{ fleet, epoch, minimumCounter: counter, minimumRoot: root.version, issued: now },
  })
  const envelope = await signEnvelope(Buffer.from(JSON.stringify(beacon)), deps.deploymentKey.sign, keyid)
  const next: FleetRow = {
    ...data,
    published: counter,
    beacon: { envelope, at: now.toISOString(), root: root.version, counter },
  }
  // The beacon first: a manifest that no fresh beacon vouches for has to wait on the device.
  await deps.link.publishBeacon(fleet, envelope)
  if (unpublished) await deps.link.publishManifest(fleet, data.envelope)
  await deps.store.commit([fleetPut(next, row, 'beacon', now)])
  if (unpublished) {
    const chain = cause === undefined ? {} : { correlationId: cause.correlationId }
    deps.log.info('MANIFEST_PUBLISHED', { fleet, epoch, counter, ...chain })
  }
}

const beaconDue = ({ beacon, counter }: FleetRow, root: TrustRow, now: Date): boolean =>
  beacon === undefined ||
  beacon.root !== root.version ||
  beacon.counter !== counter ||
  now.getTime() - Date.parse(beacon.at) >= BEACON_PERIOD_MS

/**
 * Whether the fleet's manifest must be signed anew: by another key, for another epoch, without what is barred now, or
 * because half of its life is over.
 */
export function renewalOf(
  fleet: FleetRow,
  root: TrustRow,
  keyid: string,
  bars: Bars,
  now: Date,
): FleetRow | undefined {
  const next = barFleet(fleet, joinBars(bars, root))
  const { envelope } = fleet
  const stale =
    envelope !== undefined &&
    (fleet.keyid !== keyid ||
      fleet.epoch !== root.epoch ||
      now.getTime() - issuedOf(envelope) >= MANIFEST_RENEWAL_MS)
  return stale || next !== fleet ? next : undefined
}

function issuedOf({ payload }: NonNullable<FleetRow['envelope']>): number {
  const { predicate } = JSON.parse(Buffer.from(payload, 'base64').toString()) as FleetManifest
  return Date.parse(predicate.issued)
}

/**
 * Signs the fleet's manifest anew where the trust root, new bars or the sampling policies ask for it.
 * @returns the write, or nothing when all is as it must be
 */
export async function renewFleet(
  deps: FleetDeps,
  row: Row<FleetRow>,
  bars: Bars,
): Promise<{ readonly write: Put; readonly counter: number } | undefined> {
  const { keyid, root } = await anchor(deps)
  const sampled = await withSampling(deps, row.data)
  const next =
    renewalOf(sampled, root, keyid, bars, deps.now()) ?? (sampled === row.data ? undefined : sampled)
  return next === undefined ? undefined : nextManifest(deps, row, next)
}

/** Why a release may not run. */
export function isBarred({ model, version, bundle }: Release, bars: Bars): boolean {
  const minimum = Object.hasOwn(bars.minimumRelease, model) ? (bars.minimumRelease[model] as number) : 0
  return version < minimum || bars.revokedBundles.includes(bundle.sha256)
}

/** The fleet without what is barred; the same object when nothing changes. A slot may be left without a model. */
function barFleet(fleet: FleetRow, bars: Bars): FleetRow {
  const joined = joinBars(fleet.bars, bars)
  const slots = fleet.slots.map(slot => barSlot(slot, joined))
  const unchanged = sameBars(joined, fleet.bars) && slots.every((slot, i) => slot === fleet.slots[i])
  return unchanged ? fleet : { ...fleet, bars: joined, slots }
}

function barSlot(slot: ManifestSlot, bars: Bars): ManifestSlot {
  const committed = slot.committed !== null && isBarred(slot.committed, bars) ? null : slot.committed
  const candidate = slot.candidate !== null && isBarred(slot.candidate.release, bars) ? null : slot.candidate
  if (committed === slot.committed && candidate === slot.candidate) return slot
  return { ...slot, committed, candidate }
}

export function joinBars(a: Bars, b: Bars): Bars {
  const minimumRelease: Record<string, number> = { ...a.minimumRelease }
  for (const [model, minimum] of Object.entries(b.minimumRelease))
    minimumRelease[model] = Math.max(minimum, minimumRelease[model] ?? 0)
  return { minimumRelease, revokedBundles: [...new Set([...a.revokedBundles, ...b.revokedBundles])].sort() }
}

const sameBars = (a: Bars, b: Bars): boolean =>
  Object.keys(a.minimumRelease).length === Object.keys(b.minimumRelease).length &&
  Object.entries(a.minimumRelease).every(([model, minimum]) => b.minimumRelease[model] === minimum) &&
  a.revokedBundles.length === b.revokedBundles.length &&
  a.revokedBundles.every(bundle => b.revokedBundles.includes(bundle))
