/** How commands ask the API: again where it is worth it, once where it counts, and what a refusal says. */
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openSession } from '../../scripts/cli/api/session.ts'
import { openApi } from '../../scripts/cli/api.ts'
import { audit } from '../../scripts/cli/audit.ts'
import { readOptions } from '../../scripts/cli/command.ts'
import { type ApiServer, GOOD, startApiServer, variables } from './api-server.ts'
import { run } from './support.ts'

let server: ApiServer
let back: () => void
let state: string
beforeAll(async () => {
  server = await startApiServer()
  state = mkdtempSync(join(tmpdir(), 'edgeloop-session-'))
})
afterAll(async () => {
  back?.()
  rmSync(state, { recursive: true, force: true })
  await server?.close()
})
beforeEach(() => {
  back?.()
  server.reset()
  rmSync(join(state, 'edgeloop'), { recursive: true, force: true })
  back = variables({
    ...{ AWS_ENDPOINT_URL: undefined, EDGELOOP_API: server.url, TOKEN: GOOD, XDG_STATE_HOME: state },
  })
})
const notes: string[] = []
const client = () =>
  openApi(readOptions(audit, []), { note: line => notes.push(line), now: () => Date.now() })

describe('a request', () => {
  it('is sent again after 429, 503 and a broken connection, a command under the same key', async () => {
    const statuses = [429, 503]
    server.reply('requestRetrain', () => {
      const status = statuses.shift()
      return status === undefined
        ? undefined
        : { status, body: { message: 'wait' }, headers: { 'retry-after': '0' } }
    })
    const { exit } = await run(['retrain', 'demo', '--reason', 'again'])
    expect(exit).toBe(0)
    const given = server.sent.filter(s => s.name === 'requestRetrain')
    expect(given).toHaveLength(3)
    const keys = given.map(s => s.headers['idempotency-key'])
    expect(new Set(keys).size).toBe(1)
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/)
    await run(['retrain', 'demo', '--reason', 'once more'])
    expect(server.sent.at(-1)?.headers['idempotency-key']).not.toBe(keys[0])
  })

  it('that is a question has no key', async () => {
    await run(['models'])
    expect(server.sent.at(-1)?.headers['idempotency-key']).toBeUndefined()
  })

  it('gives up after four times, and says what it heard last', async () => {
    server.reply('listModels', () => ({
      status: 503,
      body: { message: 'down' },
      headers: { 'retry-after': '0' },
    }))
    const { exit, err } = await run(['models'])
    expect([exit, err]).toEqual([3, expect.stringContaining('the API answered with 503: down')])
    expect(server.sent).toHaveLength(4)
  })

  it('says that it waits when that takes long', async () => {
    notes.length = 0
    let first = true
    server.reply('listModels', () => {
      if (!first) return undefined
      first = false
      return { status: 429, body: { message: 'slow' }, headers: { 'retry-after': '2' } }
    })
    await (await client()).ask('listModels')
    expect(notes).toEqual(['the API answered with 429; again in 2 s'])
  })
})

describe('a list', () => {
  it('is read page by page, as far as --limit goes', async () => {
    const { json } = await run(['audit', '--all', '--json'])
    const { audit: all } = json() as { audit: { audit: string }[] }
    expect(all.length).toBeGreaterThan(5)
    server.sent.length = 0
    const pages = await client()
    const seen: string[] = []
    for await (const item of pages.items('listAudit', 'audit', { query: { limit: 2 } })) seen.push(item.audit)
    expect(seen).toEqual(all.map(a => a.audit))
    expect(server.sent.length).toBe(Math.ceil(all.length / 2))
    expect(server.sent.slice(1).every(s => s.query['cursor'] !== undefined)).toBe(true)
  })

  it('says that there are more', async () => {
    const { out, exit } = await run(['audit', '--limit', '2'])
    expect([exit, out]).toEqual([0, expect.stringContaining('There are more: --limit, --all')])
    const { json } = await run(['audit', '--limit', '2', '--json'])
    expect(json()).toMatchObject({ more: true, audit: [{}, {}] })
  })

  it('ends where it is read no further', async () => {
    const pages = await client()
    for await (const _ of pages.items('listAudit', 'audit', { query: { limit: 1 } })) break
    expect(server.sent).toHaveLength(1)
  })
})

describe('an answer that is known', () => {
  it('is not sent again while it holds', async () => {
    const asks = await client()
    expect(await asks.changed('listModels')).toBeDefined()
    expect(await asks.changed('listModels')).toBeUndefined()
    expect(server.sent.at(-1)?.headers['if-none-match']).toMatch(/^"/)
  })
})

describe('a refusal', () => {
  it.each([
    [['models', 'nobody'], 2, 'there is no model "nobody"', 'NOT_FOUND'],
    [['fleets', 'No Fleet'], 2, 'fleet', 'INPUT_INVALID'],
    [['rollouts', 'pause', 'demo-v2', '--reason', 'x', '--yes'], 1, 'pause is for RUNNING', 'ILLEGAL_STATE'],
  ])('%j: what the API said, with its code', async (args, status, message, code) => {
    const { exit, err } = await run(args)
    expect([exit, err]).toEqual([status, expect.stringContaining(message)])
    const { json } = await run([...args, '--json'])
    expect(json()).toMatchObject({ error: { code, message: expect.stringContaining(message) } })
    expect((json()['error'] as { instance: string }).instance).toMatch(/^request-\d+$/)
  })

  it('of the token says which scope it needs, or how to get another', async () => {
    process.env['TOKEN'] = 'somebody'
    expect(await run(['models'])).toMatchObject({
      exit: 3,
      err: expect.stringContaining('npx edgeloop login'),
    })
    server.tokens.set('somebody', { sub: 'bob', scope: 'fleet:read' })
    const { exit, err } = await run(['rollouts', 'abort', 'demo-v2', '--reason', 'x', '--yes'])
    expect([exit, err]).toEqual([3, expect.stringContaining('it needs the scope rollouts:write')])
  })

  it('of something that is no API names the option', async () => {
    const other: Server = createServer((_, reply) => reply.end('<html>'))
    await new Promise<void>(resolve => other.listen(0, '127.0.0.1', resolve))
    const { exit, err } = await run([
      'models',
      '--api',
      `http://127.0.0.1:${(other.address() as AddressInfo).port}`,
    ])
    other.closeAllConnections()
    other.close()
    expect([exit, err]).toEqual([3, expect.stringContaining("is --api the API's address?")])
    expect(await run(['models', '--api', 'nonsense'])).toMatchObject({ exit: 2 })
  })

  it('an answer of another version names the field', async () => {
    const old = createServer((_, reply) => reply.end('{"models":[{"model":"demo"}],"next":null}'))
    await new Promise<void>(resolve => old.listen(0, '127.0.0.1', resolve))
    const { exit, err } = await run([
      'models',
      '--api',
      `http://127.0.0.1:${(old.address() as AddressInfo).port}`,
    ])
    old.closeAllConnections()
    old.close()
    expect([exit, err]).toEqual([3, expect.stringContaining('models.0.fleet')])
  })
})

describe('where the API and the token come from', () => {
  it('is said when there is none', async () => {
    Object.assign(process.env, { EDGELOOP_API: '' })
    delete process.env['EDGELOOP_API']
    expect(await run(['models'])).toMatchObject({
      exit: 2,
      err: expect.stringContaining('AWS_ENDPOINT_URL is needed'),
    })
    process.env['EDGELOOP_API'] = server.url
    delete process.env['TOKEN']
    expect(await run(['models'])).toMatchObject({
      exit: 2,
      err: expect.stringContaining('the variable TOKEN is needed'),
    })
    expect(await run(['why', 'demo-v2'])).toMatchObject({
      exit: 2,
      err: expect.stringContaining('TOKEN is needed'),
    })
  })

  it('a sign-in is kept for its owner alone, used for its API, and renewed before it ends', async () => {
    delete process.env['TOKEN']
    const asked: string[] = []
    const issuer = createServer(async (request, reply) => {
      let body = ''
      for await (const chunk of request as AsyncIterable<Buffer>) body += chunk.toString('utf8')
      asked.push(body)
      reply.end(JSON.stringify({ access_token: GOOD, expires_in: 3600, token_type: 'Bearer' }))
    })
    await new Promise<void>(resolve => issuer.listen(0, '127.0.0.1', resolve))
    const tokenEndpoint = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/oauth2/token`
    const session = openSession(process.env, () => Date.now())
    const signIn = { api: server.url, tokenEndpoint, clientId: 'cli', refreshToken: 'r1' }
    session.keep({ ...signIn, accessToken: 'old', expiresAt: Date.now() + 30_000 })
    expect(statSync(session.file).mode & 0o777).toBe(0o600)
    expect(session.file.startsWith(state)).toBe(true)

    delete process.env['EDGELOOP_API']
    expect((await run(['models'])).exit).toBe(0)
    expect((await run(['models'])).exit).toBe(0)
    expect(asked).toEqual(['grant_type=refresh_token&client_id=cli&refresh_token=r1'])
    expect(JSON.parse(readFileSync(session.file, 'utf8')).signIns[server.url]).toMatchObject({
      ...{ accessToken: GOOD, refreshToken: 'r1' },
    })
    issuer.closeAllConnections()
    issuer.close()
  })

  it('without a way to renew it, it says to sign in again; a damaged file is none', async () => {
    delete process.env['TOKEN']
    const session = openSession(process.env, () => Date.now())
    session.keep({
      api: server.url,
      tokenEndpoint: 'http://x',
      clientId: 'c',
      accessToken: 'a',
      expiresAt: 0,
    })
    expect(await run(['models'])).toMatchObject({
      exit: 2,
      err: expect.stringContaining('the sign-in has expired'),
    })
    writeFileSync(session.file, '{"v":1')
    expect(await run(['models'])).toMatchObject({ exit: 2, err: expect.stringContaining('TOKEN is needed') })
    expect(session.forget(undefined)).toBe(false)
  })
})
