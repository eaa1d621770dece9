import { afterAll, beforeAll, expect, it } from 'vitest'
import { AUDIENCE, operatorToken } from '../../scripts/lib/local-cloud.ts'
import { type Harness, startHarness } from './support.ts'

let h: Harness
beforeAll(async () => {
  h = await startHarness()
})
afterAll(() => h?.close())

const ROUTES = ['/v1/models', '/v1/fleets', '/v1/rollouts', '/v1/retrain-decisions', '/v1/rejected-inputs']

it.each(ROUTES)('%s needs a token, of this issuer, for this audience, with the scope', async path => {
  const { issuer } = h.cloud
  const mint = (options: { scope?: string; audience?: string; expiresIn?: number }) =>
    issuer.mint({ sub: 'somebody', audience: AUDIENCE, ...options })
  expect((await h.api(path)).status).toBe(401)
  expect((await h.api(path, 'not.a.token')).status).toBe(401)
  expect((await h.api(path, await mint({ scope: 'fleet:read', audience: 'another' }))).status).toBe(401)
  expect((await h.api(path, await mint({ scope: 'fleet:read', expiresIn: -3600 }))).status).toBe(401)
  expect((await h.api(path, await mint({}))).status).toBe(403)
  expect((await h.api(path, await mint({ scope: 'fleet:write fleet:readonly' }))).status).toBe(403)
  expect((await h.api(path, await operatorToken(h.cloud))).status).toBe(200)
})

it.each(['0', '501', '1.5', 'all', '-1'])('refuses limit=%s by name', async limit => {
  const { status, body } = await h.api(`/v1/models?limit=${limit}`, await operatorToken(h.cloud))
  expect(status).toBe(400)
  expect(body).toMatchObject({ error: 'INPUT_INVALID', message: expect.stringContaining('limit') })
})

it.each([
  ['/v1/models/nobody', 'model "nobody"'],
  ['/v1/devices/nobody', 'device "nobody"'],
  ['/v1/rollouts/nobody', 'rollout "nobody"'],
  ['/v1/fleets/nobody', 'fleet "nobody"'],
])('%s is not found', async (path, what) => {
  const { status, body } = await h.api(path, await operatorToken(h.cloud))
  expect(status).toBe(404)
  expect(body).toMatchObject({ error: 'NOT_FOUND', message: `there is no ${what}` })
})

it.each(['/v1/models/%25', '/v1/models/%25E0%25A4%25A', '/v1/devices/%00', `/v1/models/${'x'.repeat(3000)}`])(
  'a strange name in the path (%s) is an answer below 500',
  async path => {
    const { status } = await h.api(path, await operatorToken(h.cloud))
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
  },
)
