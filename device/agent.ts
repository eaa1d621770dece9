import { topics } from '../src/contracts/mqtt.ts'
import { type Refusal, readRoot, trustedTime } from '../verifier/index.ts'
import { halfJitter } from './backoff.ts'
import { createDesk, haveOf } from './desk.ts'
import { type Incoming, readIncoming } from './inbox.ts'
import { createPredictor, eventIdPrefix, type Inference, InferenceError, type Predictor } from './infer.ts'
import { createSampler } from './monitor/sampler.ts'
import type { Clock, Download, Logger, ModelRuntime, Random, Storage, Transport } from './ports.ts'
import { openState } from './state.ts'
import type { InstalledModel } from './update/check.ts'
import { FETCH_LIMITS, type FetchLimits } from './update/fetch.ts'
import { sweep } from './update/files.ts'
import { createUpdater, type Updater } from './update/updater.ts'
import { createUplink } from './uplink.ts'

export interface DeviceOptions {
  readonly thing: string
  readonly fleet: string
  readonly hardware: string
  readonly slots: readonly string[]
  /** The trust root that the device is made with: bytes of its envelope. Everything else is verified from here. */
  readonly trustRoot: Uint8Array
  readonly transport: Transport
  readonly storage: Storage
  readonly runtime: ModelRuntime
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly fetch?: Partial<FetchLimits>
  /** With it, what is longer than a block is read over HTTPS where the cloud names an address. */
  readonly download?: Download
}

export interface SlotStatus {
  /** Digest of the bundle that answers. */
  readonly active: string | null
  readonly model: string | null
  readonly version: number | null
  readonly updating: string | null
  /** Digest of the bundle that runs beside it. */
  readonly shadow: string | null
}
export interface DeviceStatus {
  readonly thing: string
  readonly online: boolean
  readonly manifest: { readonly epoch: number; readonly counter: number } | null
  readonly slots: Readonly<Record<string, SlotStatus>>
  /** Manifests and packages that were refused or failed since the start. */
  readonly refused: number
  readonly errors: readonly string[]
  readonly outbox: { readonly queued: number; readonly dropped: number }
}
export interface Committed {
  readonly thing: string
  readonly slot: string
  readonly model: string
  readonly version: number
  readonly bundle: string
}

export interface Device {
  readonly thing: string
  /**
   * Answers one row (contract's order, null = missing) and counts it.
   * @param at time of the row, ms since 1970; the clock's time by default
   * @throws InferenceError
   */
  infer(slot: string, row: readonly (number | null)[], at?: number): Inference
  /** Names of the row's values, in order; null without a model. */
  features(slot: string): readonly string[] | null
  /** Sends the open windows and samples now. */
  flush(): void
  status(): DeviceStatus
  /** Called each time a slot switched to another model. */
  onCommitted(listener: (event: Committed) => void): () => void
  /** Stops timers and closes the connection; what waits is written down. */
  stop(): Promise<void>
}

const RETRY_BASE_MS = 2_000
const RETRY_CAP_MS = 60_000
const MAX_ERRORS = 20
/** How long a stop waits for the broker to take what is being sent. */
const LAST_WORDS_MS = 2_000

/**
 * The device agent. It answers from what it ran before at once, and keeps itself to the fleet's manifest whenever
 * the transport has a connection. No message, however malformed, makes it throw.
 */
export function startDevice(options: DeviceOptions): Device {
  const { thing, fleet, hardware, slots, transport, storage, random, log } = options
  if (slots.length === 0) throw new Error('slots: give at least one')
  const root = readRoot(options.trustRoot)
  const errors: string[] = []
  const note = (code: string, error: unknown): void => {
    const reason = (error as Error).message
    errors.push(`${code}: ${reason}`)
    if (errors.length > MAX_ERRORS) errors.shift()
    log.warn(code, { thing, reason })
  }
  const guarded = (code: string, work: () => void): void => {
    if (stopped) return
    try {
      work()
    } catch (error) {
      note(code, error)
    }
  }
  let stopped = false
  let connection = 0
  let online = false
  let refused = 0
  const clock: Clock = {
    ...options.clock,
    after: (ms, call) => options.clock.after(ms, () => guarded('TIMER_FAILED', call)),
  }
  const state = openState(storage, thing, slots, root, clock, log)
  const uplink = createUplink({
    ...{ thing, state, storage, transport, clock, random, log },
    onRoom: () => sampler.drain(),
  })
  // A burst ends by signed time: a device that lost its clock must not take one that is over.
  const signed: Clock = { ...clock, now: () => trustedTime(state.current.trust, clock.now()) }
  const sampler = createSampler({
    ...{ thing, clock: signed, storage, room: uplink.room },
    send: body => uplink.send('samples', body),
  })
  const predictors = new Map<string, { installed: InstalledModel; predictor: Predictor }>()
  const shadows = new Map<string, InstalledModel>()
  const listeners = new Set<(event: Committed) => void>()
  const idPrefix = eventIdPrefix(thing, state.current.epoch)
  let requests = 0
  state.update(draft => {
    if (!draft.stopped) draft.resets++
    draft.stopped = false
  })
  const takeResets = (): number => {
    const { resets } = state.current
    if (resets > 0)
      state.update(draft => {
        draft.resets = 0
      })
    return resets
  }

  const onFailure = (refusal: Refusal): void => {
    refused++
    note(refusal.code, refusal)
  }
  const onModel = (slot: string, installed: InstalledModel | null, booted: boolean): void => {
    predictors.get(slot)?.predictor.flush()
    if (installed === null) {
      predictors.delete(slot)
      return
    }
    const sampling = () => state.slot(slot).sampling
    const predictor = createPredictor(slot, installed, {
      ...{ clock, random, uplink, takeResets, sampler, sampling },
    })
    predictor.besides(shadows.get(slot) ?? null)
    predictors.set(slot, { installed, predictor })
    if (booted) return
    const { model, version, bundle } = installed.release
    for (const listener of listeners)
      guarded('LISTENER_FAILED', () => listener({ thing, slot, model, version, bundle: bundle.sha256 }))
  }
  const onShadow = (slot: string, installed: InstalledModel | null): void => {
    if (installed === null) shadows.delete(slot)
    else shadows.set(slot, installed)
    predictors.get(slot)?.predictor.besides(installed)
  }
  let booting = true
  const updaters = new Map<string, Updater>(
    slots.map(slot => [
      slot,
      createUpdater({
        ...{ thing, slot, hardware, state, storage, uplink, runtime: options.runtime },
        ...{ clock, random, log, onFailure, limits: { ...FETCH_LIMITS, ...options.fetch } },
        onModel: installed => onModel(slot, installed, booting),
        // What runs now, nothing else would tell.
        onBarred: () => hello(),
        onShadow: installed => onShadow(slot, installed),
        request: (digest, offset, length) =>
          uplink.request('blob', { corr: `blob-${++requests}`, digest, offset, length }),
        download: options.download,
        askUrl: digest =>
          uplink.request('ask', { corr: `url-${++requests}`, have: haveOf(state), url: { digest } }),
        askDelta: (target, base) =>
          uplink.request('ask', {
            ...{ corr: `delta-${++requests}`, have: haveOf(state), delta: { target, base } },
          }),
      }),
    ]),
  )
  const desk = createDesk({
    ...{ thing, fleet, hardware, slots, runtimes: [options.runtime.name] },
    ...{ state, uplink, clock, random, log, updaters, onFailure },
  })
  for (const updater of updaters.values()) updater.boot()
  booting = false
  sweep(storage, state.current)
  for (const updater of updaters.values()) updater.run()

  const outbox = () => ({
    queued: uplink.queued + sampler.waiting,
    dropped: uplink.dropped + sampler.dropped,
  })
  const hello = (): void => {
    uplink.request('hello', {
      hardware,
      runtime: options.runtime.name,
      manifest: haveOf(state).manifest,
      slots: Object.fromEntries(
        slots.map(name => {
          const { active, previous } = state.slot(name)
          return [name, { active: active?.bundle.sha256 ?? null, previous: previous?.bundle.sha256 ?? null }]
        }),
      ),
      outbox: outbox(),
    })
  }
  const join = async (mine: number, attempt: number): Promise<void> => {
    try {
      await transport.subscribe([
        topics.trust,
        topics.beacon(fleet),
        topics.manifest(fleet),
        topics.down(thing),
      ])
    } catch (error) {
      note('SUBSCRIBE_FAILED', error)
      clock.after(halfJitter(random, attempt, RETRY_BASE_MS, RETRY_CAP_MS), () => {
        if (mine === connection) void join(mine, attempt + 1)
      })
      return
    }
    if (mine !== connection) return
    guarded('CONNECT_FAILED', () => {
      online = true
      uplink.connected()
      hello()
      desk.connected()
      for (const updater of updaters.values()) updater.connected()
    })
  }
  const handle = (incoming: Incoming): void => {
    if (incoming.kind === 'hint') desk.hint(incoming.counter)
    else if (incoming.kind === 'blob') {
      for (const updater of updaters.values()) updater.block(incoming.digest, incoming.offset, incoming.bytes)
    } else if (incoming.kind !== 'answer') desk.take(incoming.kind, incoming.bytes)
    else if (incoming.answer.kind === 'ack') uplink.acknowledge(incoming.corr)
    else if (incoming.answer.kind === 'delta') {
      for (const updater of updaters.values()) updater.delta(incoming.answer)
    } else if (incoming.answer.kind === 'url') {
      for (const updater of updaters.values()) updater.url(incoming.answer)
    } else desk.answer(incoming.corr, incoming.answer)
  }

  transport.onConnect(() => {
    if (!stopped) void join(++connection, 0)
  })
  transport.onDisconnect(() => {
    connection++
    online = false
    guarded('DISCONNECT_FAILED', () => {
      uplink.disconnected()
      desk.disconnected()
      for (const updater of updaters.values()) updater.disconnected()
    })
  })
  transport.onMessage((topic, payload) =>
    guarded('MESSAGE_FAILED', () => {
      const incoming = readIncoming(thing, fleet, topic, payload)
      if (incoming !== null) handle(incoming)
    }),
  )

  return {
    thing,
    infer(slot, row, at = clock.now()) {
      const found = predictors.get(slot)
      if (!slots.includes(slot)) throw new InferenceError('NO_SLOT', `this device has no slot ${slot}`)
      if (found === undefined) throw new InferenceError('NO_MODEL', `no model is installed in ${slot} yet`)
      const eventId = idPrefix + state.nextEvent().toString(36)
      return found.predictor.infer(row, Math.max(0, Math.floor(at)), eventId)
    },
    features: slot => predictors.get(slot)?.installed.contract.features.map(f => f.name) ?? null,
    flush() {
      for (const { predictor } of predictors.values()) predictor.flush()
    },
    status() {
      const one = (slot: string): SlotStatus => {
        const release = predictors.get(slot)?.installed.release
        return {
          active: release?.bundle.sha256 ?? null,
          model: release?.model ?? null,
          version: release?.version ?? null,
          updating: state.slot(slot).job?.release.bundle.sha256 ?? null,
          shadow: shadows.get(slot)?.release.bundle.sha256 ?? null,
        }
      }
      return {
        thing,
        online,
        manifest: haveOf(state).manifest,
        slots: Object.fromEntries(slots.map(slot => [slot, one(slot)])),
        refused,
        errors: [...errors],
        outbox: outbox(),
      }
    },
    onCommitted(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async stop() {
      if (stopped) return
      guarded('STOP_FAILED', () => {
        for (const { predictor } of predictors.values()) predictor.flush()
        for (const updater of updaters.values()) updater.stop()
        desk.disconnected()
      })
      await Promise.race([uplink.idle(), new Promise<void>(done => clock.after(LAST_WORDS_MS, done))])
      guarded('STOP_FAILED', sampler.stop)
      guarded('STOP_FAILED', uplink.stop)
      guarded('STOP_FAILED', () =>
        state.update(draft => {
          draft.stopped = true
        }),
      )
      stopped = true
      await transport.close()
    },
  }
}
