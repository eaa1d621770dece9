/** Signing in the loop: nothing without a trust root that lists the key, and everything anew when it asks for it. */
import { describe, expect, it } from 'vitest'
import type { FleetRow } from '../../src/domain/entities.ts'
import {
  initialState,
  openChain,
  readRoot,
  type TrustState,
  verifyBeacon,
  verifyManifest,
  walkChain,
} from '../../verifier/index.ts'
import { Chain, dataset, MODEL_YAML, runToDrift, THINGS } from './chain.ts'
import { trustChain, trustLink } from './world.ts'

const fleetOf = (chain: Chain): FleetRow => chain.row<FleetRow>('FLEET#lab', 'FLEET')
const newest = (chain: Chain, topic: string): Buffer => {
  const sent = [...(chain.world.state.published.get(topic) ?? [])]
  return Buffer.from(sent.at(-1) ?? '')
}
const tick = (chain: Chain) =>
  chain
    .deliver(
      'reconcile',
      { id: 'r', time: '', source: 'aws.events', 'detail-type': 'Scheduled Event' },
      'tick',
    )
    .then(() => chain.pump())
/** A device that hears everything that is retained now. */
function hears(chain: Chain, state: TrustState): TrustState {
  const clock = chain.world.time
  const trust = JSON.stringify({ v: 1, chain: JSON.parse(newest(chain, 'trust').toString()) })
  const known = walkChain(state, openChain(Buffer.from(trust)))
  const fresh = verifyBeacon(known, newest(chain, 'beacon/lab'), { fleet: 'lab', clock })
  const verified = verifyManifest(fresh, newest(chain, 'fleet/lab'), {
    ...{ fleet: 'lab', hardware: 'gateway', runtimes: ['edgeloop-wasm'], slots: ['main'], clock },
  })
  return verified.kind === 'new' ? verified.state : fresh
}
const young = async (): Promise<TrustState> =>
  initialState(readRoot(Buffer.from(JSON.stringify(await trustLink()))))

describe('the trust root in the loop', () => {
  it('comes before every signature: work waits for it and goes on by itself', async () => {
    const chain = new Chain()
    await chain.drop('register-dataset', 'datasets/demo/early.csv', dataset())
    await chain.drop('register-model', 'models/demo/model.yaml', MODEL_YAML)
    await chain.finishTraining(1, 10)
    await chain.finishCompilation(1)
    expect(chain.version(1).status).toBe('REGISTERED')
    expect(chain.world.logs).toContain('KEY_NOT_TRUSTED')
    await chain.drop('publish-trust', 'trust/chain.json', await trustChain())
    chain.world.time += 600_000
    await tick(chain)
    expect(chain.version(1).status).toBe('PACKAGED')
    expect(fleetOf(chain).counter).toBeGreaterThan(0)
  })

  it('is followed by what a device accepts, and by a new beacon every hour', async () => {
    const chain = await runToDrift()
    const { counter } = fleetOf(chain)
    const state = hears(chain, await young())
    expect(state.manifest).toMatchObject({ epoch: 1, counter })
    const before = newest(chain, 'beacon/lab').toString()
    chain.world.time += 60_000
    await tick(chain)
    expect(newest(chain, 'beacon/lab').toString()).toBe(before)
    chain.world.time += 3_600_000
    await tick(chain)
    expect(newest(chain, 'beacon/lab').toString()).not.toBe(before)
    expect(fleetOf(chain).counter).toBe(counter)
    expect(hears(chain, state).beacon?.issued).toBeGreaterThan(state.beacon?.issued ?? 0)
  })

  it('moves the fleet to another key and epoch, with the same releases', async () => {
    const chain = await runToDrift()
    const before = fleetOf(chain)
    const state = hears(chain, await young())
    const first = await trustLink()
    const second = await trustLink({
      version: 2,
      epoch: 2,
      keys: ['deployment-b'],
      issued: '2026-02-02T00:00:00Z',
    })
    chain.world.deploymentKey = 'deployment-b'
    // The new key is in use and no root names it yet: reports are taken, nothing is signed.
    await chain.report(THINGS[0], 1, 'COMMITTED')
    expect(fleetOf(chain)).toEqual(before)
    await chain.drop('publish-trust', 'trust/chain.json', await trustChain(first, second))
    const after = fleetOf(chain)
    expect(after).toMatchObject({ epoch: 2, counter: before.counter + 1, slots: before.slots })
    expect(hears(chain, state).manifest).toMatchObject({ epoch: 2, counter: after.counter })
  })

  it('takes a barred release out of the manifest, for good', async () => {
    const chain = await runToDrift()
    const state = hears(chain, await young())
    const bundle = chain.packageFor(1).bundle.sha256
    const first = await trustLink()
    const second = await trustLink({ version: 2, issued: '2026-02-02T00:00:00Z', revokedBundles: [bundle] })
    await chain.drop('publish-trust', 'trust/chain.json', await trustChain(first, second))
    const { slots, bars } = fleetOf(chain)
    expect(slots.find(s => s.hardware === 'gateway')?.committed).toBeNull()
    expect(bars.revokedBundles).toEqual([bundle])
    expect(hears(chain, state).bars.revokedBundles).toEqual([bundle])
  })

  it('is refused by name when its chain does not hold, and nothing moves', async () => {
    const chain = await runToDrift()
    const before = fleetOf(chain)
    const gap = await trustLink({ version: 3, issued: '2026-02-02T00:00:00Z' })
    await chain.drop('publish-trust', 'trust/chain.json', await trustChain(await trustLink(), gap))
    const rejections = [...chain.world.state.store.rows.values()].filter(r => r.data.includes('"rejection"'))
    expect(rejections.map(r => (JSON.parse(r.data) as { code: string }).code)).toContain('ROOT_VERSION')
    expect(fleetOf(chain)).toEqual(before)
  })

  it('leaves a chain alone that is older than the one it has and says the same, and refuses another', async () => {
    const chain = await runToDrift()
    const first = await trustLink()
    const second = await trustLink({ version: 2, issued: '2026-02-02T00:00:00Z' })
    await chain.drop('publish-trust', 'trust/chain.json', await trustChain(first, second))
    const refused = () =>
      [...chain.world.state.store.rows.values()].filter(r => r.data.includes('"rejection"')).length
    const [before, rejections] = [fleetOf(chain), refused()]
    // S3 delivered the first drop late.
    await chain.drop('publish-trust', 'trust/chain.json', await trustChain(first))
    expect([fleetOf(chain), refused()]).toEqual([before, rejections])
    await chain.drop(
      'publish-trust',
      'trust/chain.json',
      await trustChain(await trustLink({ issued: '2026-01-02T00:00:00Z' })),
    )
    expect([fleetOf(chain), refused()]).toEqual([before, rejections + 1])
  })
})
