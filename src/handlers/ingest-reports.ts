import { deviceLink, iotRegistry } from '../adapters/devices.ts'
import { sqsEvent } from '../contracts/aws.ts'
import { ackCorr, terminalSteps } from '../contracts/mqtt.ts'
import { deviceWrites } from '../domain/device/report.ts'
import { heard } from '../domain/device/silence.ts'
import { type BundleRow, type DeviceRow, type DeviceSlot, keys } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Core, DeviceLink, Registry } from '../domain/ports.ts'
import { type Fact, outcomeOf } from '../domain/rollout/evidence.ts'
import { activeRollout, evidenceWrites } from '../domain/rollout/record.ts'
import { type Put, put, type Remove, type Row, type Write } from '../domain/store.ts'
import { eachRecord } from '../runtime/batch.ts'
import { hearing } from '../runtime/heard.ts'
import { lambda } from '../runtime/lambda.ts'
import { readingOnce } from '../runtime/read-once.ts'
import { assertNotReplayed, handleUplink, type Received } from '../runtime/uplink.ts'

const KEEP_MESSAGES_DAYS = 30

export interface IngestReportsDeps extends Core {
  readonly link: DeviceLink
  readonly registry: Registry
}

/** `hello` and `report`: what devices are, what they run, and how updates ended. */
export const ingestReports = (core: IngestReportsDeps) => {
  const note = hearing(core)
  return async (event: unknown) => {
    const fleets = new Set<string>()
    const failures = await ingest(core, event, fleets)
    await note(fleets)
    return failures
  }
}

async function ingest(core: IngestReportsDeps, event: unknown, fleets: Set<string>) {
  const { Records } = sqsEvent.parse(event)
  const deps = readingOnce(core)
  return eachRecord(
    Records,
    r => r.messageId,
    deps.log,
    record =>
      handleUplink(deps, record.body, ['hello', 'report'], async received => {
        const fleet =
          received.message.kind === 'hello'
            ? await hello(deps, received as Received<'hello'>)
            : await report(deps, received as Received<'report'>)
        if (fleet !== undefined) fleets.add(fleet)
      }),
  )
}

async function hello(
  deps: IngestReportsDeps,
  { message, thing, receivedAt }: Received<'hello'>,
): Promise<string> {
  const before = await deps.store.get<DeviceRow>(keys.device(thing))
  if (before !== undefined && !newer(message, before.data)) return touch(deps, before, receivedAt)
  const { fleet, hardware } = await described(deps, thing)
  const { epoch, seq, body } = message
  const at = receivedAt.toISOString()
  const slots = Object.fromEntries(
    Object.entries(body.slots).map(([slot, { active }]) => [
      slot,
      { bundle: active, said: { epoch, seq }, step: 'RUNNING', at },
    ]),
  )
  const device: DeviceRow = {
    ...before?.data,
    thing,
    fleet,
    hardware,
    runtime: body.runtime,
    ...heard({ lastSeen: '', ...before?.data }, receivedAt),
    epoch,
    seq,
    slots: { ...before?.data.slots, ...slots },
    dropped: body.outbox.dropped,
  }
  const placed = await running(deps, before?.data, device)
  await deps.store.commit([...deviceWrites(placed.device, before), ...placed.writes])
  return fleet
}

async function report(
  deps: IngestReportsDeps,
  { message, thing, receivedAt, digest, cause }: Received<'report'>,
): Promise<string | undefined> {
  const { epoch, seq, body } = message
  let from: string | undefined
  const terminal = terminalSteps.find(step => step === body.step)
  const messageKey = keys.message(thing, epoch, seq)
  const known = await deps.store.get<{ digest: string }>(messageKey)
  assertNotReplayed(known?.data, digest, `(${thing}, ${epoch}, ${seq})`)
  if (known === undefined) {
    const before = await deps.store.get<DeviceRow>(keys.device(thing))
    const { fleet, hardware } = before?.data ?? (await described(deps, thing))
    from = fleet
    const device = withReport(before?.data, { thing, fleet, hardware }, message, receivedAt)
    const placed = await running(deps, before?.data, device)
    await deps.store.commit(
      [
        put(messageKey, { digest }, undefined, {
          ttl: Math.floor(receivedAt.getTime() / 1000) + KEEP_MESSAGES_DAYS * 86_400,
        }),
        ...deviceWrites(placed.device, before),
        ...placed.writes,
        ...(await evidence(deps, device, body, receivedAt)),
      ],
      terminal === undefined
        ? []
        : [
            {
              type: 'DeviceReported',
              data: {
                thing,
                fleet,
                slot: body.slot,
                ...body.manifest,
                bundle: body.bundle,
                outcome: terminal,
                ...(body.code ? { code: body.code } : {}),
              },
            },
          ],
      cause,
    )
  }
  // After the commit, and again for every re-delivery: the device keeps a terminal report until it hears this.
  if (terminal !== undefined) await deps.link.answer(thing, ackCorr(epoch, seq), { v: 1, kind: 'ack' })
  return from
}

/** What a report says about the rollout in flight, if it is about its candidate. */
async function evidence(
  deps: Core,
  device: DeviceRow,
  { slot, bundle, step, code }: Received<'report'>['message']['body'],
  receivedAt: Date,
): Promise<Write[]> {
  const terminal = terminalSteps.find(s => s === step)
  if (terminal === undefined && step !== 'ACCEPTED' && step !== 'SHADOWING') return []
  const rollout = (await activeRollout(deps.store, device.fleet, slot))?.data
  if (rollout?.releases[device.hardware]?.bundle.sha256 !== bundle) return []
  const fact: Fact =
    terminal === undefined
      ? { kind: 'started' }
      : { kind: 'outcome', outcome: outcomeOf(terminal, code), ...(code === undefined ? {} : { code }) }
  return evidenceWrites(deps.store, rollout, device, fact, receivedAt)
}

const newer = (message: { epoch: number; seq: number }, row: { epoch: number; seq: number }): boolean =>
  message.epoch > row.epoch || (message.epoch === row.epoch && message.seq > row.seq)

/** The device's row after a report; one that comes late does not undo what a newer one said. */
function withReport(
  before: DeviceRow | undefined,
  identity: { thing: string; fleet: string; hardware: string },
  { epoch, seq, body }: Received<'report'>['message'],
  receivedAt: Date,
): DeviceRow {
  const base: DeviceRow = before ?? {
    ...identity,
    runtime: '',
    lastSeen: '',
    epoch: 0,
    seq: -1,
    slots: {},
    silent: false,
    dropped: 0,
  }
  const at = receivedAt.toISOString()
  const slot = base.slots[body.slot]
  const now = runsNow(slot, { epoch, seq, body })
  const late = !newer({ epoch, seq }, base)
  if (late && (slot === undefined || now.bundle === slot.bundle)) return heard(base, receivedAt)
  const { step, code } = late && slot !== undefined ? slot : body
  return {
    ...heard(base, receivedAt),
    ...(late ? {} : { epoch, seq }),
    slots: {
      ...base.slots,
      [body.slot]: { ...now, step, at, ...(code ? { code } : {}) },
    },
  }
}

/**
 * What a slot runs after a report, and which message says so. Reports overtake one another: one that comes late still
 * tells what runs, unless a later one did. What was barred stopped at once; what answers in its place, the next hello says.
 */
function runsNow(
  slot: DeviceSlot | undefined,
  { epoch, seq, body: { step, code, bundle } }: Pick<Received<'report'>['message'], 'epoch' | 'seq' | 'body'>,
): Pick<DeviceSlot, 'bundle' | 'said'> {
  const { bundle: before = null, said } = slot ?? {}
  const known = { bundle: before, ...(said ? { said } : {}) }
  if (said !== undefined && !newer({ epoch, seq }, said)) return known
  if (step === 'COMMITTED') return { bundle, said: { epoch, seq } }
  const stopped = step === 'REFUSED' && code?.startsWith('RELEASE_') && bundle === before
  return stopped ? { bundle: null, said: { epoch, seq } } : known
}

async function described(
  deps: IngestReportsDeps,
  thing: string,
): Promise<{ fleet: string; hardware: string }> {
  const found = await deps.registry.describe(thing)
  if (found === undefined) {
    throw new InputError(
      'UNKNOWN_DEVICE',
      `thing ${thing} has no attributes "fleet" and "hardware" in the registry`,
      'thing',
    )
  }
  return found
}

async function touch(deps: Core, row: Row<DeviceRow>, at: Date): Promise<string> {
  await deps.store.commit(deviceWrites(heard(row.data, at), row))
  return row.data.fleet
}

/** What each slot's bundle stands for, and the writes that move the device between the sets of those that run a version. */
async function running(
  deps: Core,
  before: DeviceRow | undefined,
  after: DeviceRow,
): Promise<{ readonly device: DeviceRow; readonly writes: readonly (Put | Remove)[] }> {
  const writes: (Put | Remove)[] = []
  const slots: Record<string, DeviceSlot> = {}
  const read = async (digest: string | null) =>
    digest === null ? undefined : (await deps.store.get<BundleRow>(keys.bundle(digest)))?.data
  for (const [slot, { release: known, ...now }] of Object.entries(after.slots)) {
    const old = before?.slots[slot]?.bundle ?? null
    const same = old === now.bundle
    const entered = same && known !== undefined ? known : await read(now.bundle)
    const release = entered && { model: entered.model, version: entered.version }
    slots[slot] = { ...now, ...(release ? { release } : {}) }
    if (same) continue
    const left = await read(old)
    if (left) writes.push({ kind: 'remove', key: keys.running(left.model, left.version, after.thing) })
    if (release) {
      const key = keys.running(release.model, release.version, after.thing)
      writes.push({ kind: 'put', key, data: {}, expect: 'any' })
    }
  }
  return { device: { ...after, slots }, writes }
}

export const handler = lambda({}, (_env, core) =>
  ingestReports({ ...core, link: deviceLink(), registry: iotRegistry(core.now) }),
)
