import { PublishCommand } from '@aws-sdk/client-iot-data-plane'
import type { MqttClient } from 'mqtt'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import {
  ACCOUNT,
  allowEverything,
  arn,
  closed,
  collect,
  type Device,
  eventually,
  type Lab,
  openLab,
  REGION,
  variable,
} from './support.ts'

const FUNCTION = `arn:aws:lambda:${REGION}:${ACCOUNT}:function:answer`
const QUEUE = `arn:aws:sqs:${REGION}:${ACCOUNT}:reports`
const ERRORS = `arn:aws:sqs:${REGION}:${ACCOUNT}:rule-errors`
const QueueUrl = `http://127.0.0.1:4566/${ACCOUNT}/reports`
const RoleArn = `arn:aws:iam::${ACCOUNT}:role/service/rule-role`
const lambda = { Lambda: { FunctionArn: FUNCTION } }
const sqs = { Sqs: { QueueUrl, RoleArn } }
const onError = { Sqs: { QueueUrl: `http://127.0.0.1:4566/${ACCOUNT}/rule-errors`, RoleArn } }
const republish = (Topic: string) => ({ Republish: { Topic, RoleArn, Qos: 1 } })

let lab: Lab
let device: Device
let client: MqttClient
let got: ReturnType<typeof collect>
let count = 0
beforeAll(async () => {
  lab = await openLab()
  allowEverything(lab.iot)
  device = await lab.provision('dev-1')
  client = await lab.connect(device)
  got = collect(client)
  await client.subscribeAsync('out/#', { qos: 1 })
})
afterAll(() => lab.close())
afterEach(() => {
  lab.invoked.length = 0
  lab.queued.length = 0
  lab.broken.clear()
  got.length = 0
})

/** Makes a rule of its own on topics `{name}/…`, so that tests do not trigger each other's. */
const rule = (
  sql: (topics: string) => string,
  Actions: readonly unknown[],
  more: Readonly<Record<string, unknown>> = {},
): string => {
  const RuleName = `rule_${count++}`
  lab.iot.createTopicRule({
    RuleName,
    TopicRulePayload: { Sql: sql(`${RuleName}/#`), AwsIotSqlVersion: '2016-03-23', Actions, ...more },
  })
  return RuleName
}
const all = (topics: string) => `SELECT * FROM '${topics}'`
const json = (text: string | Buffer | undefined) => JSON.parse(String(text)) as Record<string, unknown>

describe('actions', () => {
  it('invoke Lambda with the result, as iot.amazonaws.com for the rule', async () => {
    const name = rule(
      t => `SELECT *, topic(2) AS thing, clientid() AS c, principal() AS p FROM '${t}'`,
      [lambda],
    )
    await client.publishAsync(`${name}/dev-1/up`, '{"v":1}', { qos: 1 })
    const call = await eventually('the call', () => lab.invoked[0])
    expect(call.functionArn).toBe(FUNCTION)
    expect(call.source).toEqual({ service: 'iot.amazonaws.com', sourceArn: arn('rule', name) })
    expect(json(call.payload)).toEqual({ v: 1, thing: 'dev-1', c: 'dev-1', p: device.certificateId })
  })

  it('send to SQS as the role, in text or base64', async () => {
    const name = rule(all, [sqs, { Sqs: { QueueUrl, RoleArn, UseBase64: true } }])
    await client.publishAsync(`${name}/x`, 'hello', { qos: 1 })
    await eventually('both', () => lab.queued.length === 2)
    expect(lab.queued.map(({ body }) => body).sort()).toEqual(['aGVsbG8=', 'hello'])
    expect(lab.queued[0]).toMatchObject({
      queueArn: QUEUE,
      as: { kind: 'role', roleName: 'rule-role', sessionName: name },
    })
  })

  it('republish to a topic made from the message, with iot:Publish of the role', async () => {
    const name = rule(
      t => `SELECT v FROM '${t}'`,
      [republish(`out/${variable('topic(2)')}/${variable("upper(kind) + '-' + v")}`)],
    )
    lab.authorized.length = 0
    await client.publishAsync(`${name}/dev-1`, '{"v":1,"kind":"hot"}', { qos: 1 })
    await eventually('the message', () => got.length === 1)
    expect(got[0]).toMatchObject({ topic: 'out/dev-1/HOT-1', payload: Buffer.from('{"v":1}'), qos: 1 })
    expect(lab.authorized).toEqual([{ action: 'iot:Publish', resource: arn('topic', 'out/dev-1/HOT-1') }])
  })

  it('hand on what HTTP publishes', async () => {
    const name = rule(t => `SELECT clientid() AS c, principal() AS p, v FROM '${t}'`, [lambda])
    await lab.data.send(new PublishCommand({ topic: `${name}/x`, payload: Buffer.from('{"v":2}') }))
    const call = await eventually('the call', () => lab.invoked[0])
    expect(json(call.payload)).toEqual({ c: 'n/a', p: 'operator', v: 2 })
  })

  it('run only where WHERE is true and the rule is enabled', async () => {
    const name = rule(t => `SELECT v FROM '${t}' WHERE v > 1`, [lambda])
    const off = rule(all, [lambda], { RuleDisabled: true })
    await client.publishAsync(`${off}/x`, '{"v":9}', { qos: 1 })
    for (const v of [1, 'x', null, 2])
      await client.publishAsync(`${name}/x`, JSON.stringify({ v }), { qos: 1 })
    await eventually('the call', () => lab.invoked.length > 0)
    expect(lab.invoked.map(({ payload }) => json(payload))).toEqual([{ v: 2 }])
  })

  it('encode binary payloads', async () => {
    const name = rule(t => `SELECT encode(*, 'base64') AS data, topic(2) AS thing FROM '${t}'`, [sqs])
    await client.publishAsync(`${name}/dev-1`, Buffer.from([255, 0, 1]), { qos: 1 })
    const { body } = await eventually('the message', () => lab.queued[0])
    expect(json(body)).toEqual({ data: '/wAB', thing: 'dev-1' })
  })
})

describe('Basic Ingest', () => {
  it('goes to its rule alone, and topic() does not see the prefix', async () => {
    const name = rule(t => `SELECT topic() AS t, topic(1) AS first FROM '${t}'`, [lambda])
    const other = rule(all, [lambda])
    const fromless = `${name}_only`
    lab.iot.createTopicRule({
      RuleName: fromless,
      TopicRulePayload: {
        Sql: 'SELECT topic(2) AS second',
        AwsIotSqlVersion: '2016-03-23',
        Actions: [lambda],
      },
    })
    await client.publishAsync(`$aws/rules/${name}/${other}/a`, '{}', { qos: 1 })
    const call = await eventually('the call', () => lab.invoked[0])
    expect(json(call.payload)).toEqual({ t: `${other}/a`, first: other })
    await client.publishAsync(`$aws/rules/${fromless}/x/y`, '{}', { qos: 1 })
    const second = await eventually('the second call', () => lab.invoked[1])
    expect(json(second.payload)).toEqual({ second: 'y' })
    await lab.data.send(
      new PublishCommand({ topic: `$aws/rules/${fromless}/x/z`, payload: Buffer.from('{}') }),
    )
    await eventually('the third call', () => lab.invoked[2])
    expect(lab.invoked.length).toBe(3)
    expect(got).toEqual([])
  })

  it('says so when there is no such rule', async () => {
    await client.publishAsync('$aws/rules/nosuch/x', '{}', { qos: 1 })
    await eventually('the log', () =>
      lab.logs.some(entry => entry.message.startsWith('RuleNotFound') && entry['rule'] === 'nosuch'),
    )
  })
})

describe('lifecycle events', () => {
  it('trigger rules', async () => {
    lab.iot.createTopicRule({
      RuleName: 'presence',
      TopicRulePayload: {
        Sql: "SELECT clientId, disconnectReason, topic(4) AS kind FROM '$aws/events/presence/+/dev-2'",
        AwsIotSqlVersion: '2016-03-23',
        Actions: [lambda],
      },
    })
    const second = await lab.connect(await lab.provision('dev-2'))
    await second.endAsync()
    await eventually('both', () => lab.invoked.length === 2)
    expect(lab.invoked.map(({ payload }) => json(payload))).toEqual([
      { clientId: 'dev-2', kind: 'connected' },
      { clientId: 'dev-2', kind: 'disconnected', disconnectReason: 'CLIENT_INITIATED_DISCONNECT' },
    ])
  })
})

describe('failures', () => {
  it('go to the error action, one message for all of them', async () => {
    const name = rule(all, [lambda, sqs, republish('out/x')], { ErrorAction: onError })
    lab.broken.add(FUNCTION).add(QUEUE)
    await client.publishAsync(`${name}/x`, '{"v":1}', { qos: 1 })
    const { queueArn, body } = await eventually('the error message', () => lab.queued[0])
    expect(queueArn).toBe(ERRORS)
    const error = json(body)
    expect(error).toMatchObject({
      ruleName: name,
      topic: `${name}/x`,
      clientId: 'dev-1',
      base64OriginalPayload: Buffer.from('{"v":1}').toString('base64'),
      failures: [
        { failedAction: 'LambdaAction', failedResource: FUNCTION, errorMessage: `not allowed: ${FUNCTION}` },
        { failedAction: 'SqsAction', failedResource: QueueUrl, errorMessage: `not allowed: ${QUEUE}` },
      ],
    })
    expect(error['cloudwatchTraceId']).toMatch(/^[0-9a-f-]{36}$/)
    // The action that works is not held up.
    await eventually('the republished one', () => got.length === 1)
  })

  it.each<[string, string, readonly unknown[], string, RegExp]>([
    ['a field of a binary payload', 'SELECT v FROM', [lambda], 'not json', /is not JSON/],
    ['a binary payload for Lambda', 'SELECT * FROM', [lambda], 'not json', /takes JSON only/],
    [
      'a template without a value',
      'SELECT * FROM',
      [republish(`out/${variable('missing')}`)],
      '{}',
      /has no value/,
    ],
    [
      'a topic with wildcards',
      'SELECT * FROM',
      [republish(`out/${variable('t')}`)],
      '{"t":"#"}',
      /must not contain/,
    ],
    [
      'a reserved topic without $$',
      'SELECT * FROM',
      [republish(variable('t'))],
      '{"t":"$aws/x"}',
      /written with \$\$/,
    ],
  ])('%s', async (_what, select, actions, payload, message) => {
    const name = rule(t => `${select} '${t}'`, actions, { ErrorAction: onError })
    await client.publishAsync(`${name}/x`, payload, { qos: 1 })
    const { body } = await eventually('the error message', () => lab.queued[0])
    const [failure] = json(body)['failures'] as { errorMessage: string }[]
    expect(failure?.errorMessage).toMatch(message)
  })

  it('of a role that IoT may not assume stop the action', async () => {
    const name = rule(all, [sqs])
    lab.broken.add('rule-role')
    await client.publishAsync(`${name}/x`, '{}', { qos: 1 })
    await eventually('the log', () => lab.logs.some(entry => entry['rule'] === name))
    expect(lab.queued).toEqual([])
  })

  it('of the error action itself, and rules that go in a circle, leave the broker running', async () => {
    const lost = rule(all, [lambda], { ErrorAction: onError })
    lab.broken.add(FUNCTION).add(ERRORS)
    await client.publishAsync(`${lost}/x`, '{}', { qos: 1 })
    await eventually('the log', () =>
      lab.logs.some(entry => entry['rule'] === lost && entry.message.startsWith('the error action')),
    )
    const RuleName = `rule_${count++}`
    lab.iot.createTopicRule({
      RuleName,
      TopicRulePayload: {
        Sql: `SELECT * FROM '${RuleName}'`,
        AwsIotSqlVersion: '2016-03-23',
        Actions: [republish(RuleName)],
      },
    })
    await client.publishAsync(RuleName, '{}', { qos: 1 })
    await eventually('the end of the circle', () =>
      lab.logs.some(entry => entry['rule'] === RuleName && JSON.stringify(entry).includes('in a circle')),
    )
    expect(client.connected).toBe(true)
  })

  it('do not happen to a denied publish: no rule sees it', async () => {
    lab.iot.createPolicy({
      PolicyName: 'connect-only',
      PolicyDocument: { Statement: { Effect: 'Allow', Action: 'iot:Connect', Resource: '*' } },
    })
    const name = rule(all, [lambda])
    const weak = await lab.connect(await lab.provision('weak', { policies: ['connect-only'] }))
    const gone = closed(weak)
    weak.publish(`${name}/x`, '{}')
    weak.publish(`$aws/rules/${name}/x`, '{}')
    await gone
    await client.publishAsync(`${name}/x`, '{"v":"allowed"}', { qos: 1 })
    await eventually('the call', () => lab.invoked.length > 0)
    expect(lab.invoked.map(({ payload }) => json(payload))).toEqual([{ v: 'allowed' }])
  })
})

describe('rules that are refused', () => {
  const good = { Sql: "SELECT * FROM 'a'", AwsIotSqlVersion: '2016-03-23', Actions: [lambda] }
  it.each<[string, Record<string, unknown>, string, RegExp]>([
    ['no SQL', { Sql: undefined }, 'InvalidRequestException', /Sql is required/],
    [
      'bad SQL',
      { Sql: "SELECT nosuch(1) AS x FROM 'a'" },
      'SqlParseException',
      /rule r: unknown function nosuch/,
    ],
    ['an old version', { AwsIotSqlVersion: '2015-10-08' }, 'SqlParseException', /got "2015-10-08"/],
    ['no version', { AwsIotSqlVersion: undefined }, 'SqlParseException', /which AWS takes as 2015-10-08/],
    ['Basic Ingest in FROM', { Sql: "SELECT * FROM '$aws/rules/x/y'" }, 'SqlParseException', /Basic Ingest/],
    ['no actions', { Actions: [] }, 'InvalidRequestException', /list of 1 to 10 actions/],
    [
      'an unknown action',
      { Actions: [{ S3: { BucketName: 'b' } }] },
      'InvalidRequestException',
      /Actions\[0\]: the action s3 is not implemented/,
    ],
    [
      'an unknown error action',
      { ErrorAction: { Sns: {} } },
      'InvalidRequestException',
      /ErrorAction: the action sns/,
    ],
    [
      'an unknown setting',
      { Actions: [{ Republish: { Topic: 'a', RoleArn, Headers: {} } }] },
      'InvalidRequestException',
      /Actions\[0\]\.republish\.headers is not implemented/,
    ],
    ['no role', { Actions: [{ Sqs: { QueueUrl } }] }, 'InvalidRequestException', /sqs\.roleArn/],
    [
      'a bad template',
      { Actions: [republish(variable('nosuch()'))] },
      'InvalidRequestException',
      /unknown function nosuch/,
    ],
    [
      'an open template',
      { Actions: [republish('a/$'.concat('{topic('))] },
      'InvalidRequestException',
      /republish\.topic/,
    ],
  ])('%s', (_what, change, code, message) => {
    const create = () => lab.iot.createTopicRule({ RuleName: 'r', TopicRulePayload: { ...good, ...change } })
    expect(create).toThrow(message)
    expect(create).toThrow(expect.objectContaining({ code }))
  })
  it('by name', () => {
    expect(() => lab.iot.createTopicRule({ RuleName: 'a-b', TopicRulePayload: good })).toThrow(
      /RuleName must match/,
    )
  })
})
