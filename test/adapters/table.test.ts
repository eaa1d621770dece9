import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tableStore } from '../../src/adapters/table.ts'
import { keys } from '../../src/domain/entities.ts'
import { EdgeloopError } from '../../src/domain/errors.ts'
import { type Key, put, type Store, type Write } from '../../src/domain/store.ts'
import { MemoryStore } from '../loop/memory-store.ts'
import { type StateTable, startStateTable } from './state-table.ts'

const NOW = new Date('2026-11-21T12:00:00.000Z')
const now = () => NOW
let cloud: StateTable
beforeAll(async () => {
  cloud = await startStateTable()
})
afterAll(() => cloud?.close())

/** Both stores keep everything of the file, so each case has partitions of its own. */
let cases = 0
const fresh = (): string => `CASE#${++cases}`
const stores = (): [string, () => Store][] => {
  const memory = new MemoryStore(now)
  return [
    ['DynamoDB', () => tableStore(cloud.table, now, cloud.client)],
    ['memory', () => memory],
  ]
}
const key = (pk: string, sk = 'ROW'): Key => ({ pk, sk })
const failure = async (run: Promise<unknown>): Promise<unknown> =>
  run.then(
    () => 'committed',
    error => (error instanceof EdgeloopError ? error.code : 'refused'),
  )
const shape = (write: Omit<Extract<Write, { kind: 'put' }>, 'kind'>): Write => ({ kind: 'put', ...write })

describe.each(stores())('the store in %s', (_name, open) => {
  it('has no row where nothing was written', async () => {
    const store = open()
    const pk = fresh()
    expect(await store.get(key(pk))).toBeUndefined()
    expect(await store.query(pk)).toEqual([])
    expect(await store.list(pk)).toEqual([])
    expect(await store.count(pk)).toBe(0)
  })

  it('keeps numbers, text and structure as they were', async () => {
    const store = open()
    const pk = fresh()
    const data = { big: 1e300, small: 5e-324, text: '冷蔵 "\n\0', list: [null, true, { a: [] }], exact: 0.1 }
    await store.commit([put(key(pk), data, undefined)])
    expect(await store.get(key(pk))).toEqual({ key: key(pk), rev: 1, data, counters: {} })
  })

  it('puts where nothing is, where the revision is still there, and anywhere', async () => {
    const store = open()
    const pk = fresh()
    const at = (data: string, expect: number | 'absent' | 'any') =>
      failure(store.commit([shape({ key: key(pk), data, expect })]))
    expect(await at('one', 1)).toBe('CONFLICT')
    expect(await at('one', 'absent')).toBe('committed')
    expect(await at('two', 'absent')).toBe('CONFLICT')
    expect(await at('two', 2)).toBe('CONFLICT')
    expect(await at('two', 1)).toBe('committed')
    expect(await at('three', 1)).toBe('CONFLICT')
    expect(await store.get(key(pk))).toMatchObject({ rev: 2, data: 'two' })
    expect(await at('four', 'any')).toBe('committed')
    expect(await store.get(key(pk))).toMatchObject({ data: 'four' })
    expect(await at('five', (await store.get(key(pk)))?.rev ?? -1)).toBe('committed')
  })

  it('names the row that changed, and writes nothing of the commit', async () => {
    const store = open()
    const pk = fresh()
    await store.commit([put(key(pk, 'old'), 1, undefined)])
    const commit = store.commit(
      [
        put(key(pk, 'new'), 2, undefined),
        { kind: 'add', key: key(pk, 'sum'), by: { n: 1 } },
        { kind: 'remove', key: key(pk, 'old') },
        shape({ key: key(pk, 'lost'), data: 3, expect: 7 }),
      ],
      [{ type: 'ModelConfigured', data: { case: pk } }],
    )
    await expect(commit).rejects.toThrow(new EdgeloopError('CONFLICT', `${pk}/lost changed meanwhile`))
    expect((await store.query(pk)).map(r => [r.key.sk, r.data])).toEqual([['old', 1]])
  })

  it('checks rows without writing them', async () => {
    const store = open()
    const pk = fresh()
    const check = (sk: string, expect: number | 'absent') =>
      failure(store.commit([{ kind: 'check', key: key(pk, sk), expect }]))
    await store.commit([put(key(pk, 'there'), 1, undefined)])
    expect(await check('there', 1)).toBe('committed')
    expect(await check('there', 2)).toBe('CONFLICT')
    expect(await check('there', 'absent')).toBe('CONFLICT')
    expect(await check('nowhere', 'absent')).toBe('committed')
    expect(await check('nowhere', 1)).toBe('CONFLICT')
    expect(await store.count(pk)).toBe(1)
  })

  it('adds to counters, making the row, and keeps them through puts', async () => {
    const store = open()
    const pk = fresh()
    const add = (by: Record<string, number>) => store.commit([{ kind: 'add', key: key(pk), by }])
    await add({ reported: 1, inferences: 40 })
    await add({ reported: 1, inferences: 2 })
    expect(await store.get(key(pk))).toEqual({
      key: key(pk),
      rev: 0,
      data: {},
      counters: { reported: 2, inferences: 42 },
    })
    // A row of counters alone counts as absent for whoever wants to be the first to put.
    expect(await failure(store.commit([{ kind: 'check', key: key(pk), expect: 'absent' }]))).toBe('committed')
    await store.commit([shape({ key: key(pk), data: { closed: true }, expect: 'absent' })])
    await add({ reported: -1 })
    expect(await store.get(key(pk))).toMatchObject({
      rev: 1,
      data: { closed: true },
      counters: { reported: 1, inferences: 42 },
    })
    await store.commit([shape({ key: key(pk), data: 'anyway', expect: 'any' })])
    expect((await store.get(key(pk)))?.counters).toEqual({ reported: 1, inferences: 42 })
  })

  it('puts on what it read, also when that was counters alone', async () => {
    const store = open()
    const pk = fresh()
    await store.commit([{ kind: 'add', key: key(pk), by: { n: 3 } }])
    const before = await store.get(key(pk))
    await store.commit([put(key(pk), 'data', before)])
    expect(await failure(store.commit([put(key(pk), 'late', before)]))).toBe('CONFLICT')
    expect(await store.get(key(pk))).toEqual({ key: key(pk), rev: 1, data: 'data', counters: { n: 3 } })
    const gone = { ...(before as NonNullable<typeof before>) }
    expect(await failure(store.commit([put(key(pk, 'never'), 'x', gone)]))).toBe('CONFLICT')
  })

  it('removes', async () => {
    const store = open()
    const pk = fresh()
    await store.commit([put(key(pk), 1, undefined)])
    await store.commit([{ kind: 'remove', key: key(pk) }])
    await store.commit([{ kind: 'remove', key: key(pk) }])
    expect(await store.get(key(pk))).toBeUndefined()
    await store.commit([put(key(pk), 2, undefined)])
    expect(await store.get(key(pk))).toMatchObject({ rev: 1 })
  })

  it('queries a partition by prefix, in order, from either end, with a limit', async () => {
    const store = open()
    const pk = fresh()
    const names = ['B#2', 'A#1', 'B#10', 'C', 'B#1']
    await store.commit(names.map(sk => put(key(pk, sk), sk, undefined)))
    const sks = async (...args: Parameters<Store['query']>) => (await store.query(...args)).map(r => r.key.sk)
    expect(await sks(pk)).toEqual(['A#1', 'B#1', 'B#10', 'B#2', 'C'])
    expect(await sks(pk, 'B#')).toEqual(['B#1', 'B#10', 'B#2'])
    expect(await sks(pk, 'B#', { newestFirst: true, limit: 2 })).toEqual(['B#2', 'B#10'])
    expect(await sks(pk, 'D')).toEqual([])
    expect(await store.count(pk)).toBe(5)
  })

  it('reads on over pages', async () => {
    const store = open()
    const pk = fresh()
    const text = 'x'.repeat(60_000)
    for (let i = 0; i < 40; i++)
      await store.commit([put(key(pk, String(i).padStart(3, '0')), text, undefined)])
    expect((await store.query(pk)).map(r => Number(r.key.sk))).toEqual(
      Array.from({ length: 40 }, (_, i) => i),
    )
    expect(await store.query(pk, '', { limit: 35 })).toHaveLength(35)
    expect(await store.count(pk)).toBe(40)
  })

  it('lists by the place that the newest put gave, and not what has none', async () => {
    const store = open()
    const pk = fresh()
    const listed = (sk: string, at: string | undefined, before?: Parameters<typeof put>[2]) =>
      store.commit([
        put(key(pk, sk), sk, before, at === undefined ? {} : { list: { pk: `LIST#${pk}`, sk: at } }),
      ])
    await listed('a', '3')
    await listed('b', '1')
    await listed('c', '2')
    const sks = async (options = {}) => (await store.list(`LIST#${pk}`, options)).map(r => r.key.sk)
    expect(await sks()).toEqual(['b', 'c', 'a'])
    expect(await sks({ newestFirst: true })).toEqual(['a', 'c', 'b'])
    expect(await sks({ newestFirst: true, limit: 2 })).toEqual(['a', 'c'])
    await listed('b', '9', await store.get(key(pk, 'b')))
    await listed('c', undefined, await store.get(key(pk, 'c')))
    expect(await sks()).toEqual(['a', 'b'])
    expect((await store.list<string>(`LIST#${pk}`)).map(r => [r.rev, r.data])).toEqual([
      [1, 'a'],
      [2, 'b'],
    ])
  })

  it('finds unfinished work older than a time, oldest first, until a put leaves it out', async () => {
    const store = open()
    const pk = fresh()
    const since = (minute: number) =>
      `2001-01-01T00:${String(minute).padStart(2, '0')}:${String(cases).padStart(2, '0')}Z`
    const work = (sk: string, minute: number) =>
      store.commit([put(key(pk, sk), sk, undefined, { pending: { kind: 'package', since: since(minute) } })])
    await work('b', 2)
    await work('a', 1)
    await work('later', 30)
    // The index holds keys only, so nothing else of these rows is promised. Other cases share the kind.
    const due = async (before: string, limit = 10) =>
      (await store.pendingBefore('package', before, limit)).map(r => r.key).filter(k => k.pk === pk)
    expect(await due(since(30))).toEqual([key(pk, 'a'), key(pk, 'b')])
    expect(await due(since(30), 1)).toEqual([key(pk, 'a')])
    expect(await due(since(2))).toEqual([key(pk, 'a')])
    expect(await store.pendingBefore('rollout', since(59), 10)).toEqual([])
    await store.commit([put(key(pk, 'a'), 'done', await store.get(key(pk, 'a')))])
    expect(await due(since(30))).toEqual([key(pk, 'b')])
    await store.commit([
      { kind: 'remove', key: key(pk, 'b') },
      { kind: 'remove', key: key(pk, 'later') },
    ])
    expect(await due(since(59))).toEqual([])
  })

  it('marks counted rows as unfinished when they are made, and not again by later additions', async () => {
    const store = open()
    const pk = fresh()
    const add = (since: string) =>
      store.commit([{ kind: 'add', key: key(pk), by: { n: 1 }, pending: { kind: 'window', since } }])
    await add('2000-01-01T00:00:00Z')
    await add('2000-06-01T00:00:00Z')
    const due = async (before: string) =>
      (await store.pendingBefore('window', before, 100)).filter(r => r.key.pk === pk).length
    expect(await due('2000-02-01T00:00:00Z')).toBe(1)
    await store.commit([shape({ key: key(pk), data: 'closed', expect: 'any' })])
    expect(await due('2001-01-01T00:00:00Z')).toBe(0)
    await add('2000-07-01T00:00:00Z')
    expect(await due('2001-01-01T00:00:00Z')).toBe(1)
    await store.commit([{ kind: 'remove', key: key(pk) }])
  })

  it('writes the events of a change with it, once per cause and content', async () => {
    const store = open()
    const pk = fresh()
    const event = { type: 'ModelConfigured', data: { case: pk } }
    const cause = { correlationId: `corr-${pk}`, causationId: 'event-1', generation: 3 }
    const mine = async () =>
      (await store.pendingBefore('outbox', '2027-01-01T00:00:00Z', 1000)).map(r => r.key.pk)
    const before = new Set(await mine())
    await store.commit([put(key(pk), 1, undefined)], [event], cause)
    await store.commit([put(key(pk, 'again'), 1, undefined)], [event], cause)
    const made = (await mine()).filter(k => !before.has(k))
    expect(made).toHaveLength(1)
    const row = await store.get<{ type: string; detail: string }>(keys.outbox(String(made[0]).slice(7)))
    expect(row?.data.type).toBe('ModelConfigured')
    expect(JSON.parse(row?.data.detail ?? '')).toEqual({
      metadata: {
        id: String(made[0]).slice(7),
        type: 'ModelConfigured',
        version: 1,
        occurredAt: NOW.toISOString(),
        correlationId: `corr-${pk}`,
        causationId: 'event-1',
        generation: 3,
      },
      data: { case: pk },
    })
  })

  it('commits 100 rows at once, refuses 101 and two writes to one row, and takes nothing for nothing', async () => {
    const store = open()
    const pk = fresh()
    const writes = (n: number) => Array.from({ length: n }, (_, i) => put(key(pk, `r${i}`), i, undefined))
    expect(await failure(store.commit(writes(101)))).toBe('ILLEGAL_STATE')
    expect(await failure(store.commit(writes(100), [{ type: 'ModelConfigured', data: 1 }]))).toBe(
      'ILLEGAL_STATE',
    )
    expect(await failure(store.commit([...writes(2), ...writes(1)]))).not.toBe('committed')
    expect(await store.count(pk)).toBe(0)
    await store.commit(writes(100))
    expect(await store.count(pk)).toBe(100)
    await store.commit([])
  })

  it('lets one of many writers win, and loses no addition', async () => {
    const store = open()
    const pk = fresh()
    await store.commit([put(key(pk), 0, undefined)])
    const before = await store.get(key(pk))
    const won = await Promise.all(
      Array.from({ length: 8 }, (_, i) => failure(store.commit([put(key(pk), i, before)]))),
    )
    expect(won.filter(r => r === 'committed')).toHaveLength(1)
    expect(won.filter(r => r === 'CONFLICT')).toHaveLength(7)
    await Promise.all(
      Array.from({ length: 20 }, (_, i) =>
        store.commit([
          { kind: 'add', key: key(pk, 'sum'), by: { n: i } },
          put(key(pk, `part-${i}`), i, undefined),
        ]),
      ),
    )
    expect((await store.get(key(pk, 'sum')))?.counters['n']).toBe(190)
  })
})
