/** The cloud, the broker and the devices under one clock. What happens next is always somebody's choice. */
import { rng } from '../../../bench/rollouts/rng.ts'
import { topics, type UplinkKind } from '../../../src/contracts/mqtt.ts'
import { type FleetRow, keys } from '../../../src/domain/entities.ts'
import type { Rollout } from '../../../src/domain/rollout/types.ts'
import type { Key } from '../../../src/domain/store.ts'
import { trustLink, World } from '../../loop/world.ts'
import { Backend } from './backend.ts'
import { Broker, type Flight } from './broker.ts'
import { Checks } from './checks.ts'
import { SimClock } from './clock.ts'
import { FieldDevice } from './field.ts'
import { FLEET, HARDWARE, type Policy, type Product, signedVersion } from './products.ts'
import { restFaults } from './rest.ts'

export const START = Date.parse('2026-03-01T00:00:00Z')
const MINUTE = 60_000
const DAY = 86_400_000
const COMMANDS = 'POST /v1/rollouts/{rollout}/commands'
/** What devices are made with; it is over when a device comes back from a year. */
const firstLink = await trustLink({ expires: '2026-12-01T00:00:00.000Z' })

export type Order =
  | { readonly command: 'pause' | 'resume' | 'promote' | 'roll-back' | 'approve' }
  | { readonly command: 'abort'; readonly devices: 'keep' | 'revert' }

export interface Snapshot {
  readonly world: World
  readonly now: number
  readonly retained: ReadonlyMap<string, Uint8Array>
  readonly disks: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>
  readonly checks: Checks
}

export class Race {
  readonly clock: SimClock
  readonly world: World
  readonly broker = new Broker()
  readonly checks: Checks
  readonly backend: Backend
  readonly devices: readonly FieldDevice[]
  /** Links of the trust chain so far. */
  readonly chain: unknown[] = [firstLink]
  private epoch = 1
  private readonly revoked: string[] = []
  /** Messages and deliveries so far. */
  steps = 0
  private orders = 0

  constructor(things: readonly string[], seed: number, from?: Snapshot) {
    this.clock = new SimClock(from?.now ?? START)
    this.world = from?.world.clone() ?? new World(START)
    for (const thing of things) this.world.things.set(thing, { fleet: FLEET, hardware: HARDWARE })
    this.checks = new Checks(
      () => this.world.state.store,
      () => {
        this.world.time = ++this.clock.now
      },
    )
    if (from !== undefined) this.checks.know(from.checks)
    this.backend = new Backend(this.world, this.broker, this.checks)
    for (const [topic, payload] of from?.retained ?? []) this.broker.retained.set(topic, payload)
    this.devices = things.map((thing, i) => {
      const deps = { broker: this.broker, clock: this.clock, random: rng(seed * 31 + i), watch: this.checks }
      const trustRoot = Buffer.from(JSON.stringify(firstLink))
      return new FieldDevice(thing, { ...deps, trustRoot }, from?.disks.get(thing))
    })
  }
  /** Of a race at rest. */
  snapshot(): Snapshot {
    return {
      world: this.world.clone(),
      now: this.clock.now,
      retained: new Map(this.broker.retained),
      disks: new Map(this.devices.map(d => [d.thing, new Map(d.disk.files)])),
      checks: this.checks,
    }
  }

  /** Lets everything happen that waits for nobody, and checks what must always hold. */
  async flush(): Promise<void> {
    this.world.time = this.clock.now
    await new Promise(resolve => setImmediate(resolve))
    for (const device of this.devices) {
      device.settle()
      this.checks.answers(device)
    }
    const [fault] = this.checks.faults
    if (fault !== undefined) throw new Error(`after ${this.steps} steps: ${fault}`)
  }
  /** A message arrives. */
  arrive(flight: Flight, lost = false): void {
    this.steps++
    this.broker.take(flight)
    const { way, thing, topic, payload, session } = flight
    if (way === 'down') {
      if (session.open && !lost) session.receive(topic, payload)
      return
    }
    flight.settle?.resolve()
    const kind = topic.split('/').at(-1) as UplinkKind
    if (topic !== topics.up(thing, kind)) throw new Error(`${thing} published to ${topic}`)
    if (!lost) this.backend.ingress(thing, kind, payload)
  }
  /** All that is under way arrives, one after the other, in order, until nothing is. @param onStep before each one */
  async drain(onStep?: (step: number) => void | Promise<void>): Promise<void> {
    for (let n = 0; n < 20_000; n++) {
      const job = this.backend.jobs[0]
      const flight = this.broker.flights[0]
      const run = [...this.backend.runs].find(r => r.waiting.length > 0)
      if (run === undefined && job === undefined && flight === undefined) return
      await onStep?.(this.steps)
      if (run !== undefined) run.waiting.shift()?.()
      else if (job !== undefined) {
        this.steps++
        this.backend.start(job)
      } else if (flight !== undefined) this.arrive(flight)
      this.clock.now += 1
      await this.flush()
    }
    throw new Error('messages go round and round')
  }
  /** One message or delivery arrives, any of them. */
  async any(random: () => number): Promise<void> {
    const { jobs } = this.backend
    const n = Math.floor(random() * (jobs.length + this.broker.flights.length))
    const [job, flight] = [jobs[n], this.broker.flights[n - jobs.length]]
    if (job !== undefined) {
      this.steps++
      this.backend.start(job)
    } else if (flight !== undefined) this.arrive(flight)
    this.clock.now += 1
    await this.flush()
  }
  tick(): void {
    this.backend.submit('reconcile', {}, 'caller')
  }
  /** Time goes by in order: timers fire, the reconciler comes every minute, or less often over long times. */
  async pass(ms: number, every = MINUTE): Promise<void> {
    const end = this.clock.now + Math.round(ms)
    for (let next = this.clock.now + every; this.clock.now < end; next += every) {
      const until = Math.min(next, end)
      while (this.clock.fire(until)) {
        await this.flush()
        await this.drain()
      }
      this.clock.now = Math.max(this.clock.now, until)
      this.world.time = this.clock.now
      this.tick()
      await this.drain()
    }
  }
  /** Goes on in order until nothing is left to do. @throws Error with what is stuck when that is not so in time */
  async rest(hours = 30): Promise<void> {
    this.backend.interleaved = false
    for (const run of this.backend.runs) for (const go of run.waiting.splice(0)) go()
    await this.flush()
    await this.drain()
    const end = this.clock.now + hours * 60 * MINUTE
    for (let i = 0; ; i++) {
      const left = restFaults(this)
      if (left.length === 0) return
      if (this.clock.now >= end) throw new Error(`after ${hours} quiet hours:\n${left.join('\n')}`)
      await this.pass(i < 20 ? MINUTE : 20 * MINUTE, i < 20 ? MINUTE : 10 * MINUTE)
    }
  }

  async release(product: Product, policy: Policy): Promise<void> {
    const { ref, bundle, archive } = product
    for (const [{ sha256 }, bytes] of [
      [ref.bundle, bundle],
      [ref.package, archive],
    ] as const)
      this.world.state.artefacts.set(`blobs/sha256/${sha256}`, { bytes, versionId: 'v1' })
    const { writes, event } = await signedVersion(this.store, product, policy, this.world.now())
    await this.backend.commit(writes, [event])
  }
  /** A link more of the trust chain. */
  async publishTrust(changes?: Parameters<typeof trustLink>[0]): Promise<void> {
    if (changes !== undefined)
      this.chain.push(await trustLink({ version: this.chain.length + 1, ...changes }))
    const key = 'trust/chain.json'
    const versionId = `v${this.chain.length}`
    const bytes = Buffer.from(JSON.stringify({ v: 1, chain: this.chain }))
    this.world.state.drops.set(key, { bytes, versionId })
    const object = { key, size: bytes.byteLength, etag: versionId, 'version-id': versionId }
    const event = {
      ...{ id: versionId, time: this.world.now().toISOString(), source: 'aws.s3' },
      'detail-type': 'Object Created',
      detail: { bucket: { name: 'drops' }, object },
    }
    this.backend.submit('publish-trust', event, 'bus')
  }
  /** A ceremony: a link that lives for two years, with another deployment key, in a new epoch, or with bars. */
  async rotate(to: {
    readonly key: boolean
    readonly epoch: boolean
    readonly revoked?: string
  }): Promise<void> {
    const { now, deploymentKey } = { now: this.clock.now, deploymentKey: this.world.deploymentKey }
    const key = to.key ? `deployment-${this.chain.length}` : deploymentKey
    if (to.epoch) this.epoch++
    if (to.revoked !== undefined) this.revoked.push(to.revoked)
    await this.publishTrust({
      ...{ epoch: this.epoch, keys: [key], revokedBundles: [...this.revoked] },
      ...{ issued: new Date(now).toISOString(), expires: new Date(now + 730 * DAY).toISOString() },
    })
    this.world.deploymentKey = key
  }
  /** @returns the id that the command has if it is taken */
  order(rollout: string, order: Order): string {
    const { command, ...rest } = order
    const body = command === 'approve' ? {} : order
    const route = command === 'approve' ? 'POST /v1/rollouts/{rollout}/approval' : COMMANDS
    return this.ask(route, { ...body, ...(command === 'approve' ? rest : {}), reason: 'race' }, { rollout })
  }
  ask(routeKey: string, body: unknown, pathParameters: Readonly<Record<string, string>> = {}): string {
    const requestId = `request-${this.orders++}`
    const event = {
      ...{ routeKey, rawPath: '/', pathParameters, body: JSON.stringify(body) },
      requestContext: { requestId, authorizer: { jwt: { claims: { sub: 'operator' } } } },
    }
    this.backend.submit('ops-command', event, 'caller', result => {
      const { statusCode } = result as { statusCode: number }
      if (statusCode >= 500) this.checks.fault(`${routeKey} was answered with ${statusCode}`)
      if (statusCode < 300 && 'rollout' in pathParameters) this.checks.taken.add(requestId)
    })
    return requestId
  }

  get store() {
    return this.world.state.store
  }
  row<T>(key: Key): T | undefined {
    const row = this.store.rows.get(`${key.pk}\n${key.sk}`)
    return row && (JSON.parse(row.data) as T)
  }
  get fleet(): FleetRow | undefined {
    return this.row<FleetRow>(keys.fleet(FLEET))
  }
  rollouts(): Rollout[] {
    return [...this.store.rows.values()]
      .filter(r => r.key.sk === 'ROLLOUT')
      .map(r => JSON.parse(r.data) as Rollout)
  }
}
