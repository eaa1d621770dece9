import { describe, expect, it } from 'vitest'
import { runChain } from './chain.ts'
import { makeHandlers } from './handlers.ts'
import { Crash, type World } from './world.ts'

const chain = await runChain()
const { deliveries } = chain
/** Of each kind of delivery (handler and cause), the first three: the others differ by the device's name only. */
const cases = deliveries.filter(
  (d, i) => deliveries.slice(0, i).filter(e => e.handler === d.handler && e.label === d.label).length < 3,
)

async function once(
  before: World,
  handler: string,
  event: unknown,
  crashAfter = Number.POSITIVE_INFINITY,
): Promise<World> {
  const world = before.clone()
  world.time += 1000
  world.crashAfter = crashAfter
  await makeHandlers(world.deps())[handler]?.(event)
  return world
}
/** Handlers of batches answer with failures instead of throwing; a crash is the end of the process either way. */
async function crashed(before: World, handler: string, event: unknown, after: number): Promise<World> {
  const world = before.clone()
  world.time += 1000
  world.crashAfter = after
  await Promise.resolve(makeHandlers(world.deps())[handler]?.(event)).catch(error => {
    if (!(error instanceof Crash)) throw error
  })
  return world
}

describe('the chain', () => {
  it('reaches every handler of the template', () => {
    expect(new Set(deliveries.map(d => d.handler))).toEqual(
      new Set(Object.keys(makeHandlers(chain.world.deps()))),
    )
  })
  it('ends with version 2 as the champion of every device', () => {
    expect(chain.row<{ champion: number }>('MODEL#demo', 'MODEL').champion).toBe(2)
    expect(chain.row<{ status: string }>('ROLLOUT#demo-v2', 'ROLLOUT').status).toBe('COMPLETED')
    expect(chain.version(2).field).toMatchObject({ samples: 360, devices: 4 })
  })
})

describe.each(cases.map(d => [`${d.handler} on ${d.label}`, d] as const))(
  '%s',
  (_name, { handler, event, before }) => {
    it('comes to the same when the event comes twice', async () => {
      const first = await once(before, handler, event)
      const twice = await once(first, handler, event)
      // The clock moves between deliveries; what is compared must not depend on it.
      expect(strip(twice.outcome())).toEqual(strip(first.outcome()))
    })

    it('comes to the same after a crash at each of its effects and a retry', async () => {
      const whole = await once(before, handler, event)
      for (let k = 1; k <= whole.effects; k++) {
        const broken = await crashed(before, handler, event, k)
        const retried = await once(broken, handler, event)
        expect(strip(retried.outcome()), `crash after effect ${k} of ${whole.effects}`).toEqual(
          strip(whole.outcome()),
        )
      }
    })
  },
)

describe.each(cases.filter(d => d.handler === 'ops-command').map(d => [d.label, d] as const))(
  'a person who asks again: %s',
  (_name, { event, before }) => {
    const asked = async (world: World): Promise<unknown> => {
      const answer = (await makeHandlers(world.deps())['ops-command']?.(event)) as { body: string }
      return strip({ ...answer, body: JSON.parse(answer.body) })
    }
    it('gets the first answer, wherever the first time was cut off', async () => {
      const whole = before.clone()
      const first = await asked(whole)
      expect(await asked(whole)).toEqual(first)
      for (let k = 1; k <= whole.effects; k++)
        expect(await asked(await crashed(before, 'ops-command', event, k)), `after effect ${k}`).toEqual(
          first,
        )
    })
  },
)

/** A second delivery costs a second token. Times differ between a first and a second run by design, and so do the signed documents that hold them. */
function strip(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, v) => {
      if (TIMES.has(key)) return undefined
      return typeof v === 'string' ? v.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME') : v
    }),
  )
}
const TIMES = new Set([
  'tokens',
  'since',
  'at',
  'lastSeen',
  'envelope',
  'payloads',
  'lastTrainingAt',
  'driven',
  'runs',
])
