import { FRESHNESS_BEACON_TYPE, type FreshnessBeacon, IN_TOTO_STATEMENT } from '../../contracts/manifest.ts'
import { canonicalJson, sha256Hex } from '../training/plan.ts'

/** How long a device may go on trusting that it knows the newest instruction. */
export const BEACON_LIFETIME_MS = 24 * 3_600_000
/** How often a beacon is signed anew, so that one that is lost is no freeze. */
export const BEACON_PERIOD_MS = 3_600_000

/** What time it is, and that manifests below the newest counter, and trust roots below the newest version, are over. */
export function freshnessBeacon(input: {
  readonly fleet: string
  readonly epoch: number
  readonly minimumCounter: number
  readonly minimumRoot: number
  readonly issued: Date
}): FreshnessBeacon {
  const { issued, ...rest } = input
  const predicate = {
    ...rest,
    issued: issued.toISOString(),
    expires: new Date(issued.getTime() + BEACON_LIFETIME_MS).toISOString(),
  }
  return {
    _type: IN_TOTO_STATEMENT,
    subject: [{ name: `fleet/${input.fleet}`, digest: { sha256: sha256Hex(canonicalJson(predicate)) } }],
    predicateType: FRESHNESS_BEACON_TYPE,
    predicate,
  }
}
