import { FRESHNESS_BEACON, type FreshnessBeacon, MAX_COUNTER_JUMP } from './documents.ts'
import { name, period } from './names.ts'
import { Refusal, refuseAs } from './refusal.ts'
import { checkRootAge, rootOf } from './root.ts'
import { fields, integer } from './shape.ts'
import { checkSignatures, type DocumentCodes, openDocument, openStatement } from './signed.ts'
import { type SeenBeacon, type TrustState, trustedTime } from './state.ts'

const CODES: DocumentCodes = {
  malformed: 'BEACON_MALFORMED',
  signature: 'BEACON_SIGNATURE',
  type: 'BEACON_TYPE',
}

export interface BeaconChecks {
  readonly fleet: string
  /** The device's clock, ms since 1970; may be wrong. */
  readonly clock: number
}

/**
 * A freshness beacon: a signed time, and how old an instruction may be at that time.
 * @returns the state with it, the same object for one that was seen before
 * @throws Refusal with a BEACON_ or ROOT_EXPIRED code
 */
export function verifyBeacon(state: TrustState, bytes: Uint8Array, checks: BeaconChecks): TrustState {
  const root = rootOf(state)
  const document = openDocument(bytes, 'beacon', CODES)
  checkRootAge(root, Math.max(checks.clock, state.time.root))
  checkSignatures(document, root.keys.deployment, 'beacon', 'BEACON_SIGNATURE')
  const predicate = openStatement(document, FRESHNESS_BEACON, 'beacon', CODES)
  const beacon = refuseAs('BEACON_MALFORMED', () => readBeacon(predicate))
  const { fleet, epoch, minimumCounter, minimumRoot } = beacon
  if (fleet !== checks.fleet)
    throw new Refusal('BEACON_AUDIENCE', `beacon: is for fleet ${fleet}, not ${checks.fleet}`)
  checkEpoch(epoch, root.value.epoch, 'beacon', 'BEACON_ROLLBACK', 'BEACON_EPOCH')
  const [issued, expires] = [Date.parse(beacon.issued), Date.parse(beacon.expires)]
  const seen = state.beacon
  if (seen !== null) {
    if (document.digest === seen.digest) return state
    if (issued === seen.issued)
      throw new Refusal('BEACON_EQUIVOCATION', `beacon: another one was issued at ${beacon.issued}`)
    if (issued < seen.issued || minimumCounter < seen.minimumCounter || minimumRoot < seen.minimumRoot)
      throw new Refusal('BEACON_ROLLBACK', `beacon: of ${beacon.issued}, behind one that was seen before`)
  }
  const highest = Math.max(seen?.minimumCounter ?? 0, counterIn(state, epoch))
  if (minimumCounter > highest + MAX_COUNTER_JUMP)
    throw new Refusal('BEACON_JUMP', `beacon: counter ${minimumCounter} is too far ahead of ${highest}`)
  if (expires <= trustedTime(state, checks.clock))
    throw new Refusal('BEACON_EXPIRED', `beacon: expired at ${beacon.expires}`)
  const next: SeenBeacon = { epoch, minimumCounter, minimumRoot, issued, expires, digest: document.digest }
  return { ...state, beacon: next, time: { ...state.time, online: Math.max(state.time.online, issued) } }
}

/** Highest counter that was accepted in this epoch. */
export const counterIn = ({ manifest }: TrustState, epoch: number): number =>
  manifest?.epoch === epoch ? manifest.counter : 0

/** Only the trust root moves the epoch: a lower one is a replay, a higher one needs a newer root first. */
export function checkEpoch(
  epoch: number,
  trusted: number,
  what: string,
  lower: 'BEACON_ROLLBACK' | 'MANIFEST_ROLLBACK',
  higher: 'BEACON_EPOCH' | 'MANIFEST_EPOCH',
): void {
  if (epoch < trusted) throw new Refusal(lower, `${what}: epoch ${epoch} is over, this is ${trusted}`)
  if (epoch > trusted)
    throw new Refusal(higher, `${what}: epoch ${epoch}, and the trust root that opens it has not come`)
}

function readBeacon(predicate: Readonly<Record<string, unknown>>): FreshnessBeacon {
  const p = fields(predicate, 'beacon', [
    ...['fleet', 'epoch', 'minimumCounter', 'minimumRoot', 'issued', 'expires'],
  ])
  return {
    fleet: name(p['fleet'], 'beacon.fleet'),
    epoch: integer(1)(p['epoch'], 'beacon.epoch'),
    minimumCounter: integer(0)(p['minimumCounter'], 'beacon.minimumCounter'),
    minimumRoot: integer(1)(p['minimumRoot'], 'beacon.minimumRoot'),
    ...period(p, 'beacon'),
  }
}
