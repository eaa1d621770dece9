import * as z from 'zod'
import { bars, release } from '../src/contracts/manifest.ts'
import { reportBody } from '../src/contracts/mqtt.ts'
import { sha256, slotName, thingName } from '../src/contracts/names.ts'
import { slotSampling } from '../src/contracts/sampling-policy.ts'
import { adoptRoot, initialState, type KnownRoot, rootOf, type TrustState } from '../verifier/index.ts'
import type { Clock, Logger, Storage } from './ports.ts'

/** When the fetch may begin, ms since 1970, and the seconds of the manifest that it came from. */
const start = z.strictObject({ at: z.int(), within: z.int().min(1) })
export type Start = z.infer<typeof start>

/** An update in hand. `step` is the last one that is done; after a restart the work goes on from there. */
const job = z.strictObject({
  epoch: z.int(),
  counter: z.int(),
  release,
  rollout: z.string().optional(),
  step: z.enum(['ACCEPTED', 'FETCHED', 'VERIFIED', 'TESTED']),
  /** A failed download was reported; the job waits for the next connect, manifest or hint. */
  stalled: z.boolean(),
  /** It is to run beside what answers. */
  shadow: z.boolean().default(false),
  /** HTTPS did not do: what is still to come, comes in blocks. */
  https: z.literal('failed').exactOptional(),
  /** Left out when the fetch has begun, or need not wait. */
  start: start.exactOptional(),
  /**
   * How the package comes: by this delta from the package `base`; whole, because there is none or because it did not
   * do; undecided while it is left out. A package that was here already stays undecided.
   */
  delta: z
    .union([z.enum(['none', 'failed']), z.strictObject({ base: sha256, sha256, length: z.int().min(1) })])
    .optional(),
})
const slotState = z.strictObject({
  active: release.nullable(),
  previous: release.nullable(),
  job: job.nullable(),
  /** Last rollout for which this device reported COMMITTED. */
  rollout: z.string().nullable(),
  /** A candidate beside what answers; `ready` when it was verified and tested. */
  shadow: z
    .strictObject({ release, rollout: z.string(), ready: z.boolean(), start: start.exactOptional() })
    .nullable()
    .default(null),
  /** The manifest's sampling policy; null leaves the package's own. */
  sampling: slotSampling.nullable().default(null),
})
/** What the verifier remembers: see `TrustState`. */
const trustState = z.strictObject({
  root: z.base64(),
  time: z.strictObject({ root: z.number(), online: z.number() }),
  beacon: z
    .strictObject({
      epoch: z.int(),
      minimumCounter: z.int(),
      minimumRoot: z.int(),
      issued: z.number(),
      expires: z.number(),
      digest: sha256,
    })
    .nullable(),
  manifest: z.strictObject({ epoch: z.int(), counter: z.int(), digest: sha256 }).nullable(),
  /** Over the limit of one manifest, since they add up. */
  bars: bars.extend({ revokedBundles: z.array(sha256) }),
}) satisfies z.ZodType<TrustState>
const terminal = z.strictObject({ seq: z.int(), t: z.int(), body: reportBody })

/**
 * Everything that must survive a power cut, in one file, so that one atomic write moves the model pointer, the
 * manifest position and the report about them together.
 */
const state = z.strictObject({
  v: z.literal(2),
  thing: thingName,
  /** Rises when storage is lost; part of every message's idempotency key. */
  epoch: z.int().min(0),
  /** Every smaller number may have been used. */
  nextSeq: z.int().min(0),
  nextEvent: z.int().min(0),
  trust: trustState,
  slots: z.record(slotName, slotState),
  outbox: z.array(terminal),
  /** Digests of refused documents that were reported. */
  refused: z.array(sha256),
  /** False while the program runs: a start that finds it false follows a crash, a watchdog or a power cut. */
  stopped: z.boolean().default(true),
  /** Such starts that no window has reported yet. */
  resets: z.int().min(0).default(0),
})
export type State = z.infer<typeof state>
export type SlotState = z.infer<typeof slotState>
export type Job = z.infer<typeof job>
export type Terminal = z.infer<typeof terminal>

const FILE = 'state.json'
/** Numbers reserved per write; a power cut skips at most so many. */
const SEQ_BLOCK = 256
const EVENT_BLOCK = 8_192

export interface StateStore {
  readonly current: Readonly<State>
  slot(name: string): Readonly<SlotState>
  /** Changes a copy, writes it, and only then makes it current: a failed write changes nothing. Not re-entrant. */
  update(change: (draft: State) => void): void
  nextSeq(): number
  nextEvent(): number
}

/**
 * Loads or creates the state. An unreadable file counts as lost storage: it starts anew with a higher epoch, and with
 * the trust root that the device was made with. A newer root that it was given since, with its software, counts.
 * @throws Error when the storage belongs to another thing
 */
export function openState(
  storage: Storage,
  thing: string,
  slots: readonly string[],
  root: KnownRoot,
  clock: Clock,
  log: Logger,
): StateStore {
  let current = load(storage, thing, log) ?? fresh(thing, root, clock)
  if (rootOf(current.trust).value.version < root.value.version)
    current = { ...current, trust: adoptRoot(current.trust, rootOf(current.trust), root) as State['trust'] }
  let draft: State | null = null
  const next = { nextSeq: current.nextSeq, nextEvent: current.nextEvent }
  const take = (counter: 'nextSeq' | 'nextEvent', block: number): number => {
    const reserve = (target: State): void => {
      if (next[counter] >= target[counter]) target[counter] = next[counter] + block
    }
    // Inside a change the reservation joins it: a write of its own would be overwritten by the change.
    if (draft !== null) reserve(draft)
    else if (next[counter] >= current[counter]) store.update(reserve)
    return next[counter]++
  }
  const store: StateStore = {
    get current() {
      return current
    },
    slot: name => current.slots[name] ?? emptySlot(),
    update(change) {
      if (draft !== null) throw new Error('a change of the state is already going on')
      try {
        draft = structuredClone(current)
        change(draft)
        storage.write(FILE, Buffer.from(JSON.stringify(draft)))
        current = draft
      } finally {
        draft = null
      }
    },
    nextSeq: () => take('nextSeq', SEQ_BLOCK),
    nextEvent: () => take('nextEvent', EVENT_BLOCK),
  }
  const missing = slots.filter(name => !Object.hasOwn(current.slots, name))
  if (missing.length > 0 || storage.size(FILE) === null)
    store.update(draft => {
      for (const name of missing) draft.slots[name] = emptySlot()
    })
  return store
}

const emptySlot = (): SlotState => ({
  ...{ active: null, previous: null, job: null, rollout: null, shadow: null, sampling: null },
})

function fresh(thing: string, root: KnownRoot, clock: Clock): State {
  return {
    v: 2,
    thing,
    epoch: Math.max(0, Math.floor(clock.now())),
    nextSeq: 0,
    nextEvent: 0,
    trust: structuredClone(initialState(root)) as State['trust'],
    slots: {},
    outbox: [],
    refused: [],
    stopped: true,
    resets: 0,
  }
}

function load(storage: Storage, thing: string, log: Logger): State | null {
  const bytes = storage.read(FILE)
  if (bytes === null) return null
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch (error) {
    log.warn('STATE_LOST', { thing, reason: (error as Error).message })
    return null
  }
  const parsed = state.safeParse(value)
  if (!parsed.success) {
    log.warn('STATE_LOST', { thing, reason: z.prettifyError(parsed.error) })
    return null
  }
  if (parsed.data.thing !== thing)
    throw new Error(`the state belongs to ${parsed.data.thing}; give ${thing} a folder of its own`)
  return parsed.data
}
