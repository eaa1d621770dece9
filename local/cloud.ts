/**
 * The cloud on one machine: every service behind one HTTP endpoint and one MQTT port, with the resources of a
 * packaged CloudFormation template. Nothing here knows the project whose template it is.
 */
import { mkdirSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Issuer } from './apigateway/issuer.ts'
import { type DeployedResource, deploy } from './cfn/deploy.ts'
import { localOutputs, stackNameOf } from './cfn/stack.ts'
import { loadTemplate } from './cfn/template.ts'
import type { CloudWatch } from './cloudwatch/index.ts'
import type { Cognito } from './cognito/index.ts'
import type { Credentials, Denial, EventBridge, Iam, Iot, Sqs } from './core/services.ts'
import type { CloudLogEntry, Realm } from './core/types.ts'
import { startFront } from './http/front.ts'
import type { LambdaOptions } from './lambda/index.ts'
import type { Lambda } from './lambda/types.ts'
import type { LocalLogs } from './logs/index.ts'
import type { Compiler, TrainingImage } from './sagemaker/index.ts'
import { type Closers, closingOrder, makeServices } from './services.ts'

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
  /** Of the template's CloudFront distribution; default 0. */
  readonly consolePort?: number
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
  /** How long a minute of schedules, metrics and alarms lasts, in ms: tests have no hours. Default 60 000. */
  readonly minuteMs?: number
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
  readonly cognito: Pick<Cognito, 'mint'>
  readonly lambda: Pick<Lambda, 'status'>
  readonly sqs: Pick<Sqs, 'depth'>
  readonly events: Pick<EventBridge, 'onEvent'>
  readonly logs: LocalLogs
  readonly cloudwatch: Pick<CloudWatch, 'stateOf'>
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
  const closers: Closers = new Map()
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
    const stackName = options.stackName ?? stackNameOf(template)
    const deployment = await deploy({
      realm,
      services: cloudServices,
      template,
      folder: options.template,
      stackName,
      parameters: typeof parameters === 'function' ? parameters(at) : parameters,
    })
    const outputs = localOutputs(deployment.outputs, cloudServices.addresses)
    parts.stack.deployed = { name: stackName, outputs }
    parts.kms.retireOthers()
    parts.lambda.start()
    const { iam, lambda, sqs, events, logs, cognito, cloudwatch } = parts
    return {
      ...at,
      credentials: iam.operator,
      realm,
      iam,
      issuer,
      cognito,
      lambda,
      sqs,
      events,
      logs,
      outputs,
      cloudwatch,
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
