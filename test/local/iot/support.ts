import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  AttachPolicyCommand,
  AttachThingPrincipalCommand,
  CreateKeysAndCertificateCommand,
  CreateThingCommand,
  IoTClient,
  type ThingPrincipalType,
} from '@aws-sdk/client-iot'
import { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { Iot, LambdaHost } from '../../../local/core/services.ts'
import {
  type AuthzRequest,
  AwsError,
  type CloudLogEntry,
  type PolicyDocument,
  type Principal,
  type Realm,
  type RestService,
} from '../../../local/core/types.ts'
import { createIot, type IotOptions } from '../../../local/iot/index.ts'

export const ACCOUNT = '123456789012'
export const REGION = 'eu-central-1'

export interface Lab {
  readonly iot: Iot
  readonly control: IoTClient
  readonly data: IoTDataPlaneClient
  readonly dir: string
  readonly realm: Realm
  readonly logs: CloudLogEntry[]
  /** What `authorize` was asked, over HTTP and for rules. */
  readonly authorized: AuthzRequest[]
  readonly invoked: { functionArn: string; payload: Buffer; source: { service: string; sourceArn: string } }[]
  readonly queued: { queueArn: string; body: string; as: Principal }[]
  /** Stands for functions that are invoked synchronously; throws for those that nobody set. */
  readonly functions: Map<string, LambdaHost['invoke']>
  /** Roles that `iot.amazonaws.com` may not assume, and functions and queues that fail, by ARN. */
  readonly broken: Set<string>
  /** Makes a thing with certificate and policies; returns what a device needs. */
  provision(thingName: string, options?: ProvisionOptions): Promise<Device>
  /** Connects as a device; rejects with the broker's refusal. */
  connect(device: Device, options?: IClientOptions): Promise<MqttClient>
  close(): Promise<void>
}
export interface ProvisionOptions {
  readonly policies?: readonly string[]
  readonly attributes?: Record<string, string>
  readonly thingPrincipalType?: ThingPrincipalType
  readonly setAsActive?: boolean
  /** The thing is there already. */
  readonly existing?: boolean
}
export interface Device {
  readonly thingName: string
  readonly certificateId: string
  readonly certificateArn: string
  readonly cert: string
  readonly key: string
}

export interface LabOptions {
  readonly dir?: string
  readonly now?: () => Date
  readonly hookTimeoutMs?: number
  /** Instead of one that allows what is not broken. */
  readonly iam?: (realm: Realm) => IotOptions['iam']
}

/** A realm, an Iot with fakes around it and an HTTP server that lets everyone do everything. */
export const openLab = async (given: LabOptions = {}): Promise<Lab> => {
  const dir = given.dir ?? mkdtempSync(join(tmpdir(), 'iot-'))
  const logs: CloudLogEntry[] = []
  const authorized: AuthzRequest[] = []
  const invoked: Lab['invoked'] = []
  const queued: Lab['queued'] = []
  const broken = new Set<string>()
  const functions: Lab['functions'] = new Map()
  const realm: Realm = {
    accountId: ACCOUNT,
    region: REGION,
    endpoint: '',
    dir,
    now: given.now ?? (() => new Date()),
    log: entry => logs.push(entry),
  }
  const fail = (arn: string) => {
    if (broken.has(arn)) throw new AwsError('AccessDenied', `not allowed: ${arn}`, 403)
  }
  const iot = await createIot({
    realm,
    ...(given.hookTimeoutMs === undefined ? {} : { hookTimeoutMs: given.hookTimeoutMs }),
    iam: given.iam?.(realm) ?? {
      assertAssumable: role => fail(role),
      principalFor: (roleName, sessionName) => ({
        arn: `arn:aws:sts::${ACCOUNT}:assumed-role/${roleName}/${sessionName}`,
        kind: 'role',
        roleName,
        sessionName,
      }),
      authorize: (_principal, needs) => {
        for (const need of needs) fail(need.resource)
        authorized.push(...needs)
      },
    },
    invokeAsync: async (functionArn, payload, source) => {
      fail(functionArn)
      invoked.push({ functionArn, payload, source })
    },
    invoke: async (functionArn, payload, source) => {
      fail(functionArn)
      const run = functions.get(functionArn)
      if (!run) throw new AwsError('ResourceNotFoundException', `Function not found: ${functionArn}`, 404)
      return run(functionArn, payload, source)
    },
    sendToQueue: async (queueArn, body, as) => {
      fail(queueArn)
      queued.push({ queueArn, body, as })
    },
    mqttPort: 0,
  })
  const http = await serve(iot.services, authorized)
  const client = {
    endpoint: http.url,
    region: REGION,
    credentials: { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret' },
    maxAttempts: 1,
  }
  const control = new IoTClient(client)
  const data = new IoTDataPlaneClient(client)
  const connections = new Set<MqttClient>()

  return {
    iot,
    control,
    data,
    dir,
    realm,
    logs,
    authorized,
    invoked,
    queued,
    functions,
    broken,
    provision: async (thingName, options = {}) => {
      const { attributes, policies = ['everything'], thingPrincipalType, setAsActive = true } = options
      const { certificateId, certificateArn, certificatePem, keyPair } = await control.send(
        new CreateKeysAndCertificateCommand({ setAsActive }),
      )
      const thing = { thingName, ...(attributes ? { attributePayload: { attributes } } : {}) }
      if (!options.existing) await control.send(new CreateThingCommand(thing))
      await control.send(
        new AttachThingPrincipalCommand({
          thingName,
          principal: certificateArn,
          ...(thingPrincipalType ? { thingPrincipalType } : {}),
        }),
      )
      for (const policyName of policies)
        await control.send(new AttachPolicyCommand({ policyName, target: certificateArn }))
      return {
        thingName,
        certificateId: certificateId ?? '',
        certificateArn: certificateArn ?? '',
        cert: certificatePem ?? '',
        key: keyPair?.PrivateKey ?? '',
      }
    },
    connect: async (device, options = {}) => {
      const connecting = mqtt.connect({
        protocol: 'mqtts',
        host: iot.mqtt.host,
        port: iot.mqtt.port,
        ca: iot.mqtt.caPem,
        cert: device.cert,
        key: device.key,
        clientId: device.thingName,
        protocolVersion: 4,
        reconnectPeriod: 0,
        ...options,
      })
      connections.add(connecting)
      return new Promise((resolve, reject) => {
        connecting.once('connect', () => resolve(connecting))
        connecting.once('error', reject)
        connecting.once('close', () => reject(new Error('closed before CONNACK')))
        // Later errors (a reset after a refusal) are seen as 'close' by the tests.
        connecting.on('error', () => undefined)
      })
    },
    close: async () => {
      await Promise.all([...connections].map(connection => connection.endAsync(true)))
      control.destroy()
      data.destroy()
      await http.close()
      await iot.close()
      if (given.dir === undefined) rmSync(dir, { recursive: true, force: true })
    },
  }
}

/** A policy that allows everything, named `everything`. */
export const allowEverything = (iot: Iot): void =>
  iot.createPolicy({ PolicyName: 'everything', PolicyDocument: allow('iot:*', '*') })

export const allow = (Action: string | string[], Resource: string | string[]): PolicyDocument => ({
  Version: '2012-10-17',
  Statement: { Effect: 'Allow', Action, Resource },
})
/** A policy variable or substitution template, `${name}`. */
export const variable = (name: string) => `\${${name}}`
export const arn = (kind: string, name: string) => `arn:aws:iot:${REGION}:${ACCOUNT}:${kind}/${name}`

/** Waits until `ready` gives something; fails with `what` after about ten seconds. */
export const eventually = async <T>(what: string, ready: () => T | undefined | false): Promise<T> => {
  for (let round = 0; round < 500; round++) {
    const result = ready()
    if (result !== undefined && result !== false) return result
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  throw new Error(`did not happen: ${what}`)
}

/** Messages that a client gets, in order. */
export const collect = (client: MqttClient) => {
  const messages: { topic: string; payload: Buffer; retain: boolean; qos: number }[] = []
  client.on('message', (topic, payload, packet) =>
    messages.push({ topic, payload, retain: packet.retain, qos: packet.qos }),
  )
  return messages
}

export const closed = (client: MqttClient): Promise<void> =>
  new Promise(resolve => (client.connected ? client.once('close', () => resolve()) : resolve()))

const serve = async (services: readonly RestService[], authorized: AuthzRequest[]) => {
  const answer = async (request: IncomingMessage) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const scope =
      /Credential=[^/]+\/\d+\/[^/]+\/([^/]+)\//.exec(request.headers.authorization ?? '')?.[1] ?? ''
    const service = services.find(({ signingNames }) => signingNames.includes(scope))
    if (!service) throw new AwsError('UnknownService', `no service for ${scope}`, 404)
    const [rawPath = '', query = ''] = (request.url ?? '').split('?')
    const headers = Object.fromEntries(
      Object.entries(request.headers).map(([name, value]) => [name, String(value)]),
    )
    return service.handle(
      {
        method: request.method ?? '',
        rawPath,
        query: new URLSearchParams(query),
        headers,
        body: Buffer.concat(chunks),
        trailers: {},
      },
      {
        principal: { arn: `arn:aws:iam::${ACCOUNT}:user/operator`, kind: 'operator' },
        requestId: randomUUID(),
        authorize: (...needs) => void authorized.push(...needs),
      },
    )
  }
  const server = createServer((request, response) => {
    answer(request).then(
      reply => response.writeHead(reply.status, reply.headers).end(reply.body),
      (error: unknown) => {
        const known = error instanceof AwsError ? error : new AwsError('InternalFailure', String(error), 500)
        response.writeHead(known.status, {
          'x-amzn-errortype': known.code,
          'content-type': 'application/json',
        })
        response.end(JSON.stringify({ ...known.extra, message: known.message }))
      },
    )
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise<void>(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
