import {
  initialState,
  openChain,
  Refusal,
  readRoot,
  type TrustState,
  verifyBeacon,
  verifyManifest,
  walkChain,
} from '../../verifier/index.ts'
import { EPOCH_MS, json, type RootChanges, signedBeacon, trustRoot } from '../device/helpers.ts'

export const checks = {
  fleet: 'plant',
  hardware: 'edge',
  runtimes: ['edgeloop-wasm'],
  slots: ['quality'],
  clock: EPOCH_MS,
}
export type Checks = typeof checks

/** Result of a check, or the code of its refusal. Anything else that is thrown is a fault of the verifier. */
export function outcome<T>(run: () => T): T | string {
  try {
    return run()
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return error.code
  }
}
export const code = (run: () => unknown): string => {
  const found = outcome(run)
  return typeof found === 'string' ? found : 'ok'
}

export const made = (root: Uint8Array = trustRoot): TrustState => initialState(readRoot(root))
/** A device that has just heard that its instructions are fresh. */
export const fresh = (beacon: unknown = signedBeacon()): TrustState =>
  verifyBeacon(made(), json(beacon), checks)

export const manifestCode = (state: TrustState, bytes: Uint8Array, over: Partial<Checks> = {}): string =>
  code(() => verifyManifest(state, bytes, { ...checks, ...over }))
export const beaconCode = (state: TrustState, bytes: Uint8Array, over: Partial<Checks> = {}): string =>
  code(() => verifyBeacon(state, bytes, { ...checks, ...over }))
export const chainOf = (...links: readonly unknown[]): Buffer => json({ v: 1, chain: links })
export const walk = (state: TrustState, bytes: Uint8Array): TrustState => walkChain(state, openChain(bytes))
export const chainCode = (state: TrustState, bytes: Uint8Array): string => code(() => walk(state, bytes))

/** The n-th link with everything else as in the first. */
export const link = (version: number, changes: RootChanges = {}): RootChanges => ({
  version,
  issued: new Date(Date.parse('2026-11-01T00:00:00Z') + version * 1_000).toISOString(),
  ...changes,
})
