import { expect, it } from 'vitest'
import { apiId, apis, endpoint, events, realm, route, useApi } from './apigateway-support.ts'

useApi()

const stage = (settings: unknown, name = '$default') =>
  apis.createStage(apiId, { StageName: name, DefaultRouteSettings: settings })
const ask = async (path: string): Promise<number> => (await fetch(`${endpoint}${path}`)).status
const times = async (n: number, path: string): Promise<number[]> => {
  const found = []
  for (let i = 0; i < n; i++) found.push(await ask(path))
  return found
}
const at = (seconds: number): void => {
  realm.clock = new Date(Date.UTC(2026, 0, 1) + seconds * 1_000)
}

it('takes a burst, then as many as its rate gives back, for all routes together', async () => {
  at(0)
  // Numbers of a template come as text.
  stage({ ThrottlingRateLimit: '2', ThrottlingBurstLimit: '3' })
  route('GET /a')
  route('GET /b')
  expect(await times(2, '/a')).toEqual([200, 200])
  expect(await times(2, '/b')).toEqual([200, 429])
  at(0.4)
  expect(await ask('/a')).toBe(429)
  at(1)
  expect(await times(3, '/a')).toEqual([200, 200, 429])
  at(60)
  expect(await times(4, '/a')).toEqual([200, 200, 200, 429])
  expect(events).toHaveLength(8)
})

it('says it as API Gateway does, before it looks at tokens', async () => {
  at(0)
  stage({ ThrottlingRateLimit: 1, ThrottlingBurstLimit: 0 })
  route('GET /a')
  const answer = await fetch(`${endpoint}/a`)
  expect(answer.status).toBe(429)
  expect(answer.headers.get('content-type')).toBe('application/json')
  expect(await answer.text()).toBe('{"message":"Too Many Requests"}')
  expect(events).toEqual([])
})

it('gives nothing for a clock that goes back, and takes nothing', async () => {
  at(10)
  stage({ ThrottlingRateLimit: 1, ThrottlingBurstLimit: 2 })
  route('GET /a')
  expect(await ask('/a')).toBe(200)
  at(0)
  expect(await times(2, '/a')).toEqual([200, 429])
  at(1)
  expect(await times(2, '/a')).toEqual([200, 429])
})

it('each stage has its own, and none without settings', async () => {
  at(0)
  stage({ ThrottlingRateLimit: 1, ThrottlingBurstLimit: 1 }, 'tight')
  stage({ DetailedMetricsEnabled: true })
  route('GET /a')
  expect(await times(2, '/tight/a')).toEqual([200, 429])
  expect(await times(5, '/a')).toEqual([200, 200, 200, 200, 200])
})

it.each([
  [{ ThrottlingRateLimit: -1 }, 'ThrottlingRateLimit'],
  [{ ThrottlingRateLimit: 1, ThrottlingBurstLimit: 'many' }, 'ThrottlingBurstLimit'],
  [{ ThrottlingRateLimit: '' }, 'ThrottlingRateLimit'],
])('refuses %j by name', (settings, name) => {
  expect(() => stage(settings)).toThrow(name)
})
it('refuses limits of single routes, which it does not have', () => {
  const RouteSettings = { 'GET /a': { ThrottlingRateLimit: 1 } }
  expect(() => apis.createStage(apiId, { StageName: '$default', RouteSettings })).toThrow('RouteSettings')
})
