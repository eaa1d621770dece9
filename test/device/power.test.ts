import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { testDevice } from './cloud.ts'
import { disk, type How } from './disk.ts'
import { makePackage, slotOf } from './helpers.ts'

const one = makePackage({ version: 1 })
const two = makePackage({ version: 2, lift: 0.5 })
const bad = makePackage({ version: 3, lift: 0.25, contract: { version: 9 } })

const slots = (pkg: typeof one) => [slotOf({ committed: pkg.release })]
async function installed(): Promise<Map<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>()
  const d = testDevice({ storage: disk(files, Infinity, 'after') })
  d.cloud.hold(one)
  await d.cloud.up()
  await d.cloud.publish(1, slots(one))
  await d.device.stop()
  return files
}

/** Runs the update to `pkg` with the power going at a change; returns how many changes there were. */
async function run(files: Map<string, Uint8Array>, pkg: typeof one, cutAt: number, how: How) {
  const storage = disk(files, cutAt, how)
  try {
    const d = testDevice({ storage, fetch: { blockBytes: 2_048 } })
    d.cloud.hold(pkg)
    await d.cloud.up()
    await d.cloud.publish(2, slots(pkg))
    const reports = d.cloud.of('report')
    return { changes: storage.changes, reports, active: d.device.status().slots['quality']!.version }
  } catch (error) {
    expect((error as Error).message).toMatch(/power/)
    return { changes: storage.changes, reports: [], active: null }
  }
}

async function check(start: Map<string, Uint8Array>, cuts: readonly [number, How][]) {
  const files = new Map(start)
  const ledger = new Set<string>()
  const record = (reports: Awaited<ReturnType<typeof run>>['reports']) => {
    for (const r of reports)
      if (r.body.step === 'COMMITTED' && r.body.manifest.counter === 2) ledger.add(`${r.epoch}-${r.seq}`)
  }
  for (const [at, how] of cuts) {
    record((await run(files, two, at, how)).reports)
    // What a device can do before it has any connection: answer from the old or from the new model.
    const alone = testDevice({ storage: disk(new Map(files), Infinity, 'after') })
    expect([1, 2]).toContain(alone.device.infer('quality', [0.9, 20]).version)
  }
  const last = await run(files, two, Number.POSITIVE_INFINITY, 'after')
  record(last.reports)
  expect(last.active).toBe(2)
  expect(ledger.size).toBe(1)
}

describe('power cuts', () => {
  it('end in the old or in the new model at every change of the disk, and in the new one with one report', async () => {
    const start = await installed()
    const { changes } = await run(new Map(start), two, Number.POSITIVE_INFINITY, 'after')
    expect(changes).toBeGreaterThan(10)
    for (let at = 0; at < changes; at++)
      for (const how of ['before', 'after'] as const) await check(start, [[at, how]])
  })

  it('may come again and again', async () => {
    const start = await installed()
    const cut = fc.tuple(fc.nat(25), fc.constantFrom<How>('before', 'after'))
    await fc.assert(
      fc.asyncProperty(fc.array(cut, { minLength: 2, maxLength: 5 }), cuts => check(start, cuts)),
      { numRuns: 60 },
    )
  })

  it('leave the old model when the new one is refused', async () => {
    const start = await installed()
    const { changes } = await run(new Map(start), bad, Number.POSITIVE_INFINITY, 'after')
    for (let at = 0; at < changes; at++) {
      const files = new Map(start)
      await run(files, bad, at, 'after')
      const last = await run(files, bad, Number.POSITIVE_INFINITY, 'after')
      expect(last.active).toBe(1)
      const d = testDevice({ storage: disk(files, Infinity, 'after') })
      expect(d.device.status().slots['quality']!.updating).toBeNull()
    }
  })
})
