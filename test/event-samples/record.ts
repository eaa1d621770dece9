/**
 * Writes `events/` again, from a recorded run of the whole loop: `node test/event-samples/record.ts`, then `npm run format`. Everything in
 * it is derived from that run, so that ids and digests of one file are those of the next, and a second run changes
 * nothing.
 */
import { globSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Chain, Delivery } from '../loop/chain.ts'
import { eventId, labelLine, runChain } from '../loop/chain.ts'
import { ENROLMENTS } from '../loop/identity.ts'
import {
  batch,
  digest,
  ingress,
  objectCreated,
  onBus,
  preToken,
  request,
  scheduled,
  streamBatch,
  trainingJobEvent,
} from './dress.ts'

type Sample = readonly [name: string, event: unknown]
type BusEvent = Parameters<typeof onBus>[0]

/** All samples in the order of the loop; the number is added on writing. */
export async function samples(): Promise<Sample[]> {
  const chain = await runChain()
  const of = (handler: string, label: string): Delivery => {
    const found = chain.deliveries.find(d => d.handler === handler && d.label === label)
    if (found === undefined) throw new Error(`the run has no delivery of ${label} to ${handler}`)
    return found
  }
  const bus = (handler: string, type: string): unknown => onBus(of(handler, type).event as BusEvent)
  return [
    ...drops(),
    ['register-dataset-model-configured', bus('register-dataset', 'ModelConfigured')],
    ['start-training-dataset-registered', bus('start-training', 'DatasetRegistered')],
    [
      'start-training-check-due',
      checkDue({ kind: 'training', subject: 'demo/1', model: 'demo', version: 1 }),
    ],
    [
      'track-training-completed',
      trainingJobEvent(of('track-training', 'Completed').event as BusEvent, 'Completed'),
    ],
    [
      'track-training-failed',
      trainingJobEvent(of('track-training', 'Completed').event as BusEvent, 'Failed'),
    ],
    [
      'track-training-check-due',
      checkDue({ kind: 'training', subject: 'demo/1', model: 'demo', version: 1 }),
    ],
    ['import-model-json', objectCreated('imports/demo/by-hand.json', 8_614, 5)],
    ['compile-model-version-registered', bus('compile-model', 'ModelVersionRegistered')],
    ['compile-model-check-due', bus('compile-model', 'CheckDue')],
    ['track-compilation-polls', batch('compilation-polls', [polls(of)])],
    ['track-compilation-poison', batch('compilation-polls', [polls(of), '{"model":"demo"}'])],
    ['sign-package-compilation-finished', bus('sign-package', 'CompilationFinished')],
    ['sign-package-check-due', bus('sign-package', 'CheckDue')],
    ['plan-rollout-package-signed', bus('plan-rollout', 'PackageSigned')],
    ['plan-rollout-check-due', checkDue({ kind: 'package', subject: 'demo/1', model: 'demo', version: 1 })],
    ['advance-rollout-rollout-planned', bus('advance-rollout', 'RolloutPlanned')],
    ['advance-rollout-device-reported', batch('decisions', [reported(of)])],
    ['advance-rollout-check-due-rollout', checkDue({ kind: 'rollout', subject: rollout(of), model: 'demo' })],
    ['advance-rollout-check-due-fleet', checkDue({ kind: 'fleet', subject: 'lab' })],
    ...devices(chain, of),
    ['evaluate-window-window-closed', bus('evaluate-window', 'WindowClosed')],
    ['decide-retrain-drift-detected', bus('decide-retrain', 'DriftDetected')],
    ['request-labels-labels-requested', bus('request-labels', 'LabelsRequested')],
    ['ingest-labels-jsonl', objectCreated('labels/demo/first.jsonl', 48_960, 9)],
    ['evaluate-window-labels-received', bus('evaluate-window', 'LabelsReceived')],
    ['decide-retrain-labels-received', bus('decide-retrain', 'LabelsReceived')],
    ['decide-retrain-harm-confirmed', harmConfirmed(of)],
    ['decide-retrain-rollout-completed', bus('decide-retrain', 'RolloutCompleted')],
    ['decide-retrain-check-due', checkDue({ kind: 'labels', subject: episode(of), model: 'demo' })],
    ['admit-samples-retrain-approved', bus('admit-samples', 'RetrainApproved')],
    ['start-training-samples-admitted', bus('start-training', 'SamplesAdmitted')],
    ['reconcile-schedule', scheduled('edgeloop-dev-reconcile-rule-1', '2026-03-01T00:10:00Z')],
    ['publish-outbox-training-started', streamBatch([outbox(of, 'TrainingStarted')])],
    ['publish-outbox-for-operators', streamBatch(forOperators(chain, of))],
    ['ops-query-models', request('GET', '/v1/models')],
    ['ops-query-device-unknown', request('GET', '/v1/devices/{thing}', { thing: 'lab-9' })],
    ['ops-query-rejected-inputs', request('GET', '/v1/rejected-inputs', {}, { limit: '20' })],
    ['ops-query-bad-limit', request('GET', '/v1/rollouts', {}, { limit: 'many' })],
    ...identity(of),
    ['publish-trust-chain', objectCreated('trust/chain.json', 3_527, 30)],
    ['publish-trust-check-due', checkDue({ kind: 'trust', subject: 'trust' })],
    ['advance-rollout-trust-root-published', bus('advance-rollout', 'TrustRootPublished')],
    ...rollouts(of),
    ['make-deltas-package-signed', bus('make-deltas', 'PackageSigned')],
    ['archive-windows-window-closed', bus('archive-windows', 'WindowClosed')],
    ['archive-windows-window-amended', bus('archive-windows', 'WindowAmended')],
    ['evaluate-window-window-amended', bus('evaluate-window', 'WindowAmended')],
    ['ops-command-burst-unknown-model', burst],
    ['advance-rollout-burst-requested', bus('advance-rollout', 'BurstRequested')],
    ['advance-rollout-model-configured', bus('advance-rollout', 'ModelConfigured')],
    ['ops-command-retrain', request('POST', '/v1/models/{model}/retrains', { model: 'demo' }, {}, retrain)],
    ['decide-retrain-retrain-requested', bus('decide-retrain', 'RetrainRequested')],
    ['ops-command-labels', request('POST', '/v1/labels', {}, {}, groundTruth)],
    ['ops-query-reviews', request('GET', '/v1/reviews', {}, { model: 'demo' })],
    ['grant-scopes-sign-in', preToken('oli', ['operators'], 'HostedAuth')],
    ['grant-scopes-no-group', preToken('sam', [], 'RefreshTokens')],
    ['refresh-overview-schedule', scheduled('edgeloop-dev-refresh-overview-rule-1', '2026-03-01T00:10:00Z')],
    ['refresh-overview-drift-detected', bus('decide-retrain', 'DriftDetected')],
    ['ops-query-overview', request('GET', '/v1/overview')],
    ['ops-queues-list', request('GET', '/v1/dead-letters')],
    ['ops-queues-unknown-queue', request('GET', '/v1/dead-letters/{queue}', { queue: 'letters-dead' })],
    [
      'ops-queues-redrive',
      request('POST', '/v1/dead-letters/{queue}/redrives', { queue: 'reports-dead' }, {}, redrive),
    ],
  ]
}

/** Rollouts in people's hands, and a device that falls silent. */
const rollouts = (of: Find): Sample[] => [
  [
    'ops-command-rollout',
    request('POST', '/v1/rollouts', {}, {}, { model: 'demo', version: 1, reason: 'v2 is odd' }),
  ],
  ['plan-rollout-rollout-requested', onBus(of('plan-rollout', 'RolloutRequested').event as BusEvent)],
  [
    'ops-command-pause',
    request(
      'POST',
      '/v1/rollouts/{rollout}/commands',
      { rollout: 'demo-v9' },
      {},
      { command: 'pause', reason: 'a look' },
    ),
  ],
  [
    'ops-command-approval',
    request('POST', '/v1/rollouts/{rollout}/approval', { rollout: 'demo-v9' }, {}, { reason: 'looks good' }),
  ],
  ['advance-rollout-rollout-commanded', onBus(of('advance-rollout', 'RolloutCommanded').event as BusEvent)],
  [
    'advance-rollout-device-silent',
    onBus(
      after('silent', 'DeviceSilent', { thing: 'lab-4', fleet: 'lab', lastSeen: '2026-02-28T00:00:00.000Z' }),
    ),
  ],
]
const retrain = { reason: 'new season', force: true }
const redrive = { reason: 'the role is mended' }
const groundTruth = { model: 'demo', labels: [JSON.parse(labelLine(eventId('lab-1', 0))) as unknown] }
const burst: unknown = request(
  'POST',
  '/v1/models/{model}/bursts',
  { model: 'demo' },
  {},
  { things: ['lab-3'], count: 50, minutes: 60, reason: 'odd answers' },
)
/** Devices that come and go, and the commands of operators. */
const identity = (of: Find): Sample[] => [
  ['allow-devices-csv', objectCreated('devices/first.csv', 43, 20)],
  ['ops-command-enrolments', request('POST', '/v1/enrolments', {}, {}, ENROLMENTS)],
  ['vet-device-enrolment', of('vet-device', 'enrolment').event],
  ['vet-device-clone', of('vet-device', 'clone').event],
  [
    'ops-command-revocation',
    request('POST', '/v1/devices/{thing}/revocation', { thing: 'lab-1' }, {}, { reason: 'stolen' }),
  ],
  ['revoke-device-device-revoked', onBus(of('revoke-device', 'DeviceRevoked').event as BusEvent)],
  ['revoke-device-check-due', checkDue({ kind: 'revocation', subject: 'lab-1' })],
  [
    'ops-command-bar-unknown-model',
    request('POST', '/v1/models/{model}/bars', { model: 'demo' }, {}, { minimumRelease: 1, reason: 'leaks' }),
  ],
  ['advance-rollout-release-barred', onBus(of('advance-rollout', 'ReleaseBarred').event as BusEvent)],
]

/** S3's keys come plain through EventBridge: spaces, plus signs and letters beyond ASCII as they are. */
const drops = (): Sample[] => [
  ['register-model-yaml', objectCreated('models/demo/model.yaml', 742, 0)],
  ['register-model-bad-key', objectCreated('models/model.yaml', 742, 1)],
  ['register-dataset-csv', objectCreated('datasets/demo/early.csv', 20_413, 2)],
  ['register-dataset-odd-key', objectCreated('datasets/demo/Mote 3 + 4 – März.csv', 20_413, 3)],
]

type Find = (handler: string, label: string) => Delivery
const data = (delivery: Delivery): Record<string, unknown> =>
  (delivery.event as { detail: { data: Record<string, unknown> } }).detail.data
const firstBody = ({ event }: Delivery): string =>
  (event as { Records: { body: string }[] }).Records[0]?.body ?? ''
const polls = (of: Find): string => firstBody(of('track-compilation', 'running'))
/** The rule's target is a queue: the event is the message's body. */
const reported = (of: Find): string =>
  JSON.stringify(onBus(JSON.parse(firstBody(of('advance-rollout', 'DeviceReported'))) as BusEvent))
const rollout = (of: Find): string => String(data(of('advance-rollout', 'RolloutPlanned'))['rollout'])
const episode = (of: Find): string => String(data(of('decide-retrain', 'DriftDetected'))['episode'])

/** An event that the recorded run had no cause for, following the one it had. */
const after = (id: string, type: string, body: Record<string, unknown>): BusEvent => ({
  id: `e-${id}`,
  source: 'edgeloop',
  'detail-type': type,
  time: '2026-03-01T00:30:00.000Z',
  detail: {
    metadata: {
      id: digest(id).slice(0, 32),
      type,
      version: 1,
      occurredAt: '2026-03-01T00:30:00.000Z',
      correlationId: digest(`correlation ${id}`).slice(0, 32),
      generation: 0,
    },
    data: body,
  },
})
const checkDue = (body: Record<string, unknown>): unknown =>
  onBus(after(`check ${JSON.stringify(body)}`, 'CheckDue', body))
const harmConfirmed = (of: Find): unknown =>
  onBus(
    after('harm', 'HarmConfirmed', {
      ...{ model: 'demo', version: 1, episode: episode(of), errors: 41, labels: 180 },
      ...{ lowerBound: 0.17, accepted: 0.04 },
    }),
  )

function devices(chain: Chain, of: Find): Sample[] {
  const { sha256: bundle } = chain.packageFor(1).bundle
  const bodyOf = (d: Delivery, i = 0): string =>
    JSON.stringify(
      ingress(JSON.parse((d.event as { Records: { body: string }[] }).Records[i]?.body ?? '') as object),
    )
  const direct = (handler: string, label: string): unknown => ingress(of(handler, label).event as object)
  const up = (thing: string, kind: string, body: unknown, extra: object = {}): string =>
    JSON.stringify({ ...ingress(chain.uplink(thing, kind, body).ingress as object), ...extra })
  const refused = {
    slot: 'main',
    manifest: { epoch: 1, counter: 2 },
    bundle,
    step: 'REFUSED',
    code: 'BUNDLE_SIGNATURE',
    detail: 'the signature is not by the pinned key',
  }
  const samplesOf = (thing: string): unknown =>
    chain.samplesBody(1, [eventId(thing, 1), eventId(thing, 2)], 30)
  const notJson = { data: Buffer.from('{"v":1,').toString('base64') }
  const presence = {
    clientId: 'lab-1',
    timestamp: 1_772_323_200_000,
    eventType: 'disconnected',
    clientInitiatedDisconnect: false,
    sessionIdentifier: 'a4666d2a-7d84-4ae5-8373-9cb9c1fec2f5',
    principalIdentifier: digest('certificate of lab-1'),
    disconnectReason: 'AUTH_ERROR',
    versionNumber: 3,
  }
  const ruleFailed = {
    ruleName: 'edgeloop_dev_metrics',
    topic: 'edgeloop/v1/lab-2/up/metrics',
    cloudwatchTraceId: '5b2c8d2e-0a57-4ea3-8f43-4a4e0b7e6a11',
    clientId: 'lab-2',
    base64OriginalPayload: Buffer.from('{"v":1}').toString('base64'),
    failures: [
      {
        failedAction: 'SqsAction',
        failedResource: 'edgeloop-dev-metrics',
        errorMessage: 'Failed to send message to Sqs queue. Message arrived on: edgeloop/v1/lab-2/up/metrics',
      },
    ],
  }
  return [
    ['ingest-reports-hello', batch('reports', [bodyOf(of('ingest-reports', 'hello'))])],
    ['ingest-reports-committed', batch('reports', [bodyOf(of('ingest-reports', 'COMMITTED'))])],
    ['ingest-reports-refused', batch('reports', [up('lab-2', 'report', refused)])],
    [
      'ingest-reports-poison',
      batch('reports', [bodyOf(of('ingest-reports', 'ACCEPTED')), up('lab-2', 'report', refused, notJson)]),
    ],
    ['answer-device-ask', direct('answer-device', 'ask')],
    ['serve-blob-blob', direct('serve-blob', 'blob')],
    ['predict-in-cloud-predict', direct('predict-in-cloud', 'predict')],
    ['ingest-metrics-window', batch('metrics', [bodyOf(of('ingest-metrics', 'calm'))])],
    ['ingest-metrics-poison', batch('metrics', [bodyOf(of('ingest-metrics', 'moved')), 'not from a rule'])],
    ['ingest-samples-audit', batch('samples', [up('lab-3', 'samples', samplesOf('lab-3'))])],
    [
      'ingest-samples-poison',
      batch('samples', [
        up('lab-4', 'samples', samplesOf('lab-4')),
        up('lab-4', 'samples', samplesOf('lab-3'), { thing: 'lab-3', client: 'lab-4' }),
      ]),
    ],
    ['record-refusal-presence', batch('refusals', [JSON.stringify(presence)])],
    ['record-refusal-rule-error', batch('refusals', [JSON.stringify(ruleFailed)])],
    [
      'record-refusal-poison',
      batch('refusals', [JSON.stringify({ ...presence, timestamp: 1_772_323_260_000 }), '{}']),
    ],
  ]
}

interface OutboxRow {
  readonly type: string
  readonly detail: string
}
/** The outbox row of the run's first event of a type. */
const outbox = (of: Find, type: string): OutboxRow => {
  const { Records } = of('publish-outbox', type).event as {
    Records: { dynamodb: { NewImage: { data: { S: string } } } }[]
  }
  return JSON.parse(Records[0]?.dynamodb.NewImage.data.S ?? '') as OutboxRow
}
const made = (type: string, body: Record<string, unknown>): OutboxRow => ({
  type,
  detail: JSON.stringify((after(type, type, body) as { detail: unknown }).detail),
})
/** Events that no function takes: people read them, or a tool behind the webhook. */
function forOperators(chain: Chain, of: Find): OutboxRow[] {
  const { job = '' } = chain.version(1)
  const reason = 'AlgorithmError: column label has one class only'
  return [
    outbox(of, 'InputRejected'),
    outbox(of, 'PhaseStarted'),
    outbox(of, 'RetrainSuppressed'),
    outbox(of, 'ReviewsOpened'),
    made('TrainingFailed', { model: 'demo', version: 1, job, reason }),
    made('ModelVersionRejected', {
      ...{ model: 'demo', version: 3, metrics: { auc: 0.71 } },
      reasons: ['auc 0.7100 on holdout is under the floor 0.8'],
    }),
    made('CompilationFailed', {
      model: 'demo',
      version: 3,
      hardware: 'camera',
      reason: 'InputConfiguration: no DataInputConfig',
    }),
    made('RolloutRolledBack', {
      ...{ rollout: 'demo-3', model: 'demo', version: 3, fleet: 'lab', counter: 9 },
      reason: 'harm is proven by failures: 5 of 8 failed, 5 % tolerated (SELF_TEST)',
    }),
    made('RolloutHeld', {
      ...{ rollout: 'demo-4', model: 'demo', version: 4, fleet: 'lab', phase: 'canary', devicesNeeded: 52 },
      reason: '0 of 7 canaries failed, which does not prove that fewer than 5 % fail',
    }),
    made('DeviceDriftDetected', {
      ...{ model: 'demo', version: 1, window: 9, found: 1 },
      devices: [{ thing: 'lab-3', evidence: [{ name: 'x', logE: 41.2, distance: 0.97, lowerBound: 0.81 }] }],
    }),
    made('RolloutAborted', {
      ...{ rollout: 'demo-5', model: 'demo', version: 5, fleet: 'lab', devices: 'revert', counter: 11 },
      reason: 'wrong labels',
    }),
  ]
}

/** The run names its jobs for a test stage; the files are of the stage that the template has. */
const asText = (event: unknown): string =>
  `${JSON.stringify(event, null, 2).replaceAll('edgeloop-test', 'edgeloop-dev')}\n`

if (import.meta.main) {
  const dir = fileURLToPath(new URL('../../events/', import.meta.url))
  mkdirSync(dir, { recursive: true })
  for (const old of globSync('*.json', { cwd: dir })) rmSync(`${dir}${old}`)
  for (const [i, [name, event]] of (await samples()).entries())
    writeFileSync(`${dir}${String(i + 1).padStart(2, '0')}-${name}.json`, asText(event))
}
