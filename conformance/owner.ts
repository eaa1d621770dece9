import {
  type Bars,
  type Beacon,
  beaconStatement,
  type Manifest,
  manifestStatement,
  NO_BARS,
  type Root,
  rootStatement,
  type Slot,
} from './documents.ts'
import { type Envelope, envelope, json, makeKey, type SigningKey } from './keys.ts'
import { makePackage, type Package, type PackageChanges, type Target } from './package.ts'

export const HOUR = 3_600_000
export const DAY = 24 * HOUR

/** Who owns the fleet: the keys, and everything that is signed with them. Documents are made here and sent elsewhere. */
export interface Owner {
  readonly target: Target
  /** Signed time, ms since 1970; a beacon takes a second. */
  time: number
  /** Keys that sign now; a ceremony may bring others. */
  model: SigningKey
  deployment: SigningKey
  readonly rootKeys: readonly SigningKey[]
  readonly stranger: SigningKey
  readonly chain: readonly Envelope[]
  epoch: number
  /** Of the last manifest. */
  counter: number
  /** In every manifest from now on. */
  bars: Bars
  /** Digests of all packages so far, with their bytes. */
  readonly blobs: ReadonlyMap<string, Uint8Array>
  /** What a link would be that follows; not yet in the chain. */
  draft(changes?: Partial<Root>): Root
  link(root: Root, keys?: readonly SigningKey[]): Envelope
  /** Puts a new link behind the chain. */
  rotate(changes?: Partial<Root>): Envelope
  beacon(changes?: Partial<Beacon>, keys?: readonly SigningKey[]): Envelope
  /** Without a counter among the changes, it is one more than the last. */
  manifest(slots: readonly Slot[], changes?: Partial<Manifest>, keys?: readonly SigningKey[]): Envelope
  slot(parts?: Partial<Slot>): Slot
  /** Everybody's candidate, unless the changes say otherwise. */
  candidate(made: Package, changes?: Partial<NonNullable<Slot['candidate']>>): NonNullable<Slot['candidate']>
  /** Of one version without changes, always the same one. */
  pack(version: number, changes?: Partial<PackageChanges>): Package
  iso(plus?: number): string
}

export function createOwner(target: Target, fleet: string, start: number): Owner {
  const rootKeys = [makeKey(), makeKey(), makeKey()]
  const chain: Envelope[] = []
  const roots: Root[] = []
  const blobs = new Map<string, Uint8Array>()
  const packed = new Map<string, Package>()
  const owner: Owner = {
    target,
    time: start,
    model: makeKey(),
    deployment: makeKey(),
    rootKeys,
    stranger: makeKey(),
    chain,
    epoch: 1,
    counter: 0,
    bars: NO_BARS,
    blobs,
    iso: (plus = 0) => new Date(owner.time + plus).toISOString(),
    draft(changes: Partial<Root> = {}): Root {
      return {
        ...{ version: roots.length + 1, epoch: owner.epoch },
        ...{ issued: owner.iso(), expires: owner.iso(730 * DAY) },
        ...{ root: rootKeys, threshold: 2, model: [owner.model], deployment: [owner.deployment] },
        ...{ minimumRelease: {}, revokedBundles: [] },
        ...changes,
      }
    },
    link: (root: Root, keys: readonly SigningKey[] = rootKeys.slice(0, 2)) =>
      envelope(json(rootStatement(root)), keys),
    rotate(changes: Partial<Root> = {}) {
      const root = owner.draft(changes)
      const made = owner.link(root)
      roots.push(root)
      chain.push(made)
      owner.epoch = root.epoch
      return made
    },
    beacon(changes: Partial<Beacon> = {}, keys: readonly SigningKey[] = [owner.deployment]) {
      owner.time += 1_000
      const beacon: Beacon = {
        ...{ fleet, epoch: owner.epoch, minimumCounter: owner.counter, minimumRoot: roots.length },
        ...{ issued: owner.iso(), expires: owner.iso(DAY) },
        ...changes,
      }
      return envelope(json(beaconStatement(beacon)), keys)
    },
    manifest(
      slots: readonly Slot[],
      changes: Partial<Manifest> = {},
      keys: readonly SigningKey[] = [owner.deployment],
    ) {
      if (changes.counter === undefined) owner.counter++
      const manifest: Manifest = {
        ...{ audience: { fleet }, epoch: owner.epoch, counter: owner.counter },
        ...{ issued: owner.iso(), expires: owner.iso(365 * DAY), slots, ...owner.bars },
        ...changes,
      }
      return envelope(json(manifestStatement(manifest)), keys)
    },
    slot: (parts: Partial<Slot> = {}): Slot => ({
      ...{ slot: target.slot, hardware: target.hardware, committed: null, candidate: null, pins: {} },
      ...parts,
    }),
    candidate: ({ release }, changes = {}) => ({
      ...{ rollout: `r-${release.version}`, release, seed: `seed-${release.version}` },
      ...{ exposure: 1, control: 0, mode: 'active' },
      ...changes,
    }),
    pack(version: number, changes: Partial<PackageChanges> = {}) {
      // No signature is made twice alike, and a release is one bundle.
      const { filling = 0, ...others } = changes
      const name = `${version} ${filling} ${owner.model.id}`
      const known = Object.keys(others).length === 0 ? packed.get(name) : undefined
      if (known !== undefined) return known
      const made = makePackage(target, { version, key: owner.model, ...changes })
      if (Object.keys(others).length === 0) packed.set(name, made)
      blobs.set(made.release.bundle.sha256, made.bundle)
      blobs.set(made.release.package.sha256, made.archive)
      return made
    },
  }
  owner.rotate()
  return owner
}
