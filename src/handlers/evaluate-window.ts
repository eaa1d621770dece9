import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { tableStore } from '../adapters/table.ts'
import type { ModelConfig } from '../contracts/model-config.ts'
import {
  type DeviceWindowRow,
  type EpisodeRow,
  keys,
  type ModelRow,
  type MonitorRow,
  type VersionRow,
} from '../domain/entities.ts'
import { EdgeloopError } from '../domain/errors.ts'
import { auditLabels, smallestOf, strataOf } from '../domain/monitoring/audit-labels.ts'
import { conclude, putEpisode } from '../domain/monitoring/conclude.ts'
import { evaluate } from '../domain/monitoring/evaluate.ts'
import { judgeErrors } from '../domain/monitoring/harm.ts'
import { decodeState, EMPTY, encodeState, type MonitorState, stateKey } from '../domain/monitoring/state.ts'
import { summarise } from '../domain/monitoring/summary.ts'
import type { DriftPolicy } from '../domain/monitoring/verdict.ts'
import { closedTtl } from '../domain/monitoring/windows.ts'
import { readBaseline } from '../domain/package/read-baseline.ts'
import type { Core, Objects } from '../domain/ports.ts'
import { samplesOf, type WithQuarantine } from '../domain/sampling/quarantine.ts'
import { type Cause, type Put, put } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { type BusEvent, fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

/** Compressed; about 6 MB for 10,000 devices and 20 quantities. */
const MAX_STATE = 64 * 1024 * 1024

export interface EvaluateWindowDeps extends WithQuarantine {
  readonly artefacts: Objects
}

/** A window closed: is there drift? Labels came back: is there harm? */
export const evaluateWindow = (deps: EvaluateWindowDeps) =>
  fromBus(deps, async event => {
    const trigger = parseBusEvent(event, ['WindowClosed', 'WindowAmended', 'LabelsReceived'])
    if (trigger.type === 'LabelsReceived') return evaluateHarm(deps, trigger)
    return evaluateDrift(deps, trigger)
  })

async function evaluateDrift(
  deps: EvaluateWindowDeps,
  { type, data, cause }: BusEvent<'WindowClosed' | 'WindowAmended'>,
): Promise<void> {
  const { model, version, window } = data
  const versionRow = (await deps.store.get<VersionRow>(keys.version(model, version)))?.data
  if (versionRow?.status !== 'PACKAGED') return
  const monitorRow = await deps.store.get<MonitorRow>(keys.monitor(model, version))
  // Late counts correct a window that was judged: they open no episode, the next window is judged with them. An
  // amendment that overtook the closing is judged in its place.
  const again = monitorRow?.data.evaluated.includes(window) === true
  if (again && type === 'WindowClosed') return
  const parts = (
    await deps.store.query<DeviceWindowRow>(keys.window(model, version, window).pk, 'DEVICE#')
  ).map(r => r.data)
  // The earlier messages have expired: what is kept of the window has more than what is left.
  if (again && parts.length < data.reported) return

  const { monitoring } = versionRow.config
  const baseline = await readBaseline(deps, versionRow.baselineDigest)
  const { after, judgements } = evaluate({
    ...{ window, baseline, parts, again },
    before: await readState(deps, model, version, monitorRow?.data.state),
    policy: policyOf(monitoring),
    prefix: `drift-v${version}`,
  })
  const bytes = encodeState(after)
  const state = sha256Hex(bytes)
  await deps.artefacts.putOnce(stateKey(model, version, state), bytes, 'application/gzip')

  const accepted = baseline.error + versionRow.config.evaluation.nonInferiority
  const { row, writes, events } = conclude(
    {
      model,
      version,
      window,
      at: deps.now().toISOString(),
      accepted,
      windowSeconds: monitoring.windowSeconds,
    },
    { monitor: monitorRow?.data, episode: await openEpisode(deps, model, monitorRow?.data) },
    judgements,
    state,
  )
  const { reported, expected } = data
  const summary = summarise({ window, reported, expected }, parts, row.latest, row.problems)
  const kept: Put = {
    ...{ kind: 'put', key: keys.windowSummary(model, version, window), data: summary, expect: 'any' },
    ttl: closedTtl(deps.now()),
  }
  await deps.store.commit(
    [put(keys.monitor(model, version), row, monitorRow), kept, ...writes],
    events,
    cause,
  )
  for (const { type: named } of events)
    if (named === 'DriftDetected' || named === 'DeviceDriftDetected') deps.count(named)
}

const policyOf = (monitoring: ModelConfig['monitoring']): DriftPolicy => ({
  falseDiscoveryRate: monitoring.falseAlarmRate,
  tolerance: monitoring.tolerance,
  minDevices: monitoring.minDevices,
  need: monitoring.datapointsToAlarm,
  of: monitoring.evaluationPeriods,
  clean: monitoring.cleanWindows,
})

/** A state that has expired, or that an older release wrote, is one that begins anew. */
async function readState(
  deps: EvaluateWindowDeps,
  model: string,
  version: number,
  digest: string | undefined,
): Promise<MonitorState> {
  if (digest === undefined) return EMPTY
  try {
    const { bytes } = await deps.artefacts.get(stateKey(model, version, digest), { maxBytes: MAX_STATE })
    const state = decodeState(bytes)
    if (state !== undefined) return state
  } catch (error) {
    // S3 tells those who may not list that what is gone is forbidden.
    if (!(error instanceof EdgeloopError && ['NOT_FOUND', 'FORBIDDEN'].includes(error.code))) throw error
  }
  deps.log.warn('MONITOR_STATE_LOST', { model, version, digest })
  return EMPTY
}

const openEpisode = async (deps: Core, model: string, monitor: MonitorRow | undefined) =>
  monitor?.episode === undefined
    ? undefined
    : deps.store.get<EpisodeRow>(keys.episode(model, monitor.episode))

/**
 * Error on audit labels against what the version had at release. Only for classes: errors must be 0 or 1. The counters
 * say whether it is worth reading the samples, which say from how many devices the errors are.
 */
async function evaluateHarm(
  deps: EvaluateWindowDeps,
  { data, cause }: BusEvent<'LabelsReceived'>,
): Promise<void> {
  const { model } = data
  const modelRow = (await deps.store.get<ModelRow>(keys.model(model)))?.data
  if (modelRow?.champion === undefined) return
  const { champion } = modelRow
  const versionRow = (await deps.store.get<VersionRow>(keys.version(model, champion)))?.data
  if (versionRow?.status !== 'PACKAGED' || versionRow.config.task === 'regression') return
  const { config, baselineDigest } = versionRow
  const counters = (await deps.quarantine.get(keys.labelStats(model, champion)))?.counters ?? {}
  const baseline = await readBaseline(deps, baselineDigest)
  const release = { error: baseline.error, tolerance: config.evaluation.nonInferiority }
  const smallestPi = smallestOf(config, modelRow.config)
  if (!judgeErrors(strataOf(counters, smallestPi), release).harmed) return
  const episode = `harm-v${champion}`
  if ((await deps.store.get(keys.episode(model, episode))) !== undefined) return

  const samples = (await samplesOf(deps, model)).filter(s => s.version === champion)
  const labels = auditLabels(samples, smallestPi)
  const { harmed, lowerBound, accepted } = judgeErrors(labels, release)
  if (!harmed) return
  const count = (of: 'labels' | 'errors'): number => labels.strata.reduce((sum, s) => sum + s[of], 0)
  const found = { errors: count('errors'), labels: count('labels'), lowerBound, accepted }
  await announceHarm(deps, { model, version: champion, episode, ...found }, cause)
}

const announceHarm = (
  deps: Core,
  data: { model: string; version: number; episode: string; [more: string]: unknown },
  cause: Cause,
) =>
  deps.store.commit(
    [
      putEpisode({
        episode: data.episode,
        model: data.model,
        version: data.version,
        cause: 'harm',
        openedAt: deps.now().toISOString(),
      }),
    ],
    [{ type: 'HarmConfirmed', data }],
    cause,
  )

export const handler = lambda(
  { ARTEFACT_BUCKET: z.string().min(1), QUARANTINE_TABLE: z.string().min(1) },
  (env, core) =>
    evaluateWindow({
      ...core,
      artefacts: bucketObjects(env.ARTEFACT_BUCKET),
      quarantine: tableStore(env.QUARANTINE_TABLE, core.now),
    }),
)
