import type { TableName } from '../../contracts/telemetry.ts'
import { TELEMETRY_PREFIX } from '../../contracts/telemetry.ts'
import type { DeviceWindowRow } from '../entities.ts'
import type { Row } from '../store.ts'
import { latencyCounts, latencyPercentile } from './latency.ts'
import { addCounts } from './windows.ts'

/** Times are ms since 1970. */
export type ArchiveValue = string | number | boolean | null | readonly number[]
export type ArchiveRow = Readonly<Record<string, ArchiveValue>>

export interface WindowPlace {
  readonly model: string
  readonly version: number
  readonly window: number
  readonly windowSeconds: number
}
/** One message about a window, with the number that it came under. */
export interface WindowMessage extends DeviceWindowRow {
  readonly epoch: number
  readonly seq: number
}

/** Later times, ms since 1970, have no date of four-digit years, which windows are filed by. */
export const LAST_ARCHIVED_MS = Date.parse('9999-12-31T23:59:59Z')

const startOf = ({ window, windowSeconds }: WindowPlace): number => window * windowSeconds * 1000

/** Filed by the UTC day on which the window began. */
export function archiveKey(table: TableName, place: WindowPlace): string {
  const dt = new Date(startOf(place)).toISOString().slice(0, 10)
  const { model, window, version } = place
  return `${TELEMETRY_PREFIX}${table}/model=${model}/dt=${dt}/window=${window}/v${version}.parquet`
}

/** The part's number is in its key: `DEVICE#{thing}#{epoch}#{seq}`. */
export function windowMessage({ key, data }: Row<DeviceWindowRow>): WindowMessage {
  const [, , epoch, seq] = key.sk.split('#')
  return { ...data, epoch: Number(epoch), seq: Number(seq) }
}

type Kind = 'feature' | 'prediction' | 'confidence' | 'latency'
interface Counted {
  readonly kind: Kind
  readonly quantity: string
  readonly counts: readonly number[]
}
const byText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
const byNumber = (a: WindowMessage, b: WindowMessage): number =>
  byText(a.thing, b.thing) || a.epoch - b.epoch || a.seq - b.seq
const KINDS: readonly Kind[] = ['feature', 'prediction', 'confidence', 'latency']
const byQuantity = (a: Counted, b: Counted): number =>
  KINDS.indexOf(a.kind) - KINDS.indexOf(b.kind) || byText(a.quantity, b.quantity)

function quantities({ features, prediction, confidenceCounts, latency }: DeviceWindowRow): Counted[] {
  return [
    ...Object.entries(features).map(([quantity, counts]) => ({ kind: 'feature' as const, quantity, counts })),
    { kind: 'prediction', quantity: 'prediction', counts: prediction },
    ...(confidenceCounts
      ? [{ kind: 'confidence' as const, quantity: 'confidence', counts: confidenceCounts }]
      : []),
    ...(latency === undefined
      ? []
      : [{ kind: 'latency' as const, quantity: 'latency', counts: latencyCounts(latency) }]),
  ]
}
/** A device's clock may say anything. */
const sentAt = ({ sentAt: at }: WindowMessage): number | null =>
  at === undefined || at > LAST_ARCHIVED_MS ? null : at
const total = (counts: readonly number[]): number => counts.reduce((sum, c) => sum + c, 0)

/**
 * Rows of `device_windows`: one per message and quantity, by quantity and then by thing, epoch and number, so that equal
 * sets of messages give equal rows.
 */
export function deviceWindowRows(place: WindowPlace, messages: readonly WindowMessage[]): ArchiveRow[] {
  const sorted = [...messages].sort(byNumber)
  const rows = sorted.flatMap(message => quantities(message).map(counted => ({ message, counted })))
  // Sorting is stable: the messages of a quantity stay in their order.
  rows.sort((a, b) => byQuantity(a.counted, b.counted))
  return rows.map(({ message, counted: { kind, quantity, counts } }) => ({
    ...{ version: place.version, window_number: place.window, window_start: startOf(place), kind, quantity },
    ...{ thing: message.thing, epoch: message.epoch, seq: message.seq },
    sent_at: sentAt(message),
    historical: message.historical ?? null,
    ...{ n: total(counts), counts },
    ...perMessage(kind, [message]),
  }))
}

/** Rows of `windows`: one per quantity. Merging is addition; percentiles are of the merged latency counts. */
export function windowRows(place: WindowPlace, messages: readonly WindowMessage[]): ArchiveRow[] {
  const merged = new Map<string, Counted & { readonly things: Set<string>; readonly messages: number }>()
  for (const message of messages) {
    for (const counted of quantities(message)) {
      const id = `${counted.kind} ${counted.quantity}`
      const before = merged.get(id) ?? { ...counted, counts: [], things: new Set<string>(), messages: 0 }
      before.things.add(message.thing)
      const counts = addCounts(before.counts, counted.counts)
      merged.set(id, { ...before, counts, messages: before.messages + 1 })
    }
  }
  return [...merged.values()].sort(byQuantity).map(({ kind, quantity, counts, things, messages: of }) => ({
    ...{ version: place.version, window_number: place.window, window_start: startOf(place), kind, quantity },
    ...{ devices: things.size, messages: of },
    ...{ n: total(counts), counts },
    ...perMessage(kind, messages),
    ...percentiles(kind, counts),
  }))
}

const NOT_OF_MESSAGE: ArchiveRow = { inferences: null, errors: null, resets: null, confidence: null }

function perMessage(kind: Kind, messages: readonly DeviceWindowRow[]): ArchiveRow {
  if (kind !== 'prediction') return NOT_OF_MESSAGE
  const sum = (name: 'inferences' | 'errors' | 'resets' | 'confidence'): number | null => {
    const known = messages.flatMap(m => m[name] ?? [])
    return known.length === 0 ? null : total(known)
  }
  return {
    inferences: sum('inferences'),
    errors: sum('errors'),
    resets: sum('resets'),
    confidence: sum('confidence'),
  }
}

function percentiles(kind: Kind, counts: readonly number[]): ArchiveRow {
  const at = (q: number): number | null =>
    kind === 'latency' ? (latencyPercentile(counts, q) ?? null) : null
  return { p50_us: at(0.5), p95_us: at(0.95), p99_us: at(0.99) }
}
