/** What each runbook is tried on. Where a trouble can be brought about for real, it is. */
import { readFileSync } from 'node:fs'
import { CloudWatchClient, PutMetricDataCommand } from '@aws-sdk/client-cloudwatch'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge'
import {
  DeleteFunctionConcurrencyCommand,
  InvokeCommand,
  LambdaClient,
  PutFunctionConcurrencyCommand,
} from '@aws-sdk/client-lambda'
import { GetBucketPolicyCommand, PutBucketPolicyCommand, S3Client } from '@aws-sdk/client-s3'
import {
  PurgeQueueCommand,
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { giveCommand } from '../../scripts/lib/enrol.ts'
import { tableStore } from '../../src/adapters/table.ts'
import { type DeviceRow, keys, listings, type SampleRow, type VersionRow } from '../../src/domain/entities.ts'
import { eventually } from '../inputs/support.ts'
import { datasetCsv, FLEET, HARDWARE, MODEL, type World } from '../operations/world.ts'
import type { Scenario } from './scenario.ts'

const STAGE = { STAGE: 'dev' }
const healthy: Scenario = { words: () => STAGE }

/** Waits for an alarm to be up. */
export const up = (world: World, alarm: string, seconds = 90): Promise<true> =>
  eventually(
    async () => world.cloud.cloudwatch.stateOf(`edgeloop-dev-${alarm}`) === 'ALARM' || undefined,
    () => `the alarm ${alarm} did not go up: ${world.cloud.cloudwatch.stateOf(`edgeloop-dev-${alarm}`)}`,
    seconds * 1000,
  )
const queueUrl = (world: World, id: string): string => String(world.cloud.resources[id]?.physicalId)
const fn = (name: string): string => `edgeloop-dev-${name}`
const send = (world: World, queue: string, MessageBody: string, attributes: Record<string, string> = {}) =>
  new SQSClient(world.config).send(
    new SendMessageCommand({
      QueueUrl: queueUrl(world, queue),
      MessageBody,
      MessageAttributes: Object.fromEntries(
        Object.entries(attributes).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
      ),
    }),
  )
const invoke = (world: World, name: string, payload: string) =>
  new LambdaClient(world.config).send(
    new InvokeCommand({ FunctionName: fn(name), Payload: Buffer.from(payload) }),
  )
const reserve = (world: World, name: string, n: number) =>
  new LambdaClient(world.config).send(
    new PutFunctionConcurrencyCommand({ FunctionName: fn(name), ReservedConcurrentExecutions: n }),
  )
const free = (world: World, name: string) =>
  new LambdaClient(world.config).send(new DeleteFunctionConcurrencyCommand({ FunctionName: fn(name) }))
const ask = (world: World, path: string) =>
  fetch(`${world.env['API']}${path}`, { headers: { authorization: `Bearer ${world.env['TOKEN']}` } })
const table = (world: World) =>
  tableStore(
    String(world.cloud.outputs['StateTableName']),
    () => new Date(),
    new DynamoDBClient(world.config),
  )
const measured = (world: World, MetricName: string) =>
  new CloudWatchClient(world.config).send(
    new PutMetricDataCommand({
      Namespace: 'Edgeloop',
      MetricData: [{ MetricName, Value: 1, Dimensions: [{ Name: 'service', Value: 'edgeloop-dev' }] }],
    }),
  )
const RECONCILE = { Name: 'edgeloop-dev-reconcile-rule-1' }
const event = (name: string): string =>
  readFileSync(new URL(`../../events/${name}.json`, import.meta.url), 'utf8')

/** Thing and event id; the second is erased by itself. */
const SAMPLES = [
  ['t-3', 't-3-1h2k9-3f'],
  ['t-2', 't-2-1h2k9-3f'],
] as const
let policy = ''

export const scenarios: Readonly<Record<string, Scenario>> = {
  unwell: {
    before: async ({ world }) => {
      await send(world, 'UndeliveredQueue', '{}')
      await up(world, 'unwell')
    },
    words: () => STAGE,
    statuses: { 0: 1 },
    prints: {
      0: /unwell {2}page[\s\S]*undelivered-not-empty {2}page[\s\S]*runbooks\/undelivered-events\.md/,
    },
    between: {
      1: async ({ world }) => {
        const QueueUrl = queueUrl(world, 'UndeliveredQueue')
        await new SQSClient(world.config).send(new PurgeQueueCommand({ QueueUrl }))
      },
    },
  },
  'function-errors': {
    before: async ({ world }) => {
      for (let i = 0; i < 3; i++) await invoke(world, 'predict-in-cloud', '{}')
      await up(world, 'errors-devices')
    },
    words: () => STAGE,
    prints: { 0: /ERROR predict-in-cloud EVENT_HANDLED .*outcome=failed/, 2: /0 of \d+ alarms up/ },
  },
  'slow-functions': { ...healthy, prints: { 0: /^\d+\t/, 1: /^\d+(\.\d+)?$/m } },
  throttles: {
    before: async ({ world }) => {
      await reserve(world, 'ops-query', 0)
      await ask(world, '/v1/fleets')
      await up(world, 'throttled')
    },
    words: () => STAGE,
    prints: { 0: /^1000$[\s\S]*✗ throttled/m },
    between: { 0: async ({ world }) => void (await free(world, 'ops-query')) },
  },
  'queue-backlog': { ...healthy, prints: { 0: /reports\t0\t0[\s\S]*compilation-polls\t0\t0/ } },
  'state-table': { ...healthy, prints: { 0: /ACTIVE/ } },
  'device-messages': {
    before: async ({ world }) => {
      const { Records } = JSON.parse(event('36-record-refusal-rule-error')) as { Records: { body: string }[] }
      await send(world, 'RefusalsQueue', Records[0]?.body ?? '')
      await up(world, 'device-rules')
    },
    words: () => STAGE,
    prints: { 0: /rule .*[\s\S]*INPUT_REJECTED .*RULE_FAILED/ },
  },
  'operators-api': {
    before: async ({ world }) => {
      await reserve(world, 'ops-query', 0)
      for (let i = 0; i < 3; i++) await ask(world, '/v1/fleets')
      await up(world, 'api-errors')
    },
    words: () => STAGE,
    prints: { 0: /^50\d /m, 1: /^1$/m },
    between: { 0: async ({ world }) => void (await free(world, 'ops-query')) },
  },
  outbox: { ...healthy, prints: { 0: /^\d+$/m, 1: /EVENT_PUBLISHED .*waitedMs=/ } },
  reconciler: {
    before: async ({ world }) => {
      await new EventBridgeClient(world.config).send(new DisableRuleCommand(RECONCILE))
      await up(world, 'reconciler')
    },
    words: () => STAGE,
    prints: { 0: /RECONCILED[\s\S]*DISABLED/, 2: /RECONCILED/ },
  },
  'signing-blocked': {
    before: async ({ world }) => {
      for (let i = 0; i < 18; i++) {
        await measured(world, 'SigningBlocked')
        await new Promise(later => setTimeout(later, 1_000))
      }
      await up(world, 'signing-blocked')
    },
    words: () => STAGE,
    prints: { 1: /signs, and the trust root lists it[\s\S]*0 of 1 alarms up/ },
  },
  'loop-generation': {
    before: async ({ world }) => {
      await measured(world, 'GenerationRefused')
      await up(world, 'loop-generation')
    },
    words: () => ({ ...STAGE, MODEL }),
    prints: { 1: /^1\tPACKAGED\t0\t/m, 2: /"model":"state"/ },
  },
  'silent-devices': {
    before: async ({ world }) => {
      const store = table(world)
      const lastSeen = new Date(Date.now() - 86_400_000).toISOString()
      for (let i = 1; i <= 6; i++) {
        const thing = `s-${i}`
        const row: DeviceRow = {
          ...{ thing, fleet: FLEET, hardware: HARDWARE, runtime: 'x', lastSeen },
          ...{ epoch: 0, seq: 1, slots: {}, silent: false, dropped: 0 },
        }
        await store.commit([
          {
            ...{ kind: 'put', key: keys.device(thing), data: row, expect: 'any' },
            list: { pk: listings.devices(FLEET), sk: thing },
            pending: { kind: 'device', since: lastSeen },
          },
        ])
      }
      await up(world, 'silent-devices')
    },
    words: () => ({ ...STAGE, FLEET, THING: 's-1' }),
    prints: { 0: /s-1\tboard[\s\S]*EVENT_EMITTED .*DeviceSilent/, 1: /REVOKING|REVOKED/ },
  },
  rollouts: {
    before: async ({ world }) => {
      const { rollout } = (await giveCommand(world.cloud, 'POST', '/v1/rollouts', {
        ...{ model: MODEL, version: 1, reason: 'once more' },
      })) as { rollout: string }
      const reaches = (wanted: string) =>
        eventually(
          async () => {
            const answer = await ask(world, `/v1/rollouts/${rollout}`)
            const { status } = (await answer.json()) as { status?: string }
            return status === wanted || undefined
          },
          () => `the rollout ${rollout} is not ${wanted}`,
        )
      await reaches('RUNNING')
      const command = { command: 'pause', reason: 'lunch' }
      await giveCommand(world.cloud, 'POST', `/v1/rollouts/${rollout}/commands`, command)
      await reaches('PAUSED')
      paused = rollout
    },
    words: () => ({ ...STAGE, ROLLOUT: paused }),
    prints: { 0: /\tPAUSED\t/, 1: /"pause"[\s\S]*RolloutPlanned/ },
  },
  'dead-letters': {
    before: async ({ world }) => {
      const sqs = new SQSClient(world.config)
      const QueueUrl = queueUrl(world, 'ReportsQueue')
      await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '1' } }))
      await send(world, 'ReportsQueue', '{"thing":"x","kind":"hello","data":"e30="}')
      await up(world, 'reports-dead-not-empty')
    },
    words: () => STAGE,
    prints: { 0: /reports-dead-not-empty[\s\S]*x\thello\t\{\}[\s\S]*RECORD_FAILED/ },
  },
  'failed-invocations': {
    before: async ({ world }) => {
      const s3 = new S3Client({ ...world.config, forcePathStyle: true })
      const Bucket = String(world.cloud.outputs['DropBucketName'])
      policy = (await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy ?? ''
      const deny = {
        ...{ Effect: 'Deny', Principal: '*', Action: ['s3:GetObject', 's3:GetObjectVersion'] },
        Resource: `arn:aws:s3:::${Bucket}/datasets/*`,
      }
      const { Statement, ...rest } = JSON.parse(policy) as { Statement: unknown[] }
      const Policy = JSON.stringify({ ...rest, Statement: [...Statement, deny] })
      await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }))
      await world.drop(`datasets/${MODEL}/second.csv`, datasetCsv(400, 3))
      await up(world, 'failures-not-empty')
    },
    words: () => STAGE,
    prints: { 0: /register-dataset.*RetriesExhausted\tEdgeloopError/, 1: /EVENT_HANDLED .*outcome=failed/ },
    between: {
      1: async ({ world }) => {
        const s3 = new S3Client({ ...world.config, forcePathStyle: true })
        const Bucket = String(world.cloud.outputs['DropBucketName'])
        await s3.send(new PutBucketPolicyCommand({ Bucket, Policy: policy }))
      },
    },
    after: async ({ world }) => {
      await eventually(
        async () => (await table(world).get<VersionRow>(keys.version(MODEL, 2))) ?? undefined,
        () => 'the dataset that failed was not trained on after the redrive',
      )
    },
  },
  'undelivered-events': {
    before: async ({ world }) => {
      await send(world, 'UndeliveredQueue', event('05-register-dataset-model-configured'), {
        RULE_ARN:
          'arn:aws:events:eu-west-1:123456789012:rule/edgeloop-dev/edgeloop-dev-register-dataset-rule-2',
        ...{
          ERROR_CODE: 'NO_PERMISSIONS',
          ERROR_MESSAGE: 'not authorized to perform: lambda:InvokeFunction',
        },
      })
      await up(world, 'undelivered-not-empty')
    },
    words: () => STAGE,
    prints: { 0: /NO_PERMISSIONS[\s\S]*ModelConfigured/, 1: /"FailedEntryCount": 0/ },
  },
  'enrol-devices': {
    files: () => ({
      'december.csv': `serial,fleet,hardware\nSN-0003,${FLEET},${HARDWARE}\n`,
    }),
    words: (_, soFar) => ({
      ...{ 'edgeloop-prod': 'edgeloop-dev', ACCOUNT: '123456789012', containers: FLEET },
      'gateway-arm64': HARDWARE,
      CLAIM_ID: /[0-9a-f]{64}/.exec(soFar[0]?.out ?? '')?.[0] ?? 'CLAIM_ID',
    }),
    prints: { 0: /[0-9a-f]{64}/, 1: /allowed/i, 2: /"ALLOWED"/ },
  },
  freshness: {
    before: ({ world }) => up(world, 'freshness', 150).then(() => undefined),
    words: () => STAGE,
    prints: { 0: /✗ freshness/ },
    between: { 0: async ({ world }) => void (await world.startDevices(['late-1'])) },
  },
  erase: {
    before: async ({ world }) => {
      const quarantine = tableStore(
        String(world.cloud.outputs['QuarantineTableName']),
        () => new Date(),
        new DynamoDBClient(world.config),
      )
      for (const [thing, eventId] of SAMPLES) {
        const at = new Date().toISOString()
        const data: SampleRow = {
          ...{ eventId, thing, model: MODEL, version: 1, bundle: await bundleOf(world) },
          ...{ capturedAt: at, receivedAt: at, lane: 'audit', pi: 1, row: [1, 2], prediction: 1 },
        }
        const key = keys.sample(MODEL, eventId, thing)
        await quarantine.commit([{ kind: 'put', key, data, expect: 'any' }])
      }
    },
    words: async ({ world }) => ({
      ...{ 'SN-0007-1h2k9-3f': SAMPLES[1][1], 'SN-0007': SAMPLES[0][0], 'MODEL@VERSION': `${MODEL}@1` },
      ...{ MODEL, prod: 'dev', BUNDLE_SHA256: await bundleOf(world) },
    }),
    prints: { 2: /nothing of it is left[\s\S]*ERASE_SAMPLES/ },
  },
  'revoke-device': {
    words: async ({ world }, soFar) => ({
      ...{ 'SN-0007': 't-4', MODEL },
      ID: /:cert\/([0-9a-f]+)/.exec(soFar[2]?.out ?? '')?.[1] ?? 'ID',
      BUNDLE_SHA256: await bundleOf(world),
    }),
    prints: { 1: /"revokedAt": "2026-11-20T18:00:00/, 2: /:cert\// },
  },
}
let paused = ''

async function bundleOf(world: World): Promise<string> {
  const row = (await table(world).get<VersionRow>(keys.version(MODEL, 1)))?.data
  return row?.status === 'PACKAGED' ? (row.packages[0]?.bundle.sha256 ?? '') : ''
}
export const enableClock = async (world: World): Promise<void> => {
  await new EventBridgeClient(world.config).send(new EnableRuleCommand(RECONCILE))
}
