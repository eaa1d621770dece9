/** Random schedules: everything that can be lost, doubled, overtaken, cut, crashed or commanded, by a seed. */
import { type Rng, rng } from '../../../bench/rollouts/rng.ts'
import { terminalRollout } from '../../../src/domain/rollout/types.ts'
import { Backend, type Job } from './backend.ts'
import type { FieldDevice } from './field.ts'
import { MODEL, type Policy, product, SLOT } from './products.ts'
import { type Order, Race, type Snapshot } from './race.ts'

export interface Schedule {
  readonly seed: number
  readonly devices: number
  readonly versions: number
  readonly steps: number
  /** Chances per message, delivery or step of a handler. */
  readonly lose: number
  readonly double: number
  readonly crash: number
  /** Chances per step of the whole. */
  readonly cut: number
  readonly drop: number
  readonly command: number
  /** Releases are barred, and links of the trust chain with new keys and epochs are published. */
  readonly trust: boolean
}
export interface Figures {
  readonly steps: number
  readonly manifests: number
  readonly switches: number
  readonly starts: number
  readonly commands: number
  readonly ends: readonly string[]
}

const MINUTE = 60_000
const things = (n: number): string[] => Array.from({ length: n }, (_, i) => `cam-${i + 1}`)
const snapshots = new Map<number, Promise<Snapshot>>()
/** A fleet that runs version 1, at rest. */
export function settledFleet(devices: number): Promise<Snapshot> {
  const known = snapshots.get(devices) ?? install(devices)
  snapshots.set(devices, known)
  return known
}
async function install(devices: number): Promise<Snapshot> {
  const race = new Race(things(devices), 1)
  await race.publishTrust()
  await race.drain()
  for (const device of race.devices) {
    device.boot()
    device.connect()
  }
  await race.drain()
  await race.release(await product(1), { insufficient: 'proceed' })
  await race.rest()
  return race.snapshot()
}
/** A race that goes on from there, with the devices on or off. */
export async function settledRace(devices: number, seed: number, on = true): Promise<Race> {
  const race = new Race(things(devices), seed, await settledFleet(devices))
  if (on)
    for (const device of race.devices) {
      device.boot()
      device.connect()
    }
  return race
}

const pick = <T>({ next }: Rng, from: readonly T[]): T | undefined => from[Math.floor(next() * from.length)]

function policyBy(random: Rng, names: readonly string[]): Policy {
  const chance = (p: number): boolean => random.next() < p
  const bakeMinutes = chance(0.3) ? 2 : 0
  const phase = (name: string, exposure: number) => ({ name, exposure, bakeMinutes, deadlineMinutes: 30 })
  const pinned = chance(0.2) ? pick(random, names) : undefined
  return {
    phases: [
      ...(chance(0.6) ? [phase('canary', 0.34)] : []),
      ...(chance(0.3) ? [phase('half', 0.6)] : []),
      phase('fleet', 1),
    ],
    shadowMinutes: chance(0.4) ? 5 : 0,
    insufficient: chance(0.7) ? 'proceed' : 'hold',
    approval: chance(0.15),
    pins: pinned === undefined ? {} : { [pinned]: chance(0.5) ? 'canary' : 'exclude' },
  }
}

const ORDERS: readonly Order[] = [
  ...(['pause', 'resume', 'resume', 'promote', 'promote', 'roll-back', 'approve', 'approve'] as const).map(
    command => ({ command }),
  ),
  { command: 'abort', devices: 'keep' },
  { command: 'abort', devices: 'revert' },
]

class Runner {
  readonly race: Race
  readonly schedule: Schedule
  readonly random: Rng
  private released = 1
  private commands = 0
  constructor(race: Race, schedule: Schedule) {
    this.race = race
    this.schedule = schedule
    this.random = rng(schedule.seed)
  }
  private chance(p: number): boolean {
    return this.random.next() < p
  }

  async run(): Promise<Figures> {
    const { race, schedule } = this
    race.backend.interleaved = true
    const names = race.devices.map(d => d.thing)
    for (let step = 0; step < schedule.steps; step++) {
      race.clock.now += Math.floor(this.random.next() * 400)
      race.world.time = race.clock.now
      if (this.released < schedule.versions && this.chance(3 / schedule.steps)) await this.release(names)
      await this.mishap()
      await this.people()
      this.progress()
      await race.flush()
    }
    for (const device of race.devices) this.heal(device)
    while (this.released < schedule.versions) await this.release(names)
    await race.rest()
    return {
      steps: race.steps,
      manifests: race.checks.manifests.size,
      switches: race.checks.switches,
      starts: race.devices.reduce((sum, d) => sum + d.starts, 0),
      commands: this.commands,
      ends: race.rollouts().map(r => r.status),
    }
  }
  private async release(names: readonly string[]): Promise<void> {
    const next = await product(++this.released, this.chance(0.15))
    await this.race.release(next, policyBy(this.random, names))
  }
  private heal(device: FieldDevice): void {
    device.disk.cut({ at: Number.POSITIVE_INFINITY, how: 'after' })
    if (device.agent === undefined) device.boot()
    device.connect()
  }

  private async mishap(): Promise<void> {
    const { cut, drop } = this.schedule
    for (const device of this.race.devices) {
      if (device.agent === undefined) {
        const again = { at: Math.floor(this.random.next() * 10), how: 'before' as const }
        if (this.chance(0.05)) device.boot(this.chance(cut * 10) ? again : undefined)
        continue
      }
      if (this.chance(cut))
        device.disk.cut({
          at: Math.floor(this.random.next() * 6),
          how: this.chance(0.5) ? 'before' : 'after',
        })
      else if (this.chance(cut / 4)) device.powerOff()
      if (!device.online && this.chance(0.15)) device.connect()
      else if (this.chance(drop)) device.disconnect()
      if (this.chance(0.01)) this.infer(device)
    }
  }
  private infer({ agent, disk, durable }: FieldDevice): void {
    const active = durable?.slots[SLOT]?.active
    if (agent === undefined || disk.dead || !active) return
    const { bundle } = agent.infer(SLOT, [this.random.next(), 3])
    if (bundle !== active.bundle.sha256) this.race.checks.fault(`${bundle} answered`)
  }
  private async people(): Promise<void> {
    const { race, schedule } = this
    if (!this.chance(schedule.command)) return
    this.commands++
    if (schedule.trust && this.chance(0.2)) return this.ceremony()
    if (this.chance(0.15)) {
      const version = 1 + Math.floor(this.random.next() * this.released)
      race.ask('POST /v1/rollouts', { model: MODEL, version, reason: 'race' })
      return
    }
    const open = race.rollouts().filter(r => !terminalRollout(r.status))
    const rollout = pick(this.random, this.chance(0.8) && open.length > 0 ? open : race.rollouts())
    if (rollout !== undefined) race.order(rollout.id, pick(this.random, ORDERS)!)
  }
  private async ceremony(): Promise<void> {
    const { race } = this
    const version = 1 + Math.floor(this.random.next() * this.released)
    if (this.chance(0.3)) {
      const revokedBundle = (await product(version)).ref.bundle.sha256
      race.ask(`POST /v1/models/{model}/bars`, { revokedBundle, reason: 'race' }, { model: MODEL })
      return
    }
    await race.rotate({ key: this.chance(0.5), epoch: this.chance(0.4) })
  }

  /** One thing goes on: a step of a handler, a delivery, a message, or time. */
  private progress(): void {
    const { race } = this
    const { backend, broker, clock } = race
    const runs = [...backend.runs].filter(r => r.waiting.length > 0)
    const ready = runs.length + backend.jobs.length + broker.flights.length
    if (ready === 0 || this.chance(0.02)) {
      if (this.chance(0.3)) race.tick()
      if (this.chance(0.05)) clock.now += 30 * MINUTE
      if (!clock.fire(clock.now + 10 * MINUTE)) clock.now += MINUTE
      return
    }
    const n = Math.floor(this.random.next() * ready)
    const run = runs[n]
    const job = backend.jobs[n - runs.length]
    const flight = broker.flights[n - runs.length - backend.jobs.length]
    if (run !== undefined) this.step(run)
    else if (job !== undefined) this.deliver(job)
    else if (flight !== undefined) {
      if (this.chance(this.schedule.double)) broker.flights.push({ ...flight })
      race.arrive(flight, this.chance(this.schedule.lose))
    }
  }
  private step(run: Parameters<Backend['crash']>[0]): void {
    if (this.chance(this.schedule.crash / 4)) this.race.backend.crash(run)
    else run.waiting.shift()?.()
  }
  private deliver(job: Job): void {
    const { backend } = this.race
    this.race.steps++
    if (job.from !== 'caller' && this.chance(this.schedule.double)) backend.jobs.push({ ...job })
    const other = backend.jobs.find(j => j !== job && j.from === 'queue' && j.handler === job.handler)
    let next = job
    if (job.from === 'queue' && other !== undefined && this.chance(0.3)) {
      backend.jobs = backend.jobs.filter(j => j !== job && j !== other)
      next = Backend.join(job, other)
    }
    backend.start(next, this.chance(this.schedule.crash) ? 1 + Math.floor(this.random.next() * 4) : undefined)
  }
}

/** Runs one schedule to its rest. @throws Error with what did not hold, the seed is in the schedule */
export async function runSchedule(schedule: Schedule): Promise<Figures> {
  const race = await settledRace(schedule.devices, schedule.seed)
  return new Runner(race, schedule).run()
}

/** What a run of the bench or of a property is made of. */
export function scheduleBy(seed: number, steps = 400): Schedule {
  const random = rng(seed)
  const some = (p: number, much: number): number => (random.next() < p ? random.next() * much : 0)
  return {
    ...{
      seed,
      steps,
      devices: 1 + Math.floor(random.next() * 3),
      versions: 2 + Math.floor(random.next() * 3),
    },
    ...{ lose: some(0.8, 0.2), double: some(0.8, 0.2), crash: some(0.8, 0.3) },
    ...{ cut: some(0.7, 0.02), drop: some(0.7, 0.02), command: some(0.8, 0.02) },
    trust: random.next() < 0.3,
  }
}
