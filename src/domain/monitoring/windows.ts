import { type ClosedWindowRow, type DeviceWindowRow, keys } from '../entities.ts'
import { EdgeloopError } from '../errors.ts'
import type { Core } from '../ports.ts'
import { type Cause, put, type Row, type Write } from '../store.ts'

const KEEP_DAYS = 30
/** As long as archived windows are kept (infra/storage.yml), so that a window is never taken for a new one meanwhile. */
const KEEP_CLOSED_DAYS = 400
const daysAfter = (now: Date, days: number): number => Math.floor(now.getTime() / 1000) + days * 86_400
export const closedTtl = (now: Date): number => daysAfter(now, KEEP_CLOSED_DAYS)
/** Messages of a window may go a month after they were written: what was learnt from them is kept elsewhere. */
export const windowTtl = (now: Date): number => daysAfter(now, KEEP_DAYS)

/**
 * Closes a window when all devices that run the version have reported, or, `overdue`, with those that have. Closing
 * is one conditional write, so that exactly one WindowClosed follows however many try. When messages came after that,
 * `overdue` amends: one WindowAmended for all that came since.
 */
export async function closeWindow(
  core: Core,
  model: string,
  version: number,
  window: number,
  overdue: boolean,
  cause?: Cause,
): Promise<void> {
  const row = await core.store.get(keys.window(model, version, window))
  const reported = row?.counters['reported'] ?? 0
  if (row === undefined || reported === 0) return
  const before = await core.store.get<ClosedWindowRow>(keys.windowClosed(model, version, window))
  if (before !== undefined) {
    // The index lags: a window that was amended a moment ago is still listed there, and has nothing new.
    if (overdue && reported > before.data.reported) await amend(core, row, reported, before)
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
  const closed: ClosedWindowRow = { model, version, window, reported, expected }
  try {
    await core.store.commit(
      settle(core, row, closed, undefined),
      [{ type: 'WindowClosed', data: closed }],
      cause,
    )
  } catch (error) {
    if (!(error instanceof EdgeloopError && error.code === 'CONFLICT')) throw error
  }
}

/** Throws CONFLICT when somebody else amended at the same time; then there is nothing left to do. */
async function amend(
  core: Core,
  row: Row<unknown>,
  reported: number,
  before: Row<ClosedWindowRow>,
): Promise<void> {
  const amended = { ...before.data, reported }
  await core.store.commit(settle(core, row, amended, before), [{ type: 'WindowAmended', data: amended }])
}

/**
 * The window is rewritten without its place in the index of unfinished work; its counters stay. A message that is
 * counted between reading and this commit is one that the event's handlers will see; one that is counted later puts the
 * window back into the index.
 */
const settle = (
  core: Core,
  row: Row<unknown>,
  closed: ClosedWindowRow,
  before: Row<ClosedWindowRow> | undefined,
): Write[] => {
  const ttl = closedTtl(core.now())
  return [
    put(keys.windowClosed(closed.model, closed.version, closed.window), closed, before, { ttl }),
    { kind: 'put', key: row.key, data: closed, expect: 'any', ttl },
  ]
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

type Counts = Pick<DeviceWindowRow, 'thing' | 'features' | 'prediction' | 'confidenceCounts'>

/** A device that restarted within a window sent two messages for it: they add up. */
export function mergeByDevice(parts: readonly Counts[]): readonly Counts[] {
  const merged = new Map<string, Counts>()
  for (const part of parts) {
    const before = merged.get(part.thing)
    merged.set(part.thing, before === undefined ? part : addParts(before, part))
  }
  return [...merged.values()]
}
/** Sum by bin; counts of different lengths end in the longer's. */
export const addCounts = (a: readonly number[], b: readonly number[]): readonly number[] =>
  a.length < b.length ? addCounts(b, a) : a.map((c, i) => c + (b[i] ?? 0))
const addParts = (a: Counts, b: Counts): Counts => ({
  thing: a.thing,
  features: Object.fromEntries(
    [...new Set([...Object.keys(a.features), ...Object.keys(b.features)])].map(name => [
      name,
      addCounts(a.features[name] ?? [], b.features[name] ?? []),
    ]),
  ),
  prediction: addCounts(a.prediction, b.prediction),
  ...(a.confidenceCounts && b.confidenceCounts
    ? { confidenceCounts: addCounts(a.confidenceCounts, b.confidenceCounts) }
    : {}),
})
