import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { s3ObjectCreated } from '../contracts/aws.ts'
import { type LabelledRows, MAX_DATASET_BYTES } from '../domain/dataset/parse.ts'
import { fromCsv, toCsv } from '../domain/dataset/split.ts'
import { keys, type ModelRow, type VersionRow, versionListing } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import { championOfModel } from '../domain/evaluation/champion.ts'
import { evaluate, marginsOf } from '../domain/evaluation/evaluate.ts'
import { putMonitorFiles, toModelMonitor } from '../domain/monitoring/model-monitor.ts'
import { makeBaseline, referenceColumns } from '../domain/package/contents.ts'
import type { Core, Objects } from '../domain/ports.ts'
import { put } from '../domain/store.ts'
import { assembleTrainingSet, blobKey, sentinelKey, type TrainingParts } from '../domain/training/assemble.ts'
import { modelFromImport } from '../domain/training/imported.ts'
import { runFingerprint, sha256Hex, trainingSetDigest } from '../domain/training/plan.ts'
import { dropHandler } from '../runtime/drops.ts'
import { lambda } from '../runtime/lambda.ts'

const MAX_MODEL = 64 * 1024 * 1024

export interface ImportModelDeps extends Core {
  readonly drops: Objects
  readonly artefacts: Objects
}

/**
 * A model trained elsewhere was dropped under `imports/{model}/`. It passes the same gate on the same held-out rows
 * as a trained one, so at least one dataset has to be registered.
 */
export const importModel = (deps: ImportModelDeps) =>
  dropHandler(deps, s3ObjectCreated, 'imports', async ({ key, model, versionId, cause }) => {
    const modelRow = await deps.store.get<ModelRow>(keys.model(model))
    if (modelRow === undefined)
      throw new InputError(
        'MODEL_UNKNOWN',
        `there is no models/${model}/model.yaml yet; drop the file again after it`,
        'key',
      )
    const { config, configDigest, nextVersion } = modelRow.data
    const { bytes } = await deps.drops.get(key, { maxBytes: MAX_MODEL, ...(versionId ? { versionId } : {}) })
    const modelDigest = sha256Hex(bytes)
    const { set, parts } = await assembleTrainingSet(deps, config)
    if (parts.holdout.labels.length === 0) {
      throw new InputError(
        'NO_DATASET',
        `drop a dataset under datasets/${model}/ first: the import is evaluated on its held-out rows`,
        'key',
      )
    }
    const fingerprint = runFingerprint(trainingSetDigest(set), { import: modelDigest })
    const run = await deps.store.get<{ version: number }>(keys.run(model, fingerprint))
    if (run !== undefined) {
      // Delivered again: the last time may have ended before the files were beside the version.
      const row = await deps.store.get<VersionRow>(keys.version(model, run.data.version))
      return row && writeMonitorFiles(deps, row.data, bytes, parts)
    }

    const margins = modelFromImport(() => marginsOf(bytes, config))
    await deps.artefacts.putOnce(sentinelKey(model), Buffer.from(toCsv(parts.holdout)), 'text/csv')
    const best = await championOfModel(deps, model)
    const sets = { holdout: parts.holdout, sentinel: await sentinelRows(deps, model) }
    const { verdict, metrics, gate } = evaluate(config, sets, margins, best && marginsOf(best.model, config))
    const baseline = Buffer.from(
      JSON.stringify(makeBaseline(config, parts.train, parts.holdout, margins, 'training')),
    )
    const baselineDigest = sha256Hex(baseline)
    await deps.artefacts.putOnce(blobKey(modelDigest), bytes, 'application/octet-stream')
    await deps.artefacts.putOnce(blobKey(baselineDigest), baseline, 'application/json')
    const at = deps.now().toISOString()
    const shared = {
      model,
      version: nextVersion,
      config,
      configDigest,
      requestedAt: at,
      generation: cause.generation,
      correlationId: cause.correlationId,
      origin: 'import' as const,
      imported: { key, ...(versionId ? { versionId } : {}) },
      modelDigest,
      metrics,
      gate,
      evaluatedAt: at,
    }
    const version = verdict.passed
      ? { ...shared, status: 'REGISTERED' as const, baselineDigest }
      : { ...shared, status: 'REJECTED' as const, reasons: verdict.reasons }
    await deps.store.commit(
      [
        put(keys.model(model), { ...modelRow.data, nextVersion: nextVersion + 1 }, modelRow, {
          list: { pk: 'MODELS', sk: model },
        }),
        put(keys.run(model, fingerprint), { version: nextVersion }, undefined),
        put(keys.version(model, nextVersion), version, undefined, {
          list: versionListing(model, nextVersion),
          ...(verdict.passed ? { pending: { kind: 'compilation' as const, since: at } } : {}),
        }),
      ],
      [
        verdict.passed
          ? {
              type: 'ModelVersionRegistered',
              data: { model, version: nextVersion, origin: 'import', metrics, modelDigest },
            }
          : {
              type: 'ModelVersionRejected',
              data: { model, version: nextVersion, reasons: [...verdict.reasons], metrics },
            },
      ],
      cause,
    )
    await writeMonitorFiles(deps, version, bytes, parts)
  })

/** After the commit, which alone says whose the number is; another version may have been quicker. */
async function writeMonitorFiles(
  { artefacts }: ImportModelDeps,
  version: VersionRow,
  model: Uint8Array,
  { train, holdout }: TrainingParts,
): Promise<void> {
  if (!('baselineDigest' in version)) return
  const { config } = version
  const margins = marginsOf(model, config)
  const baseline = makeBaseline(config, train, holdout, margins, 'training')
  const columns = referenceColumns(config, train, margins)
  await putMonitorFiles(artefacts, version, toModelMonitor(baseline, columns, config.monitoring))
}

async function sentinelRows({ artefacts }: ImportModelDeps, model: string): Promise<LabelledRows> {
  const { bytes } = await artefacts.get(sentinelKey(model), { maxBytes: MAX_DATASET_BYTES })
  return fromCsv(new TextDecoder().decode(bytes))
}

export const handler = lambda(
  { DROP_BUCKET: z.string().min(1), ARTEFACT_BUCKET: z.string().min(1) },
  (env, core) =>
    importModel({
      ...core,
      drops: bucketObjects(env.DROP_BUCKET),
      artefacts: bucketObjects(env.ARTEFACT_BUCKET),
    }),
)
