/** `npx edgeloop status`: one screen that says whether anything is wrong, and what to type. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { edgeloop } from '../../scripts/cli/main.ts'
import { makePaint } from '../../scripts/cli/paint.ts'
import { actionFor } from '../../scripts/cli/status/actions.ts'
import { overviewText } from '../../scripts/cli/status/overview.ts'
import { barText } from '../../scripts/cli/text.ts'
import { attention } from '../../src/contracts/api/operations.ts'
import { type ApiServer, GOOD, startApiServer, variables } from './api-server.ts'
import { everyAttention } from './attention-sample.ts'
import { at, NOW, overview, urgent } from './overview-sample.ts'
import { run } from './support.ts'

const view = { paint: makePaint(false), width: 110, now: () => NOW }
describe('one screen', () => {
  it('tells freshness, fleets, rollouts against their thresholds, and models', () => {
    expect(overviewText(overview(), view)).toBe(
      [
        'prod: as of 20 s ago, reconciler ran 30 s ago',
        'Nothing needs a person.',
        '',
        'Fleets',
        'FLEET       DEVICES  CONNECTED  SILENT  REVOKED  NO MODEL  ON TARGET  LAST SEEN',
        'containers       50         47       2        1         0   44 of 49  3 s ago',
        '',
        'Rollouts in flight',
        'cold-chain-v3 to containers: RUNNING canary, 20 %, phase 1 of 2, for 12 min',
        `  ${'█'.repeat(12)}✗✗${'▒'.repeat(5)}${'·'.repeat(5)} 5 of about 10 run it, 2 on the way, 1 failed or refused; 17 % fail, at most 52 %, tolerated 35 %, rolled back at 4 failures`,
        '  1 of 6 canaries failed',
        '',
        'Models',
        'MODEL       CHAMPION  HARM                          DRIFT                         LAST DECISION',
        'cold-chain         2  HARMED: at least 18 % wrong…  DRIFT in 2 of 4, most in hu…  harm held back by budget 1…',
      ].join('\n'),
    )
  })

  it('begins with what needs a person, and the command for it', () => {
    const text = overviewText(overview({ attention: [urgent], attentionTotal: 4 }), view)
    expect(text).toContain(
      '✗ cold-chain harm (50 devices, since 2 min ago): labels show 18 % wrong, 5 % accepted',
    )
    expect(text).toContain('  → npx edgeloop models cold-chain')
    expect(text).toContain('  and 3 more')
  })

  it('says when it is old, when something waits for approval, and when nothing is there', () => {
    const waiting = {
      ...overview().rollouts[0],
      status: 'PLANNED',
      phase: 'canary',
      waitsForApproval: 'canary',
    }
    const bright = { ...view, paint: makePaint(true) }
    const text = overviewText(
      overview({ asOf: at(600), rollouts: [waiting], reconciler: { at: null, runs: 0 } }),
      bright,
    )
    expect(text).toContain('\u001b[33mas of 10 min ago')
    expect(text).toContain('\u001b[33mreconciler ran never')
    expect(text).toContain('phase canary waits for approval')
    const empty = overviewText(overview({ fleets: [], rollouts: [], models: [], complete: false }), view)
    expect(empty.match(/^none$/gm)).toHaveLength(3)
    expect(empty).toContain('There are more fleets or models')
  })

  it('suggests what a shell takes as it stands', () => {
    expect(actionFor(attention.parse({ ...urgent, subject: "x'; rm -rf y" }))).toBe(
      `npx edgeloop models 'x'\\''; rm -rf y'`,
    )
  })
})

describe('a bar', () => {
  it.each([
    [[[5, '#']] as const, 10, '#####·····'],
    [
      [
        [1, '#'],
        [1, 'x'],
      ] as const,
      1_000,
      '#x········',
    ],
    [
      [
        [20, '#'],
        [1, 'x'],
      ] as const,
      10,
      '##########',
    ],
    [[[0, '#']] as const, 0, '··········'],
  ])('%j of %i', (parts, of, text) => {
    expect(barText(parts, of, 10)).toBe(text)
  })
})

describe('the command', () => {
  let server: ApiServer
  let back: () => void
  beforeAll(async () => {
    server = await startApiServer()
    back = variables({ AWS_ENDPOINT_URL: undefined, EDGELOOP_API: server.url, TOKEN: GOOD })
  })
  afterAll(async () => {
    back?.()
    await server?.close()
  })
  beforeEach(() => server.reset())

  it('suggests commands that do something, whatever wants a person', async () => {
    server.reply('listDeadLetters', () => ({ status: 200, body: { queue: 'reports-dead', messages: [] } }))
    const all = everyAttention({
      ...{ model: 'demo', fleet: 'lab', rollout: 'demo-v2', thing: 'lab-1', queue: 'reports-dead' },
    })
    expect(new Set(all.map(item => item.kind))).toEqual(new Set(attention.shape.kind.options))
    for (const item of all) {
      const command = actionFor(item)
      if (!command.startsWith('npx edgeloop ')) {
        expect([item.kind, command]).toEqual([item.kind, item.action])
        continue
      }
      const words = [...command.slice(13).matchAll(/"([^"]*)"|(\S+)/g)].map(m => m[1] ?? m[2] ?? '')
      const { exit, err } = await run(words, ['yes'])
      // Wrong usage, and what there is not, are 2; 1 is a rollout that is in another state here.
      expect([command, exit <= 1 ? '' : err]).toEqual([command, ''])
    }
  })

  it('ends with 1 when somebody should be woken', async () => {
    server.reply('getOverview', () => ({ status: 200, body: overview() }))
    expect(await run(['status'])).toMatchObject({
      exit: 0,
      out: expect.stringContaining('Nothing needs a person.'),
    })
    server.reply('getOverview', () => ({
      status: 200,
      body: overview({ attention: [urgent], attentionTotal: 1 }),
    }))
    expect(await run(['status'])).toMatchObject({ exit: 1 })
    expect((await run(['status', '--json'])).json()).toMatchObject({ stage: 'prod', attentionTotal: 1 })
    expect(await run(['status', '--every', '2'])).toMatchObject({ exit: 2 })
  })

  it('--watch shows what is new, and with --json one document per line; known answers are not sent again', async () => {
    let n = 0
    server.reply('getOverview', sent => {
      n++
      if (sent.headers['if-none-match'] === '"a"' && n === 2) return { status: 304 }
      if (n > 3) return { status: 401, body: { message: 'enough' } }
      return { status: 200, body: overview({ stage: `s${n}` }), headers: { etag: '"a"' } }
    })
    const written: string[] = []
    const exit = await edgeloop(['status', '--watch', '--every', '1', '--json'], {
      ...{ out: text => written.push(text), err: () => {}, ask: async () => '', interactive: false },
      ...{ colour: { out: false, err: false }, columns: {}, now: () => NOW },
    })
    expect(exit).toBe(3)
    const [first, second, error] = written.map(text => JSON.parse(text) as { stage?: string; error?: object })
    expect([first?.stage, second?.stage]).toEqual(['s1', 's3'])
    expect(error?.error).toBeDefined()
    expect(written[0]?.indexOf('\n')).toBe((written[0]?.length ?? 0) - 1)
  })

  it('--watch draws over itself on a terminal', async () => {
    let n = 0
    server.reply('getOverview', () =>
      ++n > 1 ? { status: 401, body: { message: 'enough' } } : { status: 200, body: overview() },
    )
    const written: string[] = []
    await edgeloop(['status', '--watch', '--every', '1'], {
      ...{ out: text => written.push(text), err: () => {}, ask: async () => '', interactive: true },
      ...{ colour: { out: false, err: false }, columns: { out: 80, err: 80 }, now: () => NOW },
    })
    expect(written[0]?.startsWith('\u001b[H\u001b[Jprod: ')).toBe(true)
  })
})
