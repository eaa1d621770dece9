/** The pure parts of the console. */
import { afterEach, describe, expect, it, vi } from 'vitest'
import { makeClient } from '../../console/api/client.ts'
import { faultOf, retryAfter } from '../../console/api/fault.ts'
import { pathOf, routes } from '../../console/api/routes.ts'
import { makeStore, pause } from '../../console/api/store.ts'
import { claimsOf } from '../../console/auth/token.ts'
import { makeTokens } from '../../console/auth/tokens.ts'
import { bars } from '../../console/lib/bins.ts'
import { bandPaths, linePath } from '../../console/lib/curve.ts'
import { ago, duration, figure, percent, plural, utc, whole, words } from '../../console/lib/format.ts'
import { isStale, news, reachable, sums } from '../../console/lib/health.ts'
import { cellOf, heatMap } from '../../console/lib/heat.ts'
import { fitting, gauge, rung } from '../../console/lib/ladder.ts'
import { wantedOf } from '../../console/lib/lineage.ts'
import { stations } from '../../console/lib/pipeline.ts'
import { placeOf } from '../../console/lib/queue.ts'
import { href, inPlace, narrowed, ownLink, parseHash } from '../../console/lib/route.ts'
import { niceCeiling, timeTicks } from '../../console/lib/scale.ts'
import { colours, NOTHING, spread, stacked } from '../../console/lib/spread.ts'
import { api } from '../../src/contracts/api/index.ts'
import { tokenOf } from './browser.ts'
import { CONFIG } from './fake-api.ts'
import { NOW, secondsAgo } from './fixtures/base.ts'
import * as models from './fixtures/models.ts'
import { ladder, rollouts } from './fixtures/rollouts.ts'
import { overview } from './fixtures/system.ts'

describe('the URL', () => {
  it('holds page and filters, and nothing that is empty', () => {
    const hash = href(['fleets', 'a b', 'devices'], { silent: true, model: '', step: null, version: 3 })
    expect(hash).toBe('#/fleets/a%20b/devices?silent=true&version=3')
    expect(parseHash(hash)).toEqual({
      path: ['fleets', 'a b', 'devices'],
      query: { silent: 'true', version: '3' },
    })
  })
  it('begins at the overview, and survives what is no URL', () => {
    expect(parseHash('').path).toEqual(['overview'])
    expect(parseHash('#/a%ZZ').path).toEqual(['a%ZZ'])
  })
  it('forgets the cursor when a filter changes', () => {
    const route = parseHash('#/rollouts?status=HELD&cursor=x')
    expect(narrowed(route, { model: 'm' })).toBe('#/rollouts?status=HELD&model=m')
    expect(narrowed(route, { cursor: 'y' })).toBe('#/rollouts?status=HELD&cursor=y')
  })
  it('keeps the cursor when only the order or what is chosen changes', () => {
    const route = parseHash('#/models/m?cursor=x&window=7')
    expect(inPlace(route, { window: 8 })).toBe('#/models/m?cursor=x&window=8')
    expect(inPlace(route, { window: null })).toBe('#/models/m?cursor=x')
    expect(inPlace(parseHash('#/rollouts'), { sort: 'Began' })).toBe('#/rollouts?sort=Began')
  })
  it('takes links of the API only to pages of its own', () => {
    expect(ownLink('#/queues/x')).toBe('#/queues/x')
    expect(ownLink('https://elsewhere.example/')).toBe('#/overview')
    expect(ownLink('javascript:alert(1)')).toBe('#/overview')
  })
})

describe('figures and times', () => {
  it.each([
    [whole(1_234_567), '1,234,567'],
    [whole(-5), '−5'],
    [percent(0.0431), '4.3 %'],
    [percent(0.0042), '0.42 %'],
    [percent(1), '100 %'],
    [percent(0.9999), '100 %'],
    [percent(null), '–'],
    [figure(0.123_456), '0.123'],
    [figure(-2.25), '−2.25'],
    [figure(12_345.6), '12,346'],
    [figure(null), '–'],
    [plural(1, 'device'), '1 device'],
    [plural(0, 'query', 'queries'), '0 queries'],
    [duration(95), '1 min'],
    [duration(0), '0 s'],
    [words('ROLLED_BACK'), 'rolled back'],
    [words('noRolloutInFlight'), 'no rollout in flight'],
    [ago(secondsAgo(40), NOW), '40 s ago'],
    [ago(secondsAgo(-3_700), NOW), 'in 1 h'],
    [ago('', NOW), 'unknown'],
    [utc(NOW), '2026-11-21 12:00:00 UTC'],
  ])('%s', (said, expected) => expect(said).toBe(expected))
})

describe('scales', () => {
  it('end at round figures', () => {
    expect([0.031, 0.2, 7, 41, 0].map(niceCeiling)).toEqual([0.05, 0.2, 10, 50, 1])
  })
  it('have round moments, not too many', () => {
    const day = timeTicks(NOW / 1_000 - 86_400, NOW / 1_000, 5)
    expect(day.length).toBeLessThanOrEqual(5)
    expect(day.every(t => t % 21_600 === 0)).toBe(true)
    expect(timeTicks(100, 107, 5)).toEqual([100, 105])
  })
  it('break a line where nothing is known', () => {
    const box = { from: 0, to: 10, max: 1 }
    expect(linePath([0, 5, 10], [0, 1, 0.5], box)).toBe('M0.0 100.00L500.0 0.00L1000.0 50.00')
    expect(linePath([0, 5, 10], [0, null, 0.5], box)).toBe('M0.0 100.00h4M1000.0 50.00h4')
  })
})

describe('the ladder', () => {
  it('lays segments end to end, failures first, and the threshold among them', () => {
    const { total, segments, stop } = rung(ladder)
    expect(total).toBe(48)
    expect(segments[0]?.part).toBe('failed')
    segments.forEach((s, i) => {
      const next = segments[i + 1]
      if (next) expect(next.x).toBeCloseTo(s.x + s.width, 1)
    })
    expect(stop).toBeCloseTo((14 / 48) * 100, 1)
  })
  it('draws no threshold that lies beyond the bar', () => {
    expect(rung({ ...ladder, failureRate: { ...ladder.failureRate, stopsAt: 60 } }).stop).toBeUndefined()
  })
  it('has room on its gauge for all that is drawn', () => {
    const g = gauge({ estimate: 0.4, upperBound: 0.7, tolerated: 0.05, stopsAt: 3 })
    expect(g.max).toBe(1)
    expect(g.estimate).toBe(40)
    expect(gauge({ estimate: null, upperBound: null, tolerated: 0.1, stopsAt: 2 }).estimate).toBeUndefined()
  })
  it('offers what fits a state', () => {
    expect(fitting({ status: 'RUNNING', waitsForApproval: null, waitsForStart: false })).toContain('pause')
    expect(fitting({ status: 'PAUSED', waitsForApproval: 'fleet', waitsForStart: false })).toEqual(
      expect.arrayContaining(['approve', 'resume']),
    )
    expect(fitting({ status: 'PLANNED', waitsForApproval: null, waitsForStart: true })).toEqual([
      'start',
      'abort',
    ])
    expect(fitting({ status: 'ABORTED', waitsForApproval: null, waitsForStart: false })).toEqual([])
  })
})

describe('the heat map', () => {
  const q = models.windows[0]!.quantities[0]!
  it('outlines a cell only where evidence and magnitude both pass', () => {
    expect(cellOf({ ...q, state: 'drift', lowerBound: 0.2, tolerance: 0.1 }).outlined).toBe(true)
    expect(cellOf({ ...q, state: 'drift', lowerBound: 0.05, tolerance: 0.1 }).outlined).toBe(false)
    expect(cellOf({ ...q, state: 'ok', lowerBound: 0.2, tolerance: 0.1 }).outlined).toBe(false)
    expect(cellOf({ ...q, state: 'insufficient', lowerBound: 0.2 }).outlined).toBe(false)
  })
  it('is grey where there was too little, whatever the distance', () => {
    expect(cellOf({ ...q, state: 'insufficient', distance: 0.9 })).toMatchObject({
      kind: 'insufficient',
      shade: 0,
    })
    expect(cellOf(undefined).kind).toBe('none')
  })
  it('shades by effect size', () => {
    const shade = (distance: number): number => cellOf({ ...q, state: 'ok', distance, tolerance: 0.1 }).shade
    expect([0, 0.03, 0.06, 0.1, 0.25, 0.9].map(shade)).toEqual([0, 1, 2, 3, 4, 5])
  })
  it('has prediction and confidence on top, then by the distance of the last windows; the newest at the right', () => {
    const map = heatMap(models.windows)
    expect(map.rows.map(r => r.name).slice(0, 3)).toEqual(['prediction', 'confidence', 'humidity'])
    expect(map.windows.at(-1)?.window).toBe(models.NEWEST)
  })
})

describe('bins', () => {
  const of = { name: 'x', edges: [1, 2], baseline: [0.5, 0.3, 0.199, 0.001], counts: [10, 30, 60, 0] }
  it('name their ranges, and leave missing values out where there are none', () => {
    expect(bars(of, undefined).map(b => b.label)).toEqual(['below 1', '1 to 2', '2 and more'])
    expect(bars(of, undefined)[2]?.now).toBeCloseTo(0.6)
  })
  it('show missing values as soon as there are some, and classes by name', () => {
    expect(bars({ ...of, counts: [1, 1, 1, 1] }, ['a', 'b', 'c']).map(b => b.label)).toEqual([
      'a',
      'b',
      'c',
      'missing',
    ])
  })
})

describe('the spread of versions', () => {
  it('always fills the height', () => {
    const { names, shares } = spread(overview.fleets[0]!.history)
    expect(names[0]).toBe('cold-chain@3')
    for (const edge of stacked(shares).at(-1) ?? []) expect(edge).toBeCloseTo(1)
    expect(bandPaths([0, 1], [[0.5, 0.5]], { from: 0, to: 1, max: 1 })[0]).toMatch(/^M.*Z$/)
  })
  it('gives a version a colour that it keeps', () => {
    expect(colours(['m@2', 'm@1', NOTHING])).toEqual([2, 1, 6])
    expect(colours(['m@1', 'm@3', 'm@2', NOTHING])).toEqual([1, 3, 2, 6])
    expect(new Set(colours(['m@1', 'm@2', 'm@5', 'm@6', 'older versions'])).size).toBe(5)
  })
  it('puts many old versions together, and names devices that run nothing', () => {
    const versions = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`m@${i + 1}`, i + 1]))
    const point = (at: string) => ({ at, registered: 50, connected: 50, versions })
    const { names } = spread([point(secondsAgo(60)), point(secondsAgo(0))])
    expect(names).toEqual(['m@9', 'm@8', 'm@7', 'm@6', 'older versions', NOTHING])
  })
})

describe('health', () => {
  it('counts by urgency all that there is', () => {
    const { attentionBy: by, attentionTotal } = overview
    expect(by.page + by.ticket + by.info).toBe(attentionTotal)
  })
  it('adds fleets up and knows what is old', () => {
    expect(sums(overview)).toMatchObject({ registered: 240, connected: 231, silent: 7, onTarget: 234 })
    expect(isStale(overview, NOW)).toBe(false)
    expect(isStale({ ...overview, asOf: secondsAgo(181) }, NOW)).toBe(true)
    expect(reachable(overview)).toHaveLength(49)
  })
  it('tells what changed, and nothing when nothing did', () => {
    const flight = overview.rollouts[0]!
    expect(news(undefined, overview)).toEqual([])
    expect(news(overview, { ...overview, asOf: secondsAgo(0) })).toEqual([])
    expect(news(overview, { ...overview, rollouts: [{ ...flight, status: 'PAUSED' }] })).toEqual([
      'Rollout cold-chain-v4 is paused, phase canary.',
    ])
    expect(news(overview, { ...overview, rollouts: [] })).toEqual(['Rollout cold-chain-v4 has ended.'])
    expect(news({ ...overview, attention: [] }, overview)).toHaveLength(overview.attention.length)
  })
})

describe('the pipeline', () => {
  const version = (n: number) => models.versions.find(v => v.version === n)!
  const states = (n: number, at?: number) =>
    stations(version(n), at === undefined ? undefined : rollouts[at]).map(s => s.state)
  it('shows how far a version came and what stopped it', () => {
    expect(states(6)).toEqual(['done', 'running', 'waiting', 'waiting', 'waiting', 'waiting'])
    expect(states(5)).toEqual(['done', 'done', 'stopped', 'waiting', 'waiting', 'waiting'])
    expect(states(4, 0)).toEqual(['done', 'done', 'done', 'done', 'done', 'running'])
    expect(states(2, 2)).toEqual(['done', 'done', 'done', 'done', 'done', 'stopped'])
    expect(stations(version(5), undefined)[2]?.note).toContain('0.9511')
  })
  it('tells a failed target, and that an import was not trained here', () => {
    const registered = { ...version(4), status: 'REGISTERED' as const }
    const way = stations(registered, undefined, [
      { hardware: 'board', strategy: 'neo', status: 'FAILED', reason: 'no such op' },
    ])
    expect(way[3]).toMatchObject({ state: 'stopped', note: 'board: no such op' })
    expect(stations({ ...version(4), origin: 'import' }, undefined)[1]?.state).toBe('skipped')
  })
})

describe('a queue', () => {
  it('keeps its row wherever that goes, and takes the next one when it is gone', () => {
    expect(placeOf(['a', 'b', 'c'], { id: 'b', place: 1 })).toBe(1)
    expect(placeOf(['b', 'c'], { id: 'b', place: 1 })).toBe(0)
    expect(placeOf(['a', 'c'], { id: 'b', place: 1 })).toBe(1)
    expect(placeOf(['a'], { id: 'b', place: 1 })).toBe(0)
    expect(placeOf([], { id: 'b', place: 1 })).toBe(0)
  })
})

describe('lineage', () => {
  it('knows what was typed', () => {
    expect(wantedOf(' ')).toBeUndefined()
    expect(wantedOf('A'.repeat(64))).toEqual({ by: 'bundle', digest: 'a'.repeat(64) })
    expect(wantedOf('cold-chain@3')).toEqual({ by: 'version', model: 'cold-chain', version: 3 })
    expect(wantedOf('cold-chain v12')).toEqual({ by: 'version', model: 'cold-chain', version: 12 })
    expect(wantedOf('containers-0001.1.7')).toEqual({ by: 'prediction', eventId: 'containers-0001.1.7' })
  })
})

describe('requests', () => {
  it('have the paths and scopes of the contract', () => {
    for (const [name, [method, path, scope]] of Object.entries(routes))
      expect([method, path, scope], name).toEqual(
        (({ method, path, scope }) => [method, path, scope])(api[name as keyof typeof api]),
      )
    expect(pathOf('listDevices', { fleet: 'a/b' }, { silent: true, step: '' })).toBe(
      '/v1/fleets/a%2Fb/devices?silent=true',
    )
  })
  it('wait longer after each failure, and as long as they are told to', () => {
    expect([0, 1, 2, 9].map(n => pause(10_000, n))).toEqual([10_000, 20_000, 40_000, 300_000])
    expect(pause(10_000, 0, 90)).toBe(90_000)
    expect(retryAfter('7', NOW)).toBe(7)
    expect(retryAfter(new Date(NOW + 5_000).toUTCString(), NOW)).toBe(5)
    expect(retryAfter(null, NOW)).toBeUndefined()
    expect(retryAfter('soon', NOW)).toBeUndefined()
  })
  it('that fail say what is to be done', () => {
    const none = { get: () => null }
    const forbidden = faultOf(403, { message: 'Forbidden' }, none, 'rollouts:write', NOW)
    expect(forbidden).toMatchObject({ kind: 'forbidden', message: expect.stringContaining('rollouts:write') })
    const problem = { title: 'T', detail: 'D', instance: 'r1', code: 'INPUT_INVALID', field: 'reason' }
    expect(faultOf(400, problem, none, 'fleet:read', NOW)).toMatchObject({
      ...{ kind: 'refused', title: 'T', message: 'D', request: 'r1', field: 'reason' },
    })
    expect(
      faultOf(503, {}, { get: n => (n === 'retry-after' ? '9' : null) }, 'fleet:read', NOW).retryAfter,
    ).toBe(9)
  })
  it('know what a token may do, with and without a prefix', () => {
    expect(claimsOf(tokenOf('ida', ['fleet:read', 'rollouts:approve']))).toMatchObject({
      ...{ sub: 'ida', scopes: ['fleet:read', 'rollouts:approve'] },
    })
    expect(claimsOf('opaque').scopes).toBeUndefined()
  })
})

describe('a session', () => {
  afterEach(() => vi.unstubAllGlobals())
  const config = { ...CONFIG, tokenUrl: 'https://issuer.example/token' }
  const begin = (issuer: () => Promise<Response>) => {
    const kept = new Map([['edgeloop.session', JSON.stringify({ access: 'old', refresh: 'r' })]])
    vi.stubGlobal('sessionStorage', {
      getItem: (name: string) => kept.get(name) ?? null,
      setItem: (name: string, value: string) => kept.set(name, value),
      removeItem: (name: string) => kept.delete(name),
    })
    vi.stubGlobal('fetch', issuer)
    const session = makeTokens(config)
    const api = async (_: unknown, init?: RequestInit): Promise<Response> =>
      new Headers(init?.headers).get('authorization') === 'Bearer new'
        ? Response.json({ fine: true })
        : Response.json({}, { status: 401 })
    const credentials = {
      token: () => session.current()?.access,
      renew: session.renew,
      end: () => session.keep(undefined),
    }
    return { session, client: makeClient('', credentials, api as typeof fetch) }
  }
  const tokens = () => Response.json({ access_token: 'new' })

  it.each([
    ['cannot be reached', () => Promise.reject(new TypeError('fetch failed'))],
    ['has a problem', () => Promise.resolve(Response.json({}, { status: 503 }))],
  ])('stays while its issuer %s', async (_, issuer) => {
    const { session, client } = begin(issuer)
    await expect(client.ask('/v1/overview', 'fleet:read')).rejects.toMatchObject({ kind: 'offline' })
    expect(session.current()?.access).toBe('old')
  })
  it('is renewed, and ends when its issuer says no', async () => {
    const good = begin(async () => tokens())
    await expect(good.client.ask('/v1/overview', 'fleet:read')).resolves.toMatchObject({ status: 200 })
    const { session, client } = begin(async () => Response.json({ error: 'invalid_grant' }, { status: 400 }))
    await expect(client.ask('/v1/overview', 'fleet:read')).rejects.toMatchObject({ kind: 'signed-out' })
    expect(session.current()?.access).toBeUndefined()
  })
  it('does not come back by a renewal that ends after signing out', async () => {
    let answer = (_: Response): void => undefined
    const { session } = begin(
      () =>
        new Promise(resolve => {
          answer = resolve
        }),
    )
    const renewed = session.renew()
    session.keep(undefined)
    answer(tokens())
    expect(await renewed).toBeUndefined()
    expect(session.current()?.access).toBeUndefined()
  })
  it('takes what was answered with it', async () => {
    let answer = (_: unknown): void => undefined
    const ask = () =>
      new Promise(resolve => {
        answer = resolve
      })
    const store = makeStore({ ask } as never, { hidden: () => false, onVisibility: () => undefined })
    const first = store.load('/a', 'fleet:read')
    answer({ status: 200, data: 1 })
    await first
    expect(store.get('/a').data).toBe(1)
    const late = store.load('/a', 'fleet:read')
    store.clear()
    answer({ status: 200, data: 2 })
    await late
    expect(store.get('/a').data).toBeUndefined()
  })
})
