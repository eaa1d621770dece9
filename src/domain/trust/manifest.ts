import {
  type Bars,
  FLEET_MANIFEST_TYPE,
  type FleetManifest,
  IN_TOTO_STATEMENT,
  type ManifestSlot,
} from '../../contracts/manifest.ts'
import { canonicalJson, sha256Hex } from '../training/plan.ts'

const LIFETIME_MS = 365 * 86_400_000
/** When it is signed anew, so that one that says the newest is never over. */
export const MANIFEST_RENEWAL_MS = LIFETIME_MS / 2

/**
 * The signed desired state of a fleet. Its subjects are the state itself and the bundles it names, so that in-toto
 * tools see what it is about, and one is there even when nothing is released; `(epoch, counter)` strictly increases, also when an older model comes back.
 */
export function fleetManifest(input: {
  readonly fleet: string
  readonly epoch: number
  readonly counter: number
  readonly issued: Date
  readonly slots: readonly ManifestSlot[]
  readonly bars: Bars
}): FleetManifest {
  const releases = input.slots
    .flatMap(s => [s.committed, s.candidate?.release ?? null])
    .filter(r => r !== null)
  const subject = new Map(
    releases.map(r => [
      r.bundle.sha256,
      { name: `${r.model}@${r.version}`, digest: { sha256: r.bundle.sha256 } },
    ]),
  )
  return {
    _type: IN_TOTO_STATEMENT,
    subject: [
      { name: `fleet/${input.fleet}`, digest: { sha256: sha256Hex(canonicalJson(input.slots)) } },
      ...subject.values(),
    ],
    predicateType: FLEET_MANIFEST_TYPE,
    predicate: {
      audience: { fleet: input.fleet },
      epoch: input.epoch,
      counter: input.counter,
      issued: input.issued.toISOString(),
      expires: new Date(input.issued.getTime() + LIFETIME_MS).toISOString(),
      slots: [...input.slots],
      minimumRelease: { ...input.bars.minimumRelease },
      revokedBundles: [...input.bars.revokedBundles],
    },
  }
}
