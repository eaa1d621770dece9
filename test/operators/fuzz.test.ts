/** A short run of the fuzzer; `node test/operators/fuzz-run.ts 20000` makes a long one, with a seed of its own. */
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type ApiWorld, startApiWorld } from '../../scripts/lib/api/world.ts'
import { fuzz } from './fuzz/run.ts'
import { FROZEN } from './fuzz/world.ts'

const REQUESTS = 1_000
const SEED = 20261121

let world: ApiWorld
beforeAll(async () => {
  world = await startApiWorld(FROZEN)
})
afterAll(() => world?.close())

it('is answered as docs/openapi.json says, whatever is asked', async () => {
  const { sent, counts, failures } = await fuzz(world, REQUESTS, SEED)
  expect(failures).toEqual([])
  expect(sent).toBeGreaterThanOrEqual(REQUESTS)
  const statuses = new Set(Object.values(counts).flatMap(by => Object.keys(by)))
  // Refusals of every kind, and answers: it is no run against a closed door.
  for (const status of ['200', '202', '304', '400', '404', '409']) expect(statuses).toContain(status)
})
