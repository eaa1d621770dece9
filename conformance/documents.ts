import { type SigningKey, sha256 } from './keys.ts'

/** The statements that are signed, as docs/trust.md has them. */
const STATEMENT = 'https://in-toto.io/Statement/v1'

export interface BlobRef {
  readonly sha256: string
  readonly length: number
}
export interface Release {
  readonly model: string
  readonly version: number
  readonly runtime: string
  readonly bundle: BlobRef
  readonly package: BlobRef
}
export interface Slot {
  readonly slot: string
  readonly hardware: string
  readonly committed: Release | null
  readonly candidate: {
    readonly rollout: string
    readonly release: Release
    readonly seed: string
    readonly exposure: number
    readonly control: number
    readonly mode: 'active' | 'shadow'
  } | null
  readonly pins: Readonly<Record<string, string>>
  readonly sampling?: Sampling
}
/** Takes the place of the policy that a package carries. */
export interface Sampling {
  readonly policy: string
  readonly factor: number
  readonly audit: number
  readonly hard?: readonly Readonly<Record<string, unknown>>[]
  readonly limits?: { readonly itemsPerHour?: number; readonly bytesPerDay?: number }
  readonly burst?: {
    readonly id: string
    readonly things: 'all' | readonly string[]
    readonly count: number
    readonly until: string
  }
}
export interface Bars {
  readonly minimumRelease: Readonly<Record<string, number>>
  readonly revokedBundles: readonly string[]
}
export const NO_BARS: Bars = { minimumRelease: {}, revokedBundles: [] }

export interface Manifest extends Bars {
  readonly audience: { readonly fleet: string }
  readonly epoch: number
  readonly counter: number
  readonly issued: string
  readonly expires: string
  readonly slots: readonly Slot[]
}
export interface Beacon {
  readonly fleet: string
  readonly epoch: number
  readonly minimumCounter: number
  readonly minimumRoot: number
  readonly issued: string
  readonly expires: string
}
export interface Root extends Bars {
  readonly version: number
  readonly epoch: number
  readonly issued: string
  readonly expires: string
  readonly root: readonly SigningKey[]
  readonly threshold: number
  readonly model: readonly SigningKey[]
  readonly deployment: readonly SigningKey[]
}

const statement = (type: string, name: string, predicate: object) => ({
  _type: STATEMENT,
  subject: [{ name, digest: { sha256: sha256(JSON.stringify(predicate)) } }],
  predicateType: `https://edgeloop.dev/${type}/v1`,
  predicate,
})
export const manifestStatement = (manifest: Manifest) =>
  statement('fleet-manifest', `fleet/${manifest.audience.fleet}`, manifest)
export const beaconStatement = (beacon: Beacon) =>
  statement('freshness-beacon', `fleet/${beacon.fleet}`, beacon)

export function rootStatement({ root, threshold, model, deployment, ...rest }: Root) {
  const all = [...root, ...model, ...deployment]
  const keyids = (keys: readonly SigningKey[]) => keys.map(key => key.id)
  return statement('trust-root', `root/${rest.version}`, {
    ...rest,
    keys: Object.fromEntries(all.map(({ id, spki }) => [id, spki])),
    roles: {
      root: { keyids: keyids(root), threshold },
      model: { keyids: keyids(model) },
      deployment: { keyids: keyids(deployment) },
    },
  })
}

/** OpenSSF Model Signing v1.0: files in code-point order, and the digest over their digests. */
export function omsStatement(files: readonly { readonly name: string; readonly bytes: Uint8Array }[]) {
  const resources = files.map(({ name, bytes }) => ({ name, algorithm: 'sha256', digest: sha256(bytes) }))
  const root = sha256(Buffer.concat(resources.map(({ digest }) => Buffer.from(digest, 'hex'))))
  return {
    _type: STATEMENT,
    subject: [{ name: 'model', digest: { sha256: root } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: {
        method: 'files',
        hash_type: 'sha256',
        allow_symlinks: false,
        ignore_paths: ['.git', '.gitattributes', '.github', '.gitignore'],
      },
      resources,
    },
  }
}

/**
 * A device's place in [0, 1): the first 53 bits of SHA-256(UTF-8(seed) ‖ 0x00 ‖ UTF-8(name)), over 2^53. Of a thing it
 * is its place in a rollout, of an event id whether it is sampled.
 */
export function place(seed: string, name: string): number {
  const digest = sha256(Buffer.from(`${seed}\0${name}`))
  return Number(BigInt(`0x${digest.slice(0, 14)}`) >> 3n) / 2 ** 53
}
