/** What a question costs with 100,000 devices and 1,000 rollouts in the tables: requests of DynamoDB, counted. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tableStore } from '../../src/adapters/table.ts'
import { api, type OperationName, operations, routeKey } from '../../src/contracts/api/index.ts'
import { refreshOverview } from '../../src/domain/operators/overview.ts'
import { opsQuery } from '../../src/handlers/ops-query.ts'
import { type StateTable, startStateTable } from '../adapters/state-table.ts'
import { counting, type Reads } from './scale/counted.ts'
import { fill } from './scale/fill.ts'
import {
  BASELINE,
  BUNDLE,
  baseline,
  decisionId,
  FLEET,
  LARGE,
  MODEL,
  rolloutId,
  rows,
  type Size,
  SMALL,
  thing,
  VERSION,
  WINDOW,
} from './scale/rows.ts'

type Text = Readonly<Record<string, string>>
interface Cost extends Reads {
  objects: number
}
interface Page {
  readonly next: string | null
  readonly [items: string]: unknown
}

/** Handlers over one table, which holds the state and the quarantine. */
class Scaled {
  readonly size: Size
  private readonly state: StateTable
  private readonly counter: ReturnType<typeof counting>
  private readonly deps
  private objects = 0
  constructor(size: Size, state: StateTable) {
    const now = () => new Date('2026-06-01T00:00:00.000Z')
    const store = tableStore(state.table, now, state.client)
    const log = { info() {}, warn() {}, error() {} }
    const artefacts = {
      get: async (key: string) => {
        this.objects++
        if (!key.endsWith(BASELINE)) throw new Error(`no object ${key}`)
        return { bytes: Buffer.from(JSON.stringify(baseline)), versionId: 'v1' }
      },
    }
    this.size = size
    this.state = state
    this.deps = { store, quarantine: store, artefacts, now, log, count() {}, measure() {} }
    this.counter = counting(state.client)
  }
  static async start(size: Size): Promise<Scaled> {
    const state = await startStateTable()
    await fill(state.client, state.table, rows(size))
    return new Scaled(size, state)
  }
  private cost(): Cost {
    const { objects } = this
    this.objects = 0
    return { ...this.counter.reads(), objects }
  }
  async ask(id: OperationName, path: Text = {}, query: Text = {}): Promise<{ answer: Page; cost: Cost }> {
    const operation = api[id]
    const rawPath = operation.path.replace(/\{(\w+)\}/g, (_, name: string) => path[name] ?? '')
    this.cost()
    const response = await opsQuery(this.deps)({
      ...{ routeKey: routeKey(operation), rawPath, pathParameters: path, queryStringParameters: query },
      ...{ headers: {}, requestContext: { requestId: 'r' } },
    })
    if (response.statusCode !== 200) throw new Error(`${id} was answered ${response.body}`)
    return { answer: JSON.parse(response.body) as Page, cost: this.cost() }
  }
  async refresh(): Promise<Cost> {
    this.cost()
    await refreshOverview({ ...this.deps, stage: 'dev', depths: async () => [] })
    return this.cost()
  }
  close(): Promise<void> {
    return this.state.close()
  }
}

let large: Scaled
let small: Scaled
beforeAll(async () => {
  large = await Scaled.start(LARGE)
  small = await Scaled.start(SMALL)
  await large.refresh()
  await small.refresh()
}, 180_000)
afterAll(async () => {
  await large?.close()
  await small?.close()
})

const of = {
  model: { model: MODEL },
  version: { model: MODEL, version: VERSION },
  fleet: { fleet: FLEET },
  thing: { thing: thing(7) },
}
/** Every question but those about lineage, which test/lineage counts. */
const ASKED: Readonly<Record<string, (size: Size) => { path?: Text; query?: Text }>> = {
  getOverview: () => ({}),
  listRetrainDecisions: () => ({}),
  getRetrainDecision: () => ({ path: { model: MODEL, decision: decisionId } }),
  listRejectedInputs: () => ({}),
  listAudit: () => ({}),
  listFleets: () => ({}),
  getFleet: () => ({ path: of.fleet }),
  getFleetReport: () => ({ path: of.fleet }),
  listDevices: () => ({ path: of.fleet }),
  getDevice: () => ({ path: of.thing }),
  listDeviceWindows: () => ({ path: of.thing }),
  listEnrolments: () => ({}),
  getEnrolment: () => ({ path: { serial: thing(1) } }),
  listModels: () => ({}),
  getModel: () => ({ path: of.model }),
  listVersions: () => ({ path: of.model }),
  getVersion: () => ({ path: of.version }),
  listDatasets: () => ({ path: of.model }),
  getPackage: () => ({ path: { digest: BUNDLE } }),
  listWindows: () => ({ path: of.version }),
  getWindow: () => ({ path: { ...of.version, window: WINDOW } }),
  listEpisodes: () => ({ path: of.model }),
  listSamples: () => ({ path: of.model }),
  listRollouts: () => ({}),
  getRollout: size => ({ path: { rollout: rolloutId(size) } }),
  listRolloutDevices: size => ({ path: { rollout: rolloutId(size) } }),
  listReviews: () => ({ query: { model: MODEL } }),
}
const lists = operations
  .filter(o => o.id in ASKED && 'limit' in o.query.shape)
  .map(o => o.id as OperationName)
const costOf = async (world: Scaled, id: string, query: Text = {}) => {
  const asked = ASKED[id]?.(world.size)
  return world.ask(id as OperationName, asked?.path, { ...asked?.query, ...query })
}
const itemsOf = (answer: Page): readonly unknown[] =>
  Object.values(answer).find((value): value is unknown[] => Array.isArray(value)) ?? []

/** Rows of “Cost of a question” in docs/api.md. */
const table = new Map(
  [
    ...readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8').matchAll(
      /^\| `(\w+)` \| (\d+) \| (\d+) \| (\d+) \| (\d+) \|/gm,
    ),
  ].map(([, id = '', ...figures]) => [id, figures.map(Number)]),
)

it('is asked every question', () => {
  const answered = operations.filter(o => o.function === 'opsQuery' && o.tag !== 'Lineage').map(o => o.id)
  expect(Object.keys(ASKED).sort()).toEqual(answered.sort())
  expect([...table.keys()].sort()).toEqual(answered.sort())
})

describe('100,000 devices and 1,000 rollouts', () => {
  it.each(Object.keys(ASKED))('%s costs what docs/api.md says', async id => {
    const { answer, cost } = await costOf(large, id)
    if ((lists as string[]).includes(id)) expect(itemsOf(answer).length).toBe(50)
    expect([cost.queries, cost.gets, cost.objects, cost.items]).toEqual(table.get(id))
    expect(cost.scans + cost.writes).toBe(0)
    expect(cost.bytes).toBeLessThan(1_000_000)
  })

  it.each(lists)('%s reads no more than it gives, at the highest limit', async id => {
    const { answer, cost } = await costOf(large, id, { limit: '500' })
    const found = itemsOf(answer).length
    expect(found).toBe(500)
    expect(cost.scans + cost.writes).toBe(0)
    expect(cost.largest).toBeLessThanOrEqual(500)
    expect(cost.queries).toBeLessThanOrEqual(id === 'listRolloutDevices' ? 64 : 4)
    expect(cost.gets).toBeLessThanOrEqual(id === 'listReviews' ? found : 1)
    // A rollout's own row, the samples of reviews and the counts of labellers come on top.
    expect(cost.items).toBeLessThanOrEqual(id === 'listReviews' ? 2 * found + 100 : found + 1)
  })

  it.each([
    ['listDevices', { hardware: 'none' }, 4],
    ['listDevices', { silent: 'true', hardware: 'none' }, 1],
    ['listDevices', { model: MODEL, version: VERSION, step: 'FAILED' }, 1],
    ['listDevices', { revoked: 'true' }, 4],
    ['listRollouts', { status: 'ABORTED' }, 4],
    ['listRollouts', { model: 'none' }, 4],
    ['listRolloutDevices', { outcome: 'REFUSED' }, 64],
    ['listRolloutDevices', { outcome: 'UNDER_WAY' }, 64],
    ['listRolloutDevices', { arm: 'control' }, 64],
    ['listRetrainDecisions', { model: 'none' }, 4],
    ['listRejectedInputs', { code: 'none' }, 4],
    ['listAudit', { by: 'nobody' }, 4],
    ['listEnrolments', { status: 'BLOCKED' }, 4],
    ['listVersions', { status: 'REJECTED' }, 4],
    ['listSamples', { lane: 'hard' }, 4],
  ] as const)('%s with %o, which nothing fits, stops after a bounded look', async (id, query, most) => {
    for (const limit of ['1', '500']) {
      const { answer, cost } = await costOf(large, id, { ...query, limit })
      expect(itemsOf(answer)).toEqual([])
      expect(cost.queries).toBeLessThanOrEqual(most)
      expect(cost.largest).toBeLessThanOrEqual(500)
      expect(cost.gets).toBeLessThanOrEqual(501)
      expect(cost.items).toBeLessThanOrEqual(2_001)
      expect(cost.scans + cost.writes).toBe(0)
    }
  })

  it.each([
    ['listDevices', {}, LARGE.devices],
    ['listDevices', { silent: 'true' }, LARGE.devices / 10],
    ['listDevices', { silent: 'false', hardware: 'gateway-x86' }, LARGE.devices / 100],
    ['listDevices', { model: MODEL, version: '2', step: 'COMMITTED' }, LARGE.devices / 100],
    ['listRollouts', {}, LARGE.rollouts],
    ['listRollouts', { status: 'RUNNING' }, 1],
    ['listRolloutDevices', {}, LARGE.devices / 10],
    ['listRolloutDevices', { outcome: 'FAILED' }, LARGE.devices / 500],
    ['listRolloutDevices', { outcome: 'UNSUCCESSFUL' }, LARGE.devices / 500],
    ['listRetrainDecisions', {}, LARGE.rest],
    ['listRetrainDecisions', { approved: 'true' }, LARGE.rest / 2],
    ['listRejectedInputs', {}, LARGE.rest],
    ['listAudit', {}, LARGE.rest],
    ['listEnrolments', {}, LARGE.rest],
    ['listFleets', {}, LARGE.rest],
    ['listModels', {}, LARGE.rest],
    ['listVersions', {}, LARGE.rest],
    ['listDatasets', {}, LARGE.rest],
    ['listWindows', {}, LARGE.rest],
    ['listEpisodes', {}, LARGE.rest],
    ['listSamples', {}, LARGE.rest],
    ['listReviews', {}, LARGE.rest],
  ] as const)('%s with %o comes to its end by its cursors, with each item once', async (id, query, total) => {
    const seen = new Set<string>()
    let found = 0
    let cursor: string | null = null
    for (let page = 0; page < 300; page++) {
      const { answer }: { answer: Page } = await costOf(large, id, {
        ...{ ...query, limit: '499' },
        ...(cursor === null ? {} : { cursor }),
      })
      for (const item of itemsOf(answer)) {
        found++
        seen.add(JSON.stringify(item))
      }
      cursor = answer.next
      if (cursor === null) break
    }
    expect([cursor, found, seen.size]).toEqual([null, total, total])
  })
})

describe('ten devices', () => {
  it.each(['getOverview', 'getFleetReport', 'getFleet'])('%s costs the same', async id => {
    const [many, few] = [await costOf(large, id), await costOf(small, id)]
    expect([few.cost.queries, few.cost.gets]).toEqual([many.cost.queries, many.cost.gets])
  })

  it('make the overview, every minute, no cheaper but for the counters of the rollout in flight', async () => {
    const [many, few] = [await large.refresh(), await small.refresh()]
    const { answer } = await costOf(large, 'getOverview')
    expect((answer['rollouts'] as unknown[]).length).toBe(1)
    // 64 rows of counters instead of one; 20 fleets and 40 models instead of three of each.
    expect(many.queries).toBeLessThanOrEqual(200)
    expect(many.gets).toBeLessThanOrEqual(700)
    expect([many.scans, few.scans]).toEqual([0, 0])
  })
})
