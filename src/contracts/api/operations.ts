import * as z from 'zod'
import { lineageDocument } from '../lineage.ts'
import { fleetName, modelName, thingName, versionNumber } from '../names.ts'
import { retrainTriggers } from '../retrain-policy.ts'
import { fleetReport } from './fleets.ts'
import { harmView, quantityView } from './models.ts'
import { command, page, paging, question, queueName, time } from './operation.ts'
import { ladder, rolloutStatus } from './rollouts.ts'

const count = z.int().min(0)

const guardOutcome = z.object({
  guard: z.string(),
  passed: z.boolean(),
  detail: z.string(),
  waived: z.enum(['force', 'override']).optional(),
})
/** What the decision looked at, as it was at that moment. Of a drop, nothing about the field. */
const decisionFacts = z.object({
  trigger: z.enum(retrainTriggers),
  now: time,
  lastTrainingAt: time.optional(),
  trainingInProgress: z.boolean().optional(),
  rolloutInFlight: z.boolean().optional(),
  newLabels: count.optional(),
  devices: count.optional(),
  fieldDevices: count.optional(),
  generation: count.optional(),
  month: z
    .object({
      ...{ month: z.string(), trainings: count, complete: z.boolean() },
      ...{ cost: z.number().optional(), next: z.number().optional(), unpriced: z.array(z.string()) },
    })
    .optional(),
  breaker: z.object({ rejected: z.array(versionNumber), since: time.optional() }).optional(),
  episode: z.object({ episode: z.string(), answeredBy: z.string().optional() }).optional(),
  shift: z.object({ labels: count, error: z.number().nullable(), accepted: z.number() }).optional(),
  asked: z
    .object({ by: z.string(), reason: z.string(), force: z.boolean(), override: z.array(z.string()) })
    .optional(),
})
export const decisionView = z.object({
  decision: z.string(),
  model: modelName,
  trigger: z.enum(retrainTriggers),
  approved: z.boolean(),
  at: time,
  episode: z.string().optional(),
  facts: decisionFacts,
  guards: z.array(guardOutcome),
})
export const admissionView = z.object({
  admitted: count,
  devices: count,
  excluded: z.record(z.string(), z.number()),
  at: time,
  version: versionNumber.optional().describe('That was asked for'),
  suppressed: z.boolean().optional().describe('There was nothing new to train on'),
})
export const rejectionView = z.object({
  rejection: z.string(),
  channel: z.enum(['s3', 'mqtt', 'bus', 'api']),
  subject: z.string(),
  code: z.string(),
  reason: z.string(),
  field: z.string().optional(),
  model: z.string().optional(),
  thing: z.string().optional(),
  at: time,
  excerpt: z.string().optional().describe('Start of the refused payload, base64; none of samples and labels'),
})
export const auditView = z.object({
  audit: z.string(),
  at: time,
  by: z.string(),
  action: z.string(),
  subject: z.string(),
  change: z.unknown(),
  before: z.unknown(),
})

export const queueView = z.object({
  queue: queueName,
  kind: z.enum(['dead-letters', 'failed-invocations', 'undelivered-events']),
  /** Approximate, as SQS says. */
  messages: count,
  inFlight: count.describe('Being looked at or handled'),
  runbook: z.string(),
  redrive: z
    .object({ status: z.string(), moved: count, toMove: count.nullable(), at: time })
    .nullable()
    .describe('The newest move of its messages back to their queue'),
})
export const deadLetter = z.object({
  messageId: z.string(),
  sentAt: time,
  received: count.describe('How often it was received, looks included'),
  function: z.string().nullable(),
  error: z.string().nullable(),
  subject: z.string().nullable().describe('Event type, thing or key that it is about'),
  body: z.string().describe('At most 4 KB of it'),
})

/** What a person should look at, most urgent first. */
export const attention = z.object({
  kind: z.enum([
    'rollout-held',
    'rollout-approval',
    'rollout-planned',
    'rolled-back',
    'harm',
    'drift',
    'device-problem',
    'devices-silent',
    'dead-letters',
    'stale-telemetry',
    'reconciler',
    'retrain-suppressed',
    'version-rejected',
    'training-failed',
    'reviews',
    'manifest-unpublished',
  ]),
  severity: z.enum(['page', 'ticket', 'info']),
  subject: z.string(),
  scope: z.string().describe('How much of what, such as `7 devices`'),
  since: time.nullable(),
  cause: z.string().describe('One sentence'),
  action: z.string().describe('What to do about it'),
  link: z.string().describe('Page of the console, from `#/`'),
})
const point = z.object({
  at: time,
  registered: count,
  connected: count,
  versions: z.record(z.string(), count).describe('Devices by `model@version`'),
})
export const overview = z.object({
  asOf: time.describe('When it was made'),
  stage: z.string(),
  attention: z.array(attention).max(10),
  attentionTotal: count,
  attentionBy: z.object({ page: count, ticket: count, info: count }).describe('How many there are of each'),
  fleets: z.array(
    fleetReport.extend({
      history: z.array(point).describe('Of 24 hours, oldest first; closer together the newer they are'),
      lastSeen: time.nullable().describe('Newest report or counts of any of its devices'),
      onTarget: z
        .object({ devices: count, of: count })
        .describe('Devices that run the committed version, of those that should'),
    }),
  ),
  rollouts: z
    .array(
      z.object({
        ...{ rollout: z.string(), model: modelName, version: versionNumber, fleet: fleetName },
        ...{ status: rolloutStatus, shadow: z.boolean(), phase: z.string().nullable() },
        phases: z.array(z.object({ name: z.string(), exposure: z.number() })),
        ...{ createdAt: time, createdBy: z.string(), phaseSince: time },
        ladder,
        reason: z.string().nullable().describe('What the engine makes of it now'),
        waitsForApproval: z.string().nullable().describe('Name of the phase that waits'),
        waitsForStart: z.boolean().describe('Planned only; the command `start` lets it begin'),
      }),
    )
    .describe('In flight'),
  models: z.array(
    z.object({
      ...{ model: modelName, fleet: fleetName, champion: versionNumber.nullable() },
      harm: harmView,
      drift: z.object({
        episode: z.string().nullable(),
        window: z.int().nullable(),
        at: time.nullable().describe('End of that window'),
        worst: quantityView.nullable(),
        drifting: count,
        insufficient: count,
        quantities: count,
        deviceProblems: count,
        offDevices: z.array(thingName).max(3).describe('Some of those that have them'),
      }),
      retraining: z.object({ decision: z.string(), since: time }).nullable(),
      lastDecision: z
        .object({
          decision: z.string(),
          trigger: z.string(),
          approved: z.boolean(),
          at: time,
          blockedBy: z.array(z.string()),
        })
        .nullable(),
    }),
  ),
  people: z
    .record(z.string(), z.string())
    .describe('Names of those who gave commands, by the subject of their token (`by`, `createdBy`)'),
  reconciler: z.object({ at: time.nullable(), runs: count }),
  complete: z.boolean().describe('False: there are more fleets or models than one overview holds'),
})
export type Overview = z.infer<typeof overview>

const lineage = { tag: 'Lineage', answer: lineageDocument, problems: [404, 410] } as const
export const systemOperations = {
  getOverview: question({
    ...{ id: 'getOverview', path: '/v1/overview', tag: 'Overview' },
    summary: 'Is anything wrong, and what do I do?',
    description:
      'Made once a minute and whenever a rollout, a model or a decision changes, so that asking costs one read. Ask with If-None-Match.',
    answer: overview,
    example: {},
  }),
  listRetrainDecisions: question({
    ...{ id: 'listRetrainDecisions', path: '/v1/retrain-decisions', tag: 'Retraining' },
    summary: 'Why it did or did not retrain: every decision with its facts and guards, newest first',
    query: { ...paging, model: modelName.optional(), approved: z.enum(['true', 'false']).optional() },
    answer: page('decisions', decisionView),
    example: { query: { limit: '2' } },
  }),
  getRetrainDecision: question({
    ...{
      id: 'getRetrainDecision',
      path: '/v1/models/{model}/retrain-decisions/{decision}',
      tag: 'Retraining',
    },
    summary: 'One decision, and what became of it',
    answer: decisionView.extend({ admission: admissionView.nullable() }),
    problems: [404],
    example: { path: { model: 'cold-chain', decision: '{decision}' } },
  }),
  getPredictionLineage: question({
    ...lineage,
    ...{ id: 'getPredictionLineage', path: '/v1/lineage/predictions/{eventId}' },
    summary: 'Where a captured prediction comes from',
    query: { model: modelName.optional() },
    example: { path: { eventId: '{eventId}' } },
  }),
  getBundleLineage: question({
    ...lineage,
    ...{ id: 'getBundleLineage', path: '/v1/lineage/bundles/{digest}' },
    summary: 'Where a package comes from, and how it came to a device',
    query: {
      thing: thingName.optional(),
      at: z.string().max(40).optional().describe('ISO time, with `thing`'),
    },
    example: { path: { digest: '{bundle}' }, query: { thing: 'containers-0001' } },
  }),
  getVersionLineage: question({
    ...lineage,
    ...{ id: 'getVersionLineage', path: '/v1/lineage/models/{model}/versions/{version}' },
    summary: 'Where a version comes from',
    example: { path: { model: 'cold-chain', version: '1' } },
  }),
  listRejectedInputs: question({
    ...{ id: 'listRejectedInputs', path: '/v1/rejected-inputs', tag: 'Inputs' },
    summary: 'What was refused at the edge, and why, newest first',
    query: {
      ...paging,
      channel: rejectionView.shape.channel.optional(),
      code: z.string().min(1).max(80).optional(),
      model: modelName.optional(),
      thing: thingName.optional(),
    },
    answer: page('rejections', rejectionView),
    example: { query: { limit: '2' } },
  }),
  listAudit: question({
    ...{
      id: 'listAudit',
      path: '/v1/audit',
      tag: 'Audit',
      summary: 'Who did what, when, and what was there before',
    },
    query: {
      ...paging,
      by: z.string().min(1).max(200).optional(),
      action: z.string().min(1).max(60).optional(),
      subject: z.string().min(1).max(300).optional(),
    },
    answer: page('audit', auditView),
    example: { query: { limit: '2' } },
  }),
  listQueues: question({
    ...{ id: 'listQueues', path: '/v1/dead-letters', tag: 'Queues', function: 'opsQueues' },
    summary: 'Every place where failures land, and how much is there',
    answer: z.object({ queues: z.array(queueView) }),
    example: {},
  }),
  listDeadLetters: question({
    ...{ id: 'listDeadLetters', path: '/v1/dead-letters/{queue}', tag: 'Queues' },
    ...{ function: 'opsQueues', scope: 'queues:write' },
    summary: 'Up to ten messages of it; looking hides them from others for some seconds',
    answer: z.object({ queue: queueName, messages: z.array(deadLetter) }),
    problems: [404],
    example: { path: { queue: 'reports-dead' } },
  }),
  redrive: command({
    ...{ id: 'redrive', path: '/v1/dead-letters/{queue}/redrives', tag: 'Queues' },
    ...{ function: 'opsQueues', scope: 'queues:write', status: 202 },
    summary: 'Have its messages handled once more',
    body: z.strictObject({
      reason: z.string().trim().min(1).max(500),
      /** Of `failures` and `undelivered`: most messages of this call. */
      max: z.int().min(1).max(100).default(10),
    }),
    answer: z.object({
      queue: queueName,
      /** A task of SQS moves all of a queue's; for the others, each was handed to its function. */
      task: z.string().nullable(),
      redriven: count.describe(
        'Handed over, or found to be done and removed; with a task: about how many it will move',
      ),
      left: z.array(z.object({ messageId: z.string(), why: z.string() })),
    }),
    problems: [404, 409],
    example: { path: { queue: 'reports-dead' }, body: { reason: 'the role is mended' } },
  }),
}
