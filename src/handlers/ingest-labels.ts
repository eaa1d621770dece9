import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { tableStore } from '../adapters/table.ts'
import { s3ObjectCreated } from '../contracts/aws.ts'
import { groundTruth } from '../contracts/labels.ts'
import { keys, type ModelRow } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Objects } from '../domain/ports.ts'
import { rejectInput } from '../domain/rejection.ts'
import { closeReviews } from '../domain/review/rows.ts'
import { attachLabels, groundTruthLabel, parseLine } from '../domain/sampling/labels.ts'
import type { WithQuarantine } from '../domain/sampling/quarantine.ts'
import { put } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { dropHandler } from '../runtime/drops.ts'
import { parseOrReject } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

const MAX_BYTES = 32 * 1024 * 1024

export interface IngestLabelsDeps extends WithQuarantine {
  readonly drops: Objects
}

/**
 * Ground truth was dropped under `labels/{model}/`, one JSON per line in Model Monitor's merge format: each line is
 * joined to its sample by event id. A bad line is refused alone. A label that is there already is not counted twice.
 */
export const ingestLabels = (deps: IngestLabelsDeps) =>
  dropHandler(deps, s3ObjectCreated, 'labels', async ({ key, model, versionId, cause }) => {
    const config = (await deps.store.get<ModelRow>(keys.model(model)))?.data.config
    if (config === undefined) throw new InputError('MODEL_UNKNOWN', `model ${model} is not configured`, 'key')
    const { bytes } = await deps.drops.get(key, { maxBytes: MAX_BYTES, ...(versionId ? { versionId } : {}) })
    const digest = sha256Hex(bytes)
    if ((await deps.store.get(keys.labelFile(model, digest))) !== undefined) return

    const found = new Map<string, number>()
    let refused = 0
    for (const [i, line] of new TextDecoder().decode(bytes).split('\n').entries()) {
      if (line.trim() === '') continue
      try {
        const truth = parseOrReject(groundTruth, parseLine(line))
        found.set(truth.eventMetadata.eventId, groundTruthLabel(truth, config))
      } catch (error) {
        if (!(error instanceof InputError)) throw error
        refused++
        const at = new InputError(error.reason, `line ${i + 1}: ${error.message}`, error.field)
        await rejectInput(
          deps,
          { channel: 's3', subject: key, instance: `${digest}#${i + 1}`, model },
          at,
          cause,
        )
      }
    }
    if (found.size === 0) {
      if (refused > 0) return
      throw new InputError('EMPTY_FILE', 'the file holds no labels', 'file')
    }
    const matched = await attachLabels(deps, model, config, [...found])
    await closeReviews(deps.store, model, [...found.keys()])
    const data = { model, key, matched, unmatched: found.size - matched }
    await deps.store.commit(
      [put(keys.labelFile(model, digest), data, undefined)],
      [{ type: 'LabelsReceived', data }],
      cause,
    )
  })

export const handler = lambda(
  { DROP_BUCKET: z.string().min(1), QUARANTINE_TABLE: z.string().min(1) },
  (env, core) =>
    ingestLabels({
      ...core,
      drops: bucketObjects(env.DROP_BUCKET),
      quarantine: tableStore(env.QUARANTINE_TABLE, core.now),
    }),
)
