import { join } from 'node:path'
import type { Iam, Iot, LambdaHost } from '../core/services.ts'
import { AwsError, type InvokeAsync, type Realm, type SendToQueue } from '../core/types.ts'
import { startBroker } from './broker/broker.ts'
import { openRetainedStore } from './broker/retained.ts'
import { openAuthority } from './ca/authority.ts'
import { storePolicy } from './control/policies.ts'
import { createControlPlane, registryOperations } from './control/service.ts'
import { storeThingType } from './control/thing-types.ts'
import { createDataPlane } from './data-plane.ts'
import { createProvisioning } from './provisioning/index.ts'
import { storeTemplate, templateArn } from './provisioning/templates.ts'
import { openRegistry } from './registry.ts'
import { camelKeys } from './rules/action-config.ts'
import { createRulesEngine } from './rules/engine.ts'
import { compileRule } from './rules/rule.ts'

export interface IotOptions {
  readonly realm: Realm
  readonly iam: Pick<Iam, 'assertAssumable' | 'principalFor' | 'authorize'>
  /** All three may be bound later than this service is made: they are called only when a message comes. */
  readonly invokeAsync: InvokeAsync
  /** For pre-provisioning hooks. */
  readonly invoke: LambdaHost['invoke']
  readonly sendToQueue: SendToQueue
  /** 0 for any free port. */
  readonly mqttPort: number
  readonly host?: string
  /** How long a pre-provisioning hook may take, in ms; AWS gives it 5 s, and so does the default. */
  readonly hookTimeoutMs?: number
}

// An action that never settles must not keep the cloud from stopping.
const CLOSE_GRACE_MS = 2000
// "must finish running and return within 5 seconds" (developer guide, pre-provisioning hooks).
const HOOK_TIMEOUT_MS = 5000

/**
 * AWS IoT Core: registry, certificates, MQTT broker with mutual TLS and policies, rules, and the HTTP data plane.
 * Things, certificates, policies, provisioning templates and retained messages are kept in `realm.dir/iot`; rules come from the template
 * at each start. Rejects when the port is taken or a file in the folder is damaged.
 */
export const createIot = async (options: IotOptions): Promise<Iot> => {
  const { realm, iam, invokeAsync, invoke, sendToQueue, mqttPort, host = '127.0.0.1' } = options
  const registry = openRegistry(realm)
  const retained = openRetainedStore(realm)
  const authority = await openAuthority(join(realm.dir, 'iot'), host)
  const engine = createRulesEngine({
    realm,
    iam,
    invokeAsync,
    sendToQueue,
    republish: ({ hops, ...message }) => {
      broker.publish({ ...message, retain: false })
      engine.onMessage({ ...message, hops })
    },
  })
  const operations = registryOperations(realm, registry, authority)
  const provisioning = createProvisioning({
    realm,
    registry,
    authority,
    iam,
    operations,
    invoke,
    timeoutMs: options.hookTimeoutMs ?? HOOK_TIMEOUT_MS,
  })
  const broker = await startBroker({
    realm,
    registry,
    authority,
    retained,
    host,
    port: mqttPort,
    onMessage: message => engine.onMessage(message),
    onRequest: request => provisioning.handle(request),
  })
  const dataEndpoint = `${host}:${broker.port}`

  return {
    services: [
      createControlPlane({ realm, registry, operations, engine, dataEndpoint, sweep: provisioning.sweep }),
      createDataPlane({ realm, broker, engine, retained }),
    ],
    createPolicy: ({ PolicyName, PolicyDocument }) =>
      storePolicy(realm, registry, PolicyName, PolicyDocument),
    createThingType: ({ ThingTypeName, ...properties }) => {
      if (typeof ThingTypeName !== 'string' || ThingTypeName === '')
        throw new AwsError('InvalidRequestException', 'ThingTypeName is required', 400)
      storeThingType(realm, registry, ThingTypeName, thingTypeProperties(properties['ThingTypeProperties']))
    },
    createProvisioningTemplate: properties => {
      const { templateType: type, ...fields } = camelKeys(properties)
      const { templateName } = storeTemplate(realm, registry, { ...fields, type })
      return { arn: templateArn(realm, templateName) }
    },
    createTopicRule: properties => {
      const rule = compileRule(realm, properties)
      engine.put(rule)
      return { arn: rule.arn }
    },
    mqtt: { host, port: broker.port, caPem: authority.caPem },
    close: async () => {
      await broker.close()
      let timer: NodeJS.Timeout | undefined
      const grace = new Promise<void>(resolve => {
        timer = setTimeout(resolve, CLOSE_GRACE_MS)
      })
      await Promise.race([Promise.all([engine.idle(), provisioning.idle()]), grace])
      clearTimeout(timer)
      await Promise.all([registry.flush(), retained.flush()])
    },
  }
}

/** CloudFormation's spelling of the properties to the API's. */
const thingTypeProperties = (given: unknown): Readonly<Record<string, unknown>> => {
  if (typeof given !== 'object' || given === null) return {}
  return Object.fromEntries(
    Object.entries(given).map(([key, value]) => [key.charAt(0).toLowerCase() + key.slice(1), value]),
  )
}
