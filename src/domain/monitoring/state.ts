import { gunzipSync, gzipSync } from 'node:zlib'
import type { DeviceCounts } from './devices.ts'
import type { QuantityState } from './judge.ts'

/** All that the statistics keep of one model version between windows: one object, written anew for each window. */
export interface MonitorState {
  readonly quantities: Readonly<Record<string, QuantityState>>
  /** Per device and quantity. */
  readonly devices: Readonly<Record<string, Readonly<Record<string, DeviceCounts>>>>
}
export const EMPTY: MonitorState = { quantities: {}, devices: {} }

const FORMAT = 1
/** About 2.5 KB for each device and ten quantities before compression. */
const MAX_BYTES = 256 * 1024 * 1024

/** Where the states of a version are, each under the SHA-256 of its bytes; they expire (infra/storage.yml). */
export const stateKey = (model: string, version: number, digest: string): string =>
  `monitoring/${model}/v${version}/${digest}.json.gz`

export const encodeState = (state: MonitorState): Uint8Array =>
  gzipSync(Buffer.from(JSON.stringify({ format: FORMAT, ...state })), { level: 1 })

/** Undefined for what another release of this software wrote in another format. */
export function decodeState(bytes: Uint8Array): MonitorState | undefined {
  const text = gunzipSync(bytes, { maxOutputLength: MAX_BYTES }).toString('utf8')
  const { format, quantities, devices } = JSON.parse(text) as MonitorState & { readonly format: number }
  return format === FORMAT ? { quantities, devices } : undefined
}
