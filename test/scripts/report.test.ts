import { createServer } from 'node:http'
import { describe, expect, it } from 'vitest'
import type { FieldState } from '../../device/field.ts'
import type { Cloud } from '../../local/cloud.ts'
import { allReported, makeReport } from '../../scripts/story/report.ts'
import type { SeenEvent, Watch } from '../../scripts/story/watch.ts'

const state = (thing: string, active: string | null) => ({ thing, active }) as FieldState
const reported = (thing: string, bundle: string, outcome = 'COMMITTED'): SeenEvent => ({
  type: 'DeviceReported',
  at: 0,
  data: { thing, bundle, outcome },
})

/** Hands the events out one look at a time; the number of looks until the condition held. */
async function looks(states: readonly FieldState[], coming: readonly SeenEvent[]): Promise<number> {
  const events: SeenEvent[] = []
  let held = -1
  await allReported(
    {
      events,
      holds: async (_what, _seconds, condition) => {
        for (let look = 0; look <= coming.length && held < 0; look++) {
          events.push(...coming.slice(look - 1, look))
          if (condition()) held = look
        }
      },
    },
    states,
    1,
  )
  return held
}

describe('the report of a run', () => {
  it('waits until every device has reported what it runs', async () => {
    const states = [state('a', 'two'), state('b', 'two')]
    const earlier = [reported('a', 'one'), reported('b', 'one')]
    expect(await looks(states, [...earlier, reported('b', 'two'), reported('a', 'two')])).toBe(4)
    expect(await looks(states, [...earlier, reported('b', 'two')])).toBe(-1)
  })
  it('takes neither a failure nor a repeated report for the missing one', async () => {
    const states = [state('a', 'two'), state('b', 'two')]
    const again = [reported('a', 'two'), reported('a', 'two'), reported('b', 'two', 'REFUSED')]
    expect(await looks(states, again)).toBe(-1)
  })
  it('does not wait for devices that run nothing', async () => {
    expect(await looks([state('a', null)], [])).toBe(0)
  })
})

describe('the facts of a run', () => {
  it('hold the numbers behind drift and harm, and what each device reported', async () => {
    const server = createServer((request, response) => {
      const [, list = ''] = /(\w[\w-]*)$/.exec(request.url ?? '') ?? []
      const name = { 'retrain-decisions': 'decisions', 'rejected-inputs': 'rejections' }[list] ?? list
      response.end(JSON.stringify({ [name]: [] }))
    })
    await new Promise<void>(up => server.listen(0, '127.0.0.1', up))
    const { port } = server.address() as { port: number }
    const harm = { model: 'm', version: 1, errors: 40, labels: 100, lowerBound: 0.2, accepted: 0.05 }
    const drift = { model: 'm', version: 1, window: 7, evidence: [] }
    const watch = {
      events: [
        { type: 'DriftDetected', at: 1_000, data: drift },
        { type: 'HarmConfirmed', at: 1_500, data: harm },
        { ...reported('a', 'two'), at: 1_700 },
      ],
    } as unknown as Watch
    const cloud = {
      outputs: { ApiUrl: `http://127.0.0.1:${port}` },
      issuer: { mint: async () => 'token' },
      denials: [],
    } as unknown as Cloud
    const rest = { example: 'm', model: 'm', steps: [], states: [], peakMb: 1, closed: true }
    try {
      const report = await makeReport({ cloud, watch, ...rest })
      expect(report).toMatchObject({ drift: [drift], harm: [harm] })
      expect(report.timeline).toEqual([
        { ms: 0, type: 'DriftDetected' },
        { ms: 500, type: 'HarmConfirmed' },
        { ms: 700, type: 'DeviceReported', thing: 'a', bundle: 'two', outcome: 'COMMITTED' },
      ])
    } finally {
      await new Promise(down => server.close(down))
    }
  })
})
