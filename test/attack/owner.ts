/**
 * The honest side: whoever owns the fleet, its keys and all that they ever signed. Every document goes into a record
 * with what it says, so that a judge can tell later what a device accepted.
 */
import type { Bars, FleetManifest, ManifestSlot, TrustRoot } from '../../verifier/index.ts'
import {
  beaconStatement,
  deploymentKey,
  json,
  type MadePackage,
  makePackage,
  manifestStatement,
  modelKey,
  omsBundle,
  omsStatement,
  type RootChanges,
  rootKeys,
  rootStatement,
  type SigningKey,
  sha256,
  signed,
  signingKey,
  slotOf,
} from '../device/helpers.ts'

export const DAY_MS = 86_400_000
export const START = Date.parse('2026-11-21T12:00:00Z')
export type Kind = 'root' | 'beacon' | 'manifest' | 'rehearsal'

export interface Signed {
  readonly kind: Kind
  /** Envelope as it goes over the wire. */
  readonly bytes: Buffer
  /** SHA-256 of the payload: what a device remembers of it. */
  readonly digest: string
  readonly by: 'owner' | 'thief' | 'nobody'
  readonly predicate: Readonly<Record<string, unknown>>
}
export interface Product {
  readonly made: MadePackage
  readonly version: number
  readonly hardware: string
  /** Signed by the owner's model key. */
  readonly genuine: boolean
  /** Does not do on this hardware what it did when it was released. */
  readonly broken: boolean
}

const spare = signingKey()
const evilKey = signingKey()
/** The first is the one that can be stolen. */
const deploymentKeys = [deploymentKey, spare] as const
export const thiefKeys = { deployment: deploymentKey, model: modelKey, own: evilKey } as const

const product = (
  version: number,
  changes: Parameters<typeof makePackage>[0] = {},
  more: Partial<Product> = {},
): Product => ({
  made: makePackage({ version, lift: version / 8, ...changes }),
  version,
  hardware: 'edge',
  genuine: true,
  broken: false,
  ...more,
})
/** What the owner ever made: four versions, one for other devices, one that fails its self-test. */
const catalogue: readonly Product[] = [
  product(1),
  product(2),
  product(3),
  product(4),
  product(5, { contract: { hardware: 'other' } }, { hardware: 'other' }),
  product(
    6,
    {
      edit: files => {
        const file = files.find(f => f.name === 'self-test.json')!
        const test = JSON.parse(Buffer.from(file.bytes).toString()) as { margins: string[][] }
        test.margins[0]![0] = test.margins[0]![0] === '00000000' ? '00000001' : '00000000'
        file.bytes = json(test)
      },
    },
    { broken: true },
  ),
]
export const genuine = (version: number): Product => catalogue[version - 1]!

/** What a thief can make: files as wanted, under a bundle by whatever key there is. */
export function forge(key: SigningKey, version = 4): Product {
  // Under the name of the key that devices trust.
  const made = makePackage({ version, lift: 9, key: { ...key, hint: modelKey.hint } })
  return { made, version, hardware: 'edge', genuine: false, broken: false }
}
export { evilKey, json, modelKey, omsBundle, omsStatement, sha256 }

export const NO_BARS: Bars = { minimumRelease: {}, revokedBundles: [] }

/** One key fewer or more may sign; the first two of three always do. */
export class Owner {
  time = START
  epoch = 1
  private keys = 0
  counter = 0
  readonly record: Signed[] = []
  readonly roots: Signed[] = []
  bars: { minimumRelease: Record<string, number>; revokedBundles: string[] } = {
    minimumRelease: {},
    revokedBundles: [],
  }
  slots: ManifestSlot[] = [slotOf()]
  manifest: Signed | null = null
  beacon: Signed | null = null

  constructor() {
    this.rotate({})
  }
  get key(): SigningKey {
    return deploymentKeys[this.keys]!
  }
  iso(plus = 0): string {
    return new Date(this.time + plus).toISOString()
  }

  sign(kind: Kind, statement: { predicate: object }, keys: readonly SigningKey[]): Signed {
    const made = write(kind, statement, keys, 'owner')
    this.record.push(made)
    return made
  }
  rotate(changes: RootChanges): Signed {
    const statement = rootStatement({
      version: this.roots.length + 1,
      epoch: this.epoch,
      issued: this.iso(-DAY_MS),
      deployment: [this.key],
      ...(changes.minimumRelease ? {} : this.rootBars()),
      ...changes,
    })
    const made = this.sign('root', statement, rootKeys.slice(0, 2))
    this.roots.push(made)
    return made
  }
  private rootBars(): RootChanges {
    const last = this.roots.at(-1)?.predicate as TrustRoot | undefined
    return last ? { minimumRelease: last.minimumRelease, revokedBundles: last.revokedBundles } : {}
  }
  /** After a theft, with another deployment key; or with the same one, to void what was signed so far. */
  openEpoch(sameKey = false): void {
    this.epoch++
    if (!sameKey) this.keys++
    this.rotate({})
  }
  publish(slots: ManifestSlot[], fleet = 'plant', lifetimeMs = 30 * DAY_MS): Signed {
    const mine = fleet === 'plant'
    const counter = mine ? ++this.counter : this.counter + 1
    const statement = manifestStatement(counter, slots, {
      ...{ audience: { fleet }, epoch: this.epoch, issued: this.iso(), expires: this.iso(lifetimeMs) },
      ...this.bars,
    })
    const made = this.sign('manifest', statement, [this.key])
    if (mine) {
      this.slots = slots
      this.manifest = made
    }
    return made
  }
  /** A document of another type in the manifest's clothes, by the same key: a rehearsal that is no order. */
  rehearse(slots: ManifestSlot[]): Signed {
    const statement = {
      ...manifestStatement(this.counter + 3, slots, {
        epoch: this.epoch,
        issued: this.iso(),
        expires: this.iso(DAY_MS),
      }),
      predicateType: 'https://edgeloop.dev/rehearsal/v1',
    }
    return this.sign('rehearsal', statement, [this.key])
  }
  refresh(): Signed {
    this.time += 1_000
    const statement = beaconStatement({
      ...{ epoch: this.epoch, minimumCounter: this.counter, minimumRoot: this.roots.length },
      ...{ issued: this.iso(), expires: this.iso(DAY_MS) },
    })
    this.beacon = this.sign('beacon', statement, [this.key])
    return this.beacon
  }
  chain(upTo = this.roots.length): Buffer {
    return json({ v: 1, chain: this.roots.slice(0, upTo).map(r => JSON.parse(r.bytes.toString())) })
  }
}

export function write(
  kind: Kind,
  statement: { readonly predicate: object },
  keys: readonly SigningKey[],
  by: Signed['by'],
): Signed {
  const payload = json(statement)
  return {
    kind,
    by,
    bytes: json(signed(payload, keys)),
    digest: sha256(payload),
    predicate: statement.predicate as Readonly<Record<string, unknown>>,
  }
}
export const slotFor = (product: Product, more: Partial<ManifestSlot> = {}): ManifestSlot =>
  slotOf({ committed: product.made.release, ...more })
export type { FleetManifest }
