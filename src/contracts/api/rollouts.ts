import * as z from 'zod'
import { rolloutApproval, rolloutCommand, rolloutRequest } from '../commands.ts'
import { release } from '../manifest.ts'
import { fleetName, modelName, slotName, thingName, versionNumber } from '../names.ts'
import { phasePolicy, rolloutPolicy } from '../rollout-policy.ts'
import { rolloutDecisionKinds, rolloutStatuses } from '../rollout-states.ts'
import { command, page, paging, question, time } from './operation.ts'

const count = z.int().min(0)
const numbers = z.record(z.string(), z.number())

export const rolloutStatus = z.enum(rolloutStatuses)
export const testResult = z.object({
  metric: z.enum(['failures', 'errors', 'resets', 'silent', 'latency', 'confidence', 'disagreement']),
  test: z.string(),
  verdict: z.enum(['harm', 'safe', 'undecided']),
  canary: z.string(),
  control: z.string().optional(),
  statistic: z.number().nullable(),
  threshold: z.number().nullable(),
  alpha: z.number(),
})
export const rolloutDecision = z.object({
  at: time,
  decision: z.enum(rolloutDecisionKinds),
  command: z.string().optional(),
  by: z.string(),
  phase: z.string(),
  reason: z.string(),
  proven: z.boolean().optional(),
  counts: numbers,
  tests: z.array(testResult),
  keep: z.boolean().optional(),
  devicesNeeded: z.number().optional(),
})
const outlook = z.object({
  decision: z.string(),
  reason: z.string(),
  devicesNeeded: z.number().optional(),
  tests: z.array(testResult),
})
const proofRow = z.object({
  claim: z.string(),
  value: z.number().nullable(),
  sentence: z.string(),
})
const phase = z.object({
  ...phasePolicy.shape,
  exposures: numbers,
  controls: numbers,
  devices: z.object({ canary: z.number(), control: z.number() }),
  startWithin: z.number().optional(),
  proof: z.array(proofRow),
})
export const rolloutSummary = z.object({
  rollout: z.string(),
  model: modelName,
  version: versionNumber,
  fleet: fleetName,
  slot: slotName,
  status: rolloutStatus,
  shadow: z.boolean(),
  createdAt: time,
  createdBy: z.string(),
  phaseSince: time,
  phase: z.string().nullable(),
  phases: z.array(z.object({ name: z.string(), exposure: z.number() })),
  last: rolloutDecision.nullable(),
})
/** One rung of the ladder. */
export const ladder = z.object({
  expected: count.describe('Canaries that the present phase has, about'),
  waiting: count.describe('Have not begun'),
  fetching: count.describe('Have begun and not come to an end'),
  active: count,
  failed: count.describe('Or refused'),
  retrying: count,
  silent: count,
  failureRate: z.object({
    estimate: z.number().nullable(),
    tolerated: z.number(),
    upperBound: z.number().nullable().describe('Upper end of the confidence sequence of the stop test'),
    stopsAt: count.describe('Failures that stop it at the outcomes so far'),
  }),
})
export const deviceEvidence = z.object({
  thing: thingName,
  started: z.boolean(),
  outcome: z.enum(['RETRYABLE', 'COMMITTED', 'FAILED', 'REFUSED']).nullable(),
  code: z.string().optional(),
  phases: z.record(
    z.string(),
    z.object({
      arm: z.enum(['canary', 'control']),
      errors: z.boolean(),
      resets: z.boolean(),
      silent: z.boolean(),
      values: z
        .partialRecord(
          z.enum(['latency', 'confidence', 'disagreement']),
          z.object({ n: z.number(), sum: z.number() }),
        )
        .describe('Sums over its windows'),
    }),
  ),
})
export const rolloutDetail = z.object({
  ...rolloutSummary.shape,
  phaseIndex: count,
  phases: z.array(phase),
  releases: z.record(z.string(), release).describe('By hardware'),
  before: z.record(z.string(), release.nullable()).describe('Where a roll-back leads, by hardware'),
  policy: z.looseObject(rolloutPolicy.shape),
  approved: z.array(z.string()),
  begun: z.array(time),
  looks: z.array(z.number()),
  history: z.array(rolloutDecision).describe('Oldest first'),
  counts: numbers,
  ladder,
  outlook: outlook.nullable().describe('What the engine makes of it now; null at an end'),
  waitsForApproval: z.string().nullable().describe('Name of the phase that waits'),
  waitsForStart: z.boolean().describe('Planned only; the command `start` lets it begin'),
  allowed: z
    .array(z.enum(['start', 'approve', 'pause', 'resume', 'promote', 'abort', 'roll-back']))
    .describe('Commands that fit its state'),
})
const started = z.object({
  rollout: z.string(),
  model: modelName,
  version: versionNumber,
  fleet: fleetName,
  slot: slotName,
})
const commanded = z.object({
  rollout: z.string(),
  decision: z.string(),
  phase: z.string(),
  status: rolloutStatus.describe('Before the command took effect'),
})

export const rolloutOperations = {
  listRollouts: question({
    ...{ id: 'listRollouts', path: '/v1/rollouts', tag: 'Rollouts', summary: 'Rollouts, newest first' },
    query: {
      ...paging,
      model: modelName.optional(),
      fleet: fleetName.optional(),
      status: rolloutStatus.optional(),
    },
    answer: page('rollouts', rolloutSummary),
    example: { query: { limit: '2' } },
  }),
  getRollout: question({
    ...{ id: 'getRollout', path: '/v1/rollouts/{rollout}', tag: 'Rollouts' },
    summary: 'One rollout: plan, evidence, decisions, and what the engine makes of it now',
    answer: rolloutDetail,
    problems: [404],
    example: { path: { rollout: 'cold-chain-v1' } },
  }),
  listRolloutDevices: question({
    ...{ id: 'listRolloutDevices', path: '/v1/rollouts/{rollout}/devices', tag: 'Rollouts' },
    summary: 'What its devices reported',
    query: {
      ...paging,
      outcome: z
        .enum(['RETRYABLE', 'COMMITTED', 'FAILED', 'REFUSED', 'NONE', 'UNSUCCESSFUL', 'UNDER_WAY'])
        .optional()
        .describe('`UNSUCCESSFUL`: failed or refused; `UNDER_WAY`: begun, and at no end'),
      arm: z.enum(['canary', 'control']).optional(),
    },
    answer: page('devices', deviceEvidence),
    problems: [404],
    example: { path: { rollout: 'cold-chain-v1' }, query: { limit: '2' } },
  }),
  planRollout: command({
    ...{ id: 'planRollout', path: '/v1/rollouts', tag: 'Rollouts', scope: 'rollouts:write', status: 202 },
    summary: 'Plan a rollout of a version that was rolled back, or of an older one, and start it',
    description:
      'It starts at once, or, where the model’s policy asks for it, when a person other than the one who asked approves. With `start: false` it is only planned: its phases, and what each can prove, can be looked at before the command `start`.',
    body: rolloutRequest,
    answer: started,
    problems: [404, 409],
    example: { body: { model: 'cold-chain', version: 1, reason: 'the new one reads the door wrong' } },
  }),
  commandRollout: command({
    ...{ id: 'commandRollout', path: '/v1/rollouts/{rollout}/commands', tag: 'Rollouts' },
    ...{ scope: 'rollouts:write', status: 202 },
    summary: 'Start what is planned, pause, resume, promote, abort or roll back',
    body: rolloutCommand,
    answer: commanded,
    problems: [404, 409],
    example: {
      path: { rollout: 'cold-chain-v2' },
      body: { command: 'pause', reason: 'the depot is closed' },
    },
  }),
  approveRollout: command({
    ...{ id: 'approveRollout', path: '/v1/rollouts/{rollout}/approval', tag: 'Rollouts' },
    ...{ scope: 'rollouts:approve', status: 202 },
    summary: 'Approve a rollout, or its next phase; never one’s own',
    body: rolloutApproval,
    answer: commanded,
    problems: [403, 404, 409],
    example: { path: { rollout: 'cold-chain-v2' }, body: { reason: 'seen in the depot' } },
  }),
}
