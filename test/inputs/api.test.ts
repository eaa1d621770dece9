import { afterAll, beforeAll, expect, it } from 'vitest'
import { operatorToken } from '../../scripts/lib/local-cloud.ts'
import { type Harness, startHarness } from './support.ts'

let h: Harness
beforeAll(async () => {
  h = await startHarness()
})
afterAll(() => h?.close())

it.each(['0', '501', '1.5', 'all', '-1'])('refuses limit=%s by name', async limit => {
  const { status, body } = await h.api(`/v1/models?limit=${limit}`, await operatorToken(h.cloud))
  expect(status).toBe(400)
  expect(body).toMatchObject({ code: 'INPUT_INVALID', detail: expect.stringContaining('limit') })
})

it.each([
  ['/v1/models/nobody', 'model "nobody"'],
  ['/v1/devices/nobody', 'device "nobody"'],
  ['/v1/rollouts/nobody', 'rollout "nobody"'],
  ['/v1/fleets/nobody', 'fleet "nobody"'],
])('%s is not found', async (path, what) => {
  const { status, body } = await h.api(path, await operatorToken(h.cloud))
  expect(status).toBe(404)
  expect(body).toMatchObject({ code: 'NOT_FOUND', detail: `there is no ${what}` })
})

it.each(['/v1/models/%25', '/v1/models/%25E0%25A4%25A', '/v1/devices/%00', `/v1/models/${'x'.repeat(3000)}`])(
  'a strange name in the path (%s) is an answer below 500',
  async path => {
    const { status } = await h.api(path, await operatorToken(h.cloud))
    expect(status).toBeGreaterThanOrEqual(400)
    expect(status).toBeLessThan(500)
  },
)
