import * as z from 'zod'
import { tableStore } from '../adapters/table.ts'
import { sqsEvent } from '../contracts/aws.ts'
import { eventIdPrefix, ownsEventId } from '../contracts/event-id.ts'
import { fieldSample } from '../contracts/mqtt.ts'
import { type BundleRow, keys, type ModelRow, type SampleRow } from '../domain/entities.ts'
import { EdgeloopError, InputError } from '../domain/errors.ts'
import { windowTtl } from '../domain/monitoring/windows.ts'
import { rejectInput } from '../domain/rejection.ts'
import { withoutErased } from '../domain/sampling/erased.ts'
import { sampleTtl, type WithQuarantine } from '../domain/sampling/quarantine.ts'
import { checkRow } from '../domain/sampling/row.ts'
import { type Key, put } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { eachRecord } from '../runtime/batch.ts'
import { parseOrReject } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'
import { readingOnce } from '../runtime/read-once.ts'
import { handleUplink, type Received } from '../runtime/uplink.ts'

type FieldSample = z.infer<typeof fieldSample>

/**
 * Rows that devices captured go to quarantine; admit-samples alone lets them out. Each sample counts once by its event
 * id; a bad one is refused alone.
 */
export const ingestSamples = (core: WithQuarantine) => async (event: unknown) => {
  const { Records } = sqsEvent.parse(event)
  const deps = readingOnce(core)
  return eachRecord(
    Records,
    r => r.messageId,
    deps.log,
    record => handleUplink(deps, record.body, ['samples'], received => store(deps, received)),
  )
}

const WRITES = 80

async function store(
  deps: WithQuarantine,
  { message, thing, receivedAt, cause }: Received<'samples'>,
): Promise<void> {
  const { body } = message
  const bundle = (await deps.store.get<BundleRow>(keys.bundle(body.bundle)))?.data
  if (bundle === undefined)
    throw new InputError('UNKNOWN_BUNDLE', `no package has the bundle ${body.bundle}`, 'body.bundle')
  const config = (await deps.store.get<ModelRow>(keys.model(bundle.model)))?.data.config
  if (config === undefined)
    throw new InputError('UNKNOWN_MODEL', `model ${bundle.model} is not configured`, 'body.bundle')
  const rows = new Map<string, SampleRow>()
  for (const [i, untrusted] of (body.samples as readonly unknown[]).entries()) {
    const field = `body.samples.${i}`
    try {
      const sample = parseSample(untrusted, field)
      checkRow(sample.row, config, `${field}.row`)
      const { eventId, lane, pi, strategy, policy, row, prediction, t } = sample
      refuseForeign(thing, eventId, `${field}.eventId`)
      if (rows.has(eventId)) {
        throw new InputError('DUPLICATE_SAMPLE', `event id ${eventId} is there twice`, `${field}.eventId`)
      }
      const { model, version } = bundle
      const capturedAt = new Date(Math.min(t, receivedAt.getTime())).toISOString()
      const at = receivedAt.toISOString()
      rows.set(eventId, {
        eventId,
        thing,
        model,
        version,
        bundle: body.bundle,
        capturedAt,
        receivedAt: at,
        lane,
        pi,
        ...(strategy === undefined ? {} : { strategy }),
        ...(policy === undefined ? {} : { policy }),
        row,
        prediction,
      })
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      const payload = Buffer.from(JSON.stringify(untrusted))
      const subject = `edgeloop/v1/${thing}/up/samples#${nameOf(untrusted) ?? i}`
      const refused = {
        channel: 'mqtt' as const,
        subject,
        // No excerpt of it: values are in quarantine and nowhere else.
        instance: sha256Hex(payload),
        model: bundle.model,
        thing,
      }
      await rejectInput(deps, refused, error, cause)
    }
  }
  const all = await withoutErased(deps.quarantine, bundle.model, thing, [...rows.values()])
  // No rejected input, since that would keep the start of what was erased.
  if (all.length < rows.size)
    deps.log.info('SAMPLES_ERASED_BEFORE', { model: bundle.model, samples: rows.size - all.length })
  for (let at = 0; at < all.length; at += WRITES) await storeAll(deps, all.slice(at, at + WRITES))
  const items = all.filter(row => row.strategy !== 'burst').length
  if (items > 0 && config.sampling.fleet !== undefined)
    await countItems(deps, bundle.model, keys.message(thing, message.epoch, message.seq), items, receivedAt)
}

/** Towards the fleet's budget: each message once, by a row that goes when no delivery of it can come any more. */
async function countItems(
  { store }: WithQuarantine,
  model: string,
  message: Key,
  items: number,
  receivedAt: Date,
): Promise<void> {
  if ((await store.get(message)) !== undefined) return
  await store.commit([
    put(message, { items }, undefined, { ttl: windowTtl(receivedAt) }),
    { kind: 'add', key: keys.sampled(model), by: { items } },
  ])
}

/** Labels join by event id alone, so an id has to say whose it is. */
function refuseForeign(thing: string, eventId: string, field: string): void {
  if (ownsEventId(thing, eventId, sha256Hex)) return
  throw new InputError(
    'FOREIGN_EVENT_ID',
    `${eventId} is no event id of ${thing}; they are ${eventIdPrefix(thing, 1, sha256Hex)}1 and so on`,
    field,
  )
}

/** The event id of a refused sample, where it has a proper one, so that an operator finds it again. */
function nameOf(value: unknown): string | undefined {
  const id = fieldSample.shape.eventId.safeParse((value as { eventId?: unknown } | null)?.eventId)
  return id.success ? id.data : undefined
}

function parseSample(value: unknown, field: string): FieldSample {
  try {
    return parseOrReject(fieldSample, value)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    const at = error.field ? `${field}.${error.field}` : field
    throw new InputError(error.reason, `${field}.${error.message}`, at)
  }
}

/** All at once when all are new; one by one when some are known, which is what a re-delivery looks like. */
async function storeAll({ quarantine }: WithQuarantine, rows: readonly SampleRow[]): Promise<void> {
  const write = (row: SampleRow) =>
    put(keys.sample(row.model, row.eventId, row.thing), row, undefined, { ttl: sampleTtl(row) })
  const known = (error: unknown): boolean => error instanceof EdgeloopError && error.code === 'CONFLICT'
  try {
    await quarantine.commit(rows.map(write))
  } catch (error) {
    if (!known(error)) throw error
    for (const row of rows) {
      try {
        await quarantine.commit([write(row)])
      } catch (again) {
        if (!known(again)) throw again
      }
    }
  }
}

export const handler = lambda({ QUARANTINE_TABLE: z.string().min(1) }, (env, core) =>
  ingestSamples({ ...core, quarantine: tableStore(env.QUARANTINE_TABLE, core.now) }),
)
