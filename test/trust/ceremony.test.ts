/**
 * Every ceremony of docs/runbooks/, end to end: the command as operators type it, the packaged template with its
 * functions, and devices that keep their storage. One test builds on the one before it, as ceremonies do.
 */
import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type IoTDataPlaneClient, PublishCommand } from '@aws-sdk/client-iot-data-plane'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Field } from '../../device/field.ts'
import { retained } from '../../scripts/lib/publish-chain.ts'
import { iotDataClient } from '../../scripts/lib/stack.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import {
  openChain,
  type PinnedKey,
  pinnedKey,
  Refusal,
  verifyBeacon,
  verifyManifest,
} from '../../verifier/index.ts'
import { must, run } from '../cli/support.ts'
import { stumpModel } from '../loop/stump.ts'
import { FLEET, HARDWARE, Stack } from './stack.ts'

const WAIT = 40
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

const stack = new Stack()
const chain = stack.path('chain.json')
const [draft, online] = [stack.path('draft.json'), stack.path('online.json')]
const pem = (name: string, kind = 'pem') => stack.path('keys', `${name}.${kind}`)
/** What devices are made with, for good: link 1. */
let made: Uint8Array
let field: Field

const publicKeys = (...names: string[]) => names.flatMap(name => ['--root-key', pem(name, 'pub.pem')])
async function signAndPublish(...holders: readonly string[]): Promise<void> {
  for (const name of holders) await must('keys', 'sign', '--draft', draft, '--key', pem(name), '--yes')
  await must('keys', 'publish', '--draft', draft, '--chain', chain)
}
const from = (...changes: readonly string[]) =>
  must('keys', 'root', '--from', chain, '--out', draft, ...changes)
const fetchKeys = async () =>
  (await must('keys', 'fetch', '--out', online))['keys'] as {
    role: string
    slot: string
    keyid: string
    signs: boolean
  }[]
const idOf = async (role: string, slot: string): Promise<string> =>
  (await fetchKeys()).find(k => k.role === role && k.slot === slot)?.keyid ?? ''
const runs = (version: number, on = field) =>
  stack.bus.holds(`version ${version} on every device`, WAIT, () =>
    on.states().every(s => s.version === version),
  )
/** Devices that have this place in the order of instructions. */
const reached = (epoch: number, on = field) =>
  stack.bus.holds(`epoch ${epoch} on every device`, WAIT, () => on.states().every(s => s.epoch === epoch))

beforeAll(() => stack.deploy())
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

    await must('keys', 'new-root', '--dir', stack.path('keys'), '--names', 'alice,bob,carol')
    await fetchKeys()
    await must(
      ...['keys', 'root', '--first', '--threshold', '2', '--online', online, '--out', draft],
      ...publicKeys('alice', 'bob', 'carol'),
    )
    await must('keys', 'sign', '--draft', draft, '--key', pem('bob'), '--yes')
    const early = await run(['keys', 'publish', '--draft', draft, '--chain', chain, '--json'])
    expect(early.exit).toBe(1)
    expect(early.json()).toMatchObject({ published: false, missing: [{ version: 1, need: 2, signed: 1 }] })
    await signAndPublish('carol')
    made = openChain(readFileSync(chain))[0] as Uint8Array
    await stack.bus.until('TrustRootPublished', WAIT, d => d['version'] === 1)
    expect((await run(['keys', 'status', '--chain', chain])).exit).toBe(0)

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
    expect((await run(['keys', 'status', '--chain', chain])).exit).toBe(0)
  })
})

describe('model key, planned', () => {
  it('the next key exists, then is trusted, then signs, then is the only one', async () => {
    const a = await idOf('model', 'A')
    await stack.deploy({ ModelKeys: 'both-A-signs' })
    const keys = await fetchKeys()
    expect(keys.filter(k => k.role === 'model').map(k => [k.slot, k.signs])).toEqual([
      ['A', true],
      ['B', false],
    ])
    expect(await idOf('model', 'A')).toBe(a)
    await from('--online', online)
    await signAndPublish('alice', 'bob')

    await stack.deploy({ ModelKeys: 'both-B-signs' })
    field = await stack.startDevices(['near', 'away'], made)
    await stack.drop('imports/probe/second.json', stumpModel(10.5, -3, 3, 1))
    await stack.bus.until('PackageSigned', WAIT, d => d['version'] === 2)
    await runs(2)
    const b = await idOf('model', 'B')
    const verified = await must('verify', `probe@2-${HARDWARE}`, '--thing', 'near')
    expect(JSON.stringify(verified['steps'])).toContain(`model key ${b.slice(0, 12)}`)
    expect(stack.rootOf('away').version).toBe(2)

    // From here on `away` is switched off.
    await stack.stopDevices()
    await from('--drop', a.slice(0, 12))
    await signAndPublish('bob', 'carol')
    await stack.deploy({ ModelKeys: 'only-B' })
    const { findings } = await must('keys', 'status', '--chain', chain)
    expect((findings as { kind: string }[]).map(f => f.kind)).not.toContain('bad')
    expect((await run(['verify', 'probe@1'])).out).toContain('BUNDLE_SIGNATURE')
  })
})

interface Signed {
  readonly payload: string
  readonly payloadType: string
}
/** A document with other words in its predicate, signed with a key that the thief has. */
function forge(original: Uint8Array, words: Record<string, unknown>, key: KeyObject, id: PinnedKey): Buffer {
  const { payload, payloadType } = JSON.parse(Buffer.from(original).toString()) as Signed
  const statement = JSON.parse(Buffer.from(payload, 'base64').toString()) as { predicate: object }
  const bytes = Buffer.from(JSON.stringify({ ...statement, predicate: { ...statement.predicate, ...words } }))
  const pae = Buffer.concat([
    Buffer.from(`DSSEv1 ${payloadType.length} ${payloadType} ${bytes.length} `),
    bytes,
  ])
  const sig = sign('sha256', pae, key).toString('base64')
  const signatures = [{ keyid: id.hint, sig }]
  return Buffer.from(JSON.stringify({ payload: bytes.toString('base64'), payloadType, signatures }))
}

describe('deployment key, stolen', () => {
  it('a new epoch voids what it signed and will sign; the fleet goes on by the new key', async () => {
    const thief = createPrivateKey(stack.steal('DeploymentKeyA'))
    await stack.deploy({ DeploymentKeys: 'both-B-signs' })
    const iot = iotDataClient(stack.config)
    const before = {
      manifest: (await retained(iot, topics.manifest(FLEET))) as Buffer,
      beacon: (await retained(iot, topics.beacon(FLEET))) as Buffer,
    }
    field = await stack.startDevices(['near'], made)
    const [a, b] = [await idOf('deployment', 'A'), await idOf('deployment', 'B')]
    const unsaid = await run([
      'keys',
      'root',
      '--from',
      chain,
      '--online',
      online,
      '--drop',
      a,
      '--out',
      draft,
    ])
    expect([unsaid.exit, unsaid.err]).toEqual([2, expect.stringContaining('--new-epoch')])
    await from('--online', online, '--drop', a.slice(0, 16), '--new-epoch')
    await signAndPublish('alice', 'carol')
    await reached(2)
    expect(stack.rootOf('near')).toMatchObject({
      version: 4,
      epoch: 2,
      roles: { deployment: { keyids: [b] } },
    })

    const issued = new Date().toISOString()
    const stolen = { hint: a } as PinnedKey
    const attacks: readonly ['manifest' | 'beacon', Buffer, string][] = [
      ['manifest', forge(before.manifest, { issued, counter: 900 }, thief, stolen), 'MANIFEST_SIGNATURE'],
      [
        'manifest',
        forge(before.manifest, { issued, counter: 900, epoch: 2 }, thief, stolen),
        'MANIFEST_SIGNATURE',
      ],
      [
        'manifest',
        forge(before.manifest, { issued, counter: 900, epoch: 2 }, thief, pinned(b)),
        'MANIFEST_SIGNATURE',
      ],
      ['manifest', before.manifest, 'MANIFEST_SIGNATURE'],
      ['beacon', forge(before.beacon, { issued, minimumCounter: 901 }, thief, stolen), 'BEACON_SIGNATURE'],
      [
        'beacon',
        forge(before.beacon, { issued, minimumCounter: 901, epoch: 2 }, thief, stolen),
        'BEACON_SIGNATURE',
      ],
    ]
    for (const [kind, payload, code] of attacks) expect(verdict(kind, payload)).toBe(code)
    // The agent asks the cloud once whether something newer cures them; the true beacon takes the forged one's place.
    for (const [kind, payload] of [attacks[2], attacks[5]] as typeof attacks)
      await publish(iot, topics[kind](FLEET), payload)
    const near = field.device('near')
    await stack.bus.holds('the refusal of the forged manifest', WAIT, () =>
      near.status().errors.some(error => error.startsWith('MANIFEST_SIGNATURE')),
    )
    expect(field.states()).toMatchObject([{ version: 2, epoch: 2 }])
    const status = await must('keys', 'status', '--fleet', FLEET)
    expect(JSON.stringify(status['findings'])).toContain(`manifest of ${FLEET}: signed by deployment key B`)
    iot.destroy()
  })
})

/** What the verifier says to a document with what the device knows; undefined when it holds. */
function verdict(kind: 'manifest' | 'beacon', payload: Uint8Array): string | undefined {
  const state = stack.trustOf('near')
  const place = {
    fleet: FLEET,
    hardware: HARDWARE,
    runtimes: ['edgeloop-wasm'],
    slots: ['main'],
    clock: Date.now(),
  }
  try {
    if (kind === 'manifest') verifyManifest(state, payload, place)
    else verifyBeacon(state, payload, place)
    return undefined
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}
const pinned = (hint: string): PinnedKey => ({ hint }) as PinnedKey
const publish = (iot: IoTDataPlaneClient, topic: string, payload: Uint8Array) =>
  iot.send(new PublishCommand({ topic, payload, qos: 1 }))

describe('root keys', () => {
  it('other holders take over by a link that both sets sign', async () => {
    await must('keys', 'new-root', '--dir', stack.path('keys'), '--names', 'dave,erin,frank')
    await from(...publicKeys('dave', 'erin', 'frank'))
    await must('keys', 'sign', '--draft', draft, '--key', pem('alice'), '--yes')
    await must('keys', 'sign', '--draft', draft, '--key', pem('bob'), '--yes')
    const half = await run(['keys', 'publish', '--draft', draft, '--chain', chain, '--json'])
    expect(half.json()).toMatchObject({ missing: [{ version: 5, need: 2, signed: 0 }] })
    await signAndPublish('dave', 'frank')
    await stack.bus.holds('the new root on the device', WAIT, () => stack.rootOf('near').version === 5)

    await from('--years', '3')
    await must('keys', 'sign', '--draft', draft, '--key', pem('erin'), '--yes')
    const old = await run(['keys', 'sign', '--draft', draft, '--key', pem('alice'), '--yes'])
    expect([old.exit, old.err]).toEqual([2, expect.stringContaining('is no root key of this draft')])
    await signAndPublish('frank')
  })

  it('a device that was switched off since version 2 walks to version 6 and takes what holds now', async () => {
    expect(stack.rootOf('away')).toMatchObject({ version: 2, epoch: 1 })
    const away = await stack.startDevices(['away'], made)
    await reached(2, away)
    expect(stack.rootOf('away')).toMatchObject({ version: 6, epoch: 2 })
    expect(away.states()).toMatchObject([{ thing: 'away', version: 2, epoch: 2, refused: 0 }])
    const holders = ['dave', 'erin', 'frank'].map(
      name => pinnedKey(readFileSync(pem(name, 'pub.pem'), 'utf8')).hint,
    )
    expect(stack.rootOf('away').roles.root).toEqual({ keyids: holders.sort(), threshold: 2 })
  })

  it('a device that is new and made with version 1 does the same', async () => {
    const fresh = await stack.startDevices(['fresh'], made)
    await runs(2, fresh)
    expect(stack.rootOf('fresh').version).toBe(6)
    expect((await run(['keys', 'status', '--chain', chain, '--fleet', FLEET])).exit).toBe(0)
    expect(stack.cloud.denials.map(d => d.message)).toEqual([])
  })
})
