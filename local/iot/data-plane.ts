import {
  AwsError,
  type CallContext,
  type Principal,
  type Realm,
  type RestRequest,
  type RestResponse,
  type RestService,
} from '../core/types.ts'
import { iotArn } from './arns.ts'
import type { Broker } from './broker/broker.ts'
import { MAX_PAYLOAD_BYTES, publishFault } from './broker/limits.ts'
import type { RetainedStore } from './broker/retained.ts'
import { invalidRequest, notFound, pageOf } from './control/call.ts'
import { authorizeOne, createRouter, jsonResponse, notImplemented } from './router.ts'
import type { RulesEngine } from './rules/engine.ts'
import { basicIngest } from './topics.ts'

// The data plane of the AWS service model of 2026-08 (API version 2015-05-28).
const ROUTES = `
POST /topics/{topic+} Publish
GET /retainedMessage/{topic+} GetRetainedMessage
GET /retainedMessage ListRetainedMessages
GET /things/{thingName}/shadow GetThingShadow
POST /things/{thingName}/shadow UpdateThingShadow
DELETE /things/{thingName}/shadow DeleteThingShadow
GET /api/things/shadow/ListNamedShadowsForThing/{thingName} ListNamedShadowsForThing
GET /connections/{clientId} GetConnection
DELETE /connections/{clientId} DeleteConnection
GET /connections/{clientId}/subscriptions ListSubscriptions
POST /connections/{clientId}/messages SendDirectMessage
`

/** Publish and retained messages over HTTP: signing names `iotdata` and `iotdevicegateway`. */
export const createDataPlane = (options: {
  readonly realm: Realm
  readonly broker: Pick<Broker, 'publish'>
  readonly engine: Pick<RulesEngine, 'onMessage'>
  readonly retained: RetainedStore
}): RestService => {
  const { realm, broker, engine, retained } = options
  const topicArn = (topic: string) => iotArn(realm, 'topic', topic)
  const route = createRouter(ROUTES)

  const publish = (topic: string, request: RestRequest, ctx: CallContext): RestResponse => {
    const { body: payload, query } = request
    const qos = Number(query.get('qos') ?? '0')
    if (qos !== 0 && qos !== 1)
      throw invalidRequest(`qos must be 0 or 1; got ${JSON.stringify(query.get('qos'))}`)
    const wantsRetain = query.get('retain') === 'true'
    authorizeOne(ctx, 'iot:Publish', topicArn(topic))
    if (wantsRetain) authorizeOne(ctx, 'iot:RetainPublish', topicArn(topic))
    if (payload.length > MAX_PAYLOAD_BYTES)
      throw new AwsError(
        'RequestEntityTooLargeException',
        `The payload has ${payload.length} bytes; at most ${MAX_PAYLOAD_BYTES} are allowed.`,
        413,
      )
    const fault = publishFault(topic, payload, qos)
    if (fault) throw invalidRequest(fault)
    if (query.has('messageExpiry'))
      throw new AwsError(
        'NotImplemented',
        'messageExpiry (MQTT 5) is not implemented by the local cloud',
        501,
      )
    const retain = wantsRetain && !topic.startsWith('$')
    if (!basicIngest(topic)) broker.publish({ topic, payload, qos, retain })
    engine.onMessage({ topic, payload, principal: userId(ctx.principal), hops: 0 })
    return jsonResponse({ message: 'OK' })
  }

  return {
    kind: 'rest',
    name: 'iotdata',
    signingNames: ['iotdata', 'iotdevicegateway'],
    handle: async (request, ctx) => {
      const match = route(request.method, request.rawPath)
      const topic = match?.path['topic'] ?? ''
      switch (match?.operation) {
        case 'Publish':
          return publish(topic, request, ctx)
        case 'GetRetainedMessage': {
          authorizeOne(ctx, 'iot:GetRetainedMessage', topicArn(topic))
          const message = retained.get(topic)
          if (!message) throw notFound(`There is no retained message on ${topic}.`)
          return jsonResponse({ ...message, payload: message.payload.toString('base64') })
        }
        case 'ListRetainedMessages': {
          authorizeOne(ctx, 'iot:ListRetainedMessages', '*')
          const { query } = request
          const page = pageOf(retained.list(), m => m.topic, query.get('maxResults'), query.get('nextToken'))
          const retainedTopics = page.items.map(({ payload, ...message }) => ({
            ...message,
            payloadSize: payload.length,
          }))
          return jsonResponse({ retainedTopics, nextToken: page.next })
        }
        default:
          throw notImplemented(match?.operation, request)
      }
    },
  }
}

/** What `principal()` gives for messages over HTTP; AWS has an id where this has the name. */
const userId = ({ arn, roleName, sessionName }: Principal): string =>
  roleName === undefined ? (arn.split('/').at(-1) ?? arn) : `${roleName}:${sessionName ?? ''}`
