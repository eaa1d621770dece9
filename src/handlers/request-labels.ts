import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { keys, type SampleRow } from '../domain/entities.ts'
import type { Core, Objects } from '../domain/ports.ts'
import { put } from '../domain/store.ts'
import { fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

/** People label in batches; more than this at once helps nobody. */
const MAX_SAMPLES = 2_000

export interface RequestLabelsDeps extends Core {
  readonly artefacts: Objects
}

/**
 * Writes the audit samples that have no label yet to `label-requests/{model}/{request}.jsonl`, a line each with the
 * event id and the row, for whoever labels. A request stays as it was written; the next one carries on.
 */
export const requestLabels = (deps: RequestLabelsDeps) =>
  fromBus(deps, async event => {
    const { data, cause } = parseBusEvent(event, ['LabelsRequested'])
    const { model, version, request, since } = data
    const key = keys.labelRequest(model, request)
    if ((await deps.store.get(key)) !== undefined) return
    const samples = (await deps.store.query<SampleRow>(keys.sample(model, '').pk))
      .map(r => r.data)
      .filter(
        s => s.version === version && s.lane === 'audit' && s.label === undefined && s.capturedAt >= since,
      )
      .sort((a, b) => (a.receivedAt < b.receivedAt ? 1 : -1))
      .slice(0, MAX_SAMPLES)
    if (samples.length === 0) return
    const lines = samples.map(({ eventId, thing, capturedAt, row, prediction }) =>
      JSON.stringify({ eventId, thing, capturedAt, row, prediction }),
    )
    const objectKey = `label-requests/${model}/${request}.jsonl`
    await deps.artefacts.putOnce(objectKey, Buffer.from(`${lines.join('\n')}\n`), 'application/jsonl')
    await deps.store.commit([put(key, { request, objectKey, samples: samples.length }, undefined)], [], cause)
  })

export const handler = lambda({ ARTEFACT_BUCKET: z.string().min(1) }, (env, core) =>
  requestLabels({ ...core, artefacts: bucketObjects(env.ARTEFACT_BUCKET) }),
)
