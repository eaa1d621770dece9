/** What operators ask and order, over the rows of the whole loop. */
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type ApiServer, GOOD, startApiServer, variables } from './api-server.ts'
import { type Ran, run } from './support.ts'

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
const ask = (...args: string[]): Promise<Ran> => run(args, undefined, () => server.chain.world.time)
const json = async (...args: string[]): Promise<Record<string, unknown>> =>
  (await ask(...args, '--json')).json()

describe('fleets and devices', () => {
  it('a fleet is told as a table, and its report as Edge Manager’s', async () => {
    const all = await ask('fleets')
    expect([all.exit, all.err]).toEqual([0, ''])
    expect(all.out).toMatch(/^FLEET +MANIFEST +STATE/)
    expect(all.out).toMatch(/^lab +10 +published +main +gateway +demo@2/m)
    const one = await ask('fleets', 'lab')
    expect(one.out).toMatch(
      /^lab: 4 devices, \d connected, \d silent, 1 revoked, 0 without a model\nHardware: gateway 3/,
    )
    expect(one.out).toMatch(/^demo@2 +3/m)
    expect(await json('fleets', 'lab')).toMatchObject({ fleet: 'lab', registered: 4, revoked: 1 })
  })

  it('devices are filtered by the API', async () => {
    const { out } = await ask('devices', 'lab')
    expect(out.split('\n').filter(line => line.startsWith('lab-'))).toHaveLength(4)
    await ask(
      'devices',
      'lab',
      '--running',
      'demo@2',
      '--revoked',
      '--hardware',
      'gateway',
      '--step',
      'COMMITTED',
    )
    expect(server.sent.at(-1)?.query).toMatchObject({
      ...{ model: 'demo', version: '2', revoked: 'true', hardware: 'gateway', step: 'COMMITTED' },
    })
    expect((await ask('devices', 'lab', '--hardware', 'camera')).out).toBe('No device fits.\n')
    expect(await ask('devices', 'lab', '--running', 'demo')).toMatchObject({ exit: 2 })
    expect(await ask('devices')).toMatchObject({ exit: 2 })
  })

  it('one device is told with why', async () => {
    const { out } = await ask('devices', 'show', 'lab-1')
    expect(out).toContain('✓ Slot main should run demo@2 and runs demo@2.')
    expect(await ask('devices', 'show', 'nobody')).toMatchObject({
      exit: 2,
      err: expect.stringContaining('nobody'),
    })
  })
})

describe('models and versions', () => {
  it('are told in tables, and one with its gate', async () => {
    expect((await ask('models')).out).toMatch(/^demo +binary +lab +main +2 +\d/m)
    expect((await ask('models', 'demo')).out).toContain('Features x, y; gate auc 0.8.')
    const versions = await ask('versions', 'demo')
    expect(versions.out).toMatch(/^ +2 +PACKAGED +training /m)
    const one = await ask('versions', 'demo@2')
    expect(one.out).toContain('demo@2 is PACKAGED: training')
    expect(one.out).toContain('camera by neo: COMPILED')
    expect(one.out).toMatch(/^sentinel +class=1/m)
    expect((await ask('versions', 'demo', '--status', 'FAILED')).out).toBe('No version fits.\n')
    expect(await ask('versions', 'de mo')).toMatchObject({ exit: 2 })
  })
})

describe('why', () => {
  it('a device that is revoked', async () => {
    const { out } = await ask('why', 'lab-2')
    expect(out).toContain('It is revoked since 1 h ago by operator: stolen.')
    expect(out).toContain('! Slot main should run nothing and runs demo@2.')
    expect(await json('why', 'lab-2')).toMatchObject({ kind: 'device', device: { thing: 'lab-2' } })
  })

  it('a rollout', async () => {
    const { out } = await ask('why', 'demo-v2')
    expect(out).toContain('demo-v2 brings demo@2 to slot main of fleet lab')
    expect(out).toContain('It is COMPLETED in phase fleet')
    expect(out).toContain('May be given now: npx edgeloop rollouts roll-back demo-v2 --reason "…"')
  })

  it('a decision, with every guard', async () => {
    const { decisions } = (await json('decisions', '--held-back')) as {
      decisions: { decision: string; guards: object[] }[]
    }
    const [held] = decisions.filter(d => d.decision.startsWith('drift-'))
    const { out } = await ask('why', held?.decision ?? '')
    expect(out).toContain('a retrain of demo was held back')
    expect(out).toContain('✗ minLabels: 0 new labels, 20 needed')
    const { decisions: good } = (await json('decisions', '--approved', '--model', 'demo')) as {
      decisions: { decision: string }[]
    }
    const drift = good.find(d => d.decision.startsWith('drift-'))?.decision ?? ''
    const told = await ask('why', drift, '--model', 'demo')
    expect(told.out).toMatch(/All \d+ guards let it pass\./)
    expect(told.out).toContain('It led to version 2.')
  })

  it('a prediction, with its row only for those who may see samples', async () => {
    const { out } = await ask('why', 'lab-2-1-5')
    expect(out).toMatch(/^lab-2 said "1" \d h ago, by demo@1\.\nThe row: x [\d.-]+, y [\d.]+\./)
    expect(out).toContain('It was labelled "1"')
    server.tokens.set(GOOD, { sub: 'bob', scope: 'fleet:read' })
    const less = await ask('why', 'lab-2-1-5')
    expect([less.exit, less.out.includes('The row:')]).toEqual([0, false])
    expect(await json('why', 'lab-2-1-5')).toMatchObject({ kind: 'prediction', sample: null })
  })

  it('asks for one kind alone when that is said, and says when there is nothing', async () => {
    const { exit, err } = await ask('why', 'lab-2', '--as', 'rollout')
    expect([exit, err]).toEqual([2, expect.stringContaining('there is no rollout "lab-2"')])
    expect(await ask('why', 'nothing')).toMatchObject({ exit: 2 })
    expect(await ask('why')).toMatchObject({ exit: 2 })
  })
})

describe('rollouts', () => {
  it('are listed and shown with their decisions and devices', async () => {
    expect((await ask('rollouts', 'list', '--status', 'COMPLETED')).out).toMatch(/^demo-v2 +lab +COMPLETED/m)
    const { out } = await ask('rollouts', 'show', 'demo-v2', '--outcome', 'COMMITTED')
    expect(out).toContain('PHASE   EXPOSURE')
    expect(out).toMatch(/^lab-1 +yes +COMMITTED/m)
    expect(out).toMatch(/complete +fleet +engine/)
    expect(await json('rollouts', 'show', 'demo-v2')).not.toHaveProperty('more')
  })

  it('are commanded after a word from the person, with the reason', async () => {
    const declined = await run(['rollouts', 'roll-back', 'demo-v2', '--reason', 'bad'], ['no'])
    expect([declined.exit, declined.out]).toEqual([1, 'Nothing was done.\n'])
    expect(server.sent.map(s => s.name)).toEqual(['getRollout'])
    expect(declined.err).toContain('demo@2 to lab: COMPLETED')
    const given = await run(
      ['rollouts', 'roll-back', 'demo-v2', '--reason', ' it reads the door wrong '],
      ['yes'],
    )
    expect([given.exit, given.out]).toEqual([0, expect.stringContaining('✓ demo-v2: roll-back')])
    expect(server.sent.at(-1)).toMatchObject({
      name: 'commandRollout',
      body: { command: 'roll-back', reason: 'it reads the door wrong' },
    })
    const { audit } = (await json('audit', '--by', 'alice')) as { audit: { action: string }[] }
    expect(audit[0]?.action).toBe('COMMAND_ROLLOUT')
  })

  it('start again with an older version', async () => {
    const started = await ask('rollouts', 'start', 'demo@1', '--reason', 'the new one is wrong', '--yes')
    expect([started.exit, started.out]).toEqual([0, expect.stringContaining('to fleet lab is asked for')])
    const reason = 'the new one is wrong'
    expect(server.sent.at(-1)?.body).toEqual({ model: 'demo', version: 1, start: true, reason })
    const planned = await ask('rollouts', 'plan', 'demo@1', '--reason', reason, '--yes')
    expect(planned.out).toMatch(/npx edgeloop rollouts start demo-v1\S* --reason "…" lets it begin/)
    expect([planned.exit, planned.out]).toEqual([0, expect.stringContaining('rollouts start')])
    expect(server.sent.at(-1)?.body).toEqual({ model: 'demo', version: 1, start: false, reason })
  })

  it.each([
    [['rollouts', 'pause', 'demo-v2', '--yes'], '--reason is needed'],
    [['rollouts', 'pause', 'demo-v2', '--reason', ' '], '--reason must have 1 to 500 characters'],
    [['rollouts', 'pause', 'demo-v2', '--reason', 'x'], '--yes is needed where nobody can answer'],
    [['rollouts', 'pause', '--reason', 'x', '--yes'], 'name one rollout'],
    [
      ['rollouts', 'abort', 'x', '--reason', 'x', '--yes', '--devices', 'all'],
      '--devices must be one of keep, revert',
    ],
    [['rollouts', 'plan', 'demo', '--reason', 'x', '--yes'], 'name one MODEL@VERSION'],
    [['rollouts', 'start', '--reason', 'x', '--yes'], 'name one rollout'],
    [['rollouts', 'sto'], 'there is no command "rollouts sto"'],
  ])('%j is refused', async (args, message) => {
    const { exit, err } = await run(args)
    expect([exit, err]).toEqual([2, expect.stringContaining(message)])
    expect(server.sent.filter(s => s.name !== 'getRollout')).toEqual([])
  })

  it.each(['start', 'approve', 'pause', 'resume', 'promote', 'abort', 'roll-back'])(
    '%s goes where it belongs',
    async order => {
      const name = order === 'approve' ? 'approveRollout' : 'commandRollout'
      const body = { rollout: 'demo-v2', decision: order, phase: 'canary', status: 'RUNNING' }
      server.reply(name, () => ({ status: 202, body }))
      const { exit } = await ask('rollouts', order, 'demo-v2', '--reason', 'because', '--yes')
      expect([exit, server.sent.at(-1)?.name]).toEqual([0, name])
    },
  )
})

describe('retrains', () => {
  it('are asked for; only what sets a guard aside asks back', async () => {
    expect(await ask('retrain', 'demo', '--reason', 'new season')).toMatchObject({ exit: 0 })
    expect(server.sent.at(-1)?.body).toEqual({ reason: 'new season', force: false, override: [] })
    expect(await ask('retrain', 'demo', '--reason', 'x', '--force')).toMatchObject({
      ...{ exit: 2, err: expect.stringContaining('--yes is needed') },
    })
    await ask('retrain', 'demo', '--reason', 'x', '--force', '--override', 'freeze', '--yes')
    expect(server.sent.at(-1)?.body).toEqual({ reason: 'x', force: true, override: ['freeze'] })
    expect(await ask('retrain', 'demo', '--reason', 'x', '--override', 'freze')).toMatchObject({
      ...{ exit: 2, err: expect.stringContaining('Did you mean freeze?') },
    })
    expect(await ask('retrain', 'demo', '--reset-breaker', '--reason', 'mended', '--yes')).toMatchObject({
      exit: 0,
    })
    expect(server.sent.at(-1)?.name).toBe('resetBreaker')
  })
})

describe('what was refused, and who did what', () => {
  it('is listed with filters', async () => {
    const { out } = await ask('rejected', '--channel', 'mqtt')
    expect(out).toMatch(/^\S+ h ago|WHEN/)
    expect(out).toContain('DEVICE_REVOKED')
    expect(server.sent.at(-1)?.query['channel']).toBe('mqtt')
    expect((await ask('audit', '--action', 'REVOKE_DEVICE')).out).toMatch(/operator +REVOKE_DEVICE +lab-2/)
  })
})

describe('queues', () => {
  const queue = (messages: number) => ({
    ...{ queue: 'reports-dead', kind: 'dead-letters', messages, inFlight: 0 },
    runbook: 'docs/runbooks/dead-letters.md',
    redrive: null,
  })

  it('are listed; something in one is exit status 1', async () => {
    server.reply('listQueues', () => ({ status: 200, body: { queues: [queue(0)] } }))
    expect(await ask('dead-letters')).toMatchObject({ exit: 0, out: expect.stringContaining('reports-dead') })
    server.reply('listQueues', () => ({ status: 200, body: { queues: [queue(3)] } }))
    expect(await ask('dead-letters')).toMatchObject({ exit: 1 })
  })

  it('show their messages, which cannot steer the terminal', async () => {
    const message = {
      ...{ messageId: 'm-1', sentAt: '2026-03-01T00:00:00.000Z', received: 5, function: 'ingest-reports' },
      ...{ error: 'no right', subject: 'lab-1', body: '{"a":"\u001b[2J"}' },
    }
    server.reply('listDeadLetters', () => ({
      status: 200,
      body: { queue: 'reports-dead', messages: [message] },
    }))
    const { exit, out } = await ask('dead-letters', 'reports-dead')
    expect(exit).toBe(1)
    expect(out).toContain(
      'm-1 2 h ago, received 5 times, by ingest-reports\n  about lab-1\n  no right\n  {"a":""}',
    )
  })

  it('are redriven with a reason, and what is left is told', async () => {
    const left = [{ messageId: 'm-2', why: 'the function is gone' }]
    server.reply('redrive', () => ({
      status: 202,
      body: { queue: 'failures', task: null, redriven: 1, left },
    }))
    const { exit, out } = await ask('redrive', 'failures', '--only', '5', '--reason', 'mended', '--yes')
    expect([exit, out]).toEqual([1, expect.stringContaining('m-2: the function is gone')])
    expect(server.sent.at(-1)?.body).toEqual({ reason: 'mended', max: 5 })
    expect(await ask('redrive', 'failures', '--only', '0', '--reason', 'x', '--yes')).toMatchObject({
      exit: 2,
    })
    expect(await ask('redrive', 'failures', '--reason', 'x')).toMatchObject({ exit: 2 })
  })
})
