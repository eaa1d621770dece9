import * as z from 'zod'
import { sagemakerJobs } from '../adapters/jobs.ts'
import { bucketObjects } from '../adapters/objects.ts'
import { toCsv } from '../domain/dataset/split.ts'
import {
  type AdmissionRow,
  type EpisodeRow,
  keys,
  type ModelRow,
  type VersionRow,
  versionListing,
} from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Core, Jobs, Objects } from '../domain/ports.ts'
import { type DropDecision, decideDrop } from '../domain/retrain/drop.ts'
import { type Cause, put, type Row } from '../domain/store.ts'
import {
  type Assembled,
  assembleTrainingSet,
  channelKey,
  channelPrefix,
  manifestKey,
  sentinelKey,
} from '../domain/training/assemble.ts'
import { championOf, fieldPart, recordedAdmission } from '../domain/training/field.ts'
import {
  canonicalJson,
  hyperparameters,
  runFingerprint,
  type TrainingSet,
  type TrainingSetSummary,
  trainingJobName,
  trainingSetDigest,
} from '../domain/training/plan.ts'
import { type BusEvent, fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

export interface StartTrainingDeps extends Core {
  readonly drops: Objects
  readonly artefacts: Objects
  readonly jobs: Jobs
  readonly jobPrefix: string
  /** Image that `jobs` starts; recorded with the version. */
  readonly trainingImage?: string
}
type Trigger = BusEvent<'DatasetRegistered' | 'SamplesAdmitted' | 'CheckDue'>

/**
 * A drop, or samples admitted for a retrain: put the training set together and start the job. Field samples come from
 * admitted objects alone; this function's role does not reach the quarantine. The version row is committed before the
 * job is created, so a crash between the two is finished by the next delivery or by the reconciler.
 */
export const startTraining = (deps: StartTrainingDeps) =>
  fromBus(deps, async event => {
    const trigger = parseBusEvent(event, ['DatasetRegistered', 'SamplesAdmitted', 'CheckDue'])
    const version =
      trigger.type === 'CheckDue' ? await requested(deps, trigger) : await request(deps, trigger)
    if (version?.data.status === 'REQUESTED') await start(deps, version, trigger)
  })

async function requested(
  deps: StartTrainingDeps,
  { data }: BusEvent<'CheckDue'>,
): Promise<Row<VersionRow> | undefined> {
  if (data.kind !== 'training' || data.model === undefined || data.version === undefined) return undefined
  return deps.store.get<VersionRow>(keys.version(data.model, data.version))
}

async function request(
  deps: StartTrainingDeps,
  trigger: Exclude<Trigger, BusEvent<'CheckDue'>>,
): Promise<Row<VersionRow> | undefined> {
  const { cause } = trigger
  const { model } = trigger.data
  const modelRow = await deps.store.get<ModelRow>(keys.model(model))
  if (modelRow === undefined)
    throw new InputError('MODEL_UNKNOWN', `model ${model} is not configured`, 'model')
  const { config, configDigest, nextVersion } = modelRow.data
  const admission =
    trigger.type === 'SamplesAdmitted' ? await recordedAdmission(deps, trigger.data) : undefined
  const done = admission?.data.version
  if (done !== undefined) return deps.store.get<VersionRow>(keys.version(model, done))
  if (admission?.data.suppressed) return undefined

  const champion = await championOf(deps, modelRow.data)
  const field = await fieldPart(deps, modelRow.data, admission?.data ?? champion?.field)
  const assembled = await assembleTrainingSet(deps, config, field)
  if (assembled.parts.train.labels.length === 0) {
    throw new InputError(
      'NO_TRAINING_ROWS',
      `no rows are left for training after the split; drop more than ${assembled.parts.holdout.labels.length} rows`,
      'file',
    )
  }
  const digest = trainingSetDigest(assembled.set)
  const parameters = hyperparameters(config)
  const fingerprint = runFingerprint(digest, parameters)
  const run = await deps.store.get<{ version: number }>(keys.run(model, fingerprint))
  if (admission !== undefined && (run !== undefined || !bringsNews(assembled.set, champion)))
    return suppress(deps, modelRow, admission, cause)
  if (run !== undefined) return deps.store.get<VersionRow>(keys.version(model, run.data.version))
  const drop =
    trigger.type === 'DatasetRegistered'
      ? await decideDrop(deps, modelRow.data, trigger.data.dataset)
      : undefined
  if (drop !== undefined && drop.failed.length > 0) return holdBack(deps, model, drop, cause)

  await storeTrainingSet(deps, model, digest, assembled)
  const job = trainingJobName(deps.jobPrefix, model, nextVersion, fingerprint)
  const at = deps.now().toISOString()
  const version: VersionRow = {
    status: 'REQUESTED',
    model,
    version: nextVersion,
    config,
    configDigest,
    requestedAt: at,
    generation: cause.generation,
    correlationId: cause.correlationId,
    origin: 'training',
    job,
    trainingSet: summary(assembled.set),
    trainingSetDigest: digest,
    ...(field.set ? { field: field.set } : {}),
    hyperparameters: parameters,
    ...(deps.trainingImage === undefined ? {} : { image: deps.trainingImage }),
    ...(admission ? { decision: admission.data.decision } : {}),
  }
  await deps.store.commit(
    [
      put(
        keys.model(model),
        { ...arrived(modelRow.data, admission), nextVersion: nextVersion + 1, lastTrainingAt: at },
        modelRow,
        {
          list: { pk: 'MODELS', sk: model },
        },
      ),
      put(keys.version(model, nextVersion), version, undefined, {
        list: versionListing(model, nextVersion),
        pending: { kind: 'training', since: at },
      }),
      put(keys.run(model, fingerprint), { version: nextVersion }, undefined),
      put(
        keys.job(job),
        { model, version: nextVersion, generation: cause.generation, correlationId: cause.correlationId },
        undefined,
      ),
      ...(admission ? [put(admission.key, { ...admission.data, version: nextVersion }, admission)] : []),
      ...(drop?.write ? [drop.write] : []),
    ],
    [],
    cause,
  )
  return deps.store.get<VersionRow>(keys.version(model, nextVersion))
}

/** The drop is registered, and part of whatever is trained next. */
async function holdBack(
  { store }: StartTrainingDeps,
  model: string,
  { decision, failed, write }: DropDecision,
  cause: Cause,
): Promise<undefined> {
  if (write === undefined) return undefined
  const data = { model, decision, trigger: 'drop', failedGuards: [...failed] }
  await store.commit([write], [{ type: 'RetrainSuppressed', data }], cause)
  return undefined
}

const summary = ({ samples: _samples, ...rest }: TrainingSet): TrainingSetSummary => rest

/** Without field samples, a retrain is worth it only for drops that the champion has not seen. */
const bringsNews = (set: TrainingSet, champion: VersionRow | undefined): boolean =>
  set.samples.length > 0 || canonicalJson(set.sources) !== canonicalJson(champion?.trainingSet?.sources ?? [])

/** The model's row without the retrain that has come to its end here. */
function arrived({ retraining, ...model }: ModelRow, admission: Row<AdmissionRow> | undefined): ModelRow {
  return retraining === undefined || retraining.decision === admission?.data.decision
    ? model
    : { ...model, retraining }
}

/**
 * Nothing new to train on, because what decide-retrain saw did not pass admission any more. The decision's episodes
 * are open again, so that later labels bring the retrain up once more.
 */
async function suppress(
  { store, now }: StartTrainingDeps,
  modelRow: Row<ModelRow>,
  admission: Row<AdmissionRow>,
  cause: Cause,
): Promise<undefined> {
  const { model, decision, trigger } = admission.data
  const episodes = await store.query<EpisodeRow>(keys.model(model).pk, 'EPISODE#')
  const reopened = episodes.filter(e => e.data.decision === decision)
  await store.commit(
    [
      put(admission.key, { ...admission.data, suppressed: true }, admission),
      put(modelRow.key, arrived(modelRow.data, admission), modelRow, { list: { pk: 'MODELS', sk: model } }),
      ...reopened.map(row => {
        const { decision: _decision, ...open } = row.data
        return put(row.key, open, row, { pending: { kind: 'labels', since: now().toISOString() } })
      }),
    ],
    [{ type: 'RetrainSuppressed', data: { model, decision, trigger, failedGuards: ['newTrainingData'] } }],
    cause,
  )
  return undefined
}

/** Channels are content-addressed by the training set's digest and written once. */
async function storeTrainingSet(
  deps: StartTrainingDeps,
  model: string,
  digest: string,
  { set, parts }: Assembled,
): Promise<void> {
  const csv = (rows: Parameters<typeof toCsv>[0]) => Buffer.from(toCsv(rows))
  // First, so that there is never a row in a channel without a manifest that says whose it is: erasing goes by it.
  await deps.artefacts.putOnce(
    manifestKey(model, digest),
    Buffer.from(canonicalJson(set)),
    'application/json',
  )
  await deps.artefacts.putOnce(sentinelKey(model), csv(parts.holdout), 'text/csv')
  await deps.artefacts.putOnce(channelKey(model, digest, 'train'), csv(parts.train), 'text/csv')
  await deps.artefacts.putOnce(channelKey(model, digest, 'validation'), csv(parts.validation), 'text/csv')
  await deps.artefacts.putOnce(channelKey(model, digest, 'holdout'), csv(parts.holdout), 'text/csv')
  if (set.samples.length > 0)
    await deps.artefacts.putOnce(channelKey(model, digest, 'field'), csv(parts.field), 'text/csv')
}

async function start(deps: StartTrainingDeps, row: Row<VersionRow>, { cause }: Trigger): Promise<void> {
  const version = row.data
  const { model, job, trainingSetDigest: digest, config, hyperparameters: parameters } = version
  if (job === undefined || digest === undefined) return
  await deps.jobs.startTraining({
    name: job,
    hyperparameters: parameters ?? {},
    channels: {
      train: channelPrefix(model, digest, 'train'),
      validation: channelPrefix(model, digest, 'validation'),
    },
    outputPrefix: `jobs/${model}`,
    instanceType: config.training.instanceType,
    maxRuntimeSeconds: config.training.maxRuntimeSeconds,
    tags: { 'edgeloop:model': model, 'edgeloop:version': String(version.version) },
  })
  await deps.store.commit(
    [
      put(row.key, { ...version, status: 'TRAINING' }, row, {
        list: versionListing(model, version.version),
        pending: { kind: 'training', since: deps.now().toISOString() },
      }),
    ],
    [{ type: 'TrainingStarted', data: { model, version: version.version, job, trainingSet: digest } }],
    cause,
  )
}

export const handler = lambda(
  {
    DROP_BUCKET: z.string().min(1),
    ARTEFACT_BUCKET: z.string().min(1),
    SAGEMAKER_ROLE_ARN: z.string().min(1),
    TRAINING_IMAGE: z.string().min(1),
    JOB_PREFIX: z.string().min(1),
  },
  (env, core) =>
    startTraining({
      ...core,
      drops: bucketObjects(env.DROP_BUCKET),
      artefacts: bucketObjects(env.ARTEFACT_BUCKET),
      jobs: sagemakerJobs({
        bucket: env.ARTEFACT_BUCKET,
        roleArn: env.SAGEMAKER_ROLE_ARN,
        trainingImage: env.TRAINING_IMAGE,
      }),
      jobPrefix: env.JOB_PREFIX,
      trainingImage: env.TRAINING_IMAGE,
    }),
)
