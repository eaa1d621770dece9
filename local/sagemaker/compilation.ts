/**
 * The compilation job operations of the SageMaker API. Statuses are upper case, unlike training's. No event is
 * emitted: EventBridge documents none for compilation jobs, so a caller has to poll DescribeCompilationJob.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { AwsError, type CallContext, type JsonOperation } from '../core/types.ts'
import { record } from '../events/read.ts'
import { type CompilationRequest, compilationRequest } from './compilation-input.ts'
import { CompilationFailure, type CompilationResult, type Compiler, compile } from './compilation-run.ts'
import { authorizeJob, parse } from './input.ts'
import { listJobs } from './listing.ts'
import { createS3Access } from './s3-access.ts'
import { createJobStore } from './store.ts'
import type { JobServiceOptions, TagPort } from './training.ts'

type Status = 'STARTING' | 'INPROGRESS' | 'STOPPING' | 'COMPLETED' | 'FAILED' | 'STOPPED'
interface CompilationJob {
  readonly name: string
  readonly arn: string
  readonly request: CompilationRequest
  readonly status: Status
  /** ms since 1970, as all times of a record. */
  readonly creationTime: number
  readonly lastModifiedTime: number
  readonly startTime?: number
  readonly endTime?: number
  readonly failureReason: string
  readonly result?: CompilationResult
}
const isTerminal = (job: CompilationJob): boolean => ['COMPLETED', 'FAILED', 'STOPPED'].includes(job.status)

export interface CompilationOptions extends JobServiceOptions {
  readonly compiler: Compiler | undefined
}

export function createCompilation(options: CompilationOptions): {
  operations: Record<string, JsonOperation>
  tags: TagPort
} {
  const { realm, iam, runner } = options
  const dir = join(realm.dir, 'sagemaker', 'compilation-jobs')
  const log = (level: 'info' | 'warn', message: string): void =>
    realm.log({ level, service: 'sagemaker', message })
  const store = createJobStore<CompilationJob>(dir, (file, error) =>
    log('warn', `job record ${file} cannot be read: ${error}`),
  )
  const now = (): number => realm.now().getTime()
  const arnOf = (name: string): string =>
    `arn:aws:sagemaker:${realm.region}:${realm.accountId}:compilation-job/${name}`

  const change = (name: string, status: Status, more: Partial<CompilationJob> = {}): void => {
    const job = store.get(name)
    if (!job || isTerminal(job)) return
    const ended = isTerminal({ ...job, status }) ? { endTime: now() } : {}
    const failureReason = (more.failureReason ?? job.failureReason).slice(0, 1024)
    store.save({ ...job, ...ended, ...more, failureReason, status, lastModifiedTime: now() })
    log('info', `compilation job ${name}: ${status}${failureReason ? ` (${failureReason})` : ''}`)
  }
  for (const job of store.all())
    if (!isTerminal(job))
      change(job.name, 'FAILED', {
        failureReason: 'ServerError: InternalServerError: the local cloud was restarted while the job ran.',
      })

  const jobOf = (input: unknown, ctx: CallContext, action: string): CompilationJob => {
    const name = String(record(input)['CompilationJobName'])
    ctx.authorize({ action: `sagemaker:${action}`, resource: arnOf(name) })
    const job = store.get(name)
    if (!job) throw new AwsError('ResourceNotFound', `Could not find compilation job '${name}'.`)
    return job
  }

  const run = (job: CompilationJob, roleName: string): void =>
    runner.start(job.arn, async control => {
      try {
        const result = await compile(job.request, control, {
          compiler: options.compiler,
          dir: join(dir, job.name),
          region: realm.region,
          s3: createS3Access({
            endpoint: options.s3Endpoint(),
            region: realm.region,
            credentials: iam.credentialsFor(roleName, job.name),
          }),
          onLine: line => options.onLog('/aws/sagemaker/CompilationJobs', job.name, line),
          onStarted: () => change(job.name, 'INPROGRESS', { startTime: now() }),
        })
        change(job.name, 'COMPLETED', { result })
      } catch (error) {
        const why = control.reason()
        if (why === 'close') return
        if (error instanceof CompilationFailure) change(job.name, 'FAILED', { failureReason: error.message })
        else if (why === 'stop') change(job.name, 'STOPPED')
        else if (why === 'timeout')
          change(job.name, 'FAILED', {
            failureReason: 'ClientError: TimeOut: the compilation job ran longer than MaxRuntimeInSeconds',
          })
        else change(job.name, 'FAILED', { failureReason: `ServerError: internal server error: ${error}` })
      }
    })

  const create = (input: unknown, ctx: CallContext) => {
    const request: CompilationRequest = parse(compilationRequest, input)
    const name = request.CompilationJobName
    const arn = arnOf(name)
    const roleName = authorizeJob(iam, ctx, {
      action: 'CreateCompilationJob',
      arn,
      roleArn: request.RoleArn,
      tagged: request.Tags.length > 0,
    })
    if (store.get(name))
      throw new AwsError(
        'ResourceInUse',
        `Compilation job names must be unique within an AWS account and region, and a compilation job with this name already exists (${arn})`,
      )
    const job: CompilationJob = {
      name,
      arn,
      request,
      status: 'STARTING',
      creationTime: now(),
      lastModifiedTime: now(),
      failureReason: '',
    }
    store.save(job)
    run(job, roleName)
    return { CompilationJobArn: arn }
  }

  const find = (arn: string): CompilationJob | undefined => {
    const job = store.get(arn.slice(arn.lastIndexOf('/') + 1))
    return job?.arn === arn ? job : undefined
  }
  return {
    operations: {
      CreateCompilationJob: create,
      DescribeCompilationJob: (input, ctx) => describe(jobOf(input, ctx, 'DescribeCompilationJob')),
      ListCompilationJobs: (input, ctx) => {
        ctx.authorize({ action: 'sagemaker:ListCompilationJobs', resource: '*' })
        const { page, next } = listJobs(store.all(), input)
        return { CompilationJobSummaries: page.map(summary), ...next }
      },
      StopCompilationJob: (input, ctx) => {
        const job = jobOf(input, ctx, 'StopCompilationJob')
        if (!isTerminal(job)) {
          change(job.name, 'STOPPING')
          runner.stop(job.arn)
        }
        return {}
      },
      DeleteCompilationJob: (input, ctx) => {
        const job = jobOf(input, ctx, 'DeleteCompilationJob')
        if (!isTerminal(job))
          throw new AwsError(
            'ValidationException',
            `A compilation job can be deleted only when it is COMPLETED, FAILED or STOPPED; ${job.name} is ${job.status}.`,
          )
        store.remove(job.name)
        rmSync(join(dir, job.name), { recursive: true, force: true })
        return {}
      },
    },
    tags: {
      get: arn => find(arn)?.request.Tags,
      set(arn, tags) {
        const job = find(arn)
        if (job) store.save({ ...job, request: { ...job.request, Tags: [...tags] } })
      },
    },
  }
}

function describe(job: CompilationJob): Readonly<Record<string, unknown>> {
  const { Tags: _, ...request } = job.request
  return {
    ...request,
    ...summary(job),
    FailureReason: job.failureReason,
    ModelArtifacts: { S3ModelArtifacts: job.result?.s3ModelArtifacts ?? '' },
    ...(job.result && { ModelDigests: { ArtifactDigest: job.result.artifactDigest } }),
  }
}

function summary(job: CompilationJob) {
  const { TargetDevice, TargetPlatform } = job.request.OutputConfig
  return {
    CompilationJobName: job.name,
    CompilationJobArn: job.arn,
    CreationTime: job.creationTime / 1000,
    LastModifiedTime: job.lastModifiedTime / 1000,
    ...(job.startTime !== undefined && { CompilationStartTime: job.startTime / 1000 }),
    ...(job.endTime !== undefined && { CompilationEndTime: job.endTime / 1000 }),
    CompilationJobStatus: job.status,
    ...(TargetDevice !== undefined && { CompilationTargetDevice: TargetDevice }),
    ...(TargetPlatform !== undefined && {
      CompilationTargetPlatformOs: TargetPlatform.Os,
      CompilationTargetPlatformArch: TargetPlatform.Arch,
      CompilationTargetPlatformAccelerator: TargetPlatform.Accelerator,
    }),
  }
}
