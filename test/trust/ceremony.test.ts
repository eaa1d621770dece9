/**
 * Every ceremony of docs/runbooks/, end to end: the command as operators type it, the packaged template with its
 * functions, and devices that keep their storage. One test builds on the one before it, as ceremonies do.
 */
import { createPrivateKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Field } from '../../device/field.ts'
import { retained } from '../../scripts/lib/publish-chain.ts'
import { iotDataClient } from '../../scripts/lib/stack.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import { openChain, pinnedKey } from '../../verifier/index.ts'
import { ceremonies, shapeOf } from '../cli/runbooks.ts'
import { history, must, run } from '../cli/support.ts'
import { stumpModel } from '../loop/stump.ts'
import {
  chain,
  draft,
  fetchKeys,
  findings,
  from,
  idOf,
  newRoot,
  online,
  pem,
  publicKeys,
  signAndPublish,
  signAs,
  signer,
  slotsOf,
  stack,
  status,
  untilGood,
  WAIT,
} from './operator.ts'
import { FLEET, HARDWARE } from './stack.ts'
import { forge, publish, verdict } from './thief.ts'

const MODEL = `
name: probe
fleet: ${FLEET}
slot: main
task: binary
features: [{ name: x, min: -1000, max: 1000 }]
label: { column: label, classes: ['0', '1'] }
training: { hyperparameters: { num_round: 2, max_depth: 1 } }
evaluation: { metric: auc, floor: 0.8, nonInferiority: 0.1 }
targets: [{ hardware: ${HARDWARE}, compile: edgeloop }]
rollout:
  phases: [{ name: canary, exposure: 0.5 }, { name: fleet, exposure: 1 }]
  insufficient: proceed
`
const DATA = `x,label\n${Array.from({ length: 600 }, (_, i) => `${(i % 100) - 50},${(i % 100) - 50 > 10 ? 1 : 0}`).join('\n')}\n`

/** What devices are made with, for good: link 1. */
let made: Uint8Array
let field: Field

const runs = (version: number, on = field) =>
  stack.bus.holds(`version ${version} on every device`, WAIT, () =>
    on.states().every(s => s.version === version),
  )
/** Devices that have this place in the order of instructions. */
const reached = (epoch: number, on = field) =>
  stack.bus.holds(`epoch ${epoch} on every device`, WAIT, () => on.states().every(s => s.epoch === epoch))
const knows = (thing: string, version: number) =>
  stack.bus.holds(`trust root ${version} on ${thing}`, WAIT, () => stack.rootOf(thing).version === version)
const errorsOf = (thing: string, on = field): string[] =>
  on
    .device(thing)
    .status()
    .errors.filter(e => /^(MANIFEST|BEACON)_(SIGNATURE|EPOCH|ROLLBACK)/.test(e))

beforeAll(async () => {
  await stack.deploy()
  stack.write('passphrase', 'correct horse battery staple\n')
})
afterAll(() => stack.close())

describe('first root', () => {
  it('nothing is signed before it is out; what waited is signed then', async () => {
    await stack.drop('models/probe/model.yaml', MODEL)
    await stack.bus.until('ModelConfigured', WAIT)
    await stack.drop('datasets/probe/first.csv', DATA)
    await stack.bus.until('CompilationFinished', WAIT, d => d['version'] === 1)
    await stack.bus.holds(
      'the refusal to sign',
      WAIT,
      () => stack.logged('sign-package', 'KEY_NOT_TRUSTED') > 0,
    )
    expect((await run(['keys', 'status'])).exit).toBe(1)

    await newRoot('alice', 'bob', 'carol')
    await fetchKeys()
    await must(
      ...['keys', 'root', '--first', '--threshold', '2', '--online', online, '--out', draft],
      ...publicKeys('alice', 'bob', 'carol'),
    )
    await signAs('bob')
    const early = await run(['keys', 'publish', '--draft', draft, '--chain', chain, '--json'])
    expect(early.exit).toBe(1)
    expect(early.json()).toMatchObject({ published: false, missing: [{ version: 1, need: 2, signed: 1 }] })
    await signAndPublish('carol')
    await stack.bus.until('TrustRootPublished', WAIT, d => d['version'] === 1)
    expect((await status()).exit).toBe(0)
    const link = stack.path('root.json')
    await must('keys', 'show', chain, '--out', link)
    made = readFileSync(link)
    expect(made).toEqual(openChain(readFileSync(chain))[0])

    field = await stack.startDevices(['near', 'away'], made)
    await stack.checkDue('sign-package', {
      kind: 'compilation',
      subject: 'probe-v1',
      model: 'probe',
      version: 1,
    })
    await runs(1)
  })

  it('a chain that root keys did not sign is refused, kept on record, and changes nothing', async () => {
    const forged = JSON.parse(readFileSync(chain, 'utf8')) as { chain: { signatures: unknown[] }[] }
    forged.chain[0]?.signatures.pop()
    await stack.drop('trust/chain.json', JSON.stringify(forged))
    const { data } = await stack.bus.until('InputRejected', WAIT, d => d['subject'] === 'trust/chain.json')
    expect(data).toMatchObject({ code: 'ROOT_SIGNATURE', field: 'chain' })
    expect((await status()).exit).toBe(0)
  })
})

describe('model key, planned', () => {
  it('the next key exists, then is trusted, then signs, then is the only one', async () => {
    const a = await idOf('model', 'A')
    await stack.deploy({ ModelKeys: 'both-A-signs' })
    expect(await slotsOf('model')).toEqual(['A signs', 'B waits'])
    expect(await idOf('model', 'A')).toBe(a)
    await from('--online', online)
    await signAndPublish('alice', 'bob')

    await stack.deploy({ ModelKeys: 'both-B-signs' })
    field = await stack.startDevices(['near', 'away'], made)
    await stack.drop('imports/probe/second.json', stumpModel(10.5, -3, 3, 1))
    await stack.bus.until('PackageSigned', WAIT, d => d['version'] === 2)
    await runs(2)
    const b = await idOf('model', 'B')
    const verified = await must('verify', `probe@2-${HARDWARE}`, '--trust', chain, '--thing', 'near')
    expect(JSON.stringify(verified['steps'])).toContain(`model key ${b.slice(0, 12)}`)
    expect(stack.rootOf('away').version).toBe(2)

    // From here on `away` is switched off.
    await stack.stopDevices()
    await from('--drop', a.slice(0, 12))
    await signAndPublish('bob', 'carol')
    await stack.deploy({ ModelKeys: 'only-B' })
    expect(await slotsOf('model')).toEqual(['B signs'])
    expect((await status('--fleet', FLEET)).exit).toBe(0)
    expect((await run(['verify', 'probe@1'])).out).toContain('BUNDLE_SIGNATURE')
  })
})

describe('deployment key, planned', () => {
  it('the fleet goes over to the next key, and no instruction is refused on the way', async () => {
    const a = await idOf('deployment', 'A')
    await stack.deploy({ DeploymentKeys: 'both-A-signs' })
    field = await stack.startDevices(['near'], made)
    await fetchKeys()
    await from('--online', online)
    await signAndPublish('alice', 'carol')
    await knows('near', 4)

    await stack.deploy({ DeploymentKeys: 'both-B-signs' })
    field = await stack.startDevices(['near'], made)
    // The reconciler does it within the hour.
    await stack.checkDue('advance-rollout', { kind: 'fleet', subject: FLEET })
    expect(await findings('--fleet', FLEET)).toContain(`manifest of ${FLEET}: signed by deployment key B`)
    await from('--drop', a.slice(0, 12), '--keep-epoch')
    await signAndPublish('alice', 'bob')
    await knows('near', 5)
    await stack.deploy({ DeploymentKeys: 'only-B' })
    field = await stack.startDevices(['near'], made)
    await untilGood()
    expect(stack.rootOf('near')).toMatchObject({ version: 5, epoch: 1 })
    expect(field.states()).toMatchObject([{ version: 2, epoch: 1 }])
    expect(errorsOf('near')).toEqual([])
  })
})

describe('deployment key, stolen', () => {
  it('a new epoch voids what it signed and will sign; the fleet goes on by the new key', async () => {
    const thief = createPrivateKey(stack.steal('DeploymentKeyB'))
    const b = await idOf('deployment', 'B')
    const iot = iotDataClient(stack.config)
    const before = {
      manifest: (await retained(iot, topics.manifest(FLEET))) as Buffer,
      beacon: (await retained(iot, topics.beacon(FLEET))) as Buffer,
    }
    iot.destroy()
    const issued = new Date().toISOString()
    // Until the ceremony the thief is believed: this is what it is for.
    expect(
      verdict(stack, 'near', 'manifest', forge(before.manifest, { issued, counter: 900 }, thief, b)),
    ).toBe(undefined)

    await stack.deploy({ DeploymentKeys: 'both-A-signs' })
    field = await stack.startDevices(['near'], made)
    const a = await idOf('deployment', 'A')
    expect(await findings()).toContain('does not list it: its work is held')
    const drop = ['--from', chain, '--online', online, '--drop', b.slice(0, 16), '--out', draft]
    const unsaid = await run(['keys', 'root', ...drop])
    expect([unsaid.exit, unsaid.err]).toEqual([2, expect.stringContaining('--new-epoch')])
    await from('--online', online, '--drop', b.slice(0, 16), '--new-epoch')
    await signAndPublish('alice', 'carol')
    await untilGood()
    await knows('near', 6)
    await reached(2)
    expect(stack.rootOf('near')).toMatchObject({ epoch: 2, roles: { deployment: { keyids: [a] } } })

    const later = { issued, epoch: 2, counter: 900 }
    const sooner = { issued, minimumCounter: 901 }
    const attacks: readonly ['manifest' | 'beacon', Buffer, string][] = [
      ['manifest', forge(before.manifest, { ...later, epoch: 1 }, thief, b), 'MANIFEST_SIGNATURE'],
      ['manifest', forge(before.manifest, later, thief, b), 'MANIFEST_SIGNATURE'],
      ['manifest', forge(before.manifest, later, thief, a), 'MANIFEST_SIGNATURE'],
      ['manifest', before.manifest, 'MANIFEST_SIGNATURE'],
      ['beacon', forge(before.beacon, sooner, thief, b), 'BEACON_SIGNATURE'],
      ['beacon', forge(before.beacon, { ...sooner, epoch: 2 }, thief, b), 'BEACON_SIGNATURE'],
    ]
    for (const [kind, payload, code] of attacks) expect(verdict(stack, 'near', kind, payload)).toBe(code)
    for (const [kind, payload] of [attacks[2], attacks[5]] as typeof attacks)
      await publish(stack, kind, payload)
    // What a newer document may cure waits for an answer of the cloud before it is refused.
    await stack.bus.holds('the refusal of the forged manifest', WAIT, () =>
      errorsOf('near').some(error => error.startsWith('MANIFEST_SIGNATURE')),
    )
    expect(field.states()).toMatchObject([{ version: 2, epoch: 2 }])
    expect(await findings('--fleet', FLEET)).toContain(`manifest of ${FLEET}: signed by deployment key A`)
    await stack.deploy({ DeploymentKeys: 'only-A' })
    expect(await slotsOf('deployment')).toEqual(['A signs'])
  })
})

describe('model key, stolen', () => {
  it('the key and what it may have signed go in one link', async () => {
    await stack.deploy({ ModelKeys: 'both-A-signs' })
    field = await stack.startDevices(['near'], made)
    const b = await idOf('model', 'B')
    // Nobody knows that version 1 is bad; it only shows that bars travel with the root.
    await from('--online', online, '--drop', b.slice(0, 12), '--minimum-release', 'probe=2')
    await signAndPublish('bob', 'carol')
    await knows('near', 7)
    await stack.deploy({ ModelKeys: 'only-A' })
    expect(await slotsOf('model')).toEqual(['A signs'])
    expect((await run(['verify', `probe@2-${HARDWARE}`])).out).toContain('BUNDLE_SIGNATURE')
    field = await stack.startDevices(['near'], made)
    expect(field.states()).toMatchObject([{ version: 2 }])
    await stack.drop('imports/probe/third.json', stumpModel(10.25, -3, 3, 1))
    await stack.bus.until('PackageSigned', WAIT, d => d['version'] === 3)
    await must('verify', `probe@3-${HARDWARE}`, '--trust', chain)
  })
})

describe('root keys', () => {
  it('other holders take over by a link that both sets sign', async () => {
    await newRoot('dave', 'erin', 'frank')
    await from(...publicKeys('dave', 'erin', 'frank'), '--threshold', '2', '--years', '3')
    await signAs('alice')
    await signAs('bob')
    const half = await run(['keys', 'publish', '--draft', draft, '--chain', chain, '--json'])
    expect(half.json()).toMatchObject({ missing: [{ version: 8, need: 2, signed: 0 }] })
    await signAndPublish('dave', 'frank')
    await knows('near', 8)
  })

  it('a holder whose key is lost is replaced by the others', async () => {
    await newRoot('grace')
    await from(...publicKeys('dave', 'erin', 'grace'))
    await signAs('erin')
    const old = await run(['keys', 'sign', ...signer('alice')])
    expect([old.exit, old.err]).toEqual([2, expect.stringContaining('is no root key of this draft')])
    await signAndPublish('dave')
    await knows('near', 9)
  })

  it('a device that was switched off since version 2 walks to version 9 and takes what holds now', async () => {
    await stack.stopDevices()
    expect(stack.rootOf('away')).toMatchObject({ version: 2, epoch: 1 })
    // Either may be the canary of version 3.
    field = await stack.startDevices(['near', 'away'], made)
    await reached(2)
    await runs(3)
    expect(stack.rootOf('away')).toMatchObject({ version: 9, epoch: 2 })
    const holders = ['dave', 'erin', 'grace'].map(
      name => pinnedKey(readFileSync(pem(name, 'pub.pem'), 'utf8')).hint,
    )
    expect(stack.rootOf('away').roles.root).toEqual({ keyids: holders.sort(), threshold: 2 })
  })

  it('a device that is new and made with version 1 does the same', async () => {
    const fresh = await stack.startDevices(['fresh'], made)
    await runs(3, fresh)
    expect(stack.rootOf('fresh').version).toBe(9)
    expect((await status('--fleet', FLEET)).exit).toBe(0)
    expect(stack.cloud.denials.map(d => d.message)).toEqual([])
  })
})

describe('the runbooks', () => {
  it('tell people to type nothing that was not run here', () => {
    const done = new Set(history.map(args => shapeOf(args)))
    const told = ceremonies().flatMap(({ file, lines }) => lines.map(args => `${file}: ${shapeOf(args)}`))
    expect(told.length).toBeGreaterThan(20)
    expect(told.filter(line => !done.has(line.slice(line.indexOf(': ') + 2)))).toEqual([])
  })
})
