/** Rows of a large and of a small world, as the handlers write them. */
import { modelConfig } from '../../../src/contracts/model-config.ts'
import type { Baseline } from '../../../src/contracts/packages.ts'
import { rolloutPolicy } from '../../../src/contracts/rollout-policy.ts'
import { deviceWrites } from '../../../src/domain/device/report.ts'
import {
  type AuditRow,
  type BundleRow,
  type DatasetRow,
  type DecisionRow,
  type DeviceRow,
  type DeviceWindowRow,
  type EnrolmentRow,
  type EpisodeRow,
  type FleetRow,
  keys,
  listings,
  type ModelRow,
  type MonitorRow,
  type RejectionRow,
  type SampleRow,
  type VersionRow,
  versionListing,
} from '../../../src/domain/entities.ts'
import type { WindowSummaryRow } from '../../../src/domain/monitoring/summary.ts'
import { putReview, type ReviewRow } from '../../../src/domain/review/rows.ts'
import { type DeviceEvidence, noEvidence, shardOf } from '../../../src/domain/rollout/evidence.ts'
import { planRollout } from '../../../src/domain/rollout/plan.ts'
import type { Rollout } from '../../../src/domain/rollout/types.ts'
import { type Key, type Put, put, type Write } from '../../../src/domain/store.ts'
import { sha256Hex } from '../../../src/domain/training/plan.ts'

export interface Size {
  readonly devices: number
  readonly rollouts: number
  /** Of everything else. */
  readonly rest: number
}
export const LARGE: Size = { devices: 100_000, rollouts: 1_000, rest: 1_000 }
export const SMALL: Size = { devices: 10, rollouts: 1, rest: 3 }

export const MODEL = 'cold-chain'
export const FLEET = 'containers'
const HARDWARE = ['gateway-arm64', 'gateway-x86']
const WINDOW_0 = 400_000
export const WINDOW = String(WINDOW_0)
const START = Date.UTC(2026, 0, 1)
const at = (i: number): string => new Date(START + i * 60_000).toISOString()
const number = (i: number): string => String(i).padStart(6, '0')
export const thing = (i: number): string => `${FLEET}-${number(i)}`
const digest = (what: string, i: number): string => sha256Hex(`${what} ${i}`)
export const VERSION = '1'
export const BUNDLE = digest('bundle', 1)
export const BASELINE = digest('baseline', 1)

const config = modelConfig.parse({
  ...{ name: MODEL, fleet: FLEET, slot: 'climate', task: 'binary' },
  features: [{ name: 'humidity' }, { name: 'temperature' }],
  label: { column: 'label', classes: ['0', '1'] },
  evaluation: { metric: 'auc', floor: 0.9 },
  targets: HARDWARE.map(hardware => ({ hardware, compile: 'edgeloop' })),
})
const bins = (name: string) => ({ name, edges: [1, 2, 3], p0: [0.2, 0.2, 0.2, 0.2, 0.2] })
export const baseline: Baseline = {
  ...{ source: 'training', rows: 10_000, error: 0.02, prediction: bins('prediction') },
  features: [bins('humidity'), bins('temperature')],
}
const release = (hardware: string) => ({
  ...{ model: MODEL, version: 1, runtime: 'edgeloop-wasm' },
  bundle: { sha256: HARDWARE[0] === hardware ? BUNDLE : digest('bundle', 2), length: 1_751 },
  package: { sha256: digest('package', HARDWARE.indexOf(hardware)), length: 20_480 },
})
const releases = Object.fromEntries(HARDWARE.map(hardware => [hardware, release(hardware)]))

const listed = <T>(key: Key, data: T, pk: string, sk: string): Put<T> =>
  put(key, data, undefined, { list: { pk, sk } })
const range = <T>(count: number, of: (i: number) => T): T[] => Array.from({ length: count }, (_, i) => of(i))

/** One in ten is silent; one in a hundred, and the last, is of other hardware and runs version 2. */
function* devices(count: number): Generator<Write> {
  for (let i = 0; i < count; i++) {
    const other = i % 100 === 99 || i === count - 1
    const hardware = HARDWARE[other ? 1 : 0] ?? ''
    const version = other ? 2 : 1
    const row: DeviceRow = {
      ...{ thing: thing(i), fleet: FLEET, hardware, runtime: 'edgeloop-wasm', lastSeen: at(i) },
      ...{ epoch: 1, seq: i, silent: i % 10 === 3, dropped: 0, gapMs: 60_000 },
      slots: {
        climate: {
          ...{ bundle: release(hardware).bundle.sha256, step: 'COMMITTED', at: at(i) },
          release: { model: MODEL, version },
        },
      },
    }
    yield* deviceWrites(row, undefined)
    yield put(keys.running(MODEL, version, row.thing), {}, undefined)
  }
}

function rolloutsOf({ devices: fleet, rollouts }: Size): Rollout[] {
  const id = (i: number): string => `${MODEL}-v1-${i}`
  // Planned once: what its phases can prove takes a tenth of a second to work out.
  const planned = planRollout({
    ...{ id: id(0), model: MODEL, version: 1, fleet: FLEET, slot: 'climate', releases, seed: 'seed' },
    ...{ policy: rolloutPolicy.parse({}), at: new Date(START), by: 'engine', generation: 0 },
    sight: { kind: 'size', byHardware: { 'gateway-arm64': fleet } },
  })
  return range(rollouts, i => ({
    ...planned,
    ...{ id: id(i), seed: `seed ${i}`, createdAt: at(i), begun: [at(i)] },
    status: i === rollouts - 1 ? ('RUNNING' as const) : ('COMPLETED' as const),
  }))
}

function* rolloutRows(size: Size): Generator<Write> {
  const all = rolloutsOf(size)
  for (const row of all)
    yield put(keys.rollout(row.id), row, undefined, {
      list: { pk: listings.rollouts, sk: `${row.createdAt}#${row.id}` },
      ...(row.status === 'RUNNING' ? { pending: { kind: 'rollout', since: row.phaseSince } } : {}),
    })
  const last = all.at(-1)
  if (last === undefined) return
  // A tenth of the fleet has been heard of the one in flight.
  for (let i = 0; i < Math.max(5, size.devices / 10); i++) {
    const evidence: DeviceEvidence = {
      ...noEvidence(thing(i)),
      ...{ started: true, outcome: i % 50 === 7 ? 'FAILED' : 'COMMITTED' },
    }
    const shard = shardOf(last, thing(i))
    yield put(keys.evidence(last.id, shard, thing(i)), evidence, undefined)
  }
  for (let shard = 0; shard < last.shards; shard++)
    yield {
      kind: 'add',
      key: keys.evidenceCounts(last.id, shard),
      by: { started: 10, committed: 9, failed: 1 },
    }
}
export const rolloutId = ({ rollouts }: Size): string => `${MODEL}-v1-${rollouts - 1}`

const fleetRow = (fleet: string, active: FleetRow['active']): FleetRow => ({
  ...{ fleet, epoch: 1, counter: 3, published: 3, active, bars: { minimumRelease: {}, revokedBundles: [] } },
  slots: HARDWARE.map(hardware => ({
    ...{ slot: 'climate', hardware, committed: release(hardware), candidate: null, pins: {} },
  })),
})

function versionRow(version: number): VersionRow {
  return {
    ...{ model: MODEL, version, status: 'PACKAGED', config, configDigest: digest('config', 1) },
    ...{ requestedAt: at(version), generation: 0, origin: 'training', job: `job-${version}` },
    ...{ modelDigest: digest('model', version), metrics: { holdout_auc: 0.98 }, baselineDigest: BASELINE },
    packages: HARDWARE.map(hardware => ({ hardware, ...release(hardware) })),
  }
}

function* modelRows({ rest, rollouts }: Size): Generator<Write> {
  const model: ModelRow = { config, configDigest: digest('config', 1), nextVersion: rest + 1, champion: 1 }
  yield listed(keys.model(MODEL), model, listings.models, MODEL)
  yield listed(
    keys.fleet(FLEET),
    fleetRow(FLEET, { climate: rolloutId({ devices: 0, rollouts, rest }) }),
    listings.fleets,
    FLEET,
  )
  for (let i = 1; i < rest; i++) {
    const { champion: _, ...other } = model
    const name = `model-${i}`
    yield listed(keys.model(name), { ...other, config: { ...config, name } }, listings.models, name)
    yield listed(keys.fleet(`fleet-${i}`), fleetRow(`fleet-${i}`, {}), listings.fleets, `fleet-${i}`)
  }
  const bundle: BundleRow = {
    ...{ model: MODEL, version: 1, hardware: HARDWARE[0] ?? '', fleet: FLEET, slot: 'climate' },
    ...{ featureBins: { humidity: 5, temperature: 5 }, predictionBins: 5, artefact: digest('artefact', 1) },
  }
  yield put(keys.bundle(BUNDLE), bundle, undefined)
  for (let i = 1; i <= rest; i++) {
    const { pk, sk } = versionListing(MODEL, i)
    yield listed(keys.version(MODEL, i), versionRow(i), pk, sk)
    const dataset: DatasetRow = {
      ...{
        key: `datasets/${MODEL}/${i}.csv`,
        digest: digest('dataset', i),
        rows: 10_000,
        registeredAt: at(i),
      },
    }
    yield put(keys.dataset(MODEL, dataset.digest), dataset, undefined)
  }
}

function* monitoringRows({ rest }: Size): Generator<Write> {
  const monitor: MonitorRow = {
    ...{ state: digest('state', 1), evaluated: [WINDOW_0], latest: [], problems: [], suspects: [] },
  }
  yield put(keys.monitor(MODEL, 1), monitor, undefined)
  const counts = { prediction: [1, 2, 3, 4, 0], humidity: [1, 2, 3, 4, 0], temperature: [1, 2, 3, 4, 0] }
  for (let i = 0; i < rest; i++) {
    const window = WINDOW_0 - i
    const summary: WindowSummaryRow = {
      ...{
        window,
        reported: 10,
        expected: 10,
        active: 10,
        sampling: 5,
        inferences: 1_000,
        errors: 0,
        resets: 0,
      },
      ...{ latency: { '40': 1_000 }, confidence: 0.9, quantities: [], counts, problems: [] },
    }
    yield put(keys.windowSummary(MODEL, 1, window), summary, undefined)
    if (i < 48)
      for (let d = 0; d < 20; d++) {
        const part: DeviceWindowRow = {
          ...{ thing: thing(d), inferences: 10, prediction: counts.prediction, latency: { '40': 10 } },
          ...{ features: { humidity: counts.humidity, temperature: counts.temperature } },
        }
        yield put(keys.windowPart(MODEL, 1, window, thing(d), 1, i), part, undefined)
      }
    const episode: EpisodeRow = {
      ...{
        episode: `drift-v1-w${number(i)}`,
        model: MODEL,
        version: 1,
        cause: 'drift',
        openedAt: at(i),
        window,
      },
      evidence: [],
    }
    yield put(keys.episode(MODEL, episode.episode), episode, undefined)
  }
}

export const decisionId = 'drift-000001'
function* recordRows({ rest }: Size): Generator<Write> {
  for (let i = 0; i < rest; i++) {
    const decision: DecisionRow = {
      ...{ decision: `drift-${number(i)}`, model: MODEL, trigger: 'drift', approved: i % 2 === 0, at: at(i) },
      ...{
        facts: { trigger: 'drift', now: at(i) } as DecisionRow['facts'],
        guards: [{ guard: 'coolDown', passed: true, detail: 'long ago' }],
      },
    }
    yield listed(
      keys.decision(MODEL, decision.decision),
      decision,
      listings.decisions,
      `${at(i)}#${MODEL}#${decision.decision}`,
    )
    const audit: AuditRow = {
      ...{ audit: digest('audit', i).slice(0, 32), at: at(i), by: `person-${i % 7}`, action: 'BAR_RELEASE' },
      ...{ subject: MODEL, change: { reason: 'a test' }, before: null },
    }
    yield listed(keys.audit(audit.audit), audit, listings.audit, `${at(i)}#${audit.audit}`)
    const rejection: RejectionRow = {
      ...{
        rejection: digest('rejection', i).slice(0, 32),
        channel: 'mqtt',
        subject: 'edgeloop/v1/x/up/metrics',
      },
      ...{ code: 'SCHEMA', reason: 'window: not a number', thing: thing(i), at: at(i) },
    }
    yield listed(
      keys.rejection(rejection.rejection),
      rejection,
      listings.rejections,
      `${at(i)}#${rejection.rejection}`,
    )
    const enrolment: EnrolmentRow = {
      ...{
        serial: thing(i),
        fleet: FLEET,
        hardware: HARDWARE[0] ?? '',
        status: 'USED',
        allowedBy: 'operator',
      },
      allowedAt: at(i),
    }
    yield listed(keys.enrolment(enrolment.serial), enrolment, listings.enrolments, enrolment.serial)
  }
}

function* sampleRows({ rest }: Size): Generator<Write> {
  for (let i = 0; i < rest; i++) {
    const sample: SampleRow = {
      ...{ eventId: `${thing(i)}-1-${i.toString(36)}`, thing: thing(i), model: MODEL, version: 1 },
      ...{ capturedAt: at(i), receivedAt: at(i), lane: 'audit', pi: 0.1, row: [1, 2], prediction: 1 },
    }
    yield put(keys.sample(MODEL, sample.eventId, sample.thing), sample, undefined)
    const review: ReviewRow = {
      ...{ model: MODEL, eventId: sample.eventId, thing: sample.thing, request: 'r', requestedAt: at(i) },
      ...{ status: 'OPEN', answers: [], skipped: [], ttl: 2_000_000_000 },
    }
    yield putReview(review, undefined)
  }
  yield { kind: 'add', key: keys.labelStats(MODEL, 1), by: { labels: 0 } }
}

export function* rows(size: Size): Generator<Write> {
  yield* devices(size.devices)
  yield* rolloutRows(size)
  yield* modelRows(size)
  yield* monitoringRows(size)
  yield* recordRows(size)
  yield* sampleRows(size)
}
