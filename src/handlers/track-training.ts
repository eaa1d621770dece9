import * as z from 'zod'
import { sagemakerJobs } from '../adapters/jobs.ts'
import { bucketObjects } from '../adapters/objects.ts'
import { trainingJobStateChange } from '../contracts/aws.ts'
import type { DomainEvent } from '../contracts/envelope.ts'
import type { LabelledRows } from '../domain/dataset/parse.ts'
import { fromCsv } from '../domain/dataset/split.ts'
import { keys, type SampleRow, type VersionRow, versionListing } from '../domain/entities.ts'
import { EdgeloopError } from '../domain/errors.ts'
import { championModel } from '../domain/evaluation/champion.ts'
import { evaluate, marginsOf, referenceRows } from '../domain/evaluation/evaluate.ts'
import type { Margins } from '../domain/evaluation/score.ts'
import { makeBaseline } from '../domain/package/contents.ts'
import { extractTarGz, findModel } from '../domain/package/extract.ts'
import type { Core, Jobs, Objects } from '../domain/ports.ts'
import { type Cause, type Pending, put, type Row } from '../domain/store.ts'
import { blobKey, channelKey, sampleRows, sentinelKey } from '../domain/training/assemble.ts'
import { modelFromImport } from '../domain/training/imported.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { fromBus, isBusEvent, parseBusEvent, parseOrReject } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

const MAX_ARCHIVE = 256 * 1024 * 1024
const MAX_ROWS = 256 * 1024 * 1024

export interface TrackTrainingDeps extends Core {
  readonly artefacts: Objects
  readonly jobs: Jobs
}
interface JobRow {
  readonly model: string
  readonly version: number
  readonly generation: number
  readonly correlationId: string
}

/** SageMaker says that a job changed (a hint), or the reconciler asks: look at the job itself and go on from there. */
export const trackTraining = (deps: TrackTrainingDeps) =>
  fromBus(deps, async event => {
    const job = jobOf(event)
    if (job === undefined) return
    const jobRow = await deps.store.get<JobRow>(keys.job(job))
    if (jobRow === undefined) return
    const { model, version, generation, correlationId } = jobRow.data
    const row = await deps.store.get<VersionRow>(keys.version(model, version))
    if (row === undefined || (row.data.status !== 'TRAINING' && row.data.status !== 'REQUESTED')) return
    const cause: Cause = { correlationId, causationId: job, generation }
    const state = await deps.jobs.training(job)
    if (state.status === 'running') return
    if (state.status === 'failed') return fail(deps, row, job, state.reason, cause)
    await finish(deps, row, state.artefactKey, cause)
  })

function jobOf(event: unknown): string | undefined {
  if (!isBusEvent(event)) return parseOrReject(trainingJobStateChange, event).detail.TrainingJobName
  const { data } = parseBusEvent(event, ['CheckDue'])
  return data.kind === 'training' ? data.subject : undefined
}

async function fail(
  deps: Core,
  row: Row<VersionRow>,
  job: string,
  reason: string,
  cause: Cause,
): Promise<void> {
  const { model, version } = row.data
  await commit(
    deps,
    row,
    { ...base(row.data), status: 'FAILED', reason },
    { type: 'TrainingFailed', data: { model, version, job, reason } },
    cause,
  )
}

async function finish(
  deps: TrackTrainingDeps,
  row: Row<VersionRow>,
  archiveKey: string,
  cause: Cause,
): Promise<void> {
  const { model, version, config, trainingSetDigest: set = '', trainingSet } = row.data
  const { bytes } = await deps.artefacts.get(archiveKey, { maxBytes: MAX_ARCHIVE })
  let file: ReturnType<typeof findModel>
  let challenger: Margins
  try {
    file = findModel(extractTarGz(bytes))
    challenger = modelFromImport(() => marginsOf((file as ReturnType<typeof findModel>).bytes, config))
  } catch (error) {
    if (!(error instanceof EdgeloopError)) throw error
    return fail(deps, row, row.data.job ?? '', error.message, cause)
  }
  const rowsOf = async (key: string): Promise<LabelledRows> =>
    fromCsv(new TextDecoder().decode((await deps.artefacts.get(key, { maxBytes: MAX_ROWS })).bytes))
  const train = await rowsOf(channelKey(model, set, 'train'))
  const sets = {
    holdout: await rowsOf(channelKey(model, set, 'holdout')),
    sentinel: await rowsOf(sentinelKey(model)),
  }

  const championBytes = await championModel(deps, model)
  const { verdict, metrics } = evaluate(
    config,
    sets,
    challenger,
    championBytes && marginsOf(championBytes, config),
  )
  const modelDigest = sha256Hex(file.bytes)
  await deps.artefacts.putOnce(blobKey(modelDigest), file.bytes, 'application/octet-stream')
  const evaluated = { ...base(row.data), modelDigest, metrics }
  if (!verdict.passed) {
    const { reasons } = verdict
    const data = { model, version, reasons: [...reasons], metrics }
    return commit(
      deps,
      row,
      { ...evaluated, status: 'REJECTED', reasons },
      { type: 'ModelVersionRejected', data },
      cause,
    )
  }
  const field = await fieldRows(deps, model, trainingSet?.samples.map(s => s.eventId) ?? [])
  const reference = referenceRows(train, field)
  const baseline = Buffer.from(
    JSON.stringify(makeBaseline(config, reference.rows, sets.holdout, challenger, reference.source)),
  )
  const baselineDigest = sha256Hex(baseline)
  await deps.artefacts.putOnce(blobKey(baselineDigest), baseline, 'application/json')
  await commit(
    deps,
    row,
    { ...evaluated, status: 'REGISTERED', baselineDigest },
    { type: 'ModelVersionRegistered', data: { model, version, origin: 'training', metrics, modelDigest } },
    cause,
  )
}

/** Exactly the samples that the training set lists, as they were labelled. */
async function fieldRows(deps: Core, model: string, eventIds: readonly string[]): Promise<LabelledRows> {
  if (eventIds.length === 0) return { features: [], labels: [] }
  const wanted = new Set(eventIds)
  const samples = await deps.store.query<SampleRow>(keys.sample(model, '').pk)
  return sampleRows(samples.map(r => r.data).filter(s => wanted.has(s.eventId) && s.label !== undefined))
}

/** The fields that every stage shares. */
export function base(row: VersionRow) {
  const {
    model,
    version,
    config,
    configDigest,
    requestedAt,
    generation,
    origin,
    job,
    trainingSet,
    trainingSetDigest,
    hyperparameters,
    decision,
  } = row
  return {
    model,
    version,
    config,
    configDigest,
    requestedAt,
    generation,
    origin,
    ...(job === undefined ? {} : { job }),
    ...(trainingSet === undefined ? {} : { trainingSet }),
    ...(trainingSetDigest === undefined ? {} : { trainingSetDigest }),
    ...(hyperparameters === undefined ? {} : { hyperparameters }),
    ...(decision === undefined ? {} : { decision }),
  }
}

async function commit(
  deps: Core,
  row: Row<VersionRow>,
  next: VersionRow,
  event: DomainEvent,
  cause: Cause,
): Promise<void> {
  const pending: Pending | undefined =
    next.status === 'REGISTERED' ? { kind: 'compilation', since: deps.now().toISOString() } : undefined
  await deps.store.commit(
    [
      put(row.key, next, row, {
        list: versionListing(next.model, next.version),
        ...(pending ? { pending } : {}),
      }),
    ],
    [event],
    cause,
  )
}

export const handler = lambda(
  {
    ARTEFACT_BUCKET: z.string().min(1),
    SAGEMAKER_ROLE_ARN: z.string().min(1),
    TRAINING_IMAGE: z.string().min(1),
  },
  (env, core) =>
    trackTraining({
      ...core,
      artefacts: bucketObjects(env.ARTEFACT_BUCKET),
      jobs: sagemakerJobs({
        bucket: env.ARTEFACT_BUCKET,
        roleArn: env.SAGEMAKER_ROLE_ARN,
        trainingImage: env.TRAINING_IMAGE,
      }),
    }),
)
