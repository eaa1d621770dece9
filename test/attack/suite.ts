/**
 * The property: an attacker who owns the broker and the bucket, and one of the online keys or none, never makes a
 * device run or accept what it must not; and once the attacker is gone, the device holds the newest release. Each run
 * is a seed: a theft, then moves drawn at random, some of which aim at one check each.
 */

import { topics, type Uplink } from '../../src/contracts/mqtt.ts'
import type { TrustRoot } from '../../verifier/index.ts'
import {
  archiveOf,
  beaconStatement,
  manifestStatement,
  type RootChanges,
  rootKeys,
  rootStatement,
  sha256,
  signingKey,
  slotOf,
} from '../device/helpers.ts'
import { makeVictim, type Victim } from './device.ts'
import { Judge, type Theft, Violation } from './judge.ts'
import {
  DAY_MS,
  evilKey,
  forge,
  genuine,
  json,
  modelKey,
  NO_BARS,
  Owner,
  type Product,
  type Signed,
  START,
  slotFor,
  thiefKeys,
  write,
} from './owner.ts'

export type Random = (below: number) => number
export const THEFTS: readonly Theft[] = ['nothing', 'deployment', 'model']
const strangers = [signingKey(), signingKey()] as const
const YEAR_MS = 365 * DAY_MS

/** How the bucket answers one blob. */
type Bucket = 'honest' | 'swapped bundles' | 'swapped packages' | 'endless' | 'cut'

export interface World {
  readonly owner: Owner
  readonly judge: Judge
  readonly victim: Victim
  readonly theft: Theft
  readonly random: Random
  bucket: Bucket
  readonly blobs: Map<string, Uint8Array>
  /** What `ask` is answered with; the attacker answers for the cloud. */
  answers: 'honest' | 'silent' | 'replay'
}

export function makeWorld(theft: Theft, random: Random): World {
  const owner = new Owner()
  const judge = new Judge(owner, theft)
  const world = {
    ...{ owner, judge, theft, random },
    ...{
      bucket: 'honest' as Bucket,
      answers: 'honest' as World['answers'],
      blobs: new Map<string, Uint8Array>(),
    },
  } as { -readonly [K in keyof World]: World[K] }
  for (let version = 1; version <= 6; version++) stock(world, genuine(version))
  const wire = {
    block: ({ digest, offset, length }: { digest: string; offset: number; length: number }) =>
      serve(world, digest, offset, length),
    state: ({ have, delta }: Uplink<'ask'>['body']) =>
      delta === undefined ? answer(world, have.root) : answerDelta(world, delta),
  }
  world.victim = makeVictim(owner.roots[0]!.bytes, START, wire, state => judge.look(state))
  return world
}

function stock(world: Pick<World, 'blobs' | 'judge'>, product: Product): Product {
  const { bundle, archive } = product.made
  world.blobs.set(sha256(bundle), bundle)
  world.blobs.set(sha256(archive), archive)
  world.judge.know(product)
  return product
}

function serve(
  { blobs, bucket, random }: World,
  digest: string,
  offset: number,
  length: number,
): Uint8Array | null {
  const bytes = blobs.get(digest)
  const block = bytes?.subarray(offset, offset + length) ?? null
  if (block === null) return null
  if (bucket === 'cut') return block.subarray(0, random(block.byteLength + 1))
  if (bucket === 'endless') return Buffer.concat([block, Buffer.alloc(1 + random(65_536))])
  const bundle = bytes?.[0] === 0x7b
  if (bucket === 'honest' || bundle !== (bucket === 'swapped bundles')) return block
  const changed = Buffer.from(block)
  const at = random(changed.byteLength)
  changed[at] = (changed[at] as number) ^ (1 + random(255))
  return changed
}

function answer(world: World, root: number): unknown {
  const { owner, answers } = world
  if (answers === 'silent') return null
  const parse = (document: Signed | null) => document && JSON.parse(document.bytes.toString())
  const old = (kind: string) =>
    pick(
      world,
      owner.record.filter(d => d.kind === kind),
    ) ?? null
  const replay = answers === 'replay'
  return {
    ...{ v: 1, kind: 'state', chain: owner.roots.slice(root).map(parse) },
    beacon: parse(replay ? old('beacon') : owner.beacon),
    manifest: parse(replay ? old('manifest') : owner.manifest),
  }
}

/** The attacker's delta is a file that the device needs, by a wrong length. */
function answerDelta({ answers }: World, { target, base }: { target: string; base: string }): unknown {
  if (answers === 'silent') return null
  const delta = answers === 'replay' ? { sha256: base, length: 1 } : null
  return { v: 1, kind: 'delta', target, base, delta }
}

const pick = <T>({ random }: World, from: readonly T[]): T | undefined => from[random(from.length)]
const say = (world: World, document: Signed | { kind: string; bytes: Uint8Array }): Promise<void> => {
  const topic =
    { root: topics.trust, beacon: topics.beacon('plant') }[document.kind] ?? topics.manifest('plant')
  const bytes =
    document.kind === 'root'
      ? json({ v: 1, chain: [JSON.parse(Buffer.from(document.bytes).toString())] })
      : document.bytes
  return world.victim.deliver(topic, bytes)
}
const steal = (world: World, kind: 'manifest' | 'beacon', predicate: object): Signed => {
  const statement = kind === 'beacon' ? beaconStatement(predicate) : manifestStatement(1, [], predicate)
  const made = write(kind, statement, [thiefKeys.deployment], 'thief')
  world.judge.learn(made)
  return made
}
const now = ({ owner }: World) => ({ issued: owner.iso(), expires: owner.iso(DAY_MS) })
const stranger = (
  world: World,
  kind: 'manifest' | 'beacon' | 'root',
  statement: { predicate: object },
): Signed => {
  const made = write(kind, statement, [evilKey], 'nobody')
  world.judge.learn(made)
  return made
}
/** The newest of the owner's, as far as the broker lets it through. */
async function current(world: World): Promise<void> {
  const { owner, victim } = world
  await victim.deliver(topics.trust, owner.chain())
  if (owner.beacon) await say(world, owner.beacon)
  if (owner.manifest) await say(world, owner.manifest)
}
const counter = (world: World): number => {
  const state = world.victim.storage.read('state.json')
  return state ? ((JSON.parse(Buffer.from(state).toString()).trust.manifest?.counter as number) ?? 0) : 0
}

type Move = (world: World) => Promise<void>

/** What the owner does in the course of a year. */
const ownerMoves: Readonly<Record<string, Move>> = {
  'a release': async w => {
    const allowed = allowedVersions(w)
    const version = pick(w, allowed)
    if (version === undefined) return
    w.owner.publish([slotFor(genuine(version))])
    w.owner.refresh()
    if (w.random(2)) await current(w)
  },
  'a beacon': async w => {
    w.owner.refresh()
    if (w.random(2)) await say(w, w.owner.beacon!)
  },
  'days go by': async w => {
    w.owner.time += w.random(3) * DAY_MS + 60_000
    w.owner.refresh()
    await w.victim.pass(60_000)
  },
  'the newest arrives': async w => {
    w.owner.refresh()
    w.bucket = 'honest'
    await current(w)
    await w.victim.pass(30_000)
  },
  'a revocation': async w => {
    const version = 1 + w.random(3)
    w.owner.bars.revokedBundles = [
      ...new Set([...w.owner.bars.revokedBundles, genuine(version).made.release.bundle.sha256]),
    ]
    w.owner.publish([slotFor(genuine(4))])
    w.owner.refresh()
    if (w.random(4)) await current(w)
  },
  'a minimum': async w => {
    w.owner.bars.minimumRelease = {
      quality: Math.max(w.owner.bars.minimumRelease['quality'] ?? 0, 2 + w.random(2)),
    }
    w.owner.publish([slotFor(genuine(4))])
    w.owner.refresh()
    if (w.random(4)) await current(w)
  },
  'a root': async w => {
    if (w.owner.roots.length > 4) return
    w.owner.rotate(
      w.random(2) ? {} : ({ revokedBundles: [genuine(1).made.release.bundle.sha256] } satisfies RootChanges),
    )
    w.owner.refresh()
    if (w.random(2)) await w.victim.deliver(topics.trust, w.owner.chain())
  },
  'a new epoch': async w => {
    if (w.theft !== 'deployment' || w.owner.epoch > 1) return
    w.owner.openEpoch()
    w.owner.publish([slotFor(genuine(4))])
    w.owner.refresh()
    await current(w)
  },
}

/** What happens to a device by itself. */
const deviceMoves: Readonly<Record<string, Move>> = {
  'power fails': async w => {
    const allowed = pickAllowed(w)
    w.owner.publish([slotFor(genuine(w.random(2) ? allowed : 4))])
    w.owner.refresh()
    w.victim.setClock(w.owner.time)
    w.victim.cutAfter(w.random(12))
    await current(w)
    await w.victim.pass(20_000)
    await w.victim.restart()
    // A thief may have used the counters up, and then the owner is not heard until a new epoch.
    if (w.theft === 'deployment') return
    await current(w)
    await w.victim.pass(1_200_000)
    holdsTheNewest(w)
  },
  'the clock is lost': async w => w.victim.setClock(pick(w, [0, START - YEAR_MS, w.owner.time])!),
  'time passes': async w => w.victim.pass(w.random(600_000)),
}

/** Attacks that whoever owns the network can always try; each aims at one check. */
const networkMoves: Readonly<Record<string, Move>> = {
  'old documents': async w => {
    for (let i = 0; i < 3; i++) {
      const old = pick(w, w.owner.record)
      if (old) await say(w, old)
    }
  },
  '6: the manifest before the last': async w => {
    const { owner } = w
    owner.publish([slotFor(genuine(4))])
    owner.refresh()
    const [newest, beacon] = [owner.manifest!, owner.beacon!]
    await current(w)
    owner.publish([slotFor(genuine(4), { candidate: null })])
    // The beacon still lets the older one through; only the order forbids it.
    await say(w, owner.manifest!)
    await say(w, beacon)
    await say(w, newest)
  },
  '1: a clock in the past': async w => {
    const { owner, victim } = w
    const waiting = owner.publish([slotFor(genuine(4))])
    owner.time += 40 * DAY_MS
    owner.refresh()
    await say(w, owner.beacon!)
    victim.setClock(0)
    await say(w, waiting)
    victim.setClock(owner.time)
  },
  '2: roots of their own': async w => {
    const version = w.owner.roots.length + 1
    const statement = rootStatement({
      ...{ version, epoch: w.owner.epoch, issued: w.owner.iso(), root: strangers, deployment: [evilKey] },
    })
    await w.victim.deliver(topics.trust, w.owner.chain())
    await say(w, write('root', statement, strangers, 'nobody'))
    await say(w, write('root', statement, [...strangers, rootKeys[0]!], 'nobody'))
  },
  '2: a root by one of three': async w => {
    const statement = rootStatement({
      version: w.owner.roots.length + 1,
      epoch: w.owner.epoch,
      issued: w.owner.iso(),
      threshold: 1,
    })
    await say(w, write('root', statement, [rootKeys[2]!], 'nobody'))
  },
  '2: a root under the names of the root keys': async w => {
    const statement = rootStatement({
      version: w.owner.roots.length + 1,
      epoch: w.owner.epoch,
      issued: w.owner.iso(),
      deployment: [evilKey],
    })
    const named = strangers.map((key, i) => ({ ...key, hint: rootKeys[i]!.hint }))
    await w.victim.deliver(topics.trust, w.owner.chain())
    await say(w, write('root', statement, named, 'nobody'))
  },
  '6: an order of the epoch before': async w => {
    const { owner } = w
    if (w.theft === 'deployment' || owner.epoch > 3) return
    const old = owner.publish([slotFor(genuine(4))])
    owner.openEpoch(true)
    owner.refresh()
    await w.victim.deliver(topics.trust, owner.chain())
    await say(w, owner.beacon!)
    await say(w, old)
  },
  '3: orders by a stranger': async w => {
    w.owner.refresh()
    await say(w, w.owner.beacon!)
    const predicate = { epoch: w.owner.epoch, ...now(w) }
    await say(
      w,
      stranger(w, 'manifest', manifestStatement(w.owner.counter + 1, [slotFor(genuine(3))], predicate)),
    )
    const made = manifestStatement(w.owner.counter + 1, [slotFor(genuine(2))], predicate)
    const real = write('manifest', made, [thiefKeys.own], 'nobody')
    const envelope = JSON.parse(real.bytes.toString()) as { signatures: { keyid: string }[] }
    envelope.signatures[0]!.keyid = w.owner.key.hint
    w.judge.learn(real)
    await say(w, { kind: 'manifest', bytes: json(envelope) })
  },
  '3: beacons by a stranger': async w =>
    say(w, stranger(w, 'beacon', beaconStatement({ epoch: w.owner.epoch, minimumCounter: 9, ...now(w) }))),
  '4: a document of another type': async w => {
    w.owner.refresh()
    await say(w, w.owner.beacon!)
    await say(w, w.owner.rehearse([slotFor(genuine(1 + w.random(4)))]))
  },
  '5: orders for another fleet': async w => {
    w.owner.refresh()
    await say(w, w.owner.beacon!)
    await say(w, w.owner.publish([slotFor(genuine(1 + w.random(4)))], 'other'))
  },
  '8: withheld for days': async w => {
    const { owner, victim } = w
    const old = owner.publish([slotFor(genuine(4))])
    owner.publish([slotFor(genuine(4))])
    owner.refresh()
    await say(w, owner.beacon!)
    // The beacon says that there is a newer one; and then no beacon comes for a week.
    await say(w, old)
    owner.time += 7 * DAY_MS
    victim.setClock(owner.time)
    w.answers = 'silent'
    await say(w, owner.publish([slotFor(genuine(3))]))
    await victim.pass(3_600_000)
    w.answers = 'honest'
  },
  '10: a download without end': async w => {
    w.bucket = 'endless'
    w.owner.publish([slotFor(genuine(pickAllowed(w)))])
    w.owner.refresh()
    await current(w)
    await w.victim.pass(900_000)
    bounded(w)
    w.bucket = 'honest'
  },
  '10: a torn download': async w => {
    w.bucket = 'cut'
    await current(w)
    await w.victim.pass(60_000)
    w.bucket = 'honest'
  },
  '11: other bytes in the bucket': async w => {
    const before = w.victim.reports.length
    w.bucket = w.random(2) ? 'swapped bundles' : 'swapped packages'
    w.owner.publish([slotFor(genuine(pickAllowed(w)))])
    w.owner.refresh()
    await current(w)
    await w.victim.pass(60_000)
    w.bucket = 'honest'
    for (const { code } of w.victim.reports.slice(before))
      if (/^(PACKAGE_(ARCHIVE|CONTENT|CONTRACT)|BUNDLE_(MALFORMED|SIGNATURE|CONTENT))$/.test(code ?? ''))
        throw new Violation(`a swapped download was opened before its digest was checked (${code})`)
  },
  '5: a beacon for another fleet': async w => {
    const { owner } = w
    const statement = beaconStatement({ fleet: 'other', epoch: owner.epoch, minimumCounter: 0, ...now(w) })
    await say(w, owner.sign('beacon', statement, [owner.key]))
  },
  'a message of noise': async w => {
    const bytes = Buffer.from(Array.from({ length: w.random(400) }, () => w.random(256)))
    await w.victim.deliver(pick(w, [topics.trust, topics.beacon('plant'), topics.manifest('plant')])!, bytes)
  },
  'a flipped bit': async w => {
    const document = pick(w, w.owner.record)!
    const bytes = Buffer.from(document.bytes)
    const at = w.random(bytes.byteLength)
    bytes[at] = (bytes[at] as number) ^ (1 << w.random(8))
    await say(w, { kind: document.kind === 'root' ? 'manifest' : document.kind, bytes })
  },
  'the cloud lies': async w => {
    w.answers = 'replay'
    await w.victim.restart()
    await w.victim.pass(60_000)
    w.answers = 'honest'
  },
}

/** Versions that neither the owner's manifests nor the newest root bar. */
function allowedVersions({ owner }: World): number[] {
  const root = owner.roots.at(-1)!.predicate as unknown as TrustRoot
  return [1, 2, 3, 4].filter(version =>
    [owner.bars, root].every(
      bars =>
        version >= (bars.minimumRelease['quality'] ?? 0) &&
        !bars.revokedBundles.includes(genuine(version).made.release.bundle.sha256),
    ),
  )
}
const pickAllowed = (w: World): number => allowedVersions(w)[0] ?? 4

/** Whoever has the deployment key: orders at will, of what was ever signed, and beacons for them. */
const deploymentMoves: Readonly<Record<string, Move>> = {
  'orders an old release': async w => thiefOrders(w, { slots: [slotFor(genuine(1 + w.random(4)))] }),
  '0: an order that is too large': async w => {
    const pins = Object.fromEntries(
      Array.from({ length: 1_000 }, (_, i) => [`thing-${i}-${'x'.repeat(60)}`, 'a'.repeat(64)]),
    )
    await thiefOrders(w, { slots: [slotFor(genuine(4), { pins })] })
  },
  '5: a release for another runtime': async w => {
    const { release } = genuine(4).made
    await thiefOrders(w, { slots: [slotOf({ committed: { ...release, runtime: 'neo' } })] })
  },
  '7: uses the counters up': async w => thiefOrders(w, { counter: 2 ** 40 + w.random(1_000) }, 0),
  '9: orders what is revoked': async w => {
    const version = 1 + w.random(3)
    w.owner.bars.revokedBundles = [
      ...new Set([...w.owner.bars.revokedBundles, genuine(version).made.release.bundle.sha256]),
    ]
    w.owner.publish([slotFor(genuine(4))])
    w.owner.refresh()
    await current(w)
    await thiefOrders(w, { slots: [slotFor(genuine(version))], ...NO_BARS })
  },
  '12: a model of their own': async w => {
    const product = stock(w, forge(pick(w, [evilKey, thiefKeys.deployment])!))
    await thiefOrders(w, { slots: [slotFor(product)] })
  },
  '13: a file more': async w => {
    const product = another(w)
    await thiefRepacks(
      w,
      product,
      archiveOf([...product.made.files, { name: 'zz.sh', bytes: Buffer.from('rm') }]),
    )
  },
  '14: another file inside': async w => {
    const product = another(w)
    // The self-test would notice another model; a threshold it would not.
    const files = product.made.files.map(file => {
      if (file.name !== 'contract.json') return file
      const contract = JSON.parse(Buffer.from(file.bytes).toString())
      return { ...file, bytes: json({ ...contract, threshold: 0.99 }) }
    })
    await thiefRepacks(w, product, archiveOf(files))
  },
  '15: a package for other hardware': async w => {
    const { release } = genuine(5).made
    await thiefOrders(w, { slots: [slotOf({ committed: release })] })
  },
  '15: a package that fails here': async w => thiefOrders(w, { slots: [slotFor(genuine(6))] }),
}

async function thiefOrders(w: World, predicate: object, plus = 1): Promise<void> {
  await w.victim.deliver(topics.trust, w.owner.chain())
  const base = Math.max(counter(w), w.owner.counter)
  const minimumCounter = plus === 0 ? base : base + plus
  const period = { issued: w.owner.iso(1_000 + w.random(1_000)), expires: w.owner.iso(DAY_MS) }
  await say(w, steal(w, 'beacon', { epoch: 1, minimumCounter, minimumRoot: 1, ...period }))
  await say(
    w,
    steal(w, 'manifest', {
      ...{
        epoch: 1,
        counter: base + 1,
        slots: [slotOf()],
        minimumRelease: {},
        revokedBundles: [],
        ...period,
      },
      ...predicate,
    }),
  )
  await w.victim.pass(30_000)
}

/** A release that may run and does not run now. */
function another(w: World): Product {
  const state = w.victim.storage.read('state.json')
  const active = state && JSON.parse(Buffer.from(state).toString()).slots.quality?.active?.bundle.sha256
  const others = allowedVersions(w).map(genuine)
  return others.find(p => p.made.release.bundle.sha256 !== active) ?? genuine(4)
}

/** An honest bundle over an archive that is not the one it was made for. */
async function thiefRepacks(w: World, product: Product, archive: Uint8Array): Promise<void> {
  w.blobs.set(sha256(archive), archive)
  const { release } = product.made
  const named = { ...release, package: { sha256: sha256(archive), length: archive.byteLength } }
  await thiefOrders(w, { slots: [slotOf({ committed: named })] })
}

/** Whoever has the model key can sign packages, and order nothing. */
const modelMoves: Readonly<Record<string, Move>> = {
  'a model by the stolen key in the bucket': async w => {
    const product = stock(w, forge(modelKey))
    // In place of a blob that the owner's manifest names, and as an order that nobody signed.
    const { release } = genuine(4).made
    w.blobs.set(release.bundle.sha256, product.made.bundle)
    w.blobs.set(release.package.sha256, product.made.archive)
    w.owner.publish([slotFor(genuine(4))])
    w.owner.refresh()
    await current(w)
    await w.victim.pass(60_000)
    stock(w, genuine(4))
    const statement = manifestStatement(w.owner.counter + 1, [slotFor(product)], {
      epoch: w.owner.epoch,
      ...now(w),
    })
    await say(w, write('manifest', statement, [modelKey], 'nobody'))
  },
}

/** No file of a download is ever longer than what was signed for it. */
function bounded({ victim, blobs }: World): void {
  for (const name of victim.storage.list()) {
    const signed = blobs.get(name.replace(/^(part|blob)-/, ''))?.byteLength
    const size = victim.storage.size(name) ?? 0
    if (signed !== undefined && size > signed)
      throw new Violation(`a download of ${signed} bytes filled ${size} bytes of the disk`)
  }
}

export const movesOf = (theft: Theft): Readonly<Record<string, Move>> => ({
  ...ownerMoves,
  ...deviceMoves,
  ...networkMoves,
  ...(theft === 'deployment' ? deploymentMoves : theft === 'model' ? modelMoves : {}),
})

export const seeded = (seed: number): Random => {
  let a = (seed * 2_654_435_761) >>> 0
  return below => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * below)
  }
}

export interface RunReport {
  readonly moves: readonly string[]
  readonly codes: readonly string[]
}

/**
 * One run.
 * @param focus the check that half of the moves aim at, for a quicker look at that one
 * @throws Violation with the moves that led to it
 */
export async function attack(seed: number, focus?: number, length = 14): Promise<RunReport> {
  const random = seeded(seed)
  const theft = THEFTS[seed % THEFTS.length]!
  const world = makeWorld(theft, random)
  const moves = Object.entries(movesOf(theft))
  const aimed = moves.filter(([name]) => name.startsWith(`${focus}: `))
  const made: string[] = []
  try {
    await world.victim.connect()
    if (random(8) > 0) await ownerMoves['the newest arrives']!(world)
    for (let i = 0; i < length; i++) {
      const from = aimed.length > 0 && random(2) ? aimed : moves
      const [name, move] = from[random(from.length)]!
      made.push(name)
      await move(world)
      world.judge.verdict()
    }
    made.push('the attacker is gone')
    await recover(world)
    world.judge.verdict()
  } catch (error) {
    const why = error instanceof Violation ? error.message : `${(error as Error).stack}`
    throw new Violation(`seed ${seed}, ${theft} stolen: ${why}\n  moves: ${made.join(' > ')}`)
  }
  return { moves: made, codes: world.victim.reports.flatMap(r => r.code ?? []) }
}

/** Liveness: the cloud is back, and after a theft has opened a new epoch. Then the device ends where the owner wants it. */
async function recover(world: World): Promise<void> {
  const { owner, victim } = world
  world.bucket = 'honest'
  world.answers = 'honest'
  for (let version = 1; version <= 6; version++) stock(world, genuine(version))
  victim.setClock(owner.time)
  if (world.theft === 'deployment' && owner.epoch === 1) owner.openEpoch()
  owner.time += 60_000
  owner.publish([slotFor(genuine(4))])
  owner.refresh()
  await victim.restart()
  await current(world)
  await victim.pass(1_200_000)
  holdsTheNewest(world)
}

function holdsTheNewest({ owner, victim }: World): void {
  const state = JSON.parse(Buffer.from(victim.storage.read('state.json')!).toString())
  const active = state.slots.quality.active?.bundle.sha256
  if (active !== owner.slots[0]?.committed?.bundle.sha256)
    throw new Violation(
      `the device does not hold the owner's newest release (${JSON.stringify(victim.reports.at(-1))})`,
    )
}
