import * as z from 'zod'
import {
  bar,
  breakerReset,
  burstRequest,
  enrolmentChange,
  enrolmentList,
  labelPost,
  retrainRequest,
  reviewAnswer,
  reviewClaim,
  reviewSkip,
  revocation,
} from '../commands.ts'
import { modelName, sha256, thingName, versionNumber } from '../names.ts'
import { enrolmentView, revocationView } from './fleets.ts'
import { command, page, paging, question, time } from './operation.ts'

const count = z.int().min(0)
const refusals = z.array(
  z.object({ index: count, code: z.string(), message: z.string(), field: z.string().optional() }),
)

export const deviceCommands = {
  allowDevices: command({
    ...{ id: 'allowDevices', path: '/v1/enrolments', tag: 'Devices', scope: 'devices:write', status: 200 },
    summary: 'Put devices on the allow-list; a bad entry is refused alone',
    body: enrolmentList,
    answer: z.object({ allowed: count, unchanged: count, refused: refusals }),
    example: { body: [{ serial: 'containers-0100', fleet: 'containers', hardware: 'gateway-arm64' }] },
  }),
  changeEnrolment: command({
    ...{ id: 'changeEnrolment', method: 'PUT', path: '/v1/enrolments/{serial}', tag: 'Devices' },
    ...{ scope: 'devices:write', status: 200 },
    summary: 'Allow or block a line of the allow-list',
    body: enrolmentChange,
    answer: enrolmentView,
    problems: [404, 409],
    example: { path: { serial: 'containers-0100' }, body: { status: 'BLOCKED', reason: 'not delivered' } },
  }),
  revokeDevice: command({
    ...{ id: 'revokeDevice', path: '/v1/devices/{thing}/revocation', tag: 'Devices' },
    ...{ scope: 'devices:write', status: 202 },
    summary: 'Revoke a device’s certificates, and leave out what it sent since a time',
    body: revocation,
    answer: revocationView,
    problems: [404],
    example: { path: { thing: 'containers-0007' }, body: { reason: 'stolen from the depot' } },
  }),
  requestBurst: command({
    ...{ id: 'requestBurst', path: '/v1/models/{model}/bursts', tag: 'Devices' },
    ...{ scope: 'devices:write', status: 202 },
    summary: 'Have devices capture their next rows',
    body: burstRequest,
    answer: z.object({
      burst: z.string(),
      model: modelName,
      fleet: modelName,
      count,
      until: time,
    }),
    problems: [404],
    example: {
      path: { model: 'cold-chain' },
      body: { things: ['containers-0001'], count: 20, minutes: 60, reason: 'odd readings' },
    },
  }),
}

export const modelCommands = {
  barRelease: command({
    ...{
      id: 'barRelease',
      path: '/v1/models/{model}/bars',
      tag: 'Models',
      scope: 'rollouts:write',
      status: 202,
    },
    summary: 'Never again: a bundle, or releases below a version',
    body: bar,
    answer: z.object({
      model: modelName,
      minimumRelease: versionNumber.optional(),
      bundle: sha256.optional(),
      reason: z.string(),
    }),
    problems: [404, 409],
    example: {
      path: { model: 'cold-chain' },
      body: { minimumRelease: 1, reason: 'the first that is signed' },
    },
  }),
  requestRetrain: command({
    ...{ id: 'requestRetrain', path: '/v1/models/{model}/retrains', tag: 'Retraining' },
    ...{ scope: 'models:write', status: 202 },
    summary: 'Ask for a retrain; guards decide, and `override` needs models:approve as well',
    body: retrainRequest,
    answer: z.object({
      model: modelName,
      reason: z.string(),
      force: z.boolean(),
      override: z.array(z.string()),
    }),
    problems: [403, 404],
    example: { path: { model: 'cold-chain' }, body: { reason: 'new season' } },
  }),
  resetBreaker: command({
    ...{ id: 'resetBreaker', path: '/v1/models/{model}/breaker-resets', tag: 'Retraining' },
    ...{ scope: 'models:approve', status: 200 },
    summary: 'Count rejected challengers anew',
    body: breakerReset,
    answer: z.object({
      model: modelName,
      resetAt: time,
      by: z.string(),
      request: z.string(),
      reason: z.string(),
    }),
    problems: [404],
    example: { path: { model: 'cold-chain' }, body: { reason: 'the labels are mended' } },
  }),
}

export const reviewView = z.object({
  review: z.string(),
  model: modelName,
  eventId: z.string(),
  thing: thingName,
  status: z.enum(['OPEN', 'SETTLED', 'DISPUTED', 'SKIPPED']),
  requestedAt: time,
  request: z.string(),
  claim: z.object({ by: z.string(), until: time }).nullable(),
  answers: count,
  skipped: count,
  row: z.array(z.number().nullable()).nullable(),
  prediction: z.number().nullable(),
  capturedAt: time.nullable(),
})
const reviewing = { tag: 'Labels', scope: 'labels:write', status: 200, answer: reviewView } as const
export const reviewOperations = {
  listReviews: question({
    ...{ id: 'listReviews', path: '/v1/reviews', tag: 'Labels', scope: 'labels:write' },
    summary: 'The review queue of a model, oldest request first',
    query: { ...paging, model: modelName },
    answer: page('reviews', reviewView).extend({
      labellers: z
        .array(z.object({ by: z.string(), agreed: count, disagreed: count }))
        .describe('How often answers to contested reviews were those that settled'),
    }),
    example: { query: { model: 'cold-chain', limit: '2' } },
  }),
  claimReview: command({
    ...reviewing,
    ...{ id: 'claimReview', path: '/v1/reviews/{review}/claim', summary: 'Keep others away for 15 minutes' },
    body: reviewClaim,
    problems: [404, 409],
    example: { path: { review: '{review}' }, body: {} },
  }),
  labelReview: command({
    ...reviewing,
    ...{ id: 'labelReview', path: '/v1/reviews/{review}/label', summary: 'Settle a claimed review' },
    body: reviewAnswer,
    problems: [404, 409],
    example: { path: { review: '{review}' }, body: { label: '0' } },
  }),
  disagreeWithReview: command({
    ...reviewing,
    ...{ id: 'disagreeWithReview', path: '/v1/reviews/{review}/disagree' },
    summary: 'Take an answer back: the sample has another label',
    body: reviewAnswer,
    problems: [404, 409],
    example: { path: { review: '{review}' }, body: { label: '1' } },
  }),
  skipReview: command({
    ...reviewing,
    ...{ id: 'skipReview', path: '/v1/reviews/{review}/skip', summary: 'Pass a claimed review over' },
    body: reviewSkip,
    problems: [404, 409],
    example: { path: { review: '{otherReview}' }, body: { reason: 'the row says too little' } },
  }),
  postLabels: command({
    ...{ id: 'postLabels', path: '/v1/labels', tag: 'Labels', scope: 'labels:write', status: 200 },
    summary: 'Ground truth, as in a file; a bad line is refused alone',
    body: labelPost,
    answer: z.object({ model: modelName, matched: count, unmatched: count, refused: refusals }),
    problems: [404],
    example: {
      body: {
        model: 'cold-chain',
        labels: [
          {
            groundTruthData: { data: 'ok', encoding: 'CSV' },
            eventMetadata: { eventId: 'none' },
            eventVersion: '0',
          },
        ],
      },
    },
  }),
}
