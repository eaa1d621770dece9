import type { Realm, RestService } from '../../core/types.ts'
import type { Authority } from '../ca/authority.ts'
import type { Registry } from '../registry.ts'
import { createRouter, jsonResponse, notImplemented } from '../router.ts'
import type { RulesEngine } from '../rules/engine.ts'
import { type ControlOperations, readBody } from './call.ts'
import { certificateOperations } from './certificates.ts'
import { endpointOperations } from './endpoint.ts'
import { OPERATION_ROUTES } from './operations.ts'
import { policyOperations } from './policies.ts'
import { principalOperations } from './principals.ts'
import { provisioningTemplateOperations } from './provisioning-templates.ts'
import { ruleOperations } from './rules.ts'
import { thingTypeOperations } from './thing-types.ts'
import { thingOperations } from './things.ts'

/** Operations on things, certificates, policies and their attachments. */
export const registryOperations = (
  realm: Realm,
  registry: Registry,
  authority: Authority,
): ControlOperations => ({
  ...thingOperations(realm, registry),
  ...thingTypeOperations(realm, registry),
  ...certificateOperations(realm, registry, authority),
  ...policyOperations(realm, registry),
  ...principalOperations(realm, registry),
})

/** The control plane: rest-json, signing name `iot`. */
export const createControlPlane = (options: {
  readonly realm: Realm
  readonly registry: Registry
  /** Of `registryOperations`. */
  readonly operations: ControlOperations
  readonly engine: RulesEngine
  /** `HOST:PORT` of the MQTT listener. */
  readonly dataEndpoint: string
  /** Called before every operation. */
  readonly sweep: () => void
}): RestService => {
  const { realm, registry, engine } = options
  const operations: ControlOperations = {
    ...options.operations,
    ...provisioningTemplateOperations(realm, registry),
    ...ruleOperations(realm, engine),
    ...endpointOperations(options.dataEndpoint),
  }
  const route = createRouter(OPERATION_ROUTES)
  return {
    kind: 'rest',
    name: 'iot',
    signingNames: ['iot'],
    handle: async (request, ctx) => {
      const match = route(request.method, request.rawPath)
      const operation =
        match && Object.hasOwn(operations, match.operation) ? operations[match.operation] : undefined
      if (!match || !operation) throw notImplemented(match?.operation, request)
      const call = {
        path: match.path,
        query: request.query,
        headers: request.headers,
        body: readBody(request),
      }
      ctx.authorize(
        { action: `iot:${match.operation}`, resource: operation.resource(call) },
        ...(operation.needs?.(call) ?? []),
      )
      options.sweep()
      return jsonResponse(await operation.run(call))
    },
  }
}
