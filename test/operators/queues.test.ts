/** Dead letters of each kind, really made on the local cloud: seen by an operator, redriven over the API, handled. */
import { readFileSync } from 'node:fs'
import {
  SendMessageCommand,
  SetQueueAttributesCommand,
  SQSClient,
  StartMessageMoveTaskCommand,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AwsError } from '../../local/core/types.ts'
import { mintToken } from '../../scripts/lib/local-cloud.ts'
import { api } from '../../src/contracts/api/index.ts'
import { type Answer, type Lab, startLab } from '../identity/support.ts'
import { datasetCsv, eventually, modelYaml } from '../inputs/support.ts'
import { failedBatch } from './letters.ts'

const MODEL = 'probe'
let lab: Lab
let sqs: SQSClient
/** Rights that somebody took away by hand: fits a caller and an action. */
let taken: (caller: string, action: string, resource: string) => boolean = () => false

beforeAll(async () => {
  lab = await startLab()
  sqs = new SQSClient(lab.h.client)
  const { iam } = lab.h.cloud
  const { authorize } = iam
  iam.authorize = (principal, needs) => {
    const caller = principal.roleName ?? principal.arn
    const need = needs.find(({ action, resource }) => taken(caller, action, resource))
    if (need) throw new AwsError('AccessDenied', `User: ${caller} is not authorized: ${need.action}`, 403)
    authorize(principal, needs)
  }
})
afterAll(async () => {
  sqs?.destroy()
  await lab?.close()
})

const resource = (id: string) => lab.h.cloud.resources[id]!
const depth = (id: string) => lab.h.cloud.sqs.depth(String(resource(id).arn))
const url = (id: string) => resource(id).physicalId
const buried = (id: string, n = 1) =>
  eventually(
    async () => depth(id).visible >= n || undefined,
    () => `${id} holds ${JSON.stringify(depth(id))}`,
  )
const look = async (queue: string) => {
  const { status, body } = await lab.get(`/v1/dead-letters/${queue}`)
  expect([status, body]).toEqual([200, expect.anything()])
  return api.listDeadLetters.answer.parse(body).messages
}
const listed = async (queue: string) => {
  const { body } = await lab.get('/v1/dead-letters')
  return api.listQueues.answer.parse(body).queues.find(q => q.queue === queue)
}
const redrive = (queue: string, body: object = { reason: 'mended' }): Promise<Answer> =>
  lab.command('POST', `/v1/dead-letters/${queue}/redrives`, body)

it('needs the right to see bodies and to redrive', async () => {
  const read = await mintToken(lab.h.cloud, { sub: 'reader', scope: 'fleet:read' })
  expect((await lab.h.api('/v1/dead-letters', read)).status).toBe(200)
  expect((await lab.h.api('/v1/dead-letters/failures', read)).status).toBe(403)
  const path = '/v1/dead-letters/failures/redrives'
  expect((await lab.command('POST', path, { reason: 'x' }, 'fleet:read')).status).toBe(403)
  expect((await redrive('failures', {})).body).toMatchObject({ code: 'INPUT_INVALID', field: 'reason' })
})

it('lists every place where failures land, empty as they are', async () => {
  const { body } = await lab.get('/v1/dead-letters')
  const { queues } = api.listQueues.answer.parse(body)
  expect(queues.map(q => q.queue).sort()).toEqual([
    ...['compilation-polls-dead', 'decisions-dead', 'failures', 'metrics-dead', 'refusals-dead'],
    ...['reports-dead', 'samples-dead', 'undelivered'],
  ])
  expect(queues.filter(q => q.messages > 0 || q.inFlight > 0 || q.redrive !== null)).toEqual([])
})

describe('a message that a function took five times', () => {
  const sample = readFileSync(new URL('../../events/24-ingest-reports-hello.json', import.meta.url), 'utf8')
  const { body } = (JSON.parse(sample) as { Records: { body: string }[] }).Records[0]!

  it('is seen, goes back to its queue by SQS, and is handled', async () => {
    const QueueUrl = url('ReportsQueue')
    // Five times 180 s would be long to wait for.
    await sqs.send(new SetQueueAttributesCommand({ QueueUrl, Attributes: { VisibilityTimeout: '1' } }))
    taken = (caller, action) => caller === 'edgeloop-dev-ingest-reports' && action.startsWith('dynamodb:')
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: body }))
    await buried('ReportsQueueDead')
    expect(await look('reports-dead')).toEqual([
      expect.objectContaining({
        ...{ function: 'ingest-reports', subject: 'lab-1', error: null, received: 6, body },
      }),
    ])
    // Seen again at once, and looks are counted.
    expect(await look('reports-dead')).toMatchObject([{ received: 7 }])
    expect(await listed('reports-dead')).toMatchObject({ messages: 1, inFlight: 0 })
    taken = () => false
    expect(await redrive('reports-dead')).toMatchObject({
      ...{ status: 202, body: { queue: 'reports-dead', task: expect.any(String), redriven: 1, left: [] } },
    })
    await lab.h.refused(r => r.code === 'UNKNOWN_DEVICE' && r.thing === 'lab-1')
    const move = { status: 'COMPLETED', moved: 1, toMove: 1, at: expect.any(String) }
    expect(await listed('reports-dead')).toMatchObject({ messages: 0, redrive: move })
  })

  it('is not moved twice at once', async () => {
    const QueueUrl = url('RefusalsQueueDead')
    for (let i = 0; i < 3; i++) await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: `${i}` }))
    const [source, destination] = [resource('RefusalsQueueDead').arn, resource('RefusalsQueueDead').arn]
    const slow = { MaxNumberOfMessagesPerSecond: 1, DestinationArn: String(destination) }
    await sqs.send(new StartMessageMoveTaskCommand({ SourceArn: String(source), ...slow }))
    expect(await redrive('refusals-dead')).toMatchObject({
      ...{
        status: 409,
        body: { code: 'ILLEGAL_STATE', detail: expect.stringContaining('being moved back') },
      },
    })
  })
})

describe('an invocation that failed three times', () => {
  it('is seen, and its function gets the event again', async () => {
    taken = (caller, action) => caller === 'edgeloop-dev-register-model' && action.startsWith('s3:')
    const key = `models/${MODEL}/model.yaml`
    await lab.h.drop(key, modelYaml(MODEL))
    await buried('FailuresQueue')
    expect(await look('failures')).toEqual([
      expect.objectContaining({
        ...{ function: 'register-model', subject: key, error: expect.stringContaining('AccessDenied') },
      }),
    ])
    taken = () => false
    expect((await redrive('failures')).body).toMatchObject({ task: null, redriven: 1, left: [] })
    await lab.h.event('ModelConfigured', d => d['model'] === MODEL)
    expect(depth('FailuresQueue')).toMatchObject({ visible: 0, inFlight: 0 })
  })

  it('stays where it cannot be read; a batch of the stream goes when everything is published', async () => {
    const QueueUrl = url('FailuresQueue')
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: 'not a record' }))
    await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(failedBatch) }))
    expect((await look('failures')).map(m => m.subject).sort()).toEqual(['3 stream records', null].sort())
    const answer = await eventually(
      async () => {
        const { body } = await redrive('failures')
        return body['redriven'] === 1 ? body : undefined
      },
      () => 'the batch stays',
    )
    expect(answer['left']).toEqual([expect.objectContaining({ why: expect.stringContaining('not JSON') })])
    expect(depth('FailuresQueue')).toMatchObject({ visible: 1, inFlight: 0 })
  })

  it('a function that failures cannot be of is not invoked', async () => {
    const requestContext = { functionArn: String(resource('OpsCommandLambdaFunction').arn) }
    const MessageBody = JSON.stringify({ version: '1.0', requestContext, requestPayload: {} })
    await sqs.send(new SendMessageCommand({ QueueUrl: url('FailuresQueue'), MessageBody }))
    const { body } = await redrive('failures')
    expect(body).toMatchObject({ redriven: 0 })
    const why = (body['left'] as { why: string }[]).map(left => left.why)
    expect(why).toContainEqual(expect.stringMatching(/^invoke edgeloop-dev-ops-command: AccessDenied/))
  })
})

describe('an event that did not reach its function', () => {
  const cut = (name: string) => {
    taken = (caller, action, to) =>
      caller === 'events.amazonaws.com' && action === 'lambda:InvokeFunction' && to.endsWith(`-${name}`)
  }
  it('of AWS: the function gets it, although the rule still may not', async () => {
    cut('register-dataset')
    const key = `datasets/${MODEL}/rows.csv`
    await lab.h.drop(key, datasetCsv())
    await buried('UndeliveredQueue')
    expect(await look('undelivered')).toEqual([
      expect.objectContaining({
        ...{ function: 'register-dataset', subject: key, error: expect.stringMatching(/^NO_PERMISSIONS: /) },
      }),
    ])
    expect((await redrive('undelivered')).body).toMatchObject({ redriven: 1, left: [] })
    await lab.h.event('DatasetRegistered', d => d['model'] === MODEL)
    expect(depth('UndeliveredQueue')).toMatchObject({ visible: 0, inFlight: 0 })
    taken = () => false
  })

  it('of ours: it is on the bus again', async () => {
    cut('decide-retrain')
    const asked = await lab.command('POST', `/v1/models/${MODEL}/retrains`, { reason: 'new season' })
    expect(asked.status).toBe(202)
    await buried('UndeliveredQueue')
    expect(await look('undelivered')).toEqual([
      expect.objectContaining({ function: 'decide-retrain', subject: 'RetrainRequested' }),
    ])
    // Still cut off: it lands here again, and the redrive does not chase it.
    expect((await redrive('undelivered')).body).toMatchObject({ redriven: 1, left: [] })
    await buried('UndeliveredQueue')
    taken = () => false
    expect((await redrive('undelivered')).body).toMatchObject({ redriven: 1, left: [] })
    const decided = await eventually(
      async () => {
        const { body } = await lab.get(`/v1/retrain-decisions?model=${MODEL}`)
        return (body['decisions'] as { trigger: string }[]).find(d => d.trigger === 'manual')
      },
      () => 'there is no decision',
    )
    expect(decided).toBeDefined()
    expect(depth('UndeliveredQueue')).toMatchObject({ visible: 0, inFlight: 0 })
  })
})

it('every redrive is on record with who, why and what became of it', async () => {
  const { body } = await lab.get('/v1/audit?action=REDRIVE&limit=100')
  const { audit } = api.listAudit.answer.parse(body)
  expect(new Set(audit.map(a => a.by))).toEqual(new Set(['operator']))
  const of = (subject: string) => audit.filter(a => a.subject === subject).map(a => a.change)
  expect(of('reports-dead')).toEqual([{ reason: 'mended' }])
  expect(of('refusals-dead')).toEqual([])
  expect(of('undelivered')).toHaveLength(6)
  expect(of('undelivered')).toContainEqual({
    ...{ reason: 'mended', redriven: [expect.any(String)], left: [] },
  })
})
