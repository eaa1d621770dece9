import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBudget } from '../../device/monitor/budget.ts'
import type { Storage } from '../../device/ports.ts'
import { memoryStorage } from '../../device/storage/memory.ts'
import { manualClock } from './cloud.ts'
import { EPOCH_MS } from './helpers.ts'

const HOUR = 3_600_000
const spendAll = (budget: ReturnType<typeof createBudget>, limits: object, bytes = 1): number => {
  let spent = 0
  while (spent < 10_000 && budget.spend('s', limits, bytes)) spent++
  return spent
}

describe('the buckets of a slot', () => {
  it('hold an hour of samples and refill as it passes', async () => {
    const clock = manualClock()
    const budget = createBudget(memoryStorage(), clock)
    const limits = { itemsPerHour: 60 }
    expect(spendAll(budget, limits)).toBe(60)
    await clock.advance(90_000)
    expect(spendAll(budget, limits)).toBe(1)
    await clock.advance(10 * HOUR)
    expect(spendAll(budget, limits)).toBe(60)
    expect(budget.spend('other', limits, 1)).toBe(true)
  })

  it('count bytes by the day, and take nothing when one of the two has not enough', async () => {
    const clock = manualClock()
    const budget = createBudget(memoryStorage(), clock)
    const limits = { itemsPerHour: 5, bytesPerDay: 2_400 }
    expect(spendAll(budget, limits, 1_000)).toBe(2)
    expect(spendAll(budget, limits, 100)).toBe(3)
    await clock.advance(HOUR)
    // A twenty-fourth of the bytes and all of the items are back.
    expect(spendAll(budget, limits, 100)).toBe(2)
    expect(spendAll(budget, {}, 100)).toBe(10_000)
  })

  it('refill nothing while the clock is set back', async () => {
    let now = EPOCH_MS
    const clock = { ...manualClock(), now: () => now }
    const budget = createBudget(memoryStorage(), clock)
    expect(spendAll(budget, { itemsPerHour: 10 })).toBe(10)
    now -= 5 * HOUR
    expect(spendAll(budget, { itemsPerHour: 10 })).toBe(0)
  })

  it('are what they were after a stop, and never more after a power cut', () => {
    void fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.array(fc.record({ spend: fc.nat(40), wait: fc.nat(600_000), cut: fc.boolean() }), {
          maxLength: 30,
        }),
        (itemsPerHour, steps) => {
          let now = EPOCH_MS
          const clock = { ...manualClock(), now: () => now }
          const storage = memoryStorage()
          let budget = createBudget(storage, clock)
          let spent = 0
          for (const { spend, wait, cut } of steps) {
            for (let i = 0; i < spend; i++) if (budget.spend('s', { itemsPerHour }, 1)) spent++
            if (cut) budget = createBudget(storage, clock)
            now += wait
          }
          const hours = (now - EPOCH_MS) / HOUR
          expect(spent).toBeLessThanOrEqual(itemsPerHour * (1 + hours) + 1e-6)
        },
      ),
    )
    const clock = manualClock()
    const storage = memoryStorage()
    const first = createBudget(storage, clock)
    for (let i = 0; i < 30; i++) first.spend('s', { itemsPerHour: 80 }, 1)
    const cut = createBudget(storage, clock)
    const left = spendAll(cut, { itemsPerHour: 80 })
    // An eighth is 10.
    expect(left).toBeGreaterThanOrEqual(40)
    expect(left).toBeLessThanOrEqual(50)
    const stopped = memoryStorage()
    const exact = createBudget(stopped, clock)
    for (let i = 0; i < 30; i++) exact.spend('s', { itemsPerHour: 80 }, 1)
    exact.save(new Map())
    expect(spendAll(createBudget(stopped, clock), { itemsPerHour: 80 })).toBe(50)
  })

  it('give nothing while it cannot be written down', () => {
    let full = true
    const storage: Storage = memoryStorage()
    const { write } = storage
    storage.write = (name, bytes) => {
      if (full) throw Object.assign(new Error('no space'), { code: 'ENOSPC' })
      write.call(storage, name, bytes)
    }
    const budget = createBudget(storage, manualClock())
    expect(spendAll(budget, { itemsPerHour: 10 })).toBe(0)
    expect(budget.burst('s', 't', { id: 'b', things: 'all', count: 1, until: '2099-01-01T00:00:00Z' })).toBe(
      false,
    )
    full = false
    expect(spendAll(budget, { itemsPerHour: 10 })).toBe(10)
  })

  it('start full, and the device with them, when the file is damaged', () => {
    for (const damage of ['{', '{"s":{"items":{"left":-1,"at":0}}}', '[]']) {
      const storage = memoryStorage()
      storage.write('sampling.json', Buffer.from(damage))
      expect(spendAll(createBudget(storage, manualClock()), { itemsPerHour: 10 })).toBe(10)
    }
  })
})

describe('a burst', () => {
  const until = new Date(EPOCH_MS + HOUR).toISOString()
  const burst = (over: object = {}) => ({ id: 'one', things: 'all' as const, count: 50, until, ...over })
  const takeAll = (budget: ReturnType<typeof createBudget>, of: ReturnType<typeof burst>): number => {
    let taken = 0
    while (taken < 1_000 && budget.burst('s', 'cam-1', of)) taken++
    return taken
  }

  it('takes its count once, also over a stop', () => {
    const storage = memoryStorage()
    const clock = manualClock()
    const first = createBudget(storage, clock)
    for (let i = 0; i < 20; i++) first.burst('s', 'cam-1', burst())
    first.save(new Map())
    const again = createBudget(storage, clock)
    expect(takeAll(again, burst())).toBe(30)
    again.save(new Map())
    expect(takeAll(createBudget(storage, clock), burst())).toBe(0)
    expect(takeAll(again, burst({ id: 'two' }))).toBe(50)
  })

  it('takes no row twice after a power cut at any row, and loses at most 32', () => {
    for (let rows = 0; rows <= 50; rows++) {
      const storage = memoryStorage()
      const first = createBudget(storage, manualClock())
      for (let i = 0; i < rows; i++) first.burst('s', 'cam-1', burst())
      const left = takeAll(createBudget(storage, manualClock()), burst())
      expect(rows + left).toBeLessThanOrEqual(50)
      expect(rows + left).toBeGreaterThanOrEqual(50 - 32)
    }
  })

  it('is for the things that it names, until its time has come', async () => {
    const clock = manualClock()
    const budget = createBudget(memoryStorage(), clock)
    const named = { ...burst(), things: ['cam-2'] }
    expect(budget.burst('s', 'cam-1', named)).toBe(false)
    expect(budget.burst('s', 'cam-2', named)).toBe(true)
    expect(budget.burst('s', 'cam-1', null)).toBe(false)
    await clock.advance(HOUR)
    expect(budget.burst('s', 'cam-2', named)).toBe(false)
  })
})
