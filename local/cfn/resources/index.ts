/** Every resource type this cloud knows, by CloudFormation name. */
import type { ResourceHandler, ResourceHandlers } from '../resource.ts'
import { cloudfront } from './cloudfront.ts'
import { cognito } from './cognito.ts'
import { httpApi } from './http-api.ts'
import { identity } from './identity.ts'
import { inertHandler } from './inert.ts'
import { iot } from './iot.ts'
import { lambda } from './lambda.ts'
import { eventSourceMapping } from './lambda-mapping.ts'
import { messaging } from './messaging.ts'
import { storage } from './storage.ts'

const handlers: ResourceHandlers = {
  ...storage,
  ...messaging,
  ...identity,
  ...lambda,
  ...eventSourceMapping,
  ...iot,
  ...httpApi,
  ...cognito,
  ...cloudfront,
}

/** `undefined` for a type that is neither run nor known to be without effect on behaviour. */
export function handlerOf(type: string): ResourceHandler | undefined {
  return Object.hasOwn(handlers, type) ? handlers[type] : inertHandler(type)
}
