import * as z from 'zod'
import { sagemakerJobs } from '../adapters/jobs.ts'
import { pollQueue } from '../adapters/messaging.ts'
import { bucketObjects } from '../adapters/objects.ts'
import { sqsEvent } from '../contracts/aws.ts'
import { hardwareName, modelName, versionNumber } from '../contracts/names.ts'
import { keys, type TargetRow } from '../domain/entities.ts'
import { extractTarGz } from '../domain/package/extract.ts'
import { failTarget } from '../domain/package/targets.ts'
import type { Core, Jobs, Objects, PollQueue } from '../domain/ports.ts'
import { type Cause, put, type Row } from '../domain/store.ts'
import { blobKey } from '../domain/training/assemble.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { eachRecord } from '../runtime/batch.ts'
import { follow } from '../runtime/chain.ts'
import { retryOnConflict } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

const MAX_ARCHIVE = 256 * 1024 * 1024

const pollMessage = z.object({
  model: modelName,
  version: versionNumber,
  hardware: hardwareName,
  attempt: z.int().min(1),
  correlationId: z.string(),
  causationId: z.string().optional(),
  generation: z.int(),
})

export interface TrackCompilationDeps extends Core {
  readonly artefacts: Objects
  readonly jobs: Jobs
  readonly poll: PollQueue
}

/** Looks at compilation jobs until they end. The delay queue is the clock; the reconciler starts it again if it stops. */
export const trackCompilation = (deps: TrackCompilationDeps) => async (event: unknown) => {
  const { Records } = sqsEvent.parse(event)
  return eachRecord(
    Records,
    r => r.messageId,
    deps.log,
    record => retryOnConflict(() => look(deps, pollMessage.parse(JSON.parse(record.body)))),
  )
}

async function look(deps: TrackCompilationDeps, message: z.infer<typeof pollMessage>): Promise<void> {
  const { model, version, hardware, attempt, correlationId, generation, causationId } = message
  const cause: Cause = { correlationId, generation, ...(causationId ? { causationId } : {}) }
  follow(cause)
  const row = await deps.store.get<TargetRow>(keys.target(model, version, hardware))
  if (row?.data.status !== 'COMPILING' || row.data.job === undefined) return
  const state = await deps.jobs.compilation(row.data.job)
  if (state.status === 'running')
    return deps.poll.later({ model, version, hardware, attempt: attempt + 1, ...cause })
  if (state.status === 'failed') {
    return failTarget(deps, { ...row.data, status: 'FAILED', reason: state.reason }, row, cause)
  }
  await store(deps, row, state.artefactKey, cause)
}

/** Our compiler's module is taken out of the archive; anything else Neo made goes to the device as the archive it is. */
async function store(
  deps: TrackCompilationDeps,
  row: Row<TargetRow>,
  archiveKey: string,
  cause: Cause,
): Promise<void> {
  const { bytes: archive } = await deps.artefacts.get(archiveKey, { maxBytes: MAX_ARCHIVE })
  const files = extractTarGz(archive)
  const module = files.find(f => f.name === 'compiled.wasm')
  const note = files.find(f => f.name === 'neo-compatibility.txt')
  const bytes = module?.bytes ?? archive
  const artefact = sha256Hex(bytes)
  await deps.artefacts.putOnce(blobKey(artefact), bytes, 'application/octet-stream')
  const { model, version, hardware, strategy } = row.data
  const compiled: TargetRow = {
    ...row.data,
    status: 'COMPILED',
    artefact,
    bytes: bytes.byteLength,
    file: module ? 'model.wasm' : 'model.tar.gz',
    at: deps.now().toISOString(),
    ...(note ? { note: new TextDecoder().decode(note.bytes).slice(0, 500) } : {}),
  }
  await deps.store.commit(
    [put(row.key, compiled, row)],
    [
      {
        type: 'CompilationFinished',
        data: { model, version, hardware, strategy, artefact, bytes: bytes.byteLength },
      },
    ],
    cause,
  )
}

export const handler = lambda(
  {
    ARTEFACT_BUCKET: z.string().min(1),
    SAGEMAKER_ROLE_ARN: z.string().min(1),
    TRAINING_IMAGE: z.string().min(1),
    POLL_QUEUE_URL: z.url(),
    POLL_SECONDS: z.coerce.number().int().min(0).max(900),
  },
  (env, core) =>
    trackCompilation({
      ...core,
      artefacts: bucketObjects(env.ARTEFACT_BUCKET),
      jobs: sagemakerJobs({
        bucket: env.ARTEFACT_BUCKET,
        roleArn: env.SAGEMAKER_ROLE_ARN,
        trainingImage: env.TRAINING_IMAGE,
      }),
      poll: pollQueue(env.POLL_QUEUE_URL, env.POLL_SECONDS),
    }),
)
