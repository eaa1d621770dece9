/** An HTTP API with a fake function, for the tests of requests, the authorizer and the issuer. */
import { afterEach, beforeEach } from 'vitest'
import { createHttpApis, createIssuer, type HttpApis } from '../../local/apigateway/index.ts'
import type { Issuer } from '../../local/apigateway/issuer.ts'
import { type Front, startFront } from '../../local/http/front.ts'
import { createIam } from '../../local/iam/index.ts'
import { type TestRealm, testRealm } from './events-support.ts'

export const FN = 'arn:aws:lambda:eu-west-1:123456789012:function:f'
type Result = { payload: Buffer; functionError?: 'Handled' | 'Unhandled' }
type Event = Record<string, unknown> & {
  requestContext: Record<string, unknown>
  headers: Record<string, string>
}

export let realm: TestRealm
let front: Front
export let apis: HttpApis
export let issuer: Issuer
export let apiId: string
export let endpoint: string
export let integration: string
export let events: Event[]
export let sources: { service: string; sourceArn: string }[]

/** What the function behind the API answers; `crash` makes it fail. */
export const lambda = { reply: (): unknown => ({ ok: true }) }

/** A fresh API and issuer behind the real front for each test of the file. */
export function useApi(): void {
  beforeEach(async () => {
    realm = testRealm()
    events = []
    sources = []
    lambda.reply = () => ({ ok: true })
    issuer = createIssuer({
      realm,
      audience: 'ops',
      clients: [
        { id: 'operator', secret: 'op-secret', scopes: '*' },
        { id: 'reader', secret: 'rd:secret', scopes: ['models:read'] },
      ],
    })
    apis = createHttpApis({
      realm,
      beside: [issuer],
      invoke: async (_arn, payload, source): Promise<Result> => {
        sources.push(source)
        events.push(JSON.parse(payload.toString()))
        const value = await lambda.reply()
        if (value === 'crash')
          return { payload: Buffer.from('{"errorMessage":"x"}'), functionError: 'Unhandled' }
        return { payload: Buffer.from(JSON.stringify(value)) }
      },
    })
    const services = [apis.service]
    front = await startFront({
      realm,
      iam: createIam(realm),
      services,
      port: 0,
      publicPrefixes: ['/v1/', '/_api/', '/_issuer/'],
    })
    ;({ apiId, endpoint } = apis.createApi({ Name: 'ops', ProtocolType: 'HTTP' }))
    integration = apis.createIntegration(apiId, {
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: FN,
      PayloadFormatVersion: '2.0',
    })
  })
  afterEach(async () => {
    await front.close()
    realm.remove()
  })
}

export const route = (RouteKey: string, more: Record<string, unknown> = {}, id = apiId) =>
  apis.createRoute(id, { RouteKey, Target: `integrations/${integration}`, ...more })
export const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
