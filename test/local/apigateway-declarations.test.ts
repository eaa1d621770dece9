import { describe, expect, it } from 'vitest'
import { apiId, apis, FN, route, useApi } from './apigateway-support.ts'

useApi()

describe('declarations', () => {
  it.each([
    ['a WebSocket API', () => apis.createApi({ Name: 'w', ProtocolType: 'WEBSOCKET' }), 'ProtocolType'],
    ['an unknown API', () => apis.createStage('nope', { StageName: 'x' }), 'nope'],
    ['a bad stage', () => apis.createStage(apiId, { StageName: 'a b' }), 'StageName'],
    [
      'an HTTP integration',
      () => apis.createIntegration(apiId, { IntegrationType: 'HTTP_PROXY' }),
      'AWS_PROXY',
    ],
    [
      'payload 1.0',
      () =>
        apis.createIntegration(apiId, {
          IntegrationType: 'AWS_PROXY',
          IntegrationUri: FN,
          PayloadFormatVersion: '1.0',
        }),
      '2.0',
    ],
    [
      'a long timeout',
      () =>
        apis.createIntegration(apiId, {
          IntegrationType: 'AWS_PROXY',
          IntegrationUri: FN,
          PayloadFormatVersion: '2.0',
          TimeoutInMillis: 60_000,
        }),
      'TimeoutInMillis',
    ],
    ['a route to nowhere', () => route('GET /a', { Target: 'integrations/none' }), 'Target'],
    ['IAM authorization', () => route('GET /a', { AuthorizationType: 'AWS_IAM' }), 'AWS_IAM'],
    [
      'an unknown authorizer',
      () => route('GET /a', { AuthorizationType: 'JWT', AuthorizerId: 'x' }),
      'AuthorizerId',
    ],
    [
      'a Lambda authorizer',
      () => apis.createAuthorizer(apiId, { AuthorizerType: 'REQUEST' }),
      'AuthorizerType',
    ],
    ['no issuer', () => apis.createAuthorizer(apiId, { AuthorizerType: 'JWT' }), 'Issuer'],
    [
      'no audience',
      () =>
        apis.createAuthorizer(apiId, { AuthorizerType: 'JWT', JwtConfiguration: { Issuer: 'https://x' } }),
      'Audience',
    ],
    [
      'no identity source',
      () =>
        apis.createAuthorizer(apiId, {
          AuthorizerType: 'JWT',
          JwtConfiguration: { Issuer: 'https://x', Audience: ['a'] },
        }),
      'IdentitySource',
    ],
  ])('%s is refused', (_name, make, words) => {
    expect(make).toThrow(words)
  })
  it('a second route with the same key is refused, a second API of the same name is not', () => {
    route('GET /a')
    expect(() => route('GET /a')).toThrow('already exists')
    expect(apis.createApi({ Name: 'ops', ProtocolType: 'HTTP' }).apiId).not.toBe(apiId)
  })
})
