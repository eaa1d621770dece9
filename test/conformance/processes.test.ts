/** The kit over real connections, with the reference device as a process that is really killed. */
import { describe, expect, it } from 'vitest'
import { createAuthority } from '../../conformance/bench/certificates.ts'
import { openProcessBench } from '../../conformance/bench/index.ts'
import { openOwnBroker } from '../../conformance/bench/own-broker.ts'
import { runConformance } from '../../conformance/runner.ts'
import { REFERENCE } from '../../scripts/cli/device-test.ts'
import { run } from '../cli/support.ts'

describe('the kit with processes', () => {
  it('passes the reference device on its own broker', async () => {
    const bench = await openProcessBench({ command: REFERENCE })
    try {
      const only = ['DEV-CONN-01', 'DEV-CONN-03', 'DEV-REP-03']
      const { verdicts } = await runConformance(bench, { only, parallel: 2 })
      expect(verdicts.map(({ id, verdict }) => [id, verdict])).toEqual(only.map(id => [id, 'pass']))
    } finally {
      await bench.close()
    }
  })

  it("passes it on somebody else's broker, except what needs control of the broker", async () => {
    const authority = await createAuthority('somebody')
    const broker = await openOwnBroker(await authority.server(), authority.caPem)
    const kit = await authority.client('kit')
    const bench = await openProcessBench({
      command: REFERENCE,
      remote: {
        ...{ endpoint: broker.endpoint, caPem: authority.caPem, ...kit },
        ...{ thing: 'cam-1', device: await authority.client('cam-1') },
      },
    })
    try {
      const only = ['DEV-CONN-03', 'DEV-REP-03']
      const { verdicts } = await runConformance(bench, { only, parallel: 4 })
      expect(verdicts).toEqual([
        expect.objectContaining({ id: 'DEV-CONN-03', verdict: 'not-applicable' }),
        expect.objectContaining({ id: 'DEV-REP-03', verdict: 'pass' }),
      ])
    } finally {
      await bench.close()
      await broker.close()
    }
  })

  it('says why an implementation that ends is none', async () => {
    const bench = await openProcessBench({ command: 'echo no such luck >&2; exit 3' })
    try {
      await expect(runConformance(bench, { patience: 0.05 })).rejects.toThrow(
        /nothing to test: hello did not come.*exit status 3; no such luck/,
      )
    } finally {
      await bench.close()
    }
  })
})

describe('edgeloop device-test', () => {
  it('lists the requirements', async () => {
    const { exit, out } = await run(['device-test', '--list'])
    expect(exit).toBe(0)
    expect(out).toContain('DEV-UPD-01')
  })

  it.each([
    [['--only', 'DEV-NONE'], '--only: there is no requirement DEV-NONE'],
    [['--parallel', '0'], '--parallel must be a whole number from 1 to 64'],
    [['--mqtt', 'nowhere'], '--mqtt must be host:port'],
    [['--mqtt', 'a:1'], '--ca is needed'],
    [['--mqtt', 'a:1', '--ca', 'none.pem'], '--ca: '],
  ])('refuses %j', async (args, message) => {
    const { exit, err } = await run(['device-test', ...args])
    expect(exit).toBe(2)
    expect(err).toContain(message)
  })
})
