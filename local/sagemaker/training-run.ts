/** The life of one training job: Starting → Downloading → Training → Uploading → Completed, Failed or Stopped. */
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { startChild } from './child.ts'
import type { JobControl } from './runner.ts'
import { parseS3Uri, type S3Access } from './s3-access.ts'
import { listFiles, packFolder } from './tar.ts'
import {
  containerEnvironment,
  createMetricReader,
  layOutContainer,
  readFailure,
} from './training-container.ts'
import type { Metric, SecondaryStatus, TrainingJob } from './training-state.ts'

export interface TrainingImage {
  /** An image's URI, or a pattern over it. */
  readonly match: RegExp | string
  /** Program and arguments; `train` is appended, as SageMaker runs a container. */
  readonly command: readonly string[]
}
export interface TrainingRunPorts {
  readonly region: string
  readonly images: readonly TrainingImage[]
  /** Folder of this job; its log stays in it. */
  readonly dir: string
  readonly now: () => number
  readonly s3: S3Access
  /** Throws when the execution role may not pull the image or write logs. */
  readonly assertRights: () => void
  readonly onLine: (line: string) => void
  readonly step: (to: SecondaryStatus, more?: Step) => void
}
interface Step {
  failureReason?: string
  modelArtifacts?: string
  metrics?: readonly Metric[]
}

/** A failure with SageMaker's prefix: ClientError, AlgorithmError or InternalServerError. */
class JobFailure extends Error {}

/** Runs the job to its end. Never rejects; when the cloud closes, the record stays as it is. */
export async function runTrainingJob(
  job: TrainingJob,
  control: JobControl,
  ports: TrainingRunPorts,
): Promise<void> {
  const base = join(ports.dir, 'ml')
  try {
    await mkdir(ports.dir, { recursive: true, mode: 0o700 })
    await train(job, control, ports, base)
  } catch (error) {
    finishEarly(error, control, ports)
  } finally {
    await ports.s3.close().catch(() => {})
    await rm(base, { recursive: true, force: true }).catch(() => {})
  }
}

function finishEarly(error: unknown, control: JobControl, ports: TrainingRunPorts): void {
  const reason = control.reason()
  if (reason === 'close') return
  if (error instanceof JobFailure) ports.step('Failed', { failureReason: error.message })
  else if (reason === 'stop') ports.step('Stopped')
  else if (reason === 'timeout') ports.step('MaxRuntimeExceeded')
  else
    ports.step('Failed', {
      failureReason: `InternalServerError: We encountered an internal error. Please try again. (${text(error)})`,
    })
}

async function train(
  job: TrainingJob,
  control: JobControl,
  ports: TrainingRunPorts,
  base: string,
): Promise<void> {
  const { request } = job
  control.signal.throwIfAborted()
  const image = request.AlgorithmSpecification.TrainingImage
  const program = ports.images.find(each => fits(each.match, image))
  if (!program)
    throw new JobFailure(
      `ClientError: Cannot find training image ${image}; the local cloud runs ${known(ports.images)}`,
    )
  try {
    ports.assertRights()
  } catch (error) {
    throw new JobFailure(`ClientError: ${text(error)}`)
  }
  await rm(base, { recursive: true, force: true })
  await layOutContainer(base, request)

  ports.step('Downloading')
  control.limit(request.StoppingCondition.MaxRuntimeInSeconds)
  for (const channel of request.InputDataConfig) await download(channel, job, control, ports, base)

  control.signal.throwIfAborted()
  ports.step('Training')
  const metrics = createMetricReader(request.AlgorithmSpecification.MetricDefinitions, ports.now)
  const child = startChild({
    command: [...program.command, 'train'],
    cwd: base,
    env: containerEnvironment(base, job.arn, ports.region, request),
    logFile: join(ports.dir, 'train.log'),
    onLine: line => {
      metrics.read(line)
      ports.onLine(line)
    },
  })
  control.attach(child)
  const exit = await child.done
  const interrupted = control.reason()
  if (interrupted === 'close') return
  if (exit.error)
    throw new JobFailure(
      `ClientError: the program of training image ${image} could not be started: ${exit.error}`,
    )

  // A stopped job keeps what it has saved, a failed one only its output data.
  const failed = !interrupted && exit.code !== 0
  const failure = failed ? await readFailure(base) : ''
  if (!failed) ports.step('Uploading', { metrics: metrics.final() })
  const output = `${request.OutputDataConfig.S3OutputPath.replace(/\/+$/, '')}/${job.name}/output`
  if ((await listFiles(join(base, 'output/data'))).length > 0)
    await upload(control, ports, join(base, 'output/data'), `${output}/output.tar.gz`, failed)
  if (failed) throw new JobFailure(`AlgorithmError: ${failure.slice(0, 980)}, exit code: ${exit.code}`)
  await upload(control, ports, join(base, 'model'), `${output}/model.tar.gz`, false)
  const end =
    interrupted === 'timeout' ? 'MaxRuntimeExceeded' : interrupted === 'stop' ? 'Stopped' : 'Completed'
  ports.step(end, { modelArtifacts: `${output}/model.tar.gz`, metrics: metrics.final() })
}

type Channel = TrainingJob['request']['InputDataConfig'][number]
async function download(
  channel: Channel,
  job: TrainingJob,
  control: JobControl,
  ports: TrainingRunPorts,
  base: string,
): Promise<void> {
  const { S3Uri: uri, S3DataType: type } = channel.DataSource.S3DataSource
  let count: number
  try {
    const source = { type, uri, gzip: channel.CompressionType === 'Gzip' }
    count = await ports.s3.download(source, join(base, 'input/data', channel.ChannelName), control.signal)
  } catch (error) {
    control.signal.throwIfAborted()
    throw new JobFailure(
      `ClientError: Data download failed: Failed to download ${uri} of channel ${channel.ChannelName} as role ${job.request.RoleArn}: ${text(error)}`,
    )
  }
  const { bucket } = parseS3Uri(uri)
  if (count === 0)
    throw new JobFailure(
      `ClientError: No S3 objects found under S3 URL "${uri}" given in input data source. Please ensure that the bucket exists in the selected region (${ports.region}), that objects exist under that S3 prefix, and that the role "${job.request.RoleArn}" has "s3:ListBucket" permissions on bucket "${bucket}".`,
    )
}

async function upload(
  control: JobControl,
  ports: TrainingRunPorts,
  dir: string,
  uri: string,
  failedAnyway: boolean,
): Promise<void> {
  const file = join(ports.dir, 'upload.tar.gz')
  try {
    await packFolder(dir, file)
    await ports.s3.upload(file, parseS3Uri(uri), control.closing)
  } catch (error) {
    // The program's own failure is the better reason than one of the upload after it.
    if (!failedAnyway)
      throw new JobFailure(`ClientError: Artifact upload failed: Failed to upload ${uri}: ${text(error)}`)
  } finally {
    await rm(file, { force: true })
  }
}

const fits = (match: RegExp | string, image: string): boolean =>
  typeof match === 'string' ? match === image : image.search(match) >= 0
const known = (images: readonly TrainingImage[]): string =>
  images.length === 0 ? 'none' : images.map(each => String(each.match)).join(', ')
const text = (error: unknown): string =>
  error instanceof Error
    ? error.name === 'Error'
      ? error.message
      : `${error.name}: ${error.message}`
    : String(error)
