// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax of Fn::Sub
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DynamoDBClient, GetItemCommand } from '@aws-sdk/client-dynamodb'
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane'
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { ReceiveMessageCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { SignatureV4 } from '@smithy/signature-v4'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Cloud, startCloud } from '../../local/cloud.ts'
import { Sha256 } from '../../scripts/lib/sha256.ts'
import type { Properties } from './cloud-support.ts'
import { functionRole, lambdaFunction, logGroup, packageService, permission } from './cloud-support.ts'
import { eventually } from './lambda-support.ts'

const allow = (resource: unknown, ...actions: string[]): Properties => ({
  Effect: 'Allow',
  Action: actions,
  Resource: resource,
})
const arn = (id: string, attribute = 'Arn'): Properties => ({ 'Fn::GetAtt': [id, attribute] })
const sub = (text: string): Properties => ({ 'Fn::Sub': text })

const sources = {
  /** Writes what it is given under a key made of the trigger. */
  record: `
    import { DynamoDBClient, PutItemCommand } from '@aws-sdk/client-dynamodb'
    const client = new DynamoDBClient({})
    export const handler = async (event: any) => {
      const pk = event.Records ? 'queue' : event['detail-type'] ?? 'other'
      await client.send(new PutItemCommand({ TableName: process.env.TABLE, Item: { pk: { S: pk }, event: { S: JSON.stringify(event) } } }))
      return { batchItemFailures: [] }
    }`,
  /** Answers over HTTP. */
  api: `export const handler = async (event: any) => ({ statusCode: 200, body: JSON.stringify({ id: event.pathParameters.id }) })`,
  /** Copies a stream's inserts to a queue. */
  follow: `
    import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
    const client = new SQSClient({})
    export const handler = async (event: any) => {
      for (const record of event.Records)
        await client.send(new SendMessageCommand({ QueueUrl: process.env.OUT, MessageBody: record.dynamodb.Keys.pk.S }))
    }`,
  /** Reads an object that its role does not let it read. */
  pry: `
    import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
    export const handler = async () => {
      await new S3Client({}).send(new GetObjectCommand({ Bucket: process.env.DATA, Key: 'secret' }))
    }`,
}

const template = {
  AWSTemplateFormatVersion: '2010-09-09',
  Parameters: { Issuer: { Type: 'String' } },
  Resources: {
    Data: {
      Type: 'AWS::S3::Bucket',
      Properties: { NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } } },
    },
    Table: {
      Type: 'AWS::DynamoDB::Table',
      Properties: {
        BillingMode: 'PAY_PER_REQUEST',
        AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
        KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
        StreamSpecification: { StreamViewType: 'NEW_AND_OLD_IMAGES' },
      },
    },
    Jobs: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: 60 } },
    Out: { Type: 'AWS::SQS::Queue' },
    Dead: { Type: 'AWS::SQS::Queue' },
    Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: 'shop' } },

    RecordLogs: logGroup('record'),
    RecordRole: functionRole(
      'record',
      allow(arn('Table'), 'dynamodb:PutItem'),
      allow(arn('Jobs'), 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'),
    ),
    Record: lambdaFunction('record', 'RecordRole', {
      Environment: { Variables: { TABLE: { Ref: 'Table' } } },
    }),
    RecordJobs: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        FunctionName: arn('Record'),
        EventSourceArn: arn('Jobs'),
        FunctionResponseTypes: ['ReportBatchItemFailures'],
      },
    },
    ObjectRule: {
      Type: 'AWS::Events::Rule',
      Properties: {
        EventPattern: { source: ['aws.s3'], detail: { bucket: { name: [{ Ref: 'Data' }] } } },
        Targets: [{ Id: 'record', Arn: arn('Record') }],
      },
    },
    ObjectPermission: permission('Record', 'events', arn('ObjectRule')),

    TopicRule: {
      Type: 'AWS::IoT::TopicRule',
      Properties: {
        TopicRulePayload: {
          Sql: "SELECT *, topic(2) AS thing FROM 'shop/+'",
          AwsIotSqlVersion: '2016-03-23',
          RuleDisabled: false,
          Actions: [{ Lambda: { FunctionArn: arn('Record') } }],
        },
      },
    },
    TopicPermission: permission('Record', 'iot', arn('TopicRule')),

    FollowLogs: logGroup('follow'),
    FollowRole: functionRole(
      'follow',
      allow(arn('Out'), 'sqs:SendMessage'),
      allow(
        arn('Table', 'StreamArn'),
        'dynamodb:GetRecords',
        'dynamodb:GetShardIterator',
        'dynamodb:DescribeStream',
      ),
      allow('*', 'dynamodb:ListStreams'),
    ),
    Follow: lambdaFunction('follow', 'FollowRole', { Environment: { Variables: { OUT: { Ref: 'Out' } } } }),
    FollowTable: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        FunctionName: arn('Follow'),
        EventSourceArn: arn('Table', 'StreamArn'),
        StartingPosition: 'TRIM_HORIZON',
        FilterCriteria: { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] },
      },
    },

    PryLogs: logGroup('pry'),
    PryRole: functionRole('pry', allow(arn('Dead'), 'sqs:SendMessage')),
    Pry: lambdaFunction('pry', 'PryRole', { Environment: { Variables: { DATA: { Ref: 'Data' } } } }),
    PryConfig: {
      Type: 'AWS::Lambda::EventInvokeConfig',
      Properties: {
        FunctionName: { Ref: 'Pry' },
        Qualifier: '$LATEST',
        MaximumRetryAttempts: 1,
        DestinationConfig: { OnFailure: { Destination: arn('Dead') } },
      },
    },
    PryRule: {
      Type: 'AWS::Events::Rule',
      Properties: {
        Name: 'pry',
        EventBusName: { Ref: 'Bus' },
        EventPattern: { source: ['shop'], 'detail-type': ['Pry'] },
        Targets: [{ Id: 'pry', Arn: arn('Pry') }],
      },
    },
    PryPermission: permission(
      'Pry',
      'events',
      sub('arn:aws:events:${AWS::Region}:${AWS::AccountId}:rule/${Bus}/pry'),
    ),

    ApiLogs: logGroup('api'),
    ApiRole: functionRole('api'),
    ApiFunction: lambdaFunction('api', 'ApiRole'),
    Api: { Type: 'AWS::ApiGatewayV2::Api', Properties: { Name: 'shop', ProtocolType: 'HTTP' } },
    ApiStage: {
      Type: 'AWS::ApiGatewayV2::Stage',
      Properties: { ApiId: { Ref: 'Api' }, StageName: '$default', AutoDeploy: true },
    },
    Jwt: {
      Type: 'AWS::ApiGatewayV2::Authorizer',
      Properties: {
        ApiId: { Ref: 'Api' },
        Name: 'jwt',
        AuthorizerType: 'JWT',
        IdentitySource: ['$request.header.Authorization'],
        JwtConfiguration: { Issuer: { Ref: 'Issuer' }, Audience: ['shop'] },
      },
    },
    Integration: {
      Type: 'AWS::ApiGatewayV2::Integration',
      Properties: {
        ApiId: { Ref: 'Api' },
        IntegrationType: 'AWS_PROXY',
        IntegrationUri: arn('ApiFunction'),
        PayloadFormatVersion: '2.0',
      },
    },
    Route: {
      Type: 'AWS::ApiGatewayV2::Route',
      Properties: {
        ApiId: { Ref: 'Api' },
        RouteKey: 'GET /v2/things/{id}',
        Target: sub('integrations/${Integration}'),
        AuthorizationType: 'JWT',
        AuthorizerId: { Ref: 'Jwt' },
        AuthorizationScopes: ['things:read'],
      },
    },
    ApiPermission: permission(
      'ApiFunction',
      'apigateway',
      sub('arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${Api}/*'),
    ),
    Page: { Type: 'AWS::CloudWatch::Dashboard' },
  },
  Outputs: {
    ApiUrl: { Value: sub('https://${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}') },
    Table: { Value: { Ref: 'Table' } },
  },
}

let cloud: Cloud
let dir: string
let packaged: Awaited<ReturnType<typeof packageService>>

const start = (port = 0): Promise<Cloud> =>
  startCloud({
    template: packaged.folder,
    dir,
    port,
    mqttPort: 0,
    parameters: at => ({ Issuer: at.issuerUrl }),
    lambda: { asyncRetryDelaysMs: [1] },
  })
const client = () => ({ endpoint: cloud.endpoint, region: 'eu-west-1', credentials: cloud.credentials })
const item = async (pk: string): Promise<Record<string, unknown> | undefined> => {
  const command = new GetItemCommand({ TableName: String(cloud.outputs['Table']), Key: { pk: { S: pk } } })
  const { Item } = await new DynamoDBClient(client()).send(command)
  return Item && (JSON.parse(Item['event']?.S ?? 'null') as Record<string, unknown>)
}
const physical = (id: string): string => cloud.resources[id]?.physicalId ?? ''

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'edgeloop-cloud-'))
  packaged = await packageService(sources, template)
  cloud = await start()
}, 60_000)
afterAll(async () => {
  await cloud.close()
  packaged.remove()
  rmSync(dir, { recursive: true, force: true })
})

describe('a deployed template', () => {
  it('says what was made, where, and what is not run', () => {
    expect(cloud.resources['Bus']).toEqual({
      type: 'AWS::Events::EventBus',
      physicalId: 'shop',
      arn: 'arn:aws:events:eu-west-1:123456789012:event-bus/shop',
    })
    expect(physical('Jobs')).toContain(`${cloud.endpoint}/123456789012/shop-dev-Jobs-`)
    expect(cloud.outputs['ApiUrl']).toBe(`${cloud.endpoint}/_api/${physical('Api')}`)
    expect(cloud.notRun).toEqual(['Page (AWS::CloudWatch::Dashboard): declared, not run'])
    expect(cloud.mqtt.caPem).toContain('BEGIN CERTIFICATE')
  })

  it('runs S3 -> EventBridge -> Lambda -> DynamoDB -> stream -> Lambda -> SQS', async () => {
    const body = new PutObjectCommand({ Bucket: physical('Data'), Key: 'in/a b.csv', Body: 'x' })
    await new S3Client(client()).send(body)
    await eventually(async () =>
      expect(await item('Object Created')).toMatchObject({ detail: { object: { key: 'in/a b.csv' } } }),
    )
    const received = await receive('Out')
    expect(received).toEqual(['Object Created'])
  })

  it('runs SQS -> Lambda', async () => {
    await new SQSClient(client()).send(
      new SendMessageCommand({ QueueUrl: physical('Jobs'), MessageBody: 'job 1' }),
    )
    await eventually(async () => expect(await item('queue')).toMatchObject({ Records: [{ body: 'job 1' }] }))
    await eventually(() =>
      expect(cloud.sqs.depth(cloud.resources['Jobs']?.arn ?? '')).toEqual({
        visible: 0,
        inFlight: 0,
        delayed: 0,
      }),
    )
  })

  it('runs IoT rule -> Lambda', async () => {
    await new IoTDataPlaneClient(client()).send(
      new PublishCommand({ topic: 'shop/till-4', payload: '{"n":1}', qos: 1 }),
    )
    await eventually(async () => expect(await item('other')).toEqual({ n: 1, thing: 'till-4' }))
  })

  it('runs functions for whoever may call the Lambda API, and answers what it does not know with 501', async () => {
    const { body, headers } = await lambdaApi(
      'POST',
      '/2015-03-31/functions/api/invocations',
      '{"pathParameters":{"id":9}}',
    )
    expect(JSON.parse(body)).toEqual({ statusCode: 200, body: '{"id":9}' })
    const log = Buffer.from(headers.get('x-amz-log-result') ?? '', 'base64').toString()
    expect(log).toMatch(/^START RequestId: .*\nREPORT RequestId: /s)
    const failed = await lambdaApi('POST', '/2015-03-31/functions/api/invocations', '{}')
    expect(failed.headers.get('x-amz-function-error')).toBe('Unhandled')
    expect((await lambdaApi('GET', '/2015-03-31/functions/')).body).toContain('"FunctionName":"follow"')
    expect((await lambdaApi('GET', '/2015-03-31/functions/none')).status).toBe(404)
    expect((await lambdaApi('GET', '/2015-03-31/functions/api/aliases')).status).toBe(501)
  })

  it('denies what the role of a function does not allow, names it, and lands the event in its destination', async () => {
    const before = cloud.denials.length
    const heard: string[] = []
    cloud.onDenied(denial => heard.push(denial.action))
    const entry = { EventBusName: 'shop', Source: 'shop', DetailType: 'Pry', Detail: '{"a":1}' }
    await new EventBridgeClient(client()).send(new PutEventsCommand({ Entries: [entry] }))
    const [body] = await receive('Dead')
    expect(JSON.parse(body ?? '')).toMatchObject({
      requestContext: { condition: 'RetriesExhausted', approximateInvokeCount: 2 },
      requestPayload: { detail: { a: 1 } },
      responsePayload: { errorType: 'AccessDenied' },
    })
    expect(cloud.denials.slice(before)).toMatchObject(
      Array.from({ length: 2 }, () => ({
        functionName: 'pry',
        action: 's3:GetObject',
        resource: `arn:aws:s3:::${physical('Data')}/secret`,
      })),
    )
    expect(heard).toEqual(['s3:GetObject', 's3:GetObject'])
  })

  it('serves its API at its own paths, behind its authorizer', async () => {
    const url = `${cloud.endpoint}/v2/things/7`
    expect((await fetch(url)).status).toBe(401)
    const mint = (scope: string) => cloud.issuer.mint({ sub: 'me', scope, audience: 'shop' })
    const ask = async (scope: string) =>
      fetch(url, { headers: { authorization: `Bearer ${await mint(scope)}` } })
    expect((await ask('other')).status).toBe(403)
    const answer = await ask('things:read')
    expect(answer.status).toBe(200)
    expect(await answer.json()).toEqual({ id: '7' })
  })

  it('answers 404 to a route that its API does not have, and 403 to an unsigned call of anything else', async () => {
    for (const path of ['/v2/nothing', '/v2/', '/v2', '/v2/things/7/parts']) {
      const answer = await fetch(cloud.endpoint + path)
      expect([path, answer.status, await answer.text()]).toEqual([path, 404, '{"message":"Not Found"}'])
    }
    expect((await fetch(`${cloud.endpoint}/v2things/7`)).status).toBe(403)
  })

  it("keeps its functions' logs readable", () => {
    const lines = cloud.logs.lines('/aws/lambda/pry').map(line => line.message)
    expect(lines.some(line => line.includes('AccessDenied'))).toBe(true)
  })

  it('finds its data again when it is started in the same folder', async () => {
    const url = physical('Jobs').replace(cloud.endpoint, '')
    await cloud.close()
    cloud = await start()
    expect(physical('Jobs')).toBe(cloud.endpoint + url)
    expect(await item('queue')).toBeDefined()
  })

  it('reports a port in use, and closes what it had started', async () => {
    const server = createServer()
    const port = await new Promise<number>(resolve => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
    })
    const other = mkdtempSync(join(tmpdir(), 'edgeloop-cloud-'))
    const options = { template: packaged.folder, dir: other, parameters: { Issuer: 'https://x' } }
    await expect(startCloud({ ...options, port, mqttPort: 0 })).rejects.toThrow(
      `port ${port} is in use; choose another with --port`,
    )
    await expect(startCloud({ ...options, port: 0, mqttPort: port })).rejects.toThrow(
      `port ${port} is in use; choose another with --mqtt-port`,
    )
    await expect(startCloud({ ...options, port: 0, mqttPort: 0, parameters: {} })).rejects.toThrow(
      'parameter Issuer: has no default',
    )
    server.close()
    rmSync(other, { recursive: true, force: true })
  })
})

async function lambdaApi(method: string, path: string, body = '') {
  const { hostname, port } = new URL(cloud.endpoint)
  const signer = new SignatureV4({
    service: 'lambda',
    region: 'eu-west-1',
    credentials: cloud.credentials,
    sha256: Sha256,
  })
  const request = { method, protocol: 'http:', hostname, port: Number(port), path, query: {}, body }
  const headers = { host: `${hostname}:${port}`, 'x-amz-log-type': 'Tail' }
  const signed = await signer.sign({ ...request, headers })
  const answer = await fetch(cloud.endpoint + path, {
    method,
    headers: signed.headers,
    ...(body && { body }),
  })
  return { status: answer.status, headers: answer.headers, body: await answer.text() }
}

async function receive(id: string): Promise<readonly string[]> {
  const command = new ReceiveMessageCommand({
    QueueUrl: physical(id),
    WaitTimeSeconds: 20,
    MaxNumberOfMessages: 10,
  })
  const { Messages } = await new SQSClient(client()).send(command)
  return (Messages ?? []).map(message => message.Body ?? '')
}
