import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createAddresses } from '../../local/cfn/addresses.ts'
import { deploy } from '../../local/cfn/deploy.ts'
import type { CloudServices } from '../../local/cfn/resource.ts'
import { readTemplate } from '../../local/cfn/template.ts'
import { createIam } from '../../local/iam/index.ts'
import type {
  EventInvokeConfig,
  FunctionConfig,
  FunctionPermission,
  MappingConfig,
} from '../../local/lambda/types.ts'
import { createLogs } from '../../local/logs/index.ts'
import { accountId, archive, makeRealm, queueArn } from './lambda-support.ts'

type Properties = Record<string, unknown>
type Resources = Record<string, { Type: string; Properties?: Properties; [other: string]: unknown }>

let realm: ReturnType<typeof makeRealm>
let folder: string
beforeEach(() => {
  realm = makeRealm()
  folder = mkdtempSync(join(tmpdir(), 'edgeloop-cfn-'))
  writeFileSync(join(folder, 'fn.zip'), archive({ 'index.cjs': 'exports.handler = async () => 1' }))
})
afterEach(() => {
  realm.remove()
  rmSync(folder, { recursive: true, force: true })
})

/** Services that only write down what they are asked for; IAM is the real one. */
function recorder() {
  const calls: Record<string, unknown[]> = {}
  const note = (name: string, value: unknown): void => {
    calls[name] = [...(calls[name] ?? []), value]
  }
  const functions = new Map<string, FunctionConfig>()
  const visibility = new Map<string, number>()
  const iam = createIam(realm.realm)
  const services: CloudServices = {
    iam,
    s3: { createBucket: p => note('bucket', p), setBucketPolicy: (b, p) => note('bucketPolicy', [b, p]) },
    kms: {
      createKey: (name, p) => {
        note('key', [name, p])
        return { keyId: 'key-1', arn: `arn:aws:kms:eu-west-1:${accountId}:key/key-1` }
      },
      createAlias: (a, k) => note('alias', [a, k]),
    },
    dynamodb: {
      createTable: async p => {
        note('table', p)
        const arn = `arn:aws:dynamodb:eu-west-1:${accountId}:table/${p.TableName}`
        return { arn, ...(p['StreamSpecification'] ? { streamArn: `${arn}/stream/now` } : {}) }
      },
    },
    sqs: {
      createQueue: p => {
        note('queue', p)
        const arn = queueArn(p.QueueName)
        visibility.set(arn, Number(p['VisibilityTimeout'] ?? 30))
        return { arn, url: `http://127.0.0.1:1/${accountId}/${p.QueueName}` }
      },
      setQueuePolicy: (u, p) => note('queuePolicy', [u, p]),
      visibilityTimeoutSeconds: arn => visibility.get(arn) ?? 0,
    },
    events: {
      createBus: p => {
        note('bus', p)
        return { arn: `arn:aws:events:eu-west-1:${accountId}:event-bus/${p.Name}` }
      },
      createConnection: p => {
        note('connection', p)
        const arnForPolicy = `arn:aws:events:eu-west-1:${accountId}:connection/${String(p['Name'])}`
        return { arn: `${arnForPolicy}/1`, arnForPolicy }
      },
      createApiDestination: p => {
        note('apiDestination', p)
        const arnForPolicy = `arn:aws:events:eu-west-1:${accountId}:api-destination/${String(p['Name'])}`
        return { arn: `${arnForPolicy}/1`, arnForPolicy }
      },
      createRule: p => {
        note('rule', p)
        return { arn: `arn:aws:events:eu-west-1:${accountId}:rule/${p.Name}` }
      },
    },
    iot: {
      createPolicy: p => note('iotPolicy', p),
      createThingType: p => note('thingType', p),
      createProvisioningTemplate: p => {
        note('provisioningTemplate', p)
        return { arn: `arn:aws:iot:eu-west-1:${accountId}:provisioningtemplate/${p.TemplateName}` }
      },
      createTopicRule: p => {
        note('topicRule', p)
        return { arn: `arn:aws:iot:eu-west-1:${accountId}:rule/${p.RuleName}` }
      },
    },
    logs: createLogs({ realm: realm.realm, iam }),
    cloudwatch: {
      createAlarm: p => {
        note('alarm', p)
        return { arn: `arn:aws:cloudwatch:eu-west-1:${accountId}:alarm:${p['AlarmName']}` }
      },
      createCompositeAlarm: p => {
        note('compositeAlarm', p)
        return { arn: `arn:aws:cloudwatch:eu-west-1:${accountId}:alarm:${p['AlarmName']}` }
      },
    },
    http: {
      createApi: p => {
        note('api', p)
        return { apiId: 'api1', endpoint: 'http://127.0.0.1:1/_api/api1' }
      },
      createStage: (id, p) => note('stage', [id, p]),
      createAuthorizer: () => 'auth1',
      createIntegration: () => 'int1',
      createRoute: (id, p) => note('route', [id, p]),
    },
    lambda: {
      createFunction: config => void functions.set(config.name, config),
      getFunction: name => functions.get(name.split(':function:')[1] ?? name),
      addPermission: (name, p: FunctionPermission) => note('permission', [name, p]),
      setEventInvokeConfig: (name, c: EventInvokeConfig) => note('invokeConfig', [name, c]),
      createEventSourceMapping: (c: MappingConfig) => note('mapping', c),
      start: () => {},
    },
    cognito: {
      createPool: (name, p) => {
        note('pool', [name, p])
        const id = 'eu-west-1_abc'
        return {
          id,
          arn: `arn:aws:cognito-idp:eu-west-1:${accountId}:userpool/${id}`,
          issuer: `http://l/${id}`,
        }
      },
      createDomain: p => {
        note('domain', p)
        return { domain: 'ops', awsUrl: 'https://ops.auth.eu-west-1.amazoncognito.com', url: 'http://l' }
      },
      createResourceServer: p => {
        note('resourceServer', p)
        return String(p['Identifier'])
      },
      createGroup: p => {
        note('group', p)
        return String(p['GroupName'])
      },
      createClient: (name, p) => {
        note('client', [name, p])
        return { id: 'client1', secret: undefined }
      },
    },
    cloudfront: {
      createAccessControl: () => 'EACCESS',
      createHeadersPolicy: (_, p) => {
        note('headersPolicy', p)
        return 'headers1'
      },
      createFunction: () => ({ arn: `arn:aws:cloudfront::${accountId}:function/f` }),
      createDistribution: async (_, p) => {
        note('distribution', p)
        const id = 'EDISTRIBUTION'
        const arn = `arn:aws:cloudfront::${accountId}:distribution/${id}`
        return { id, arn, domain: 'd1.cloudfront.net', url: 'http://127.0.0.1:2' }
      },
    },
    addresses: createAddresses(),
  }
  return { services, calls, functions, iam }
}

async function run(resources: Resources, rest: Properties = {}, parameters: Record<string, string> = {}) {
  const recorded = recorder()
  const template = readTemplate({ Resources: resources, ...rest })
  const options = {
    realm: realm.realm,
    services: recorded.services,
    template,
    folder,
    stackName: 'app-dev',
    parameters,
  }
  return { ...recorded, ...(await deploy(options)) }
}

const role = (...statements: Properties[]): Resources[string] => ({
  Type: 'AWS::IAM::Role',
  Properties: {
    RoleName: 'fn-role',
    AssumeRolePolicyDocument: {
      Statement: [
        { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
      ],
    },
    Policies: [{ PolicyName: 'inline', PolicyDocument: { Statement: statements } }],
  },
})
const fn = (properties: Properties = {}): Resources[string] => ({
  Type: 'AWS::Lambda::Function',
  Properties: {
    FunctionName: 'fn',
    Runtime: 'nodejs24.x',
    Handler: 'index.handler',
    Role: { 'Fn::GetAtt': ['Role', 'Arn'] },
    Code: { S3Bucket: 'b', S3Key: 'serverless/app/dev/1-2026/fn.zip' },
    ...properties,
  },
})
const allow = (resource: unknown, ...actions: string[]): Properties => ({
  Effect: 'Allow',
  Action: actions,
  Resource: resource,
})
const arnOf = (id: string): Properties => ({ 'Fn::GetAtt': [id, 'Arn'] })
const queue: Resources[string] = { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'q' } }

describe('AWS::IoT::ProvisioningTemplate', () => {
  const roleTrusting = (service: string, name = 'provisioning'): Resources[string] => ({
    Type: 'AWS::IAM::Role',
    Properties: {
      RoleName: name,
      AssumeRolePolicyDocument: {
        Statement: [{ Effect: 'Allow', Principal: { Service: service }, Action: 'sts:AssumeRole' }],
      },
      ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSIoTThingsRegistration'],
    },
  })
  const fleet = (properties: Properties = {}): Resources[string] => ({
    Type: 'AWS::IoT::ProvisioningTemplate',
    Properties: { TemplateBody: '{}', ProvisioningRoleArn: arnOf('Provisioning'), ...properties },
  })

  it('gives its name, its ARN and what AWS IoT needs', async () => {
    const hook = { PayloadVersion: '2020-04-01', TargetArn: arnOf('Fn') }
    const { calls, outputs, iam } = await run(
      {
        Fleet: fleet({ Enabled: 'true', TemplateType: 'FLEET_PROVISIONING', PreProvisioningHook: hook }),
        Fn: fn(),
        Role: role(),
        Provisioning: roleTrusting('iot.amazonaws.com'),
      },
      {
        Outputs: {
          Name: { Value: { Ref: 'Fleet' } },
          Arn: { Value: { 'Fn::GetAtt': ['Fleet', 'TemplateArn'] } },
        },
      },
    )
    const name = outputs['Name'] as string
    expect(name).toMatch(/^app-dev-Fleet-[0-9A-F]{8}$/)
    expect(outputs['Arn']).toBe(`arn:aws:iot:eu-west-1:${accountId}:provisioningtemplate/${name}`)
    expect(calls['provisioningTemplate']).toEqual([
      {
        TemplateName: name,
        TemplateBody: '{}',
        TemplateType: 'FLEET_PROVISIONING',
        Enabled: true,
        ProvisioningRoleArn: `arn:aws:iam::${accountId}:role/provisioning`,
        PreProvisioningHook: {
          PayloadVersion: '2020-04-01',
          TargetArn: `arn:aws:lambda:eu-west-1:${accountId}:function:fn`,
        },
      },
    ])
    const as = iam.principalFor('provisioning', name)
    expect(iam.isAllowed(as, { action: 'iot:CreateThing', resource: '*' })).toBe(true)
    expect(iam.isAllowed(as, { action: 'iot:DeleteThing', resource: '*' })).toBe(false)
  })

  it('fails when AWS IoT may not assume its role, and when its hook is not there', async () => {
    await expect(run({ Fleet: fleet(), Provisioning: roleTrusting('lambda.amazonaws.com') })).rejects.toThrow(
      /^Fleet \(AWS::IoT::ProvisioningTemplate\): .*iot\.amazonaws\.com is not authorized/,
    )
    const TargetArn = `arn:aws:lambda:eu-west-1:${accountId}:function:gone`
    await expect(
      run({
        Fleet: fleet({ PreProvisioningHook: { TargetArn } }),
        Provisioning: roleTrusting('iot.amazonaws.com'),
      }),
    ).rejects.toThrow(/Fleet\.Properties\.PreProvisioningHook: there is no function .*:gone/)
  })
})

describe('resources', () => {
  it('get what their properties resolve to, and give their attributes to others', async () => {
    const { calls, resources, outputs } = await run(
      {
        Bus: { Type: 'AWS::Events::EventBus', Properties: { Name: 'bus' } },
        Rule: {
          Type: 'AWS::Events::Rule',
          Properties: {
            EventBusName: { Ref: 'Bus' },
            Name: 'r',
            Targets: [{ Id: 't', Arn: arnOf('Queue') }],
          },
        },
        Queue: { Type: 'AWS::SQS::Queue', Properties: { VisibilityTimeout: { Ref: 'Timeout' } } },
        Data: { Type: 'AWS::S3::Bucket' },
        Table: {
          Type: 'AWS::DynamoDB::Table',
          Properties: { TableName: 't', StreamSpecification: { StreamViewType: 'KEYS_ONLY' } },
        },
        Key: { Type: 'AWS::KMS::Key', Properties: { KeySpec: 'ECC_NIST_P256' } },
        Alias: { Type: 'AWS::KMS::Alias', Properties: { AliasName: 'alias/a', TargetKeyId: { Ref: 'Key' } } },
        Topic: { Type: 'AWS::IoT::TopicRule', Properties: { TopicRulePayload: { Sql: 'SELECT 1' } } },
      },
      {
        Parameters: { Timeout: { Type: 'Number', Default: '60' } },
        Conditions: { Never: { 'Fn::Equals': ['a', 'b'] } },
        Outputs: {
          Url: { Value: { Ref: 'Queue' } },
          Stream: { Value: { 'Fn::GetAtt': ['Table', 'StreamArn'] } },
          Rule: { Value: { Ref: 'Rule' } },
          Gone: { Condition: 'Never', Value: 1 },
        },
      },
    )
    expect(calls['rule']).toEqual([
      { EventBusName: 'bus', Name: 'r', Targets: [{ Id: 't', Arn: resources['Queue']?.arn }] },
    ])
    expect(calls['queue']).toEqual([
      { VisibilityTimeout: 60, QueueName: expect.stringMatching(/^app-dev-Queue-[0-9A-F]{8}$/) },
    ])
    expect(calls['bucket']).toEqual([{ BucketName: expect.stringMatching(/^app-dev-data-[0-9a-f]{8}$/) }])
    expect(calls['alias']).toEqual([['alias/a', 'key-1']])
    expect(calls['topicRule']).toMatchObject([
      { RuleName: expect.stringMatching(/^app_dev_Topic_[0-9A-F]{8}$/) },
    ])
    expect(outputs).toEqual({
      Url: resources['Queue']?.physicalId,
      Stream: `arn:aws:dynamodb:eu-west-1:${accountId}:table/t/stream/now`,
      Rule: 'bus|r',
    })
  })

  it('have the same generated names at every deployment', async () => {
    const once = await run({ Queue: { Type: 'AWS::SQS::Queue' } })
    const again = await run({ Queue: { Type: 'AWS::SQS::Queue' } })
    expect(again.resources).toEqual(once.resources)
  })

  it('of Glue and Athena are known by their names and not run', async () => {
    const { notRun, outputs } = await run(
      {
        Lake: { Type: 'AWS::Glue::Database', Properties: { DatabaseInput: { Name: 'lake' } } },
        Rows: {
          Type: 'AWS::Glue::Table',
          Properties: { DatabaseName: { Ref: 'Lake' }, TableInput: { Name: 'rows' } },
        },
        Group: { Type: 'AWS::Athena::WorkGroup', Properties: { Name: 'lake' } },
      },
      { Outputs: { Lake: { Value: { Ref: 'Lake' } }, Rows: { Value: { Ref: 'Rows' } } } },
    )
    expect(outputs).toEqual({ Lake: 'lake', Rows: 'rows' })
    expect(notRun).toHaveLength(3)
  })

  it('without effect on behaviour are accepted and named; unknown ones are refused', async () => {
    const { notRun, outputs } = await run(
      {
        Page: { Type: 'AWS::CloudWatch::Dashboard', Properties: { DashboardBody: { Ref: 'Mail' } } },
        Mail: { Type: 'AWS::SNS::Topic', Properties: { TopicName: 'mail' } },
      },
      { Outputs: { Mail: { Value: { Ref: 'Mail' } } } },
    )
    expect(notRun).toEqual([
      'Mail (AWS::SNS::Topic): declared, not run',
      'Page (AWS::CloudWatch::Dashboard): declared, not run',
    ])
    expect(outputs['Mail']).toBe(`arn:aws:sns:eu-west-1:${accountId}:mail`)
    await expect(run({ Db: { Type: 'AWS::RDS::DBInstance' } })).rejects.toThrow(
      'Db: AWS::RDS::DBInstance is not run',
    )
  })

  it('name the place when an attribute does not exist', async () => {
    await expect(
      run({ Q: queue, P: { Type: 'AWS::S3::Bucket', Properties: { X: { 'Fn::GetAtt': 'Q.Url' } } } }),
    ).rejects.toThrow(
      'P.Properties.X: Q (AWS::SQS::Queue) has no attribute Url here; known: Arn, QueueName, QueueUrl',
    )
  })

  it('wrap what a service objects to in logical id and type', async () => {
    const recorded = recorder()
    const services = {
      ...recorded.services,
      sqs: {
        ...recorded.services.sqs,
        createQueue: () => {
          throw new Error('VisibilityTimeout must be at most 43200')
        },
      },
    }
    const template = readTemplate({ Resources: { Q: queue } })
    await expect(
      deploy({ realm: realm.realm, services, template, folder, stackName: 's', parameters: {} }),
    ).rejects.toThrow('Q (AWS::SQS::Queue): VisibilityTimeout must be at most 43200')
  })
})

describe('functions', () => {
  it('take the documented defaults, and what the template says', async () => {
    const { functions } = await run({
      Role: role(allow(arnOf('Queue'), 'sqs:SendMessage')),
      Queue: queue,
      Fn: fn({
        Environment: { Variables: { URL: { Ref: 'Queue' }, COUNT: 5 } },
        ReservedConcurrentExecutions: 2,
        DeadLetterConfig: { TargetArn: arnOf('Queue') },
        LoggingConfig: { LogFormat: 'JSON' },
      }),
    })
    expect(functions.get('fn')).toEqual({
      name: 'fn',
      arn: `arn:aws:lambda:eu-west-1:${accountId}:function:fn`,
      runtime: 'nodejs24.x',
      handler: 'index.handler',
      roleName: 'fn-role',
      memoryMb: 128,
      timeoutSeconds: 3,
      environment: { URL: `http://127.0.0.1:1/${accountId}/q`, COUNT: '5' },
      reservedConcurrency: 2,
      deadLetterArn: queueArn('q'),
      logGroup: '/aws/lambda/fn',
      logFormat: 'JSON',
    })
  })

  it.each<[string, Properties, string]>([
    ['another runtime', { Runtime: 'python3.13' }, 'Fn.Properties.Runtime: python3.13 is not run here'],
    [
      'no archive',
      { Code: { S3Key: 'x/other.zip' } },
      'Fn.Properties.Code.S3Key: cannot read other.zip beside',
    ],
    ['inline code', { Code: { ZipFile: 'x' } }, 'Fn.Properties.Code.S3Key: is missing'],
    ['a layer', { Layers: [] }, 'Fn.Properties.Layers: is not run by the local cloud'],
    ['too little memory', { MemorySize: 64 }, 'Fn.Properties.MemorySize: must be a whole number from 128'],
    [
      'a reserved variable',
      { Environment: { Variables: { AWS_REGION: 'x' } } },
      'Environment.Variables.AWS_REGION: is set by Lambda',
    ],
    [
      'too large variables',
      { Environment: { Variables: { BIG: 'x'.repeat(4094) } } },
      'take 4097 bytes; Lambda allows 4096',
    ],
    ['a role of nobody', { Role: 'admin' }, 'Fn.Properties.Role: "admin" is not the ARN of a role'],
    [
      'an unknown role',
      { Role: `arn:aws:iam::${accountId}:role/none` },
      'role with name none cannot be found',
    ],
    [
      'tracing without permission',
      { TracingConfig: { Mode: 'Active' } },
      'function fn: role fn-role may not xray:PutTraceSegments on *',
    ],
    [
      'a dead-letter queue without permission',
      { DeadLetterConfig: { TargetArn: arnOf('Queue') } },
      `function fn: role fn-role may not sqs:SendMessage on ${queueArn('q')}, which its DeadLetterConfig needs`,
    ],
  ])('are refused with %s', async (_, properties, message) => {
    await expect(run({ Role: role(), Queue: queue, Fn: fn(properties) })).rejects.toThrow(message)
  })

  it('need a role that Lambda may assume', async () => {
    const closed = role()
    const trust = {
      Statement: [{ Effect: 'Allow', Principal: { Service: 'iot.amazonaws.com' }, Action: 'sts:AssumeRole' }],
    }
    closed.Properties = { ...closed.Properties, AssumeRolePolicyDocument: trust }
    await expect(run({ Role: closed, Fn: fn() })).rejects.toThrow(
      /Fn \(AWS::Lambda::Function\): .*lambda.amazonaws.com.*sts:AssumeRole/,
    )
  })

  it('may get their permissions from a policy that is made later, and the checks count as use', async () => {
    const { iam, calls } = await run({
      Role: role(),
      Fn: fn(),
      Dead: { Type: 'AWS::SQS::Queue', Properties: { QueueName: 'dead' } },
      Config: {
        Type: 'AWS::Lambda::EventInvokeConfig',
        Properties: {
          FunctionName: { Ref: 'Fn' },
          Qualifier: '$LATEST',
          MaximumRetryAttempts: 1,
          DestinationConfig: { OnFailure: { Destination: arnOf('Dead') } },
        },
      },
      Policy: {
        Type: 'AWS::IAM::Policy',
        DependsOn: 'Config',
        Properties: {
          PolicyName: 'later',
          Roles: [{ Ref: 'Role' }],
          PolicyDocument: { Statement: allow(arnOf('Dead'), 'sqs:SendMessage') },
        },
      },
    })
    expect(calls['invokeConfig']).toEqual([
      ['fn', { maximumRetryAttempts: 1, maximumEventAgeSeconds: 21_600, onFailureArn: queueArn('dead') }],
    ])
    expect(iam.statementUse()).toMatchObject([{ roleName: 'fn-role', policyName: 'later', decisive: 1 }])
  })

  it('refuse an on-failure destination that the role may not send to', async () => {
    const config = {
      Type: 'AWS::Lambda::EventInvokeConfig',
      Properties: { FunctionName: 'fn', DestinationConfig: { OnFailure: { Destination: arnOf('Queue') } } },
      DependsOn: 'Fn',
    }
    await expect(run({ Role: role(), Queue: queue, Fn: fn(), Config: config })).rejects.toThrow(
      `Config (AWS::Lambda::EventInvokeConfig): function fn: role fn-role may not sqs:SendMessage on ${queueArn('q')}, which its on-failure destination needs`,
    )
  })

  it('let services invoke them as AWS::Lambda::Permission says; other principals and aliases are refused', async () => {
    const permission = (properties: Properties): Resources => ({
      Role: role(),
      Fn: fn(),
      P: {
        Type: 'AWS::Lambda::Permission',
        Properties: { Action: 'lambda:InvokeFunction', FunctionName: arnOf('Fn'), ...properties },
      },
    })
    const { calls } = await run(permission({ Principal: 'iot.amazonaws.com', SourceArn: 'arn:aws:iot:x' }))
    expect(calls['permission']).toEqual([
      ['fn', { service: 'iot.amazonaws.com', sourceArn: 'arn:aws:iot:x' }],
    ])
    await expect(run(permission({ Principal: '*' }))).rejects.toThrow(
      'P.Properties.Principal: only service principals',
    )
    const alias = { Type: 'AWS::Lambda::Alias' }
    await expect(run({ Alias: alias })).rejects.toThrow('Alias: AWS::Lambda::Alias is not run')
  })
})

describe('event source mappings', () => {
  const poll = ['sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes']
  const onQueue = (properties: Properties, actions = poll, timeout = 30): Resources => ({
    Role: role(allow('*', 'none:None'), ...actions.map(action => allow(arnOf('Queue'), action))),
    Fn: fn({ Timeout: timeout }),
    Queue: queue,
    Map: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: { FunctionName: arnOf('Fn'), EventSourceArn: arnOf('Queue'), ...properties },
    },
  })

  it('of a queue take settings over', async () => {
    const { calls, iam } = await run(
      onQueue({
        BatchSize: 50,
        MaximumBatchingWindowInSeconds: 2,
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency: 3 },
      }),
    )
    expect(calls['mapping']).toEqual([
      {
        id: expect.stringContaining('app-dev-Map-'),
        functionName: 'fn',
        eventSourceArn: queueArn('q'),
        enabled: true,
        batchSize: 50,
        batchingWindowSeconds: 2,
        reportBatchItemFailures: true,
        maximumConcurrency: 3,
      },
    ])
    expect(iam.statementUse().map(use => use.decisive)).toEqual([0, 1, 1, 1])
  })

  it.each(poll)('of a queue need %s', async action => {
    const others = poll.filter(each => each !== action)
    await expect(run(onQueue({}, others))).rejects.toThrow(
      `Map (AWS::Lambda::EventSourceMapping): function fn: role fn-role may not ${action} on ${queueArn('q')}`,
    )
  })

  it.each<[string, Properties, number, string]>([
    [
      'a visibility timeout under the timeout of the function',
      {},
      31,
      'queue visibility timeout: 30 seconds is less than function timeout: 31 seconds',
    ],
    [
      'large batches without a window',
      { BatchSize: 11 },
      3,
      'Map.Properties.MaximumBatchingWindowInSeconds: must be at least 1',
    ],
    ['a concurrency of one', { ScalingConfig: { MaximumConcurrency: 1 } }, 3, 'from 2 to 1000'],
    ['an unknown response type', { FunctionResponseTypes: ['All'] }, 3, 'knows only ReportBatchItemFailures'],
    ['an unknown property', { StartingPosition: 'LATEST' }, 3, 'Map.Properties.StartingPosition: is not run'],
  ])('of a queue are refused with %s', async (_, properties, timeout, message) => {
    await expect(run(onQueue(properties, poll, timeout))).rejects.toThrow(message)
  })

  const onStream = (properties: Properties, ...statements: Properties[]): Resources => ({
    Role: role(...statements),
    Fn: fn(),
    Table: {
      Type: 'AWS::DynamoDB::Table',
      Properties: { TableName: 't', StreamSpecification: { StreamViewType: 'NEW_IMAGE' } },
    },
    Map: {
      Type: 'AWS::Lambda::EventSourceMapping',
      Properties: {
        FunctionName: { Ref: 'Fn' },
        EventSourceArn: { 'Fn::GetAtt': ['Table', 'StreamArn'] },
        StartingPosition: 'TRIM_HORIZON',
        ...properties,
      },
    },
  })
  const stream = { 'Fn::GetAtt': ['Table', 'StreamArn'] }
  const readers = allow(stream, 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:DescribeStream')

  it('of a stream take settings over, with filter patterns read', async () => {
    const filters = { Filters: [{ Pattern: '{"eventName":["INSERT"]}' }] }
    const { calls, notRun } = await run(
      onStream(
        {
          BatchSize: 5,
          MaximumRetryAttempts: 3,
          BisectBatchOnFunctionError: true,
          FilterCriteria: filters,
          ParallelizationFactor: 2,
        },
        readers,
        allow('*', 'dynamodb:ListStreams'),
      ),
    )
    expect(calls['mapping']).toMatchObject([
      {
        batchSize: 5,
        startingPosition: 'TRIM_HORIZON',
        maximumRetryAttempts: 3,
        maximumRecordAgeSeconds: -1,
        bisectBatchOnFunctionError: true,
        filters: [{ eventName: ['INSERT'] }],
      },
    ])
    expect(notRun).toEqual([expect.stringContaining('ParallelizationFactor')])
  })

  it('of a stream need dynamodb:ListStreams on every resource', async () => {
    await expect(run(onStream({}, readers, allow(stream, 'dynamodb:ListStreams')))).rejects.toThrow(
      'role fn-role may not dynamodb:ListStreams on *',
    )
    await expect(run(onStream({}))).rejects.toThrow('role fn-role may not dynamodb:GetRecords on')
    const broken = { FilterCriteria: { Filters: [{ Pattern: '{' }] } }
    const unknown = { FilterCriteria: { Filters: [{ Pattern: '{"eventName":[{"like":"I*"}]}' }] } }
    await expect(run(onStream(unknown, readers))).rejects.toThrow(
      'Map.Properties.FilterCriteria.Filters[0].Pattern: ',
    )
    await expect(run(onStream(broken, readers))).rejects.toThrow(
      'Map.Properties.FilterCriteria.Filters[0].Pattern: is not JSON',
    )
  })
})
