import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { tableStore } from '../adapters/table.ts'
import { keys } from '../domain/entities.ts'
import type { Objects } from '../domain/ports.ts'
import { renewReviews } from '../domain/review/rows.ts'
import { fairOrder } from '../domain/sampling/fair-order.ts'
import { samplesOf, type WithQuarantine } from '../domain/sampling/quarantine.ts'
import { put } from '../domain/store.ts'
import { fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

/** People label in batches; more than this at once helps nobody. */
const MAX_SAMPLES = 2_000

export interface RequestLabelsDeps extends WithQuarantine {
  readonly artefacts: Objects
}

/**
 * Writes the audit samples that have no label yet to `label-requests/{model}/{request}.jsonl`, a line each with the
 * event id and the row, for whoever labels: the newest of every device first, so that none uses the budget up alone. A
 * request stays as it was written; the next one carries on. ReviewsOpened says that file and queue are there.
 */
export const requestLabels = (deps: RequestLabelsDeps) =>
  fromBus(deps, async event => {
    const { data, cause } = parseBusEvent(event, ['LabelsRequested'])
    const { model, version, request, cause: why, since } = data
    const key = keys.labelRequest(model, request)
    if ((await deps.store.get(key)) !== undefined) return
    const all = await samplesOf(deps, model)
    const open = all.filter(
      s => s.version === version && s.lane === 'audit' && s.label === undefined && s.capturedAt >= since,
    )
    const samples = fairOrder(open).slice(0, MAX_SAMPLES)
    if (samples.length === 0) return
    const lines = samples.map(({ eventId, thing, capturedAt, row, prediction }) =>
      JSON.stringify({ eventId, thing, capturedAt, row, prediction }),
    )
    const objectKey = `label-requests/${model}/${request}.jsonl`
    await deps.artefacts.putOnce(objectKey, Buffer.from(`${lines.join('\n')}\n`), 'application/jsonl')
    const wanted = samples.filter(s => !s.contested)
    await renewReviews(deps.store, model, { all, wanted }, request, deps.now().toISOString())
    const opened = { model, version, request, cause: why, since, samples: samples.length }
    await deps.store.commit(
      [put(key, { request, objectKey, samples: samples.length }, undefined)],
      [{ type: 'ReviewsOpened', data: opened }],
      cause,
    )
  })

export const handler = lambda(
  { ARTEFACT_BUCKET: z.string().min(1), QUARANTINE_TABLE: z.string().min(1) },
  (env, core) =>
    requestLabels({
      ...core,
      artefacts: bucketObjects(env.ARTEFACT_BUCKET),
      quarantine: tableStore(env.QUARANTINE_TABLE, core.now),
    }),
)
