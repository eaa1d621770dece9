import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { s3ObjectCreated } from '../contracts/aws.ts'
import { MAX_DATASET_BYTES, parseDataset } from '../domain/dataset/parse.ts'
import { datasetText } from '../domain/dataset/text.ts'
import { type DatasetRow, keys, type ModelRow } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Core, Objects } from '../domain/ports.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { type Drop, runDrop, toDrop } from '../runtime/drops.ts'
import { fromBus, isBusEvent, parseBusEvent, parseOrReject, rootCause } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

export interface RegisterDatasetDeps extends Core {
  readonly drops: Objects
}

/**
 * A dataset was dropped under `datasets/{model}/`, or a model was configured whose datasets may have come first:
 * then everything under its prefix is looked at.
 */
export const registerDataset = (deps: RegisterDatasetDeps) => {
  const register = (drop: Drop) => registerOne(deps, drop)
  return fromBus(deps, async event => {
    if (!isBusEvent(event)) {
      const { detail } = parseOrReject(s3ObjectCreated, event)
      return runDrop(deps, 'datasets', toDrop(detail), register)
    }
    const { data } = parseBusEvent(event, ['ModelConfigured'])
    for (const { key } of await deps.drops.list(`datasets/${data.model}/`)) {
      await runDrop(
        deps,
        'datasets',
        { key, cause: rootCause('drop', 'configured', key, data.configDigest) },
        register,
      )
    }
  })
}

async function registerOne(
  deps: RegisterDatasetDeps,
  { key, model, versionId: wanted, cause }: Drop,
): Promise<void> {
  const modelRow = await deps.store.get<ModelRow>(keys.model(model))
  if (modelRow === undefined) {
    throw new InputError(
      'MODEL_UNKNOWN',
      `there is no models/${model}/model.yaml yet; the file is registered as soon as there is`,
      'key',
    )
  }
  const { bytes, versionId = wanted } = await deps.drops.get(key, {
    maxBytes: MAX_DATASET_BYTES,
    ...(wanted ? { versionId: wanted } : {}),
  })
  const digest = sha256Hex(bytes)
  const existing = await deps.store.get<DatasetRow>(keys.dataset(model, digest))
  if (existing !== undefined) {
    if (existing.data.key === key && existing.data.versionId === versionId) return
    throw new InputError(
      'DUPLICATE_DATASET',
      `the same bytes were registered before from ${existing.data.key}`,
      'file',
    )
  }
  const rows = parseDataset(datasetText(key, bytes), modelRow.data.config).labels.length
  const dataset: DatasetRow = {
    key,
    ...(versionId ? { versionId } : {}),
    digest,
    rows,
    registeredAt: deps.now().toISOString(),
  }
  await deps.store.commit(
    [{ kind: 'put', key: keys.dataset(model, digest), data: dataset, expect: 'absent' }],
    [
      {
        type: 'DatasetRegistered',
        data: { model, dataset: digest, key, rows, ...(versionId ? { versionId } : {}) },
      },
    ],
    cause,
  )
}

export const handler = lambda({ DROP_BUCKET: z.string().min(1) }, (env, core) =>
  registerDataset({ ...core, drops: bucketObjects(env.DROP_BUCKET) }),
)
