/**
 * Looks at what a device holds after every move, and at nothing of how it decided. Throws when something runs or was
 * accepted that must not be. Its own memory of times, counters and bars is kept apart from the verifier's.
 */
import type { FleetManifest, FreshnessBeacon, TrustRoot, TrustState } from '../../verifier/index.ts'
import type { Kind, Owner, Product, Signed } from './owner.ts'

export type Theft = 'nothing' | 'deployment' | 'model'
export class Violation extends Error {}

interface Held {
  readonly trust: TrustState
  readonly slots: Readonly<
    Record<string, { readonly active: { bundle: { sha256: string }; package: { sha256: string } } | null }>
  >
}
const MAX_BYTES = 131_072
const MAX_JUMP = 1_000_000

export class Judge {
  private readonly documents = new Map<string, Signed>()
  private readonly products = new Map<string, Product>()
  private readonly archives = new Set<string>()
  private time = 0
  private root = ''
  private epoch = 0
  private manifest = ''
  private beacon: { readonly digest: string; readonly predicate: FreshnessBeacon } | null = null
  private position: readonly [number, number] = [0, 0]
  private barred: { minimum: Map<string, number>; bundles: Set<string> } = {
    minimum: new Map(),
    bundles: new Set(),
  }
  private readonly named = new Set<string>()
  private readonly owner: Owner
  private readonly theft: Theft
  constructor(owner: Owner, theft: Theft) {
    this.owner = owner
    this.theft = theft
  }

  know(product: Product): void {
    this.products.set(product.made.release.bundle.sha256, product)
    if (product.genuine) this.archives.add(product.made.release.package.sha256)
  }
  learn(document: Signed): void {
    this.documents.set(document.digest, document)
  }

  /** The first thing that was wrong: what is thrown inside the agent would end there. */
  private found: unknown
  verdict(): void {
    if (this.found !== undefined) throw this.found
  }
  /** @param state the device's file, as it is on disk */
  look(state: Uint8Array): void {
    try {
      this.examine(state)
    } catch (error) {
      this.found ??= error
    }
  }

  private examine(state: Uint8Array): void {
    for (const document of this.owner.record) this.learn(document)
    const held = JSON.parse(Buffer.from(state).toString()) as Held
    this.checkRoot(held.trust)
    this.checkBeacon(held.trust)
    this.checkManifest(held.trust)
    for (const slot of Object.values(held.slots)) if (slot.active !== null) this.checkActive(slot.active)
  }

  private accepted(digest: string, kind: Kind): Signed {
    const found = this.documents.get(digest)
    must(found !== undefined, `a ${kind} was accepted that nobody is known to have signed`)
    must(found.kind === kind, `a ${found.kind} was accepted as a ${kind}`)
    must(found.bytes.byteLength <= MAX_BYTES, `a ${kind} of ${found.bytes.byteLength} bytes was accepted`)
    must(found.by !== 'nobody', `a ${kind} was accepted that no trusted key signed`)
    if (found.by === 'thief' && kind !== 'root') {
      must(this.theft === 'deployment', `a ${kind} by a stranger's key was accepted`)
      must(this.epoch === 1, `a ${kind} by the stolen key was accepted after the trust root had taken it out`)
    }
    return found
  }

  private checkRoot(trust: TrustState): void {
    if (trust.root === this.root) return
    const known = this.rootIndex(trust.root)
    must(known >= 0, 'a trust root was accepted that the owner never signed')
    const value = this.owner.roots[known]!.predicate as unknown as TrustRoot
    must(this.root === '' || known >= this.rootIndex(this.root), 'the trust root went back')
    this.root = trust.root
    if (value.epoch !== this.epoch) {
      this.epoch = value.epoch
      this.time = 0
      this.beacon = null
      this.barred = { minimum: new Map(), bundles: new Set() }
    }
    this.time = Math.max(this.time, Date.parse(value.issued))
    this.bar(value)
  }

  /** By what is signed: the JSON around it may be written anew on the way. */
  private rootIndex(held: string): number {
    const payload = (bytes: Uint8Array): string =>
      (JSON.parse(Buffer.from(bytes).toString()) as { payload: string }).payload
    const wanted = payload(Buffer.from(held, 'base64'))
    return this.owner.roots.findIndex(root => payload(root.bytes) === wanted)
  }

  private checkBeacon(trust: TrustState): void {
    const digest = trust.beacon?.digest ?? ''
    if (digest === (this.beacon?.digest ?? '')) return
    if (digest === '') return
    const { predicate } = this.accepted(digest, 'beacon')
    const found = predicate as unknown as FreshnessBeacon
    must(found.fleet === 'plant', `a beacon for ${found.fleet} was accepted`)
    must(Date.parse(found.expires) > this.time, 'a beacon was accepted after it had expired')
    must(
      Date.parse(found.issued) >= Date.parse(this.beacon?.predicate.issued ?? found.issued),
      'a beacon went back in time',
    )
    must(
      found.minimumCounter <=
        Math.max(this.position[1], this.beacon?.predicate.minimumCounter ?? 0) + MAX_JUMP,
      'a beacon jumped',
    )
    this.beacon = { digest, predicate: found }
    this.time = Math.max(this.time, Date.parse(found.issued))
  }

  private checkManifest(trust: TrustState): void {
    const seen = trust.manifest
    if (seen === null) {
      must(this.manifest === '', 'the device forgot which manifest it had accepted')
      return
    }
    if (seen.digest === this.manifest) return
    const { predicate, by } = this.accepted(seen.digest, 'manifest')
    const found = predicate as unknown as FleetManifest
    must(found.audience.fleet === 'plant', `a manifest for ${found.audience.fleet} was accepted`)
    const [epoch, counter] = this.position
    must(
      found.epoch > epoch || (found.epoch === epoch && found.counter > counter),
      `manifest ${found.counter} was accepted after ${counter}`,
    )
    must(found.epoch === this.epoch, 'a manifest of another epoch was accepted')
    const base = Math.max(found.epoch === epoch ? counter : 0, this.beacon?.predicate.minimumCounter ?? 0)
    must(found.counter <= base + MAX_JUMP, `the counter jumped from ${base} to ${found.counter}`)
    must(Date.parse(found.expires) > this.time, 'a manifest was accepted after it had expired')
    const { beacon } = this
    must(
      beacon !== null && Date.parse(beacon.predicate.expires) > this.time,
      'a manifest was accepted without a fresh beacon',
    )
    must(
      found.counter >= beacon.predicate.minimumCounter,
      `manifest ${found.counter} is below the beacon's minimum`,
    )
    for (const slot of found.slots) {
      const mine = slot.hardware === 'edge' && slot.slot === 'quality'
      for (const release of [slot.committed, slot.candidate?.release]) {
        if (!release || !mine) continue
        must(
          release.runtime === 'edgeloop-wasm',
          `a manifest for the runtime ${release.runtime} was accepted`,
        )
        if (by === 'owner') this.named.add(release.bundle.sha256)
      }
    }
    this.bar(found)
    this.manifest = seen.digest
    this.position = [found.epoch, found.counter]
    this.time = Math.max(this.time, Date.parse(found.issued))
  }

  private bar({ minimumRelease, revokedBundles }: FleetManifest | TrustRoot): void {
    for (const [model, minimum] of Object.entries(minimumRelease))
      this.barred.minimum.set(model, Math.max(minimum, this.barred.minimum.get(model) ?? 0))
    for (const bundle of revokedBundles) this.barred.bundles.add(bundle)
  }

  private checkActive(active: { bundle: { sha256: string }; package: { sha256: string } }): void {
    const bundle = active.bundle.sha256
    const product = this.products.get(bundle)
    must(product?.genuine === true, 'a package runs that the model key never signed for the owner')
    must(
      this.archives.has(active.package.sha256),
      'a package runs whose archive is not the one that was released',
    )
    must(product.hardware === 'edge', `a package for ${product.hardware} runs`)
    must(!product.broken, 'a package runs that fails its self-test here')
    must(!this.barred.bundles.has(bundle), `version ${product.version} runs, which is revoked`)
    must(
      product.version >= (this.barred.minimum.get('quality') ?? 0),
      `version ${product.version} runs, which is too old`,
    )
    if (this.theft !== 'deployment')
      must(this.named.has(bundle), `version ${product.version} runs, which no manifest of the owner named`)
  }
}

function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Violation(what)
}
