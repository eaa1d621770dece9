/**
 * The story of the loop in memory: drops and device messages go in, every event goes to the handlers that the
 * template's rules name for it, and each delivery is recorded with the world as it was before.
 */
import { gzipSync } from 'node:zlib'
import { createTar } from 'nanotar'
import { eventIdPrefix } from '../../src/contracts/event-id.ts'
import { ackCorr } from '../../src/contracts/mqtt.ts'
import type { PackageRef } from '../../src/contracts/packages.ts'
import type { VersionRow } from '../../src/domain/entities.ts'
import { binOf } from '../../src/domain/monitoring/bins.ts'
import { sha256Hex } from '../../src/domain/training/plan.ts'
import { tellIdentity } from './identity.ts'
import { tellRetrains } from './retrains.ts'
import { tellRollouts } from './rollouts.ts'
import { stumpModel } from './stump.ts'
import { trustChain, World } from './world.ts'

export interface Delivery {
  readonly handler: string
  readonly event: unknown
  readonly label: string
  readonly before: World
}

/** Rule targets by event type, as serverless.yml wires them; `test/template.test.ts` holds the two together. */
export const targets: Readonly<Record<string, readonly string[]>> = {
  ModelConfigured: ['register-dataset', 'advance-rollout'],
  BurstRequested: ['advance-rollout'],
  DatasetRegistered: ['start-training'],
  RetrainApproved: ['admit-samples'],
  SamplesAdmitted: ['start-training'],
  ModelVersionRegistered: ['compile-model'],
  CompilationFinished: ['sign-package'],
  PackageSigned: ['plan-rollout', 'make-deltas'],
  RolloutRequested: ['plan-rollout'],
  RolloutCommanded: ['advance-rollout'],
  DeviceSilent: ['advance-rollout'],
  RolloutPlanned: ['advance-rollout'],
  DeviceReported: ['advance-rollout'],
  DeviceRevoked: ['revoke-device'],
  TrustRootPublished: ['advance-rollout'],
  ReleaseBarred: ['advance-rollout'],
  WindowClosed: ['evaluate-window', 'archive-windows'],
  WindowAmended: ['evaluate-window', 'archive-windows'],
  LabelsReceived: ['evaluate-window', 'decide-retrain'],
  LabelsRequested: ['request-labels'],
  DriftDetected: ['decide-retrain'],
  HarmConfirmed: ['decide-retrain'],
  RolloutCompleted: ['decide-retrain'],
  RetrainRequested: ['decide-retrain'],
}
/** Types whose rule fills a queue, and the function takes them from there; by the queue's name in the template. */
export const queued: Readonly<Record<string, string>> = { DeviceReported: 'DecisionsQueue' }
/** An event as its function gets it. */
export const asDelivered = (type: string, event: { readonly id: string }): unknown =>
  queued[type] === undefined ? event : { Records: [{ messageId: event.id, body: JSON.stringify(event) }] }
export const checkTargets: Readonly<Record<string, readonly string[]>> = {
  training: ['start-training', 'track-training'],
  compilation: ['compile-model', 'sign-package'],
  package: ['plan-rollout'],
  rollout: ['advance-rollout'],
  fleet: ['advance-rollout'],
  trust: ['publish-trust'],
  revocation: ['revoke-device'],
  labels: ['decide-retrain'],
}

export const MODEL_YAML = `
name: demo
fleet: lab
slot: main
task: binary
features: [{ name: x, min: -100, max: 100 }, { name: y, required: false }]
label: { column: label, classes: ['0', '1'] }
ignore: [id]
evaluation: { metric: auc, floor: 0.8, nonInferiority: 0.05 }
targets:
  - { hardware: gateway, compile: edgeloop }
  - { hardware: camera, compile: neo, device: rasp4b }
  - { hardware: server, compile: none }
rollout:
  phases: [{ name: canary, exposure: 0.25 }, { name: fleet, exposure: 1 }]
  insufficient: proceed
monitoring: { windowSeconds: 60, graceSeconds: 60, falseAlarmRate: 0.01, tolerance: 0.1, minDevices: 2,
  datapointsToAlarm: 1, evaluationPeriods: 1 }
retrain: { coolDownMinutes: 0, minLabels: 20, minDevices: 2 }
`
const START = Date.parse('2026-03-01T00:00:00Z')
export const THINGS = ['lab-1', 'lab-2', 'lab-3', 'lab-4'] as const

/** The n-th event id of a device. */
export const eventId = (thing: string, n: number): string =>
  eventIdPrefix(thing, 1, sha256Hex) + n.toString(36)

export const dataset = (rows = 1200): string => {
  const lines = Array.from({ length: rows }, (_, i) => {
    const x = ((i * 37) % 1000) / 10 - 50
    return `${i},${x},${i % 7 === 0 ? '' : (i % 11) / 2},${x > 10 ? 1 : 0}`
  })
  return `id,x,y,label\n${lines.join('\n')}\n`
}

export class Chain {
  readonly world = new World(
    START,
    undefined,
    new Map(THINGS.map(t => [t, { fleet: 'lab', hardware: 'gateway' }])),
  )
  readonly deliveries: Delivery[] = []
  private readonly delivered = new Set<string>()
  private ids = 0
  private seq = 0

  async deliver(handler: string, event: unknown, label = ''): Promise<unknown> {
    this.deliveries.push({ handler, event, label, before: this.world.clone() })
    this.world.time += 1000
    const result = await this.world.handlers()[handler]?.(event)
    const failures = (result as { batchItemFailures?: unknown[] } | undefined)?.batchItemFailures
    if (failures !== undefined && failures.length > 0)
      throw new Error(`${handler} ${label} failed: ${this.world.logs.at(-1)}`)
    return result
  }

  /** Takes events from the outbox to the bus and from there to their handlers until nothing is left. */
  async pump(): Promise<void> {
    for (;;) {
      const next = [...this.world.events()].find(([id]) => !this.delivered.has(id))
      if (next === undefined) return
      const [id, { type, detail }] = next
      this.delivered.add(id)
      const row = [...this.world.state.store.rows.values()].find(r => r.key.pk === `OUTBOX#${id}`)
      const image = { pk: { S: `OUTBOX#${id}` }, sk: { S: 'EVENT' }, data: { S: row?.data } }
      await this.deliver(
        'publish-outbox',
        { Records: [{ eventID: id, dynamodb: { SequenceNumber: '1', NewImage: image } }] },
        type,
      )
      const kind = type === 'CheckDue' ? checkTargets[String(detail.data['kind'])] : targets[type]
      for (const handler of kind ?? []) {
        const time = this.world.now().toISOString()
        const event = { id: `e-${id}`, source: 'edgeloop', 'detail-type': type, time, detail }
        await this.deliver(handler, asDelivered(type, event), type)
      }
    }
  }

  async drop(handler: string, key: string, content: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(content)
    this.world.state.drops.set(key, { bytes, versionId: 'v1' })
    const detail = {
      bucket: { name: 'drops' },
      object: { key, size: bytes.byteLength, etag: 'e', 'version-id': 'v1' },
    }
    await this.deliver(
      handler,
      {
        id: `s3-${this.ids++}`,
        time: this.world.now().toISOString(),
        source: 'aws.s3',
        'detail-type': 'Object Created',
        detail,
      },
      key,
    )
    await this.pump()
  }

  /** The training program has ended with a model that splits at `threshold`. */
  async finishTraining(version: number, threshold: number): Promise<void> {
    const { job = '' } = this.version(version)
    const key = `jobs/demo/${job}/output/model.tar.gz`
    const archive = gzipSync(createTar([{ name: 'xgboost-model.json', data: stumpModel(threshold, -2, 2) }]))
    this.world.state.artefacts.set(key, { bytes: archive, versionId: 'v1' })
    this.world.state.jobs.set(job, {
      ...(this.world.state.jobs.get(job) as { request: unknown }),
      state: { status: 'completed', artefactKey: key },
    })
    await this.deliver('track-training', this.jobEvent(job), 'Completed')
    await this.pump()
  }
  jobEvent(job: string, status = 'Completed'): unknown {
    const detail = { TrainingJobName: job, TrainingJobStatus: status }
    return {
      id: `sm-${this.ids++}`,
      time: this.world.now().toISOString(),
      source: 'aws.sagemaker',
      'detail-type': 'SageMaker Training Job State Change',
      detail,
    }
  }
  version(version: number): VersionRow {
    return this.row<VersionRow>('MODEL#demo', `VERSION#${String(version).padStart(7, '0')}`)
  }
  row<T>(pk: string, sk: string): T {
    const row = [...this.world.state.store.rows.values()].find(r => r.key.pk === pk && r.key.sk === sk)
    if (row === undefined) throw new Error(`no row ${pk} ${sk}`)
    return JSON.parse(row.data) as T
  }

  /** Neo jobs end, and the delay queue delivers. */
  async finishCompilation(version: number): Promise<void> {
    const message = [...this.world.state.polls].find(m => JSON.parse(m).version === version)
    if (message === undefined) throw new Error('nobody polls')
    await this.deliver('track-compilation', { Records: [{ messageId: 'p1', body: message }] }, 'running')
    const row = this.row<{ job: string }>(`TARGETS#demo#${String(version).padStart(7, '0')}`, 'camera')
    const key = `neo/demo/${version}/camera/output/model-rasp4b.tar.gz`
    const archive = gzipSync(createTar([{ name: 'compiled.params', data: new Uint8Array([1, 2, 3]) }]))
    this.world.state.artefacts.set(key, { bytes: archive, versionId: 'v1' })
    this.world.state.jobs.set(row.job, { request: {}, state: { status: 'completed', artefactKey: key } })
    await this.deliver('track-compilation', { Records: [{ messageId: 'p2', body: message }] }, 'completed')
    await this.pump()
  }

  packageFor(version: number, hardware = 'gateway'): PackageRef {
    const row = this.version(version)
    const found = row.status === 'PACKAGED' ? row.packages.find(p => p.hardware === hardware) : undefined
    if (found === undefined) throw new Error(`version ${version} is not packaged for ${hardware}`)
    return found
  }

  uplink(
    thing: string,
    kind: string,
    body: unknown,
    extra: Record<string, unknown> = {},
  ): { body: string; ingress: unknown; seq: number } {
    const seq = ++this.seq
    const message = { v: 1, thing, epoch: 1, seq, t: this.world.time, kind, body, ...extra }
    const ingress = {
      data: Buffer.from(JSON.stringify(message)).toString('base64'),
      thing,
      kind,
      client: thing,
      receivedAt: this.world.time,
    }
    return { body: JSON.stringify(ingress), ingress, seq }
  }
  async queue(handler: string, label: string, ...bodies: string[]): Promise<void> {
    await this.deliver(
      handler,
      { Records: bodies.map((body, i) => ({ messageId: `m${this.ids++}-${i}`, body })) },
      label,
    )
    await this.pump()
  }
  async report(thing: string, version: number, step: string, code?: string): Promise<void> {
    const manifest = { epoch: 1, counter: this.row<{ counter: number }>('FLEET#lab', 'FLEET').counter }
    const { body, seq } = this.uplink(thing, 'report', {
      slot: 'main',
      manifest,
      bundle: this.packageFor(version).bundle.sha256,
      step,
      ...(code ? { code } : {}),
    })
    await this.queue('ingest-reports', step, body)
    if (
      ['COMMITTED', 'FAILED', 'REFUSED'].includes(step) &&
      !this.world.state.published.has(`answer/${thing}/${ackCorr(1, seq)}`)
    ) {
      throw new Error('a terminal report was not acknowledged')
    }
  }

  /** One window of counts of one device: `values` are readings of x. */
  windowBody(version: number, window: number, values: readonly number[]): unknown {
    const row = this.version(version)
    if (!('baselineDigest' in row)) throw new Error('no baseline')
    const baseline = JSON.parse(
      Buffer.from(
        this.world.state.artefacts.get(`blobs/sha256/${row.baselineDigest}`)?.bytes ?? [],
      ).toString(),
    )
    const count = (edges: readonly number[], bins: number, of: readonly number[]) => {
      const counts = new Array(bins).fill(0)
      for (const v of of) counts[Number.isNaN(v) ? bins - 1 : binOf(edges, v)]++
      return counts
    }
    const [x, y] = baseline.features
    const scores = values.map(v => 1 / (1 + Math.exp(v < 10 ? 2 : -2)))
    return {
      slot: 'main',
      bundle: this.packageFor(version).bundle.sha256,
      window,
      inferences: values.length,
      features: {
        x: count(x.edges, x.p0.length, values),
        y: count(
          y.edges,
          y.p0.length,
          values.map((_, i) => (i % 7 === 0 ? Number.NaN : (i % 11) / 2)),
        ),
      },
      prediction: count(baseline.prediction.edges, baseline.prediction.p0.length, scores),
      latency: { '3': values.length },
      confidence: 0,
      errors: 0,
      resets: 0,
      historical: false,
    }
  }
  samplesBody(version: number, ids: readonly string[], x: number): unknown {
    const samples = ids.map((id, i) => ({
      eventId: id,
      t: this.world.time,
      lane: 'audit',
      pi: 0.5,
      row: [x + i / 10, i % 3 === 0 ? null : 1],
      margins: [2],
      // One in fifteen is wrong by the labels: more than was accepted, and not proven to be harm.
      prediction: i % 15 === 7 ? 0 : 1,
    }))
    return { slot: 'main', bundle: this.packageFor(version).bundle.sha256, samples }
  }
}

/** Up to a field that has moved, by so much, and samples of it that nobody has labelled yet. */
export async function runToDrift({ moved = 45 } = {}): Promise<Chain> {
  const chain = new Chain()
  await chain.drop('publish-trust', 'trust/chain.json', await trustChain())
  await chain.drop('register-dataset', 'datasets/demo/early.csv', dataset())
  await chain.drop('register-model', 'models/demo/model.yaml', MODEL_YAML)
  await chain.finishTraining(1, 10)
  await chain.finishCompilation(1)
  for (const thing of THINGS) {
    const hello = chain.uplink(thing, 'hello', {
      hardware: 'gateway',
      runtime: 'test',
      manifest: null,
      slots: { main: { active: null, previous: null } },
      outbox: { queued: 0, dropped: 0 },
    })
    await chain.queue('ingest-reports', 'hello', hello.body)
  }
  await chain.deliver(
    'answer-device',
    chain.uplink('lab-1', 'ask', { corr: 'a1', have: { root: 1, manifest: null } }).ingress,
    'ask',
  )
  const { package: pack } = chain.packageFor(1)
  await chain.deliver(
    'serve-blob',
    chain.uplink('lab-1', 'blob', { corr: 'b1', digest: pack.sha256, offset: 0, length: 4096 }).ingress,
    'blob',
  )
  for (const thing of THINGS) {
    await chain.report(thing, 1, 'ACCEPTED')
    await chain.report(thing, 1, 'COMMITTED')
  }
  await chain.deliver(
    'predict-in-cloud',
    chain.uplink('lab-2', 'predict', { corr: 'c1', slot: 'main', row: [40, null] }).ingress,
    'predict',
  )
  const readings = (shift: number) =>
    Array.from({ length: 250 }, (_, i) => ((i * 37) % 1000) / 10 - 50 + shift)
  for (const thing of THINGS)
    await chain.queue(
      'ingest-metrics',
      'calm',
      chain.uplink(thing, 'metrics', chain.windowBody(1, 7, readings(0))).body,
    )
  for (const [t, thing] of THINGS.entries()) {
    const ids = Array.from({ length: 90 }, (_, i) => eventId(thing, i))
    await chain.queue(
      'ingest-samples',
      'samples',
      chain.uplink(thing, 'samples', chain.samplesBody(1, ids, 30 + t / 50)).body,
    )
  }
  for (const thing of THINGS)
    await chain.queue(
      'ingest-metrics',
      'moved',
      chain.uplink(thing, 'metrics', chain.windowBody(1, 8, readings(moved))).body,
    )
  return chain
}

/** One line of a ground-truth file. */
export const labelLine = (id: string, data = '1'): string =>
  JSON.stringify({
    groundTruthData: { data, encoding: 'CSV' },
    eventMetadata: { eventId: id },
    eventVersion: '0',
  })

/** The whole loop once: two versions, drift, labels, a retrain. */
export async function runChain(): Promise<Chain> {
  const chain = await runToDrift()
  const labels = THINGS.flatMap(thing => Array.from({ length: 90 }, (_, i) => labelLine(eventId(thing, i))))
  await chain.drop('ingest-labels', 'labels/demo/first.jsonl', labels.join('\n'))
  await chain.finishTraining(2, 9)
  await chain.finishCompilation(2)
  // First the canaries are heard; the others are told, and heard, in the next phase.
  for (const _phase of ['canary', 'fleet'])
    for (const thing of THINGS) await chain.report(thing, 2, 'COMMITTED')
  await chain.drop('import-model', 'imports/demo/by-hand.json', stumpModel(10, -3, 3))
  await chain.queue(
    'record-refusal',
    'presence',
    JSON.stringify({
      clientId: 'lab-1',
      eventType: 'disconnected',
      timestamp: 1,
      disconnectReason: 'AUTH_ERROR',
      sessionIdentifier: 's',
    }),
  )
  // A device was away while the window closed; the clock amends it.
  await chain.queue(
    'ingest-metrics',
    'late',
    chain.uplink('lab-1', 'metrics', chain.windowBody(1, 7, [1, 2, 30])).body,
  )
  chain.world.time += 3_600_000
  await chain.deliver(
    'reconcile',
    { id: 'r', time: '', source: 'aws.events', 'detail-type': 'Scheduled Event' },
    'tick',
  )
  await chain.pump()
  await chain.deliver('refresh-overview', {}, 'clock')
  await chain.deliver('ops-query', { routeKey: 'GET /v1/models', rawPath: '/v1/models' }, 'models')
  await tellRollouts(chain)
  await tellIdentity(chain)
  await tellRetrains(chain)
  return chain
}
