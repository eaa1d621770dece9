import { type DeviceWindowRow, keys } from '../entities.ts'
import { EdgeloopError } from '../errors.ts'
import type { Core } from '../ports.ts'
import type { Cause } from '../store.ts'
import type { WindowCounts } from './drift.ts'

const KEEP_DAYS = 30
/** Rows of a window may go a month after they were written: what was learnt from them is kept elsewhere. */
export const windowTtl = (now: Date): number => Math.floor(now.getTime() / 1000) + KEEP_DAYS * 86_400

/**
 * Closes a window when all devices that run the version have reported, or, `overdue`, with those that have. Closing
 * is one conditional write, so that exactly one WindowClosed follows however many try.
 */
export async function closeWindow(
  core: Core,
  model: string,
  version: number,
  window: number,
  overdue: boolean,
  cause?: Cause,
): Promise<void> {
  const ttl = windowTtl(core.now())
  const row = await core.store.get(keys.window(model, version, window))
  const reported = row?.counters['reported'] ?? 0
  if (row === undefined || reported === 0) return
  const before = await core.store.get(keys.windowClosed(model, version, window))
  if (before !== undefined) {
    // A part came after the end and put the window back among the unfinished; the counts are kept all the same.
    if (overdue)
      await core.store.commit([{ kind: 'put', key: row.key, data: before.data, expect: 'any', ttl }])
    return
  }
  const expected = await expectedReports(
    core,
    model,
    version,
    window,
    overdue ? Number.POSITIVE_INFINITY : reported,
  )
  if (!overdue && (expected === 0 || reported < expected)) return
  const closed = { model, version, window, reported, expected }
  try {
    await core.store.commit(
      [
        { kind: 'put', key: keys.windowClosed(model, version, window), data: closed, expect: 'absent', ttl },
        // Rewritten without its place in the index of unfinished work; the counters stay.
        { kind: 'put', key: row.key, data: closed, expect: 'any', ttl },
      ],
      [{ type: 'WindowClosed', data: closed }],
      cause,
    )
  } catch (error) {
    if (!(error instanceof EdgeloopError && error.code === 'CONFLICT')) throw error
  }
}

/**
 * How many devices run the version. Counting them costs the whole partition, so the number is kept with the window
 * and counted again only when it has been reached: devices may have come since.
 */
async function expectedReports(
  core: Core,
  model: string,
  version: number,
  window: number,
  reported: number,
): Promise<number> {
  const key = keys.windowExpected(model, version, window)
  const kept = await core.store.get<{ expected: number }>(key)
  if (kept !== undefined && reported < kept.data.expected) return kept.data.expected
  const expected = await core.store.count(keys.running(model, version, '').pk)
  if (kept?.data.expected !== expected)
    await core.store.commit([
      { kind: 'put', key, data: { expected }, expect: 'any', ttl: windowTtl(core.now()) },
    ])
  return expected
}

/** Per quantity, the counts of each device in a window: the features by name, then `prediction`. */
export function countsByQuantity(
  window: number,
  parts: readonly DeviceWindowRow[],
): Readonly<Record<string, WindowCounts>> {
  const names = new Set(parts.flatMap(p => Object.keys(p.features)))
  const byDevice = mergeByDevice(parts)
  return Object.fromEntries(
    [...names, 'prediction'].map(name => [
      name,
      {
        window,
        devices: byDevice
          .map(p => (name === 'prediction' ? p.prediction : p.features[name]))
          .filter(c => c !== undefined),
      },
    ]),
  )
}

/** A device that restarted within a window sent two messages for it: they add up. */
function mergeByDevice(parts: readonly DeviceWindowRow[]): readonly DeviceWindowRow[] {
  const merged = new Map<string, DeviceWindowRow>()
  for (const part of parts) {
    const before = merged.get(part.thing)
    merged.set(part.thing, before === undefined ? part : addParts(before, part))
  }
  return [...merged.values()]
}
const addCounts = (a: readonly number[], b: readonly number[]): readonly number[] =>
  a.length === 0 ? b : b.length === 0 ? a : a.map((c, i) => c + (b[i] as number))
const addParts = (a: DeviceWindowRow, b: DeviceWindowRow): DeviceWindowRow => ({
  thing: a.thing,
  inferences: a.inferences + b.inferences,
  features: Object.fromEntries(
    [...new Set([...Object.keys(a.features), ...Object.keys(b.features)])].map(name => [
      name,
      addCounts(a.features[name] ?? [], b.features[name] ?? []),
    ]),
  ),
  prediction: addCounts(a.prediction, b.prediction),
})
