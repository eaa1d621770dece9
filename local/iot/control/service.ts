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
import { ruleOperations } from './rules.ts'
import { thingTypeOperations } from './thing-types.ts'
import { thingOperations } from './things.ts'

/** The control plane: rest-json, signing name `iot`. */
export const createControlPlane = (options: {
  readonly realm: Realm
  readonly registry: Registry
  readonly authority: Authority
  readonly engine: RulesEngine
  /** `HOST:PORT` of the MQTT listener. */
  readonly dataEndpoint: string
}): RestService => {
  const { realm, registry, authority, engine } = options
  const operations: ControlOperations = {
    ...thingOperations(realm, registry),
    ...thingTypeOperations(realm, registry),
    ...certificateOperations(realm, registry, authority),
    ...policyOperations(realm, registry),
    ...principalOperations(realm, registry),
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
      ctx.authorize({ action: `iot:${match.operation}`, resource: operation.resource(call) })
      return jsonResponse(await operation.run(call))
    },
  }
}
