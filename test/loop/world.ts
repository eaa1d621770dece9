/**
 * The whole backend in memory: the real handlers over doubles that keep what was done to them. Every change that a
 * handler makes outside itself is an effect; a test can crash it right after the k-th one.
 */
import { createHash, createPrivateKey, createPublicKey } from 'node:crypto'
import { p256 } from '@noble/curves/nist.js'
import { EdgeloopError } from '../../src/domain/errors.ts'
import type { JobState, Objects, PollMessage, Signer } from '../../src/domain/ports.ts'
import { pinnedSpki } from '../../verifier/index.ts'
import { type RootChanges, signedRoot } from '../device/helpers.ts'
import { makeHandlers } from './handlers.ts'
import { MemoryStore } from './memory-store.ts'

export class Crash extends Error {}

interface StoredObject {
  readonly bytes: Uint8Array
  readonly versionId: string
}

export interface WorldState {
  readonly store: MemoryStore
  readonly quarantine: MemoryStore
  readonly drops: Map<string, StoredObject>
  readonly artefacts: Map<string, StoredObject>
  readonly jobs: Map<string, { state: JobState; request: unknown }>
  /** topic → payloads, as a set: publishing the same twice is the same. */
  readonly published: Map<string, Set<string>>
  readonly polls: Set<string>
  readonly bus: Map<string, string>
  /** Ids of revoked certificates. */
  readonly revoked: Set<string>
}

export class World {
  readonly state: WorldState
  time: number
  /** Which key KMS has under the deployment alias now. */
  deploymentKey = 'deployment'
  effects = 0
  crashAfter = Number.POSITIVE_INFINITY
  readonly logs: string[] = []
  readonly things: Map<string, { fleet: string; hardware: string }>
  /** Ids of certificates by thing. */
  readonly certificates: Map<string, readonly string[]>
  constructor(
    time: number,
    state?: WorldState,
    things = new Map<string, { fleet: string; hardware: string }>(),
    certificates = new Map<string, readonly string[]>(),
  ) {
    this.time = time
    this.things = things
    this.certificates = certificates
    this.state = state ?? {
      store: new MemoryStore(this.now),
      quarantine: new MemoryStore(this.now),
      drops: new Map(),
      artefacts: new Map(),
      jobs: new Map(),
      published: new Map(),
      polls: new Set(),
      bus: new Map(),
      revoked: new Set(),
    }
    this.state.store.onCommit = () => this.effect()
    this.state.quarantine.onCommit = () => this.effect()
  }
  readonly now = (): Date => new Date(this.time)

  clone(): World {
    const { store, quarantine, drops, artefacts, jobs, published, polls, bus } = this.state
    const world: World = new World(
      this.time,
      {
        store: store.clone(() => world.now()),
        quarantine: quarantine.clone(() => world.now()),
        drops: new Map(drops),
        artefacts: new Map(artefacts),
        jobs: structuredClone(jobs),
        published: new Map([...published].map(([topic, set]) => [topic, new Set(set)])),
        polls: new Set(polls),
        bus: new Map(bus),
        revoked: new Set(this.state.revoked),
      },
      this.things,
      this.certificates,
    )
    return world
  }

  /** Something outside has changed. */
  effect(): void {
    this.effects++
    if (this.effects === this.crashAfter) throw new Crash(`after effect ${this.effects}`)
  }

  private objects(map: Map<string, StoredObject>): Objects {
    const find = (key: string): StoredObject => {
      const found = map.get(key)
      if (found === undefined) throw new EdgeloopError('NOT_FOUND', `no object ${key}`)
      return found
    }
    return {
      get: async (key, { maxBytes }) => {
        const found = find(key)
        if (found.bytes.byteLength > maxBytes) throw new EdgeloopError('LIMIT', `${key} is too large`)
        return found
      },
      range: async (key, offset, length) => find(key).bytes.subarray(offset, offset + length),
      putOnce: async (key, bytes) => {
        if (!map.has(key)) map.set(key, { bytes, versionId: 'v1' })
        this.effect()
      },
      list: async prefix =>
        [...map]
          .filter(([key]) => key.startsWith(prefix))
          .map(([key, o]) => ({ key, size: o.bytes.byteLength })),
    }
  }
  private publish(topic: string, payload: string): void {
    const set = this.state.published.get(topic) ?? new Set()
    set.add(payload)
    this.state.published.set(topic, set)
    this.effect()
  }

  deps() {
    const { store, quarantine, jobs, polls, bus } = this.state
    return {
      store,
      quarantine,
      now: this.now,
      count: () => {},
      stage: 'dev',
      depths: async () => [{ queue: 'reports-dead', messages: 2 }],
      measure: () => {},
      log: {
        info: (code: string) => this.logs.push(code),
        warn: (code: string) => this.logs.push(code),
        error: (code: string, fields?: unknown) => this.logs.push(`${code} ${JSON.stringify(fields)}`),
      },
      drops: this.objects(this.state.drops),
      artefacts: this.objects(this.state.artefacts),
      archive: {
        replace: async (key: string, bytes: Uint8Array) => {
          this.state.artefacts.set(key, { bytes, versionId: 'v1' })
          this.effect()
        },
      },
      jobPrefix: 'edgeloop-test',
      trainingImage: 'registry.example/edgeloop-trainer:test',
      fromBytes: 0,
      jobs: {
        startTraining: async (request: { name: string }) => this.startJob(request),
        startCompilation: async (request: { name: string }) => this.startJob(request),
        training: async (name: string) => jobs.get(name)?.state ?? fail(name),
        compilation: async (name: string) => jobs.get(name)?.state ?? fail(name),
      },
      poll: {
        later: async (message: PollMessage) => {
          polls.add(JSON.stringify(message))
          this.effect()
        },
      },
      bus: {
        publish: async (events: readonly { type: string; detail: string }[]) => {
          for (const event of events) bus.set(JSON.parse(event.detail).metadata.id, event.type)
          this.effect()
          return []
        },
      },
      link: {
        publishManifest: async (fleet: string, envelope: unknown) =>
          this.publish(`fleet/${fleet}`, JSON.stringify(envelope)),
        publishBeacon: async (fleet: string, envelope: unknown) =>
          this.publish(`beacon/${fleet}`, JSON.stringify(envelope)),
        publishTrust: async (chain: unknown) => this.publish('trust', JSON.stringify(chain)),
        answer: async (thing: string, corr: string, answer: unknown) =>
          this.publish(`answer/${thing}/${corr}`, JSON.stringify(answer)),
        prediction: async (thing: string, corr: string, body: unknown) =>
          this.publish(`predict/${thing}/${corr}`, JSON.stringify(body)),
        block: async (thing: string, digest: string, offset: number, bytes: Uint8Array) =>
          this.publish(`blob/${thing}/${digest}/${offset}`, Buffer.from(bytes).toString('base64')),
      },
      links: { get: async (key: string, seconds: number) => `https://artefacts.test/${key}?for=${seconds}` },
      registry: { describe: async (thing: string) => this.things.get(thing) },
      certificates: {
        of: async (thing: string) => this.certificates.get(thing) ?? [],
        revoke: async (id: string) => {
          this.state.revoked.add(id)
          this.effect()
        },
      },
      perMinute: 60,
      burst: 100,
      modelKey: testKey('model'),
      deploymentKey: testKey(this.deploymentKey),
    }
  }
  private startJob(request: { name: string }): void {
    if (!this.state.jobs.has(request.name))
      this.state.jobs.set(request.name, { state: { status: 'running' }, request })
    this.effect()
  }

  handlers() {
    return makeHandlers(this.deps())
  }

  /** Domain events so far by id, published or waiting in the outbox. */
  events(): Map<
    string,
    { type: string; detail: { metadata: Record<string, unknown>; data: Record<string, unknown> } }
  > {
    const rows = [...this.state.store.rows.values()].filter(r => r.key.pk.startsWith('OUTBOX#'))
    return new Map(
      rows.map(row => {
        const { type, detail } = JSON.parse(row.data) as { type: string; detail: string }
        return [row.key.pk.slice(7), { type, detail: JSON.parse(detail) }]
      }),
    )
  }

  /** Everything that lasts, in a form that two runs can be compared by: revisions are not part of the outcome. */
  outcome(): unknown {
    const { store, quarantine, artefacts, jobs, published, polls, bus } = this.state
    return {
      rows: [...store.rows.values(), ...quarantine.rows.values()]
        .filter(r => !r.key.pk.startsWith('OUTBOX#'))
        .map(r => ({
          key: `${r.key.pk} ${r.key.sk}`,
          data: JSON.parse(r.data),
          counters: r.counters,
          list: r.list,
          pending: r.pending,
        }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
      events: [...this.events()]
        .map(([id, e]) => ({ id, type: e.type, data: e.detail.data }))
        .sort((a, b) => (a.id < b.id ? -1 : 1)),
      artefacts: [...artefacts]
        .map(([key, o]) => `${key} ${createHash('sha256').update(o.bytes).digest('hex')}`)
        .sort(),
      jobs: [...jobs].map(([name, j]) => ({ name, request: j.request })),
      published: [...published].map(([topic, set]) => ({ topic, payloads: [...set].sort() })),
      polls: [...polls],
      bus: [...bus].sort(),
      revoked: [...this.state.revoked].sort(),
    }
  }
}

const fail = (name: string): never => {
  throw new EdgeloopError('NOT_FOUND', `no job ${name}`)
}

/** Deterministic signatures (RFC 6979), so that a repeated signing is the same bytes. */
function testKey(name: string): Signer {
  const secret = createHash('sha256').update(`test key ${name}`).digest()
  const point = p256.getPublicKey(secret, false)
  const jwk = {
    kty: 'EC',
    crv: 'P-256',
    x: Buffer.from(point.subarray(1, 33)).toString('base64url'),
    y: Buffer.from(point.subarray(33)).toString('base64url'),
    d: secret.toString('base64url'),
  }
  const spki = createPublicKey(createPrivateKey({ key: jwk, format: 'jwk' })).export({
    type: 'spki',
    format: 'der',
  })
  return {
    publicKey: async () => spki,
    sign: async digest => p256.sign(digest, secret, { prehash: false, lowS: false, format: 'der' }),
  }
}
const publicHalf = async (name: string) => {
  const { key, hint } = pinnedSpki(await testKey(name).publicKey())
  return { privateKey: key, pem: '', hint }
}
/** A link that names the world's keys, and a chain of such links as it is dropped. */
export async function trustLink(changes: RootChanges & { readonly keys?: readonly string[] } = {}) {
  const { keys = ['deployment'], ...rest } = changes
  const deployment = await Promise.all(keys.map(publicHalf))
  const issued = '2026-02-01T00:00:00.000Z'
  return signedRoot({ model: [await publicHalf('model')], deployment, issued, ...rest })
}
export const trustChain = async (...links: readonly unknown[]): Promise<Buffer> =>
  Buffer.from(JSON.stringify({ v: 1, chain: links.length > 0 ? links : [await trustLink()] }))
export const keyPem = async (key: Signer): Promise<string> =>
  createPublicKey({ key: Buffer.from(await key.publicKey()), format: 'der', type: 'spki' })
    .export({ type: 'spki', format: 'pem' })
    .toString()
