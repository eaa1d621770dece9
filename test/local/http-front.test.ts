import { once } from 'node:events'
import { request as httpRequest } from 'node:http'
import { connect } from 'node:net'
import { crc32 } from 'node:zlib'
import { DynamoDBClient, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { IoTClient, ListThingsCommand } from '@aws-sdk/client-iot'
import { CreateKeyCommand, KMSClient, ListKeysCommand, TagResourceCommand } from '@aws-sdk/client-kms'
import { CreateBucketCommand, GetBucketAclCommand, S3Client } from '@aws-sdk/client-s3'
import {
  AssumeRoleCommand,
  GetCallerIdentityCommand,
  GetSessionTokenCommand,
  STSClient,
} from '@aws-sdk/client-sts'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AwsError, type JsonService, type RestService } from '../../local/core/types.ts'
import { startFront } from '../../local/http/front.ts'
import { account, failure, startTestCloud, type TestCloud } from './http-cloud.ts'

const tables: JsonService = {
  kind: 'json',
  name: 'dynamodb',
  targetPrefix: 'DynamoDB_20120810',
  jsonVersion: '1.0',
  operations: {
    ListTables: () => ({ TableNames: ['t'] }),
    GetItem() {
      throw new AwsError('ConditionalCheckFailedException', 'no', 400, { Item: { a: { S: 'x' } } })
    },
    DescribeTable() {
      throw new TypeError('a fault in the service')
    },
  },
}
const http: RestService = {
  kind: 'rest',
  name: 'http',
  signingNames: ['execute-api'],
  async handle(request, context) {
    if (request.rawPath === '/v1/boom') throw new Error('boom')
    if (request.rawPath === '/v1/guarded')
      context.authorize({ action: 'execute-api:Invoke', resource: 'arn:aws:execute-api:::x' })
    if (request.rawPath === '/v1/header') return { status: 200, headers: { 'x-bad': 'a\nb' } }
    const { method, rawPath, body } = request
    const seen = { method, rawPath, auth: request.headers['authorization'], body: body.toString() }
    return { status: 201, headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(seen) }
  },
}

let cloud: TestCloud
beforeAll(async () => {
  cloud = await startTestCloud({ services: [tables, http] })
})
afterAll(() => cloud.close())

const badSecret = () => cloud.client({ ...cloud.iam.operator, secretAccessKey: 'wrong' })
const unknownKey = () => cloud.client({ accessKeyId: 'AKIDUNKNOWN', secretAccessKey: 'x' })
const post = (headers: Record<string, string>, body: string) =>
  fetch(`${cloud.realm.endpoint}/`, { method: 'POST', headers, body })

describe('dispatch', () => {
  it('routes by target, by scope and by form', async () => {
    const dynamo = new DynamoDBClient(cloud.client())
    expect((await dynamo.send(new ListTablesCommand({}))).TableNames).toEqual(['t'])
    expect((await new KMSClient(cloud.client()).send(new ListKeysCommand({}))).Keys).toEqual([])
    const s3 = new S3Client({ ...cloud.client(), forcePathStyle: true })
    expect((await s3.send(new CreateBucketCommand({ Bucket: 'front' }))).Location).toBe('/front')
    const me = await new STSClient(cloud.client()).send(new GetCallerIdentityCommand({}))
    expect(me).toMatchObject({ Account: account, Arn: `arn:aws:iam::${account}:user/operator` })
  })

  it('names service and operation of what it does not implement, with 501, and logs a warning', async () => {
    const before = cloud.logs.length
    const calls = [
      [() => new KMSClient(cloud.client()).send(new CreateKeyCommand({})), 'kms: CreateKey'],
      [
        () => new EventBridgeClient(cloud.client()).send(new PutEventsCommand({ Entries: [] })),
        'AWSEvents (PutEvents)',
      ],
      [() => new IoTClient(cloud.client()).send(new ListThingsCommand({})), 'the service iot'],
      [() => new STSClient(cloud.client()).send(new GetSessionTokenCommand({})), 'sts: GetSessionToken'],
      [
        () =>
          new S3Client({ ...cloud.client(), forcePathStyle: true }).send(
            new GetBucketAclCommand({ Bucket: 'front' }),
          ),
        's3: GET bucket ?acl',
      ],
    ] as const
    for (const [call, what] of calls) {
      const failed = await failure(call())
      expect(failed).toMatchObject({ name: 'NotImplemented', status: 501 })
      expect(failed.message).toContain(what)
    }
    expect(cloud.logs.slice(before).filter(entry => entry.level === 'warn').length).toBeGreaterThanOrEqual(4)
  })

  it('does not take inherited properties for operations', async () => {
    const kms = new KMSClient(cloud.client())
    kms.middlewareStack.add(
      next => args => {
        const { headers } = args.request as { headers: Record<string, string> }
        headers['x-amz-target'] = 'TrentService.toString'
        return next(args)
      },
      { step: 'build' },
    )
    const tag = new TagResourceCommand({ KeyId: 'k', Tags: [] })
    expect((await failure(kms.send(tag))).message).toContain('kms: toString')
  })

  it('serves public prefixes without a signature, and nothing else', async () => {
    const bearer = { authorization: 'Bearer token' }
    const open = await fetch(`${cloud.realm.endpoint}/v1/models?x=1`, {
      method: 'POST',
      headers: bearer,
      body: 'hi',
    })
    expect(open.status).toBe(201)
    expect(await open.json()).toEqual({
      method: 'POST',
      rawPath: '/v1/models',
      auth: 'Bearer token',
      body: 'hi',
    })
    for (const path of ['/v2/models', '/', '/front/key']) {
      const closed = await fetch(`${cloud.realm.endpoint}${path}`, { headers: bearer })
      expect(closed.status).toBe(403)
      expect(closed.headers.get('x-amzn-errortype')).toBe('MissingAuthenticationTokenException')
    }
    const guarded = await fetch(`${cloud.realm.endpoint}/v1/guarded`)
    expect(guarded.status).toBe(403)
    expect(await guarded.text()).toContain('User: anonymous is not authorized to perform: execute-api:Invoke')
  })
})

describe('errors in the format of their protocol', () => {
  it('an unsigned JSON call and an unsigned form', async () => {
    const json = await post({ 'x-amz-target': 'TrentService.Sign' }, '{}')
    expect(json.status).toBe(403)
    expect(await json.json()).toEqual({
      __type: 'MissingAuthenticationTokenException',
      message: 'Missing Authentication Token',
    })
    const form = await post(
      { 'content-type': 'application/x-www-form-urlencoded' },
      'Action=GetCallerIdentity',
    )
    expect(form.status).toBe(403)
    expect(await form.text()).toContain('<Code>MissingAuthenticationToken</Code>')
  })

  it('a wrong secret and an unknown key', async () => {
    const s3 = (config: ReturnType<TestCloud['client']>) =>
      failure(
        new S3Client({ ...config, forcePathStyle: true }).send(new CreateBucketCommand({ Bucket: 'b12' })),
      )
    const kms = (config: ReturnType<TestCloud['client']>) =>
      failure(new KMSClient(config).send(new ListKeysCommand({})))
    const sts = (config: ReturnType<TestCloud['client']>) =>
      failure(new STSClient(config).send(new GetCallerIdentityCommand({})))
    expect(await s3(badSecret())).toMatchObject({ name: 'SignatureDoesNotMatch', status: 403 })
    expect(await kms(badSecret())).toMatchObject({ name: 'InvalidSignatureException', status: 400 })
    expect(await sts(badSecret())).toMatchObject({ name: 'SignatureDoesNotMatch', status: 403 })
    expect(await s3(unknownKey())).toMatchObject({ name: 'InvalidAccessKeyId', status: 403 })
    expect(await kms(unknownKey())).toMatchObject({ name: 'UnrecognizedClientException', status: 400 })
    expect(await sts(unknownKey())).toMatchObject({ name: 'InvalidClientTokenId', status: 403 })
  })

  it('a denial: AccessDeniedException for JSON services, AccessDenied for S3', async () => {
    const nobody = cloud.role('nobody', [])
    const kms = await failure(new KMSClient(cloud.client(nobody)).send(new ListKeysCommand({})))
    expect(kms).toEqual({
      name: 'AccessDeniedException',
      status: 400,
      message: `User: arn:aws:sts::${account}:assumed-role/nobody/nobody-session is not authorized to perform: kms:ListKeys on resource: * because no identity-based policy allows the kms:ListKeys action`,
    })
    const s3 = new S3Client({ ...cloud.client(nobody), forcePathStyle: true })
    expect(await failure(s3.send(new CreateBucketCommand({ Bucket: 'denied' })))).toMatchObject({
      name: 'AccessDenied',
      status: 403,
    })
  })

  it('a service error with its extra members, and a fault of a service that the server survives', async () => {
    const dynamo = new DynamoDBClient(cloud.client())
    const { GetItemCommand, DescribeTableCommand } = await import('@aws-sdk/client-dynamodb')
    const get = new GetItemCommand({ TableName: 't', Key: {} })
    await expect(dynamo.send(get)).rejects.toMatchObject({
      name: 'ConditionalCheckFailedException',
      Item: { a: { S: 'x' } },
    })
    const fault = await failure(dynamo.send(new DescribeTableCommand({ TableName: 't' })))
    expect(fault).toMatchObject({ name: 'InternalFailure', status: 500 })
    expect(fault.message).not.toContain('a fault in the service')
    expect(cloud.logs.find(entry => entry.level === 'error')?.message).toContain('a fault in the service')
    expect((await fetch(`${cloud.realm.endpoint}/v1/boom`)).status).toBe(500)
    expect((await fetch(`${cloud.realm.endpoint}/v1/header`)).status).toBe(500)
    expect((await fetch(`${cloud.realm.endpoint}/v1/fine`)).status).toBe(201)
  })

  it('nonsense on the wire', async () => {
    const authorization = 'AWS4-HMAC-SHA256 nonsense'
    const json = await post({ 'x-amz-target': 'TrentService.Sign', authorization }, '{')
    expect([json.status, json.headers.get('x-amzn-errortype')]).toEqual([400, 'IncompleteSignatureException'])
    const presigned = await fetch(`${cloud.realm.endpoint}/front/k?X-Amz-Algorithm=AWS4-HMAC-SHA256`)
    expect(presigned.status).toBe(400)
    expect(await presigned.text()).toContain('<Code>AuthorizationQueryParametersError</Code>')
    const version2 = await fetch(`${cloud.realm.endpoint}/front/k?AWSAccessKeyId=a&Signature=b&Expires=1`)
    expect(await version2.text()).toContain('Please use AWS4-HMAC-SHA256')
    const socket = connect(Number(new URL(cloud.realm.endpoint).port), '127.0.0.1')
    socket.write('NOT HTTP\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toContain('400 Bad Request')
    socket.destroy()
    const kms = new KMSClient(cloud.client())
    kms.middlewareStack.add(
      next => args => {
        Object.assign(args.request as object, { body: '[]' })
        return next(args)
      },
      { step: 'build' },
    )
    expect(await failure(kms.send(new ListKeysCommand({})))).toMatchObject({ name: 'SerializationException' })
  })
})

describe('transport', () => {
  it('sends x-amz-crc32 with DynamoDB answers and request ids with all', async () => {
    const dynamo = new DynamoDBClient(cloud.client())
    let headers: Record<string, string> = {}
    dynamo.middlewareStack.add(
      next => async args => {
        const result = await next(args)
        headers = (result.response as { headers: Record<string, string> }).headers
        return result
      },
      { step: 'deserialize' },
    )
    await dynamo.send(new ListTablesCommand({}))
    expect(headers['x-amz-crc32']).toBe(String(crc32('{"TableNames":["t"]}')))
    expect(headers['x-amzn-requestid']).toMatch(/^[0-9a-f-]{36}$/)
    expect(headers['content-type']).toBe('application/x-amz-json-1.0')
  })

  const raw = (path: string, headers: Record<string, string>, onContinue: () => void) => {
    const request = httpRequest(`${cloud.realm.endpoint}${path}`, { method: 'POST', headers })
    request.on('continue', onContinue)
    return request
  }

  it('asks for the body of a client that waits for 100 Continue', async () => {
    const request = raw('/v1/upload', { expect: '100-continue', 'content-length': '4' }, () =>
      request.end('data'),
    )
    request.flushHeaders()
    const [response] = await once(request, 'response')
    const chunks: Buffer[] = []
    for await (const chunk of response) chunks.push(chunk as Buffer)
    expect(JSON.parse(Buffer.concat(chunks).toString())).toMatchObject({ body: 'data' })
  })

  it('refuses a body that is too large before it is sent', async () => {
    let asked = false
    const request = raw('/v1/upload', { expect: '100-continue', 'content-length': String(17 << 20) }, () => {
      asked = true
    })
    request.flushHeaders()
    const [response] = await once(request, 'response')
    expect(response.statusCode).toBe(413)
    expect(asked).toBe(false)
    request.destroy()
    const scope = 'X-Amz-Credential=a/20260101/eu-west-1/s3/aws4_request'
    const upload = raw(
      `/b/k?${scope}`,
      { expect: '100-continue', 'content-length': String(2 ** 30) },
      () => {},
    )
    upload.flushHeaders()
    const [refused] = await once(upload, 'response')
    const chunks: Buffer[] = []
    for await (const chunk of refused) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).toString()).toContain('<Code>EntityTooLarge</Code>')
    upload.destroy()
  })

  it('answers a client that sends too much without asking', async () => {
    const response = await fetch(`${cloud.realm.endpoint}/v1/upload`, {
      method: 'POST',
      body: Buffer.alloc(17 << 20),
    })
    expect(response.status).toBe(413)
  })

  it('says what to do when the port is taken', async () => {
    const { port } = new URL(cloud.realm.endpoint)
    const options = { realm: { ...cloud.realm }, iam: cloud.iam, services: [], port: Number(port) }
    await expect(startFront(options)).rejects.toThrow(`port ${port} is in use; choose another with --port`)
  })
})

describe('STS', () => {
  it('lets the operator take a role, and nobody else', async () => {
    cloud.role('worker', [{ Effect: 'Allow', Action: 'kms:ListKeys', Resource: '*' }])
    const RoleArn = `arn:aws:iam::${account}:role/worker`
    const assume = new AssumeRoleCommand({ RoleArn, RoleSessionName: 'me' })
    const { Credentials } = await new STSClient(cloud.client()).send(assume)
    const session = {
      accessKeyId: Credentials?.AccessKeyId ?? '',
      secretAccessKey: Credentials?.SecretAccessKey ?? '',
      sessionToken: Credentials?.SessionToken ?? '',
    }
    expect(session.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/)
    const sts = new STSClient(cloud.client(session))
    const me = await sts.send(new GetCallerIdentityCommand({}))
    expect(me.Arn).toBe(`arn:aws:sts::${account}:assumed-role/worker/me`)
    expect(await new KMSClient(cloud.client(session)).send(new ListKeysCommand({}))).toMatchObject({
      Keys: [],
    })
    expect(await failure(sts.send(assume))).toMatchObject({ name: 'AccessDenied', status: 403 })
    const missing = new AssumeRoleCommand({ RoleArn: `${RoleArn}-not`, RoleSessionName: 'me' })
    expect(await failure(new STSClient(cloud.client()).send(missing))).toMatchObject({ name: 'AccessDenied' })
    const { sessionToken: _token, ...withoutToken } = session
    const incomplete = new STSClient(cloud.client(withoutToken))
    expect(await failure(incomplete.send(new GetCallerIdentityCommand({})))).toMatchObject({
      name: 'InvalidClientTokenId',
    })
  })
})
