import { chainOf } from '../cloud.ts'
import { manifestStatement, type Slot } from '../documents.ts'
import { type Envelope, envelope, json, signedDigest } from '../keys.ts'
import { DAY } from '../owner.ts'
import type { Trial } from '../trial.ts'
import { active, installed, type Scenario, short } from './scenario.ts'

/** One document that must be refused with one code. Comes to a device that runs version 1 by manifest 1.1. */
export interface Bad {
  readonly id: string
  readonly code: string
  readonly name: string
  /** Sends it, pushed and as an answer. @returns what was signed, where anything was */
  readonly send: (t: Trial) => Envelope | null | Promise<Envelope | null>
  /** What makes the cloud a good one again, if more than a new manifest is needed. */
  readonly cure?: (t: Trial) => void
}
const slots = (t: Trial): readonly Slot[] => [t.owner.slot({ committed: t.owner.pack(2).release })]
const signed = (t: Trial, statement: object, by = t.owner.deployment): Envelope =>
  envelope(json(statement), [by])

const push = (t: Trial, channel: 'beacon' | 'manifest', document: Envelope): Envelope => {
  t.cloud.push(channel, json(document))
  return document
}
/** What a refused chain is called in the report is not in the contract. */
const pushLink = (t: Trial, link: Envelope, chain: readonly Envelope[] = [...t.owner.chain, link]): null => {
  t.cloud.push('trust', chainOf(chain))
  return null
}
/** A manifest of the present owner, with its counter unless said otherwise, that is not published as the newest. */
const manifest = (t: Trial, changes: Parameters<Trial['owner']['manifest']>[1]): Envelope =>
  t.owner.manifest(slots(t), { counter: t.owner.counter + 1, ...changes })
const beacon = (t: Trial, changes: Parameters<Trial['owner']['beacon']>[0]): Envelope =>
  t.owner.beacon(changes)
/**
 * A beacon that waits for an answer is refused when the answer brings none. When it brings a good one, the waiting one
 * may as well have been outdated, and nothing need be said about it.
 */
function uncured(t: Trial, document: Envelope): Envelope {
  t.cloud.beacon = null
  return document
}
/** What a manifest says, with more in it. */
function extended(
  t: Trial,
  type: 'manifest' | 'beacon',
  change: (statement: { predicate: object }) => object,
): Envelope {
  const from = type === 'manifest' ? manifest(t, {}) : beacon(t, {})
  const statement = JSON.parse(Buffer.from(from.payload, 'base64').toString()) as { predicate: object }
  return signed(t, change(statement))
}

const roots: readonly Bad[] = [
  {
    ...{ id: 'DEV-TRUST-01', code: 'ROOT_MALFORMED', name: 'a chain without links' },
    send: t => {
      t.cloud.push('trust', json({ v: 1, chain: [] }))
      return null
    },
  },
  {
    ...{ id: 'DEV-TRUST-02', code: 'ROOT_TYPE', name: 'a manifest in place of a link' },
    send: t => pushLink(t, envelope(json(manifestOf(t)), t.owner.rootKeys.slice(0, 2))),
  },
  {
    ...{ id: 'DEV-TRUST-03', code: 'ROOT_VERSION', name: 'a chain with a link left out' },
    send: t => {
      const link = t.owner.link(t.owner.draft({ version: 3 }))
      return pushLink(t, link, [link])
    },
  },
  {
    ...{ id: 'DEV-TRUST-04', code: 'ROOT_SIGNATURE', name: 'a link by one root key of two that are needed' },
    send: t => pushLink(t, t.owner.link(t.owner.draft(), t.owner.rootKeys.slice(0, 1))),
  },
  {
    ...{ id: 'DEV-TRUST-05', code: 'ROOT_EQUIVOCATION', name: 'another link of a version that is known' },
    send: async t => {
      t.owner.rotate()
      t.cloud.publish()
      await t.quiet()
      const other = t.owner.link(t.owner.draft({ version: 2, expires: t.owner.iso(700 * DAY) }))
      return pushLink(t, other, [t.owner.chain[0]!, other])
    },
  },
  {
    ...{ id: 'DEV-TRUST-06', code: 'ROOT_EPOCH', name: 'a link that leaves an epoch out' },
    send: t => pushLink(t, t.owner.link(t.owner.draft({ epoch: 3 }))),
  },
  {
    ...{ id: 'DEV-TRUST-07', code: 'ROOT_EXPIRED', name: 'a last link that has expired' },
    send: async t => {
      t.owner.rotate({ issued: t.owner.iso(), expires: t.owner.iso(1_000) })
      t.cloud.publish()
      await t.quiet()
      t.cloud.release(slots(t))
      return null
    },
    cure: t => void t.owner.rotate(),
  },
]
const beacons: readonly Bad[] = [
  {
    ...{ id: 'DEV-TRUST-08', code: 'BEACON_MALFORMED', name: 'a beacon with a field that nobody knows' },
    send: t =>
      push(
        t,
        'beacon',
        extended(t, 'beacon', s => ({ ...s, predicate: { ...s.predicate, extra: 1 } })),
      ),
  },
  {
    ...{ id: 'DEV-TRUST-09', code: 'BEACON_SIGNATURE', name: 'a beacon by a key that is not trusted' },
    send: t => push(t, 'beacon', t.owner.beacon({}, [t.owner.stranger])),
  },
  {
    ...{ id: 'DEV-TRUST-10', code: 'BEACON_TYPE', name: 'a manifest in place of a beacon' },
    send: t => push(t, 'beacon', manifest(t, {})),
  },
  {
    ...{ id: 'DEV-TRUST-11', code: 'BEACON_AUDIENCE', name: 'a beacon of another fleet' },
    send: t => push(t, 'beacon', beacon(t, { fleet: 'another-one' })),
  },
  {
    ...{ id: 'DEV-TRUST-12', code: 'BEACON_EPOCH', name: 'a beacon of an epoch that no root has opened' },
    send: t => push(t, 'beacon', uncured(t, beacon(t, { epoch: 2 }))),
  },
  {
    ...{ id: 'DEV-TRUST-13', code: 'BEACON_ROLLBACK', name: 'a beacon that is older than one that came' },
    send: t =>
      push(
        t,
        'beacon',
        beacon(t, { issued: t.owner.iso(-DAY / 4), expires: t.owner.iso(DAY), minimumCounter: 0 }),
      ),
  },
  {
    ...{ id: 'DEV-TRUST-14', code: 'BEACON_EQUIVOCATION', name: 'another beacon of the same instant' },
    send: t => {
      const issued = t.owner.iso()
      return push(t, 'beacon', beacon(t, { issued, minimumCounter: t.owner.counter + 1 }))
    },
  },
  {
    ...{ id: 'DEV-TRUST-15', code: 'BEACON_JUMP', name: 'a beacon with a counter that is far ahead' },
    send: t => push(t, 'beacon', beacon(t, { minimumCounter: t.owner.counter + 1_000_001 })),
  },
  {
    ...{ id: 'DEV-TRUST-16', code: 'BEACON_EXPIRED', name: 'a beacon that is newer and has expired' },
    send: t => push(t, 'beacon', uncured(t, beacon(t, { expires: t.owner.iso(1_500) }))),
  },
]
const manifests: readonly Bad[] = [
  {
    ...{ id: 'DEV-TRUST-17', code: 'MANIFEST_MALFORMED', name: 'a manifest with a field that nobody knows' },
    send: t =>
      push(
        t,
        'manifest',
        extended(t, 'manifest', s => ({ ...s, predicate: { ...s.predicate, extra: 1 } })),
      ),
  },
  {
    ...{ id: 'DEV-TRUST-18', code: 'MANIFEST_SIGNATURE', name: 'a manifest by a key that is not trusted' },
    send: t =>
      push(t, 'manifest', t.owner.manifest(slots(t), { counter: t.owner.counter + 1 }, [t.owner.stranger])),
  },
  {
    ...{ id: 'DEV-TRUST-19', code: 'MANIFEST_TYPE', name: 'a rehearsal in place of a manifest' },
    send: t =>
      push(
        t,
        'manifest',
        extended(t, 'manifest', s => ({ ...s, predicateType: 'https://edgeloop.dev/rehearsal/v1' })),
      ),
  },
  {
    ...{ id: 'DEV-TRUST-20', code: 'MANIFEST_AUDIENCE', name: 'a manifest of another fleet' },
    send: t => push(t, 'manifest', manifest(t, { audience: { fleet: 'another-one' } })),
  },
  {
    ...{
      id: 'DEV-TRUST-21',
      code: 'MANIFEST_RUNTIME',
      name: 'a release for a runtime that the device has not',
    },
    send: t => {
      const { release } = t.owner.pack(2)
      const slot = t.owner.slot({ committed: { ...release, runtime: 'another-one' } })
      return push(t, 'manifest', t.owner.manifest([slot], { counter: t.owner.counter + 1 }))
    },
  },
  {
    ...{ id: 'DEV-TRUST-22', code: 'MANIFEST_EPOCH', name: 'a manifest of an epoch that no root has opened' },
    send: t => push(t, 'manifest', manifest(t, { epoch: 2 })),
  },
  {
    ...{
      id: 'DEV-TRUST-23',
      code: 'MANIFEST_ROLLBACK',
      name: 'a manifest that is older than the accepted one',
    },
    send: async t => {
      const old = manifest(t, { counter: t.owner.counter })
      await t.install(t.owner.pack(3))
      return push(t, 'manifest', old)
    },
  },
  {
    ...{ id: 'DEV-TRUST-24', code: 'MANIFEST_EQUIVOCATION', name: 'another manifest of the same counter' },
    send: t => push(t, 'manifest', manifest(t, { counter: t.owner.counter })),
  },
  {
    ...{ id: 'DEV-TRUST-25', code: 'MANIFEST_JUMP', name: 'a counter that is far ahead' },
    send: t => push(t, 'manifest', manifest(t, { counter: t.owner.counter + 1_000_001 })),
  },
  {
    ...{ id: 'DEV-TRUST-26', code: 'MANIFEST_EXPIRED', name: 'a manifest that has expired' },
    send: t => push(t, 'manifest', manifest(t, { expires: t.owner.iso(1_500) })),
  },
  {
    ...{
      id: 'DEV-TRUST-27',
      code: 'MANIFEST_FROZEN',
      name: 'a manifest while the newest beacon names a root that has not come',
    },
    send: t => {
      t.cloud.beacon = beacon(t, { minimumRoot: 9 })
      t.cloud.push('beacon', json(t.cloud.beacon))
      return push(t, 'manifest', manifest(t, {}))
    },
    // A beacon can only rise, so the root that it speaks of has to come.
    cure: t => {
      while (t.owner.chain.length < 9) t.owner.rotate()
    },
  },
  {
    ...{ id: 'DEV-TRUST-28', code: 'MANIFEST_STALE', name: 'a manifest behind what the beacon says' },
    send: t => {
      const stale = manifest(t, {})
      t.owner.manifest(slots(t))
      t.owner.manifest(slots(t))
      t.cloud.beacon = t.owner.beacon()
      t.cloud.push('beacon', json(t.cloud.beacon))
      return push(t, 'manifest', stale)
    },
  },
  {
    ...{
      id: 'DEV-TRUST-29',
      code: 'RELEASE_TOO_OLD',
      name: 'a release below the minimum that comes with it',
    },
    send: t => push(t, 'manifest', manifest(t, { minimumRelease: { [t.owner.target.model]: 5 } })),
  },
  {
    ...{ id: 'DEV-TRUST-30', code: 'RELEASE_REVOKED', name: 'a release that is revoked with it' },
    send: t => push(t, 'manifest', manifest(t, { revokedBundles: [t.owner.pack(2).release.bundle.sha256] })),
  },
]

const manifestOf = (t: Trial) =>
  manifestStatement({
    ...{ audience: { fleet: 'x' }, epoch: 1, counter: 2, issued: t.owner.iso(), expires: t.owner.iso(DAY) },
    ...{ slots: [t.owner.slot()], minimumRelease: {}, revokedBundles: [] },
  })

/** The document is refused with its code, nothing of it is kept, and the device goes on. */
async function judge(t: Trial, { id, code, send, cure }: Bad): Promise<void> {
  const one = await installed(t)
  const from = t.mark()
  const document = await send(t)
  const refusal = await t.wait(
    `REFUSED ${code}`,
    m => (m.kind === 'report' && m.body.step === 'REFUSED' && m.body.code === code ? m : undefined),
    { from, ms: t.deadlines.soon },
  )
  if (document !== null && refusal.body.bundle !== signedDigest(document)) {
    t.check(
      id,
      false,
      `the report names ${short(refusal.body.bundle)}, the document is ${short(signedDigest(document))}`,
    )
    return
  }
  const before = t.reports('COMMITTED').at(-1)
  const hello = await t.greet()
  const runs = active(t, hello)
  const wanted = before?.body.bundle ?? one.release.bundle.sha256
  if (runs !== wanted || hello.body.manifest?.counter !== before?.body.manifest.counter) {
    t.check(id, false, `runs ${short(runs)} by manifest ${hello.body.manifest?.counter} after the refusal`)
    return
  }
  cure?.(t)
  t.cloud.publish()
  const after = await t.install(t.owner.pack(7))
  t.check(id, true, `${code} of ${short(refusal.body.bundle)}; then ${short(after.body.bundle)} was taken`)
}

export const refusals: readonly Scenario[] = [...roots, ...beacons, ...manifests].map(bad => ({
  name: `${bad.code}: ${bad.name}`,
  ids: [bad.id],
  run: t => judge(t, bad),
}))
export const documentCodes: readonly Pick<Bad, 'id' | 'code' | 'name'>[] = [
  ...roots,
  ...beacons,
  ...manifests,
]
