import { sqsEvent } from '../contracts/aws.ts'
import { deviceWrites } from '../domain/device/report.ts'
import { heard } from '../domain/device/silence.ts'
import {
  type BundleRow,
  type DeviceRow,
  type DeviceWindowRow,
  keys,
  type ModelRow,
} from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import { LAST_ARCHIVED_MS } from '../domain/monitoring/archive.ts'
import { closeWindow, windowTtl } from '../domain/monitoring/windows.ts'
import type { Core } from '../domain/ports.ts'
import { activeRollout, evidenceWrites } from '../domain/rollout/record.ts'
import { windowFact } from '../domain/rollout/window-fact.ts'
import { type Cause, put, type Write } from '../domain/store.ts'
import { eachGroup, eachRecord } from '../runtime/batch.ts'
import { hearing } from '../runtime/heard.ts'
import { lambda } from '../runtime/lambda.ts'
import { readingOnce } from '../runtime/read-once.ts'
import { assertNotReplayed, handleUplink, type Received } from '../runtime/uplink.ts'

/** A device's row is not written for every window. */
const HEARD_AGAIN_MS = 60_000
const LATE_MS = 600_000

/** One message per device and window. Merging is addition, so order does not matter; the row's key makes it count once. */
export const ingestMetrics = (core: Core) => {
  const note = hearing(core)
  return (event: unknown) => ingest(core, event, note)
}

async function ingest(core: Core, event: unknown, note: ReturnType<typeof hearing>) {
  const { Records } = sqsEvent.parse(event)
  const deps = readingOnce(core)
  /** The windows that parts came for, each with the messages they came in. */
  const windows = new Map<string, Touched>()
  const fleets = new Set<string>()
  const { batchItemFailures } = await eachRecord(
    Records,
    r => r.messageId,
    deps.log,
    ({ messageId, body }) =>
      handleUplink(deps, body, ['metrics'], async received => {
        const { model, version, window, fleet } = await store(deps, received)
        fleets.add(fleet)
        const id = `${model} ${version} ${window}`
        const { records } = windows.get(id) ?? { records: [] }
        windows.set(id, { model, version, window, cause: received.cause, records: [...records, messageId] })
      }),
  )
  // Once for all the parts; when it fails, each of them comes again.
  const open = await eachGroup(windows, deps.log, ({ model, version, window, cause }) =>
    closeWindow(deps, model, version, window, false, cause),
  )
  await note(fleets)
  return { batchItemFailures: [...batchItemFailures, ...open] }
}

interface Touched {
  readonly model: string
  readonly version: number
  readonly window: number
  readonly cause: Cause
  readonly records: readonly string[]
}

async function store(
  deps: Core,
  { message, thing, digest, cause, receivedAt }: Received<'metrics'>,
): Promise<Pick<Touched, 'model' | 'version' | 'window'> & { readonly fleet: string }> {
  const { epoch, seq, body } = message
  const bundle = await deps.store.get<BundleRow>(keys.bundle(body.bundle))
  if (bundle === undefined)
    throw new InputError('UNKNOWN_BUNDLE', `no package has the bundle ${body.bundle}`, 'body.bundle')
  checkShape(body, bundle.data)
  const { model, version } = bundle.data
  const partKey = keys.windowPart(model, version, body.window, thing, epoch, seq)
  // By number and not by window: the same message must not count again under another window.
  const messageKey = keys.message(thing, epoch, seq)
  const known = await deps.store.get<{ digest: string }>(messageKey)
  assertNotReplayed(known?.data, digest, `(${thing}, ${epoch}, ${seq})`)
  const config = (await deps.store.get<ModelRow>(keys.model(model)))?.data.config
  if (config === undefined)
    throw new InputError('UNKNOWN_MODEL', `model ${model} is not configured`, 'body.bundle')
  if (known === undefined) {
    const {
      inferences,
      features,
      prediction,
      latency,
      confidence,
      errors,
      resets,
      historical,
      samples,
      confidenceCounts,
    } = body
    const part: DeviceWindowRow = {
      ...{ thing, inferences, features, prediction },
      ...{ latency, confidence, errors, resets, historical, sentAt: message.t },
      ...(samples === undefined ? {} : { samples }),
      ...(confidenceCounts === undefined ? {} : { confidenceCounts }),
    }
    const ttl = windowTtl(receivedAt)
    const windowEnd = (body.window + 1) * config.monitoring.windowSeconds + config.monitoring.graceSeconds
    if (windowEnd * 1000 > LAST_ARCHIVED_MS)
      throw new InputError('WINDOW_TIME', 'the window ends after the year 9999', 'body.window')
    await deps.store.commit(
      [
        put(messageKey, { digest }, undefined, { ttl }),
        put(partKey, part, undefined, { ttl }),
        ...(await heardOf(deps, message, bundle.data, receivedAt, isLate(windowEnd, receivedAt))),
        {
          kind: 'add',
          key: keys.window(model, version, body.window),
          by: { reported: 1, inferences },
          pending: { kind: 'window', since: new Date(windowEnd * 1000).toISOString() },
          ttl,
        },
      ],
      [],
      cause,
    )
  }
  return { model, version, window: body.window, fleet: bundle.data.fleet }
}

/**
 * A window that was on its way when the connection broke keeps its bytes and cannot say that it waited: its number may
 * have arrived with them. So the time says it, generously, since it is the device's clock that says when a window ended.
 * @param end of the window and its grace time, s since 1970
 */
const isLate = (end: number, receivedAt: Date): boolean => receivedAt.getTime() > end * 1000 + LATE_MS

/** That the device was heard, and what its window says about the rollout in flight. */
async function heardOf(
  deps: Core,
  { thing, body }: Received<'metrics'>['message'],
  { fleet, slot, hardware }: BundleRow,
  receivedAt: Date,
  late: boolean,
): Promise<Write[]> {
  const row = await deps.store.get<DeviceRow>(keys.device(thing))
  // Its hello makes the row; until then its fleet and hardware are not known.
  if (row === undefined) return []
  const seen =
    receivedAt.getTime() - Date.parse(row.data.lastSeen) >= HEARD_AGAIN_MS
      ? deviceWrites(heard(row.data, receivedAt), row)
      : []
  // What a device kept while it was away says nothing about now.
  if (body.historical || late) return seen
  const rollout = (await activeRollout(deps.store, fleet, slot))?.data
  const fact = rollout && windowFact(rollout, hardware, body)
  if (rollout === undefined || fact === undefined) return seen
  return [...seen, ...(await evidenceWrites(deps.store, rollout, { thing, hardware }, fact, receivedAt))]
}

/** Counts must have the shape of the baseline that the device was given, or adding them up means nothing. */
function checkShape(body: Received<'metrics'>['message']['body'], bundle: BundleRow): void {
  // A device whose features do not all fit into one message sends complete counts of some of them, by turns.
  for (const [name, counts] of Object.entries(body.features)) {
    const bins = bundle.featureBins[name]
    if (bins === undefined) {
      throw new InputError(
        'UNKNOWN_FEATURE',
        `"${name}" is no feature of this model`,
        `body.features.${name}`,
      )
    }
    checkCounts(counts, bins, body.inferences, `body.features.${name}`)
  }
  checkCounts(body.prediction, bundle.predictionBins, body.inferences, 'body.prediction')
  if (body.confidenceCounts !== undefined)
    checkCounts(body.confidenceCounts, bundle.confidenceBins ?? 0, body.inferences, 'body.confidenceCounts')
}
function checkCounts(counts: readonly number[], bins: number, inferences: number, field: string): void {
  if (counts.length !== bins)
    throw new InputError('BIN_COUNT', `${counts.length} bins, the baseline has ${bins}`, field)
  const sum = counts.reduce((a, b) => a + b, 0)
  if (sum !== inferences)
    throw new InputError('COUNT_SUM', `counts add up to ${sum}, inferences are ${inferences}`, field)
}

export const handler = lambda({}, (_env, core) => ingestMetrics(core))
