/** The command against an API that answers with the loop's own documents. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { opsQuery } from '../../src/handlers/ops-query.ts'
import { cycloneDxCheck, openLineageCheck } from '../lineage/schemas.ts'
import { eventId, runChain } from '../loop/chain.ts'
import { route } from './lineage-routes.ts'
import { run } from './support.ts'

const chain = await runChain()
let answer: ((body: string) => { status: number; body: string }) | undefined
const asked: string[] = []
let server: Server
const before = { api: process.env['AWS_ENDPOINT_URL'], token: process.env['TOKEN'] }

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
    asked.push(request.url ?? '')
    if (request.headers.authorization !== 'Bearer good') {
      response.writeHead(401).end('{"message":"Unauthorized"}')
      return
    }
    const to = route(pathname)
    const made = await opsQuery(chain.world.deps() as never)({
      ...{ routeKey: `GET ${to === undefined ? pathname : to.key.slice(4)}`, rawPath: pathname },
      ...{ pathParameters: to?.parameters ?? {}, queryStringParameters: Object.fromEntries(searchParams) },
    })
    const { status, body } = answer?.(made.body) ?? { status: made.statusCode, body: made.body }
    response.writeHead(status).end(body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
})
beforeEach(() => {
  process.env['AWS_ENDPOINT_URL'] = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  process.env['TOKEN'] = 'good'
  answer = undefined
  asked.length = 0
})
afterAll(() => {
  server.closeAllConnections()
  server.close()
  for (const [name, value] of [
    ['AWS_ENDPOINT_URL', before.api],
    ['TOKEN', before.token],
  ] as const)
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
})

const prediction = eventId('lab-2', 5)
const bundle = () => chain.packageFor(2).bundle.sha256

describe('edgeloop lineage', () => {
  it('tells of a prediction, the newest first, and what is not on record', async () => {
    const { exit, out, err } = await run(['lineage', prediction])
    expect([exit, err]).toEqual([0, ''])
    expect(out).toMatch(/^Lineage of prediction:lab-2-1-5\n/)
    const kinds = [...out.matchAll(/^ {2}([a-z-]+) +[0-9a-f]{12}…/gm)].map(m => m[1])
    expect(kinds).toEqual([
      ...[
        'label',
        'prediction',
        'delivery',
        'rollout',
        'package',
        'release',
        'compile',
        'compile',
        'compile',
      ],
      ...['version', 'training', 'training-set', 'source'],
    ])
    expect(out).toContain('datasets/demo/early.csv')
    expect(out).toMatch(/Not on record\n(.*\n)* {2}commit of the training code: /)
    expect(asked).toEqual([`/v1/lineage/predictions/${prediction}`])
  })
  it.each([
    ['a bundle', () => bundle()],
    ['a version', () => 'demo@2'],
  ])('of %s verifies the chain', async (_, target) => {
    const { exit, out } = await run(['lineage', target(), '--verify'])
    expect(exit).toBe(0)
    expect(out).toMatch(/✓ \d+ digests hold, and what was signed is what is told/)
    expect(out).toMatch(/drift-\w+: approved .*, 13 of 13\s+guards passed/)
  })
  it('with --anchor holds it to what a package says', async () => {
    const row = chain.version(2)
    const anchor = row.status === 'PACKAGED' ? (row.lineage?.digest ?? '') : ''
    expect((await run(['lineage', 'demo@2', '--verify', '--anchor', anchor])).exit).toBe(0)
    const other = await run(['lineage', 'demo@2', '--verify', '--anchor', 'ab'.repeat(32), '--json'])
    expect(other.exit).toBe(1)
    expect(other.json()['faults']).toEqual([{ at: 'anchor', message: expect.stringContaining('not abab') }])
  })
  it('exits with 1 when the API tells what was not signed', async () => {
    answer = body => ({
      status: 200,
      body: body.replace(/"key":"datasets\/demo\/early.csv"/, '"key":"datasets/demo/other.csv"'),
    })
    const plain = await run(['lineage', 'demo@2'])
    expect(plain.exit).toBe(0)
    const { exit, out } = await run(['lineage', 'demo@2', '--verify'])
    expect(exit).toBe(1)
    expect(out).toMatch(/✗ source:[0-9a-f]{32}: its facts or parents are not those of its digest/)
  })
  it('passes device and time on', async () => {
    const at = '2026-03-02T00:00:00Z'
    expect((await run(['lineage', bundle(), '--thing', 'lab-1', '--at', at])).exit).toBe(0)
    expect(asked).toEqual([`/v1/lineage/bundles/${bundle()}?${new URLSearchParams({ thing: 'lab-1', at })}`])
  })
  it('gives each format as a document, with --json as well', async () => {
    const json = JSON.parse((await run(['lineage', 'demo@2', '--format', 'json'])).out) as object
    expect(json).toMatchObject({ v: 1, model: 'demo', version: 2 })
    const events = JSON.parse((await run(['lineage', 'demo@2', '--format', 'openlineage'])).out) as unknown[]
    expect(events.flatMap(openLineageCheck())).toEqual([])
    const wrapped = await run(['lineage', 'demo@2', '--format', 'openlineage', '--json'])
    expect(wrapped.json()['events']).toEqual(events)
    const bom = await run(['lineage', 'demo@2', '--format', 'cyclonedx', '--drops', 'd', '--artefacts', 'a'])
    expect(cycloneDxCheck()(JSON.parse(bom.out))).toEqual([])
    expect(bom.out).toContain('s3://d/datasets/demo/early.csv')
  })
})

describe('what goes wrong', () => {
  it.each<[string[], number, RegExp]>([
    [['lineage'], 2, /name one event id/],
    [['lineage', 'a', 'b'], 2, /name one event id/],
    [['lineage', 'demo@2', '--format', 'xml'], 2, /--format must be one of json, openlineage, cyclonedx/],
    [['lineage', 'demo@2', '--thing', 'lab-1'], 2, /--thing does not go with demo@2/],
    [['lineage', 'ab'.repeat(32), '--at', 'now'], 2, /--at does not go with/],
    [['lineage', 'demo@2', '--anchor', 'ab'.repeat(32)], 2, /--verify is needed/],
    [['lineage', 'demo@2', '--verify', '--anchor', 'ab'], 2, /--anchor: "ab" must be 64/],
    [['lineage', 'demo@9'], 2, /has no version 9/],
    [['lineage', 'nobody-1-1'], 2, /no captured prediction "nobody-1-1"/],
    [['lineage', 'demo@2', '--api', 'nowhere'], 2, /--api: "nowhere" is no URL/],
    [['lineage', 'demo@2', '--api', 'http://127.0.0.1:1'], 3, /could not be reached/],
  ])('%j', async (args, exit, message) => {
    const ran = await run(args)
    expect([ran.exit, ran.out]).toEqual([exit, ''])
    expect(ran.err).toMatch(message)
  })
  it('without a token, or with one that is not let in', async () => {
    delete process.env['TOKEN']
    expect(await run(['lineage', 'demo@2'])).toMatchObject({
      exit: 2,
      err: expect.stringContaining('TOKEN is needed'),
    })
    process.env['TOKEN'] = 'bad'
    expect(await run(['lineage', 'demo@2'])).toMatchObject({
      exit: 3,
      err: expect.stringContaining('does not let this token in'),
    })
  })
  it('when the API answers with something else', async () => {
    answer = () => ({ status: 200, body: '<html>' })
    expect(await run(['lineage', 'demo@2'])).toMatchObject({
      exit: 3,
      err: expect.stringContaining('no JSON'),
    })
    answer = () => ({ status: 200, body: '{"v":2}' })
    expect(await run(['lineage', 'demo@2'])).toMatchObject({
      exit: 3,
      err: expect.stringContaining('something else than this command knows'),
    })
    answer = () => ({ status: 503, body: '{"message":"try again later"}' })
    expect(await run(['lineage', 'demo@2'])).toMatchObject({
      exit: 3,
      err: expect.stringContaining('503: try again later'),
    })
  })
})
