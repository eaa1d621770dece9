/**
 * The cloud on one machine: every service behind one HTTP endpoint and one MQTT port, with the resources of a
 * packaged CloudFormation template. Nothing here knows the project whose template it is.
 */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { createHttpApis, createIssuer } from './apigateway/index.ts'
import type { Issuer } from './apigateway/issuer.ts'
import { type DeployedResource, deploy } from './cfn/deploy.ts'
import type { CloudServices } from './cfn/resource.ts'
import { localAddresses, routePrefix, stackNameOf } from './cfn/stack.ts'
import { loadTemplate } from './cfn/template.ts'
import type { Credentials, Denial, EventBridge, Iam, Iot, Sqs } from './core/services.ts'
import type { CloudLogEntry, JsonService, Realm, RestService } from './core/types.ts'
import { createDynamoDb } from './dynamodb/index.ts'
import { createEventBridge } from './events/index.ts'
import { startFront } from './http/front.ts'
import { createIam } from './iam/index.ts'
import { createIot } from './iot/index.ts'
import { createKms } from './kms/index.ts'
import { createLambda, type LambdaOptions } from './lambda/index.ts'
import type { Lambda } from './lambda/types.ts'
import { createLogs, type LocalLogs } from './logs/index.ts'
import { createS3 } from './s3/index.ts'
import { type Compiler, createSageMaker, type TrainingImage } from './sagemaker/index.ts'
import { createSqs } from './sqs/index.ts'
import { createSts } from './sts/index.ts'

/** Addresses that are known once the ports are bound, for parameter values that need them. */
export interface CloudAddresses {
  readonly endpoint: string
  /** `iss` of the local OIDC issuer. */
  readonly issuerUrl: string
  readonly mqtt: Iot['mqtt']
}
export interface CloudOptions {
  /** The `.serverless` folder that `osls package` wrote. */
  readonly template: string
  /** Everything that outlives a call; the same folder again brings the same buckets, tables, keys and queues. */
  readonly dir: string
  /** 0 takes any free port. */
  readonly port: number
  readonly mqttPort: number
  readonly host?: string
  readonly parameters?:
    | Readonly<Record<string, string>>
    | ((at: CloudAddresses) => Readonly<Record<string, string>>)
  /** Default: service and stage of the template. */
  readonly stackName?: string
  readonly accountId?: string
  readonly region?: string
  readonly trainingImages?: readonly TrainingImage[]
  readonly compiler?: Compiler
  readonly log?: (entry: CloudLogEntry) => void
  readonly now?: () => Date
  /** Limits and pauses of the Lambda host. */
  readonly lambda?: Pick<
    LambdaOptions,
    'maxPerFunction' | 'maxTotal' | 'idleMs' | 'asyncRetryDelaysMs' | 'streamRetryDelayMs' | 'closeGraceMs'
  >
}
export interface Cloud extends CloudAddresses {
  /** Administrator of the account. */
  readonly credentials: Credentials
  readonly realm: Realm
  readonly iam: Iam
  readonly issuer: Issuer
  readonly lambda: Pick<Lambda, 'status'>
  readonly sqs: Pick<Sqs, 'depth'>
  readonly events: Pick<EventBridge, 'onEvent'>
  readonly logs: LocalLogs
  /** Of the template, resolved. */
  readonly outputs: Readonly<Record<string, unknown>>
  readonly resources: Readonly<Record<string, DeployedResource>>
  /** What the template declares and this cloud does not run. */
  readonly notRun: readonly string[]
  /** Calls that IAM refused so far, oldest first. */
  readonly denials: readonly Denial[]
  onDenied(listener: (denial: Denial) => void): void
  /** From the call of `startCloud` to the last resource, in ms. */
  readonly deploymentMs: number
  /** Stops taking events, waits a bounded time for what runs, saves state and closes every port. */
  close(): Promise<void>
}

/** Functions first: until they are done they need everything else, and what comes in later would start them again. */
const closingOrder = [
  'lambda',
  'iot',
  'sagemaker',
  'events',
  'front',
  's3',
  'dynamodb',
  'sqs',
  'logs',
] as const
type Part = (typeof closingOrder)[number]

/**
 * Rejects, with everything closed again, when a port is taken or the template cannot be deployed. Sets the time
 * zone of this process to UTC.
 */
export async function startCloud(options: CloudOptions): Promise<Cloud> {
  const started = performance.now()
  // Lambda's clock shows UTC, and a worker thread's shows what its process's does: this holds for the whole process.
  process.env['TZ'] = 'UTC'
  const template = await loadTemplate(options.template)
  const realm = makeRealm(options)
  const closers = new Map<Part, () => Promise<void>>()
  const close = async (): Promise<void> => {
    for (const part of closingOrder) {
      const closer = closers.get(part)
      closers.delete(part)
      await closer?.()
    }
  }
  try {
    const parts = await makeServices(realm, options, closers)
    const { services, cloudServices, publicPrefixes, issuer, iot } = parts
    const { port, host = '127.0.0.1' } = options
    const front = await startFront({ realm, iam: parts.iam, services, port, host, publicPrefixes })
    closers.set('front', () => front.close())

    const at: CloudAddresses = { endpoint: realm.endpoint, issuerUrl: issuer.url, mqtt: iot.mqtt }
    const { parameters = {} } = options
    const deployment = await deploy({
      realm,
      services: cloudServices,
      template,
      folder: options.template,
      stackName: options.stackName ?? stackNameOf(template),
      parameters: typeof parameters === 'function' ? parameters(at) : parameters,
    })
    parts.kms.retireOthers()
    parts.lambda.start()
    const { iam, lambda, sqs, events, logs } = parts
    return {
      ...at,
      credentials: iam.operator,
      realm,
      iam,
      issuer,
      lambda,
      sqs,
      events,
      logs,
      outputs: localAddresses(deployment.outputs, parts.apis),
      resources: deployment.resources,
      notRun: deployment.notRun,
      denials: iam.denials,
      onDenied: listener => iam.onDenied(listener),
      deploymentMs: performance.now() - started,
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

function makeRealm(options: CloudOptions): Realm {
  const dir = resolve(options.dir)
  mkdirSync(dir, { recursive: true })
  return {
    accountId: options.accountId ?? '123456789012',
    region: options.region ?? 'eu-west-1',
    endpoint: '',
    dir,
    now: options.now ?? (() => new Date()),
    log: options.log ?? (() => {}),
  }
}

async function makeServices(realm: Realm, options: CloudOptions, closers: Map<Part, () => Promise<void>>) {
  const iam = createIam(realm)
  const both = { realm, iam }
  const logs = createLogs(both)
  closers.set('logs', () => logs.close())
  const sqs = createSqs(both)
  closers.set('sqs', () => sqs.close())
  const dynamodb = await createDynamoDb(both)
  closers.set('dynamodb', () => dynamodb.close())
  const kms = createKms(both)
  const lambda = createLambda({ ...both, logs, sqs, dynamodb, ...options.lambda })
  closers.set('lambda', () => lambda.close())
  const deliver = { invokeAsync: lambda.invokeAsync, sendToQueue: sqs.send }
  const events = createEventBridge({ ...both, ...deliver })
  closers.set('events', () => events.close())
  const s3 = createS3({ ...both, emit: events.emit })
  closers.set('s3', () => s3.close())
  const sagemaker = createSageMaker({
    ...both,
    emit: events.emit,
    onLog: logs.put,
    ...(options.trainingImages && { trainingImages: options.trainingImages }),
    ...(options.compiler && { compiler: options.compiler }),
  })
  closers.set('sagemaker', () => sagemaker.close())
  const host = options.host ?? '127.0.0.1'
  const iot = await createIot({
    ...both,
    ...deliver,
    invoke: lambda.invoke,
    mqttPort: options.mqttPort,
    host,
  }).catch(portInUse(options.mqttPort))
  closers.set('iot', () => iot.close())
  const issuer = createIssuer({ realm })
  const http = createHttpApis({ realm, invoke: lambda.invoke, issuer })

  const apis = new Map<string, string>()
  const publicPrefixes = ['/_api/', `${issuer.path}/`]
  const cloudServices: CloudServices = {
    ...both,
    logs,
    sqs,
    dynamodb,
    kms,
    lambda,
    events,
    s3,
    iot,
    http: {
      ...http,
      createApi(properties) {
        const api = http.createApi(properties)
        apis.set(api.apiId, api.endpoint)
        return api
      },
      createRoute(apiId, properties) {
        http.createRoute(apiId, properties)
        publicPrefixes.push(routePrefix(String(properties['RouteKey'])))
      },
    },
  }
  const services: (JsonService | RestService)[] = [
    createSts(both),
    s3.service,
    kms.service,
    sqs.service,
    logs.service,
    events.service,
    sagemaker.service,
    lambda.service,
    http.service,
    ...dynamodb.services,
    ...iot.services,
  ]
  return { iam, kms, logs, sqs, lambda, events, iot, issuer, apis, publicPrefixes, services, cloudServices }
}

const portInUse =
  (port: number) =>
  (cause: NodeJS.ErrnoException): never => {
    if (cause.code !== 'EADDRINUSE') throw cause
    throw new Error(`port ${port} is in use; choose another with --mqtt-port`, { cause })
  }
