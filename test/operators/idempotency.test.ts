/** Commands that come again: with one key they are one command, whatever happens in between; names of people. */
import { beforeEach, describe, expect, it } from 'vitest'
import * as z from 'zod'
import type { Operation } from '../../src/contracts/api/operation.ts'
import { keys } from '../../src/domain/entities.ts'
import { EdgeloopError } from '../../src/domain/errors.ts'
import type { Commander } from '../../src/domain/operators/audit.ts'
import { keepName, namesIn, type PeopleRow } from '../../src/domain/operators/people.ts'
import { carryOut } from '../../src/runtime/commands.ts'
import type { HttpResponse } from '../../src/runtime/http.ts'
import type { Vault } from '../../src/runtime/idempotency.ts'
import { MemoryStore } from '../loop/memory-store.ts'

const HOUR = 3_600_000
const operation = {
  ...{ id: 'planRollout', path: '/v1/things', method: 'POST', scope: 'rollouts:write', status: 202 },
  ...{ query: z.strictObject({}), body: z.strictObject({ n: z.number() }) },
} as unknown as Operation

let time: number
let store: MemoryStore
let done: string[]
let carry: (n: number, commander: Commander) => Promise<unknown>
let requests: number
beforeEach(() => {
  time = Date.parse('2026-03-02T00:00:00Z')
  store = new MemoryStore(() => new Date(time))
  done = []
  requests = 0
  carry = async (n, { request }) => {
    done.push(`${n} as ${request}`)
    return { n, request }
  }
})

function core() {
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  return { store, now: () => new Date(time), count: () => {}, measure: () => {}, log }
}
async function send(
  key: string | undefined,
  body: unknown,
  sub = 'ann',
  perMinute = 60,
  vault?: Vault,
): Promise<HttpResponse> {
  const event = {
    ...{ routeKey: 'POST /v1/things', rawPath: '/v1/things', body: JSON.stringify(body) },
    headers: key === undefined ? {} : { 'idempotency-key': key },
    requestContext: {
      requestId: `r${++requests}`,
      authorizer: { jwt: { claims: { sub, scope: 'rollouts:write', username: `${sub} b` } } },
    },
  }
  const carried = {
    operation,
    carry: async ({ body: asked }: { readonly body: unknown }, commander: Commander) =>
      carry((asked as { n: number }).n, commander),
    ...(vault ? { vault } : {}),
  }
  return carryOut(core(), event, () => carried, { perMinute, burst: 2 * perMinute })
}
const status = async (answer: Promise<HttpResponse>) => (await answer).statusCode

describe('a key', () => {
  it('stands for one command: the second time its answer is given again', async () => {
    const first = await send('k', { n: 1 })
    time += 23 * HOUR
    const second = await send('k', { n: 1 })
    expect([first.statusCode, second.statusCode, second.body]).toEqual([202, 202, first.body])
    expect(second.headers['idempotency-replayed']).toBe('true')
    expect(done).toEqual(['1 as r1'])
  })
  it('is refused with another body, also while the first is being carried out', async () => {
    await send('k', { n: 1 })
    expect(await status(send('k', { n: 2 }))).toBe(422)
    let go = () => {}
    carry = n => new Promise(resolve => (go = () => resolve({ n })))
    const slow = send('other', { n: 1 })
    await new Promise(resolve => setTimeout(resolve, 20))
    expect(await status(send('other', { n: 2 }))).toBe(422)
    go()
    expect(await status(slow)).toBe(202)
  })
  it('is free again after a day, and then stands for a command of its own', async () => {
    await send('k', { n: 1 })
    time += 25 * HOUR
    expect(await status(send('k', { n: 2 }))).toBe(202)
    expect(done).toEqual(['1 as r1', '2 as r2'])
  })
  it('is a person’s own', async () => {
    await send('k', { n: 1 })
    expect(await status(send('k', { n: 2 }, 'bob'))).toBe(202)
    expect(done).toEqual(['1 as r1', '2 as r2'])
  })
  it('keeps its identity over a crash before the answer was kept', async () => {
    carry = async (n, { request }) => {
      done.push(`${n} as ${request}`)
      throw done.length === 1 ? new Error('out of memory') : new EdgeloopError('DEPENDENCY', 'away')
    }
    await expect(send('k', { n: 1 })).rejects.toThrow('out of memory')
    expect(await status(send('k', { n: 1 }))).toBe(503)
    expect(await status(send('k', { n: 1 }))).toBe(503)
    expect(done).toEqual(['1 as r1', '1 as r1', '1 as r1'])
  })
  it('may come again with a mended body after a refusal', async () => {
    carry = async n => {
      if (n === 1) throw new EdgeloopError('ILLEGAL_STATE', 'not now')
      return { n }
    }
    expect(await status(send('k', { n: 1 }))).toBe(409)
    expect(await status(send('k', { n: 'two' }))).toBe(400)
    expect(await status(send('k', { n: 2 }))).toBe(202)
  })
  it('of two at the same moment has one answer, also if one finds it done', async () => {
    let n = 0
    carry = async (_, { request }) => {
      await new Promise(resolve => setTimeout(resolve, 20 * ++n))
      if (n === 2 && done.length > 0) throw new EdgeloopError('ILLEGAL_STATE', 'it is done')
      done.push(request)
      return { request }
    }
    const [a, b] = await Promise.all([send('k', { n: 1 }), send('k', { n: 1 })])
    const fine = [a, b].filter(answer => answer.statusCode === 202)
    expect(fine.length).toBeGreaterThan(0)
    expect((await send('k', { n: 1 })).body).toBe(fine[0]?.body)
    expect(new Set(done)).toEqual(new Set(['r1']))
  })
})

describe('an answer with a sample in it', () => {
  it('is kept without the sample, and given again with it', async () => {
    const vault = {
      strip: (body: unknown) => ({ ...(body as object), row: null }),
      restore: async (body: unknown) => ({ ...(body as object), row: [1, 2] }),
    }
    carry = async n => ({ n, row: [1, 2] })
    const first = await send('k', { n: 1 }, 'ann', 60, vault)
    expect(JSON.stringify([...store.rows.values()])).not.toContain('[1,2]')
    expect((await send('k', { n: 1 }, 'ann', 60, vault)).body).toBe(first.body)
  })
})

describe('a person’s turns', () => {
  it('are as many as the stack allows; beyond, the answer says when there is one again', async () => {
    for (let i = 0; i < 4; i++) expect(await status(send(undefined, { n: i }, 'ann', 2))).toBe(202)
    const refused = await send(undefined, { n: 5 }, 'ann', 2)
    expect([refused.statusCode, refused.headers['retry-after']]).toEqual([429, '30'])
    time += 30_000
    expect(await status(send(undefined, { n: 6 }, 'ann', 2))).toBe(202)
  })
})

describe('names of people', () => {
  const names = async () => namesIn((await store.get<PeopleRow>(keys.people()))?.data)
  it('are kept as their tokens have them', async () => {
    await send(undefined, { n: 1 })
    await send(undefined, { n: 1 }, 'bob')
    expect(await names()).toEqual({ ann: 'ann b', bob: 'bob b' })
  })
  it('change with them, are not those of machines, and are no more than one row holds', async () => {
    await keepName(core(), 'ann', 'Ann')
    await keepName(core(), 'ann', 'Anne')
    await keepName(core(), 'client', 'client')
    await keepName(core(), 'long', 'x'.repeat(1_000))
    expect(await names()).toEqual({ ann: 'Anne' })
    for (let i = 0; i < 250; i++) {
      time += 1_000
      await keepName(core(), `sub-${i}`, `name ${i}`)
    }
    const kept = Object.keys(await names())
    expect(kept).toHaveLength(200)
    expect(kept).toContain('sub-249')
    expect(kept).not.toContain('ann')
  })
})
