/** `npx edgeloop doctor`: whatever is broken is named, with what mends it, and nothing is changed by looking. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DisableRuleCommand, EnableRuleCommand, EventBridgeClient } from '@aws-sdk/client-eventbridge'
import { DisableKeyCommand, EnableKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import {
  PutBucketNotificationConfigurationCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { GetQueueUrlCommand, PurgeQueueCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openSession } from '../../scripts/cli/api/session.ts'
import type { Finding, Look } from '../../scripts/cli/doctor/check.ts'
import { expectedOf } from '../../scripts/cli/doctor/expected.ts'
import { checks } from '../../scripts/cli/doctor/run.ts'
import { mintToken } from '../../scripts/lib/local-cloud.ts'
import { stackNames } from '../../scripts/lib/stack.ts'
import { diagnosis, type Found, named, notWell, type Patient, startPatient } from './doctor-support.ts'
import { run } from './support.ts'
import type { Asked } from './tamper.ts'

let patient: Patient
beforeAll(async () => {
  patient = await startPatient()
})
afterAll(() => patient?.close())
beforeEach(() => patient.reset())

const QUOTAS = ['lambda concurrency', 'training quota']

/** What scripts/deploy-console.ts would put there. */
async function putPage(): Promise<void> {
  const s3 = new S3Client({ ...patient.cloud.h.client, forcePathStyle: true })
  const Bucket = stackNames('dev', '123456789012').consoleBucket
  for (const Key of ['index.html', 'config.json'])
    await s3.send(new PutObjectCommand({ Bucket, Key, Body: '{}' }))
  s3.destroy()
}

describe('a healthy stack', () => {
  it('has nothing missing, and the doctor only looks', async () => {
    const asked: Asked[] = []
    patient.way.with(one => {
      asked.push(one)
      return undefined
    })
    await putPage()
    const { exit, found } = await diagnosis()
    expect([exit, notWell(found)]).toEqual([0, []])
    expect(found.filter(f => f.outcome === 'skip').map(f => f.id)).toEqual(QUOTAS)
    expect(asked.length).toBeGreaterThan(15)
    for (const { method, target, body } of asked) {
      const operation = target.split('.').at(-1) || /Action=(\w+)/.exec(body)?.[1]
      if (method === 'POST') expect(operation).toMatch(/^(Describe|List|Get)/)
      else expect(['GET', 'HEAD']).toContain(method)
    }
  })

  it('is told in words, with a verdict', async () => {
    const { exit, out } = await run(['doctor'])
    expect(exit).toBe(0)
    expect(out).toContain('✓ drop bucket')
    expect(out).toMatch(/Nothing is (missing|wrong)/)
  })
})

describe('the way there', () => {
  it.each([
    [{ AWS_ACCESS_KEY_ID: 'AKIANOBODY0000000000' }, /not accepted/],
    [{ AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }, /could not be reached/],
    [{ AWS_REGION: '', AWS_DEFAULT_REGION: undefined }, /no region is set/],
  ])('without %j the rest is not looked at', async (variables, text) => {
    patient.cloud.set(variables)
    const { exit, found } = await diagnosis()
    expect([exit, named(found, 'credentials')]).toMatchObject([1, { outcome: 'fail' }])
    expect(named(found, 'credentials').text).toMatch(text)
    expect(named(found, 'state table')).toMatchObject({ outcome: 'skip' })
    expect(named(found, 'training image')).toMatchObject({ outcome: 'skip' })
  })

  it('no stack of that name', async () => {
    const { exit, json } = await run(['doctor', '--stage', 'nowhere', '--json'])
    const found = (json() as { checks: Found[] }).checks
    expect([exit, named(found, 'drop bucket').outcome]).toEqual([1, 'fail'])
    expect(named(found, 'drop bucket').text).toContain(
      'the stack is not deployed here, or --stage is another',
    )
    expect(named(found, 'rules').outcome).toBe('skip')
  })

  it('what credentials may not look at is a warning, not a fault', async () => {
    patient.way.with(({ target }) =>
      target.endsWith('.ListEventBuses')
        ? { status: 400, headers: {}, body: '{"__type":"AccessDeniedException","message":"no"}' }
        : undefined,
    )
    const { exit, found } = await diagnosis()
    expect(exit).toBe(0)
    expect(named(found, 'bus')).toMatchObject({
      outcome: 'warn',
      text: expect.stringContaining('could not be looked at'),
    })
  })
})

describe('switched off in the stack itself', () => {
  const broken = async (
    id: string,
    outcome: string,
    breakIt: () => Promise<unknown>,
    mend: () => Promise<unknown>,
  ) => {
    await breakIt()
    try {
      const { exit, found } = await diagnosis()
      expect([exit, named(found, id).outcome]).toEqual([outcome === 'fail' ? 1 : 0, outcome])
      return named(found, id)
    } finally {
      await mend()
    }
  }
  const names = stackNames('dev', '123456789012')

  it('a bucket that tells EventBridge nothing, or keeps no versions', async () => {
    const s3 = new S3Client({ ...patient.cloud.h.client, forcePathStyle: true })
    const Bucket = names.dropBucket
    const tell = (NotificationConfiguration: object) =>
      s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }))
    const off = await broken(
      'drop bucket',
      'fail',
      () => tell({}),
      () => tell({ EventBridgeConfiguration: {} }),
    )
    expect(off.text).toContain('nothing that is dropped starts anything')
    const versions = (Status: 'Enabled' | 'Suspended') =>
      s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }))
    await broken(
      'drop bucket',
      'warn',
      () => versions('Suspended'),
      () => versions('Enabled'),
    )
    s3.destroy()
  })

  it('a rule', async () => {
    const events = new EventBridgeClient(patient.cloud.h.client)
    const rule = { Name: 'edgeloop-dev-sign-package-rule-1', EventBusName: 'edgeloop-dev' }
    const found = await broken(
      'rules',
      'fail',
      () => events.send(new DisableRuleCommand(rule)),
      () => events.send(new EnableRuleCommand(rule)),
    )
    expect(found.text).toContain(rule.Name)
    expect(found.fix).toBe(`aws events enable-rule --name ${rule.Name} --event-bus-name edgeloop-dev`)
    events.destroy()
  })

  it('a key', async () => {
    const kms = new KMSClient(patient.cloud.h.client)
    const KeyId = String(patient.cloud.h.cloud.outputs['ModelKeyArn'])
    const found = await broken(
      'keys',
      'fail',
      () => kms.send(new DisableKeyCommand({ KeyId })),
      () => kms.send(new EnableKeyCommand({ KeyId })),
    )
    expect(found.text).toContain('is Disabled')
    kms.destroy()
  })

  it('failures that wait', async () => {
    const sqs = new SQSClient(patient.cloud.h.client)
    const { QueueUrl } = await sqs.send(new GetQueueUrlCommand({ QueueName: 'edgeloop-dev-failures' }))
    const found = await broken(
      'queues',
      'warn',
      () => sqs.send(new SendMessageCommand({ QueueUrl, MessageBody: '{}' })),
      () => sqs.send(new PurgeQueueCommand({ QueueUrl })),
    )
    expect(found).toMatchObject({
      text: expect.stringContaining('1 in edgeloop-dev-failures'),
      fix: 'docs/runbooks/dead-letters.md',
    })
    sqs.destroy()
  })
})

describe('time', () => {
  const DAY = 86_400_000
  it.each([
    [700, 'warn', /expires in \d+ days/],
    [1_000, 'fail', /has expired/],
  ])('%i days from now the trust root is noticed', async (days, outcome, text) => {
    const { found } = await diagnosis(() => Date.now() + days * DAY)
    expect(named(found, 'trust root')).toMatchObject({ outcome, text: expect.stringMatching(text) })
  })
})

describe('the token', () => {
  const mint = (scope: string, expiresIn = 3_600) =>
    mintToken(patient.cloud.h.cloud, { sub: 'op', scope, expiresIn })

  it.each([
    ['none', async (): Promise<string | undefined> => undefined, 'warn', /there is no token/],
    ['no JWT', async (): Promise<string | undefined> => 'abc', 'fail', /is no JWT/],
    ['an old one', () => mint('fleet:read', -120), 'fail', /expired 2 min ago/],
    ['one without fleet:read', () => mint('devices:write'), 'fail', /no scope fleet:read/],
    ['one that may only read', () => mint('fleet:read'), 'warn', /lacks devices:write/],
  ] as const)('%s', async (_, token, outcome, text) => {
    patient.cloud.set({ TOKEN: await token() })
    const { found } = await diagnosis()
    expect(named(found, 'token')).toMatchObject({ outcome, text: expect.stringMatching(text) })
  })

  it.each([
    ['that has expired', undefined, /the sign-in has expired/],
    ['whose issuer is away', 'a-refresh-token', /the issuer could not be reached/],
  ])('a sign-in %s is named as what is wrong', async (_, refreshToken, text) => {
    patient.cloud.set({ TOKEN: undefined })
    const session = openSession(process.env, Date.now)
    session.keep({
      ...{ api: patient.way.url, accessToken: 'old', expiresAt: 0, clientId: 'c' },
      // Port 9 discards, where anybody listens at all.
      tokenEndpoint: 'http://127.0.0.1:9/token',
      ...(refreshToken === undefined ? {} : { refreshToken }),
    })
    const { found } = await diagnosis()
    session.forget(patient.way.url)
    expect(named(found, 'token')).toMatchObject({ outcome: 'warn', text: expect.stringMatching(text) })
    expect(named(found, 'api')).toMatchObject({
      outcome: 'skip',
      text: expect.stringMatching(/wants a token/),
    })
  })

  it('scopes of Cognito, with its resource server in front, are the same', async () => {
    patient.cloud.set({ TOKEN: await mint('edgeloop/fleet:read edgeloop/devices:write') })
    const { text } = named((await diagnosis()).found, 'token')
    expect(text).not.toContain('devices:write')
    expect(text).toContain('labels:write')
  })
})

describe('quotas, on AWS', () => {
  const look = (more: Partial<Look>): Look => ({
    ...{ stage: 'dev', account: '123456789012', node: process.versions.node, env: process.env },
    config: { ...patient.cloud.h.client, endpoint: patient.way.url },
    names: stackNames('dev', '123456789012'),
    expected: expectedOf('dev'),
    ...{ api: undefined, token: new Error('none'), local: false, now: () => Date.now() },
    ...more,
  })
  const check = (id: string, more: Partial<Look> = {}): Promise<Finding> =>
    checks.find(c => c.id === id)!.run(look(more))

  it('few executions at a time are a warning', async () => {
    const limit = (n: number): void =>
      patient.way.with(({ path }) =>
        path.includes('account-settings')
          ? {
              status: 200,
              headers: {},
              body: JSON.stringify({ AccountLimit: { UnreservedConcurrentExecutions: n } }),
            }
          : undefined,
      )
    limit(10)
    expect(await check('lambda concurrency')).toMatchObject({
      outcome: 'warn',
      fix: expect.stringContaining('L-B99A9384'),
    })
    limit(1_000)
    expect(await check('lambda concurrency')).toMatchObject({ outcome: 'ok' })
  })

  it('no training job of the instance type is a fault; of several pages all are read', async () => {
    let value = 0
    const server = createServer(async (asked, reply) => {
      let body = ''
      for await (const chunk of asked as AsyncIterable<Buffer>) body += chunk.toString('utf8')
      const second = body.includes('"NextToken":"2"')
      const quota = second
        ? { QuotaName: 'ml.m5.large for training job usage', QuotaCode: 'L-611FA074', Value: value }
        : { QuotaName: 'ml.m5.large for endpoint usage', QuotaCode: 'L-X', Value: 9 }
      reply.end(JSON.stringify({ Quotas: [quota], ...(second ? {} : { NextToken: '2' }) }))
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const env = { ...process.env, AWS_ENDPOINT_URL_SERVICE_QUOTAS: url }
    expect(await check('training quota', { env })).toMatchObject({
      outcome: 'fail',
      fix: expect.stringContaining('L-611FA074'),
    })
    value = 1
    expect(await check('training quota', { env })).toMatchObject({
      outcome: 'ok',
      text: 'training may run on ml.m5.large',
    })
    server.close()
  })

  it('an old Node is a fault', async () => {
    expect(await check('node', { node: '18.20.4' })).toMatchObject({ outcome: 'fail' })
    expect(await check('node', { node: '20.18.9' })).toMatchObject({ outcome: 'fail' })
    expect(await check('node', { node: '20.19.0' })).toMatchObject({ outcome: 'ok' })
    expect(await check('node', { node: '24.0.0' })).toMatchObject({ outcome: 'ok' })
  })

  it('an API whose address nobody gave is a warning', async () => {
    expect(await check('api')).toMatchObject({ outcome: 'warn', fix: expect.stringContaining('ApiUrl') })
    expect(await check('api', { api: 'http://127.0.0.1:1' })).toMatchObject({ outcome: 'fail' })
  })
})

it('every check is broken in one of these tests', () => {
  const texts = ['doctor.test.ts', 'doctor-missing.test.ts'].map(name =>
    readFileSync(new URL(name, import.meta.url), 'utf8'),
  )
  for (const { id } of checks) expect([id, texts.join().includes(`'${id}'`)]).toEqual([id, true])
})
