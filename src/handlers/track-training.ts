import * as z from 'zod'
import { sagemakerJobs } from '../adapters/jobs.ts'
import { bucketObjects } from '../adapters/objects.ts'
import type { AdmittedSample } from '../contracts/admitted-samples.ts'
import { trainingJobStateChange } from '../contracts/aws.ts'
import type { DomainEvent } from '../contracts/envelope.ts'
import type { ModelConfig } from '../contracts/model-config.ts'
import type { LabelledRows } from '../domain/dataset/parse.ts'
import { concatRows, fromCsv } from '../domain/dataset/split.ts'
import { keys, type VersionRow, versionListing } from '../domain/entities.ts'
import { EdgeloopError } from '../domain/errors.ts'
import { auditRows } from '../domain/evaluation/audit-rows.ts'
import { championOfModel } from '../domain/evaluation/champion.ts'
import { evaluate, marginsOf, referenceRows } from '../domain/evaluation/evaluate.ts'
import { type Margins, metricsOf, scoreRows } from '../domain/evaluation/score.ts'
import { deviceDayOf } from '../domain/monitoring/device-days.ts'
import { putMonitorFiles, toModelMonitor } from '../domain/monitoring/model-monitor.ts'
import { makeBaseline, referenceColumns } from '../domain/package/contents.ts'
import { extractTarGz, findModel } from '../domain/package/extract.ts'
import type { Core, Jobs, Objects } from '../domain/ports.ts'
import { admittedRows, readAdmitted, stillFit } from '../domain/sampling/admitted.ts'
import { type Cause, type Pending, put, type Row } from '../domain/store.ts'
import { blobKey, channelKey, manifestKey, sentinelKey } from '../domain/training/assemble.ts'
import { modelFromImport } from '../domain/training/imported.ts'
import { sha256Hex, type TrainingSet } from '../domain/training/plan.ts'
import { follow } from '../runtime/chain.ts'
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
    const cause: Cause = { correlationId, causationId: job, generation }
    follow(cause)
    const row = await deps.store.get<VersionRow>(keys.version(model, version))
    if (row === undefined || (row.data.status !== 'TRAINING' && row.data.status !== 'REQUESTED')) return
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
  const { model, version, config, trainingSetDigest: set = '', field } = row.data
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
  const best = await championOfModel(deps, model)
  const champion = best && marginsOf(best.model, config)
  const admitted = await admittedFor(deps, row.data)
  const sets = {
    holdout: await rowsOf(channelKey(model, set, 'holdout')),
    sentinel: await rowsOf(sentinelKey(model)),
    ...(best ? { audit: auditRows(config, admitted, best.releasedAt) } : {}),
  }
  const heldOutField = field ? await rowsOf(channelKey(model, set, 'field')) : NO_ROWS
  const { verdict, gate, metrics: gated } = evaluate(config, sets, challenger, champion)
  const metrics = { ...gated, ...fieldMetrics(config, heldOutField, challenger, champion) }
  const modelDigest = sha256Hex(file.bytes)
  await deps.artefacts.putOnce(blobKey(modelDigest), file.bytes, 'application/octet-stream')
  const evaluated = { ...base(row.data), modelDigest, metrics, gate, evaluatedAt: deps.now().toISOString() }
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
  const reference = referenceRows(train, admittedRows(admitted))
  const heldOut = concatRows(sets.holdout, heldOutField)
  // Drops do not say which device a row is from.
  const days =
    reference.source === 'field' ? admitted.map(s => deviceDayOf(s.thing, s.receivedAt)) : undefined
  const made = makeBaseline(config, reference.rows, heldOut, challenger, reference.source, days)
  const baseline = Buffer.from(JSON.stringify(made))
  const baselineDigest = sha256Hex(baseline)
  await deps.artefacts.putOnce(blobKey(baselineDigest), baseline, 'application/json')
  const columns = referenceColumns(config, reference.rows, challenger)
  await putMonitorFiles(deps.artefacts, row.data, toModelMonitor(made, columns, config.monitoring))
  await commit(
    deps,
    row,
    { ...evaluated, status: 'REGISTERED', baselineDigest },
    { type: 'ModelVersionRegistered', data: { model, version, origin: 'training', metrics, modelDigest } },
    cause,
  )
}

const NO_ROWS: LabelledRows = { features: [], labels: [] }

/** All held-out rows of the field, for people to see; `auditRows` are the ones that judge. */
function fieldMetrics(
  config: ModelConfig,
  rows: LabelledRows,
  challenger: Margins,
  champion: Margins | undefined,
): Record<string, number> {
  const measure = (prefix: string, margins: Margins | undefined): [string, number][] =>
    margins === undefined || rows.labels.length === 0
      ? []
      : Object.entries(metricsOf(scoreRows(margins, rows, config), rows, config)).map(([m, v]) => [
          `${prefix}${m}`,
          v,
        ])
  return Object.fromEntries([...measure('field_', challenger), ...measure('champion_field_', champion)])
}

/** Exactly the samples that the training set lists. */
async function admittedFor(
  deps: TrackTrainingDeps,
  { model, config, field, trainingSetDigest: set = '' }: VersionRow,
): Promise<AdmittedSample[]> {
  if (field === undefined) return []
  const { bytes } = await deps.artefacts.get(manifestKey(model, set), { maxBytes: MAX_ROWS })
  const { samples } = JSON.parse(new TextDecoder().decode(bytes)) as TrainingSet
  const listed = new Set(samples.map(s => `${s.eventId}#${s.thing}`))
  const admitted = await readAdmitted(deps, model, field.digest)
  return stillFit(admitted, config, () => false).filter(s => listed.has(`${s.eventId}#${s.thing}`))
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
    correlationId,
    origin,
    job,
    trainingSet,
    trainingSetDigest,
    field,
    hyperparameters,
    image,
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
    ...(correlationId === undefined ? {} : { correlationId }),
    ...(job === undefined ? {} : { job }),
    ...(trainingSet === undefined ? {} : { trainingSet }),
    ...(trainingSetDigest === undefined ? {} : { trainingSetDigest }),
    ...(field === undefined ? {} : { field }),
    ...(hyperparameters === undefined ? {} : { hyperparameters }),
    ...(image === undefined ? {} : { image }),
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
