import { type Cloud, createCloud } from './cloud.ts'
import { createLog, type Log, type Message, type MessageOf } from './log.ts'
import { createMonitors } from './monitors.ts'
import { createOwner, HOUR, type Owner } from './owner.ts'
import type { Package, Target } from './package.ts'
import type { Bench, Clock, Life, Wire } from './ports.ts'
import type { Verdicts } from './verdict.ts'

/** Something that a scenario needs to see did not come. */
export class Missed extends Error {}

/** Deadlines of the kit, in ms. None of them is in the contract; `patience` stretches them for slow devices. */
export interface Deadlines {
  /** What follows at once: a start, a connection, an answer. */
  readonly soon: number
  /** What comes again after a pause of the device's own. */
  readonly again: number
  /** What a device does when it gives up. */
  readonly last: number
  /** How long nothing must happen to say that nothing happens. */
  readonly quiet: number
}
export const deadlines = (patience: number): Deadlines => ({
  soon: 30_000 * patience,
  again: 150_000 * patience,
  last: 600_000 * patience,
  quiet: 3_000 * patience,
})

export interface Device {
  start(): Promise<void>
  kill(): Promise<void>
  restart(): Promise<void>
  /** Its storage is gone; it must not be running. */
  lose(): void
  /** Power fails as soon as a message comes for which `when` holds. Resolves when it is off. */
  cut(what: string, when: (message: Message) => boolean): Promise<Message>
  readonly life: Life | null
}

/** One device, its broker and its cloud, for one scenario. */
export interface Trial {
  readonly thing: string
  readonly owner: Owner
  readonly cloud: Cloud
  readonly wire: Wire
  readonly device: Device
  readonly log: Log
  readonly clock: Clock
  readonly deadlines: Deadlines
  /** One scenario says more than once that something holds; it fails if any of them does not. */
  readonly check: Verdicts['check']
  /** Number of messages so far: what comes later has a higher index. */
  mark(): number
  /** @throws Missed */
  wait<T>(
    what: string,
    find: (message: Message) => T | undefined,
    more?: { from?: number; ms?: number },
  ): Promise<T>
  /** A report on this step, of this bundle and with this code where they are given. @throws Missed */
  report(
    step: string,
    more?: { bundle?: string; code?: string; from?: number; ms?: number },
  ): Promise<MessageOf<'report'>>
  reports(step?: string): readonly MessageOf<'report'>[]
  quiet(ms?: number): Promise<void>
  /** Releases a package to everybody and waits until it is committed. @throws Missed */
  install(made: Package): Promise<MessageOf<'report'>>
  /** The next hello, after a restart. @throws Missed */
  greet(): Promise<MessageOf<'hello'>>
}

export interface TrialOptions {
  readonly bench: Bench
  readonly target: Target
  readonly fleet: string
  readonly thing: string
  readonly verdicts: Verdicts
  readonly deadlines: Deadlines
  readonly rows: boolean
  readonly impostor: boolean
}

/** The device is not started yet, and nothing is published. */
export async function openTrial(options: TrialOptions): Promise<Trial & { close(): Promise<void> }> {
  const { bench, target, fleet, thing, verdicts, rows } = options
  const { clock } = bench
  const wire = await bench.open(thing, options.impostor)
  // Yesterday's documents would be refused by a clock that is a little behind.
  const owner = createOwner(target, fleet, clock.now() - HOUR)
  const [first] = owner.chain
  const log = createLog(clock)
  const cloud = createCloud({ owner, wire, clock, thing, fleet })
  const monitors = createMonitors({
    ...{ thing, fleet, clock, log, check: verdicts.check, soonMs: options.deadlines.soon },
    lengthOf: digest => owner.blobs.get(digest)?.byteLength,
  })
  const cuts = new Set<(message: Message) => boolean>()
  let life: Life | null = null
  let lost = false

  wire.onConnect(monitors.connected)
  wire.onDisconnect(monitors.disconnected)
  wire.onSubscribe(monitors.subscribed)
  wire.onPublish(seen => {
    if (life === null) return
    const message = monitors.published(seen)
    if (message === null) return
    for (const cut of [...cuts]) if (cut(message)) return
    cloud.react(message)
  })

  const device: Device = {
    get life() {
      return life
    },
    async start() {
      monitors.started(lost)
      lost = false
      const { hardware, slot } = target
      const trustChain = Buffer.from(JSON.stringify({ v: 1, chain: [first] }))
      life = await bench.start({ thing, fleet, hardware, slot, trustChain, wire, rows })
    },
    async kill() {
      const ending = life
      life = null
      await ending?.kill()
      monitors.disconnected()
    },
    async restart() {
      await device.kill()
      await device.start()
    },
    lose() {
      lost = true
      bench.lose({ thing, fleet })
    },
    cut(what, when) {
      return new Promise<Message>((resolve, reject) => {
        const cancel = clock.after(options.deadlines.soon, () => {
          cuts.delete(look)
          reject(new Missed(`${what} did not come${deathOf(life)}`))
        })
        const look = (message: Message): boolean => {
          if (!when(message)) return false
          cancel()
          cuts.delete(look)
          device.kill().then(() => resolve(message), reject)
          return true
        }
        cuts.add(look)
      })
    },
  }
  const trial: Trial = {
    ...{ thing, owner, cloud, wire, device, log, clock, deadlines: options.deadlines, check: verdicts.check },
    mark: () => log.messages.length,
    async wait(what, find, { from = 0, ms = options.deadlines.soon } = {}) {
      const found = await log.until(find, ms, from)
      if (found === null) throw new Missed(`${what} did not come within ${ms / 1_000} s${deathOf(life)}`)
      return found
    },
    report: (step, { bundle, code, ...more } = {}) =>
      trial.wait(
        [step, code, bundle && `of ${bundle.slice(0, 12)}…`].filter(Boolean).join(' '),
        m =>
          m.kind === 'report' &&
          m.body.step === step &&
          (bundle === undefined || m.body.bundle === bundle) &&
          (code === undefined || m.body.code === code)
            ? m
            : undefined,
        more,
      ),
    reports: step => log.of('report').filter(m => step === undefined || m.body.step === step),
    quiet: (ms = options.deadlines.quiet) => new Promise<void>(done => void clock.after(ms, done)),
    async install(made) {
      const from = trial.mark()
      cloud.release([owner.slot({ committed: made.release })])
      return trial.report('COMMITTED', { bundle: made.release.bundle.sha256, from })
    },
    async greet() {
      const from = trial.mark()
      await device.restart()
      return trial.wait('hello', m => (m.kind === 'hello' ? m : undefined), { from })
    },
  }
  return {
    ...trial,
    async close() {
      await device.kill()
      await wire.close()
    },
  }
}

function deathOf(life: Life | null): string {
  const why = life?.ended() ?? null
  return why === null ? '' : `; the device had ended: ${why}`
}
