/** The training job operations of the SageMaker API. */
import { join } from 'node:path'
import type { Iam } from '../core/services.ts'
import {
  AwsError,
  type CallContext,
  type EmitServiceEvent,
  type JsonOperation,
  type Realm,
} from '../core/types.ts'
import { record } from '../events/read.ts'
import { authorizeJob, parse, type Tag } from './input.ts'
import { listJobs } from './listing.ts'
import { assertJobRights, logRights, pullRights } from './role-rights.ts'
import type { Runner } from './runner.ts'
import { createS3Access } from './s3-access.ts'
import { createJobStore } from './store.ts'
import { type TrainingRequest, trainingRequest } from './training-input.ts'
import { runTrainingJob, type TrainingImage } from './training-run.ts'
import {
  describeTrainingJob,
  isTerminal,
  newTrainingJob,
  step,
  type TrainingJob,
  trainingJobEvent,
} from './training-state.ts'

const LOG_GROUP = '/aws/sagemaker/TrainingJobs'

export type OnLog = (group: string, stream: string, line: string) => void
export interface JobServiceOptions {
  readonly realm: Realm
  readonly iam: Iam
  readonly runner: Runner
  /** Where jobs reach S3. */
  readonly s3Endpoint: () => string
  readonly onLog: OnLog
}
export interface TrainingOptions extends JobServiceOptions {
  readonly emit: EmitServiceEvent
  readonly images: readonly TrainingImage[]
}
/** Tags of a job by its ARN; undefined when there is no such job here. */
export interface TagPort {
  get(arn: string): readonly Tag[] | undefined
  set(arn: string, tags: readonly Tag[]): void
}

export function createTraining(options: TrainingOptions): {
  operations: Record<string, JsonOperation>
  tags: TagPort
} {
  const { realm, iam, runner, emit } = options
  const dir = join(realm.dir, 'sagemaker', 'training-jobs')
  const log = (level: 'info' | 'warn', message: string, more: Record<string, unknown> = {}): void =>
    realm.log({ level, service: 'sagemaker', message, ...more })
  const store = createJobStore<TrainingJob>(dir, (file, error) =>
    log('warn', `job record ${file} cannot be read`, { error: String(error) }),
  )
  const now = (): number => realm.now().getTime()
  const arnOf = (name: string): string =>
    `arn:aws:sagemaker:${realm.region}:${realm.accountId}:training-job/${name}`

  for (const job of store.all())
    if (!isTerminal(job)) {
      store.save(
        step(job, 'Failed', now(), {
          failureReason:
            'InternalServerError: the local cloud was restarted while the job ran. Please try again.',
        }),
      )
      log('warn', `training job ${job.name} was interrupted by a restart and is Failed`)
    }

  const change = (name: string, to: Parameters<typeof step>[1], more?: Parameters<typeof step>[3]): void => {
    const job = store.get(name)
    if (!job || isTerminal(job)) return
    const next = step(job, to, now(), more)
    store.save(next)
    log(
      'info',
      `training job ${name}: ${to}`,
      next.failureReason ? { failureReason: next.failureReason } : {},
    )
    emit(trainingJobEvent(next))
  }

  const jobOf = (input: unknown, ctx: CallContext, action: string): TrainingJob => {
    const name = String(record(input)['TrainingJobName'])
    ctx.authorize({ action: `sagemaker:${action}`, resource: arnOf(name) })
    const job = store.get(name)
    if (!job) throw new AwsError('ValidationException', 'Requested resource not found.')
    return job
  }

  const create = (input: unknown, ctx: CallContext) => {
    const request: TrainingRequest = parse(trainingRequest, input)
    const name = request.TrainingJobName
    const arn = arnOf(name)
    const tagged = request.Tags.length > 0
    const roleName = authorizeJob(iam, ctx, {
      action: 'CreateTrainingJob',
      arn,
      roleArn: request.RoleArn,
      tagged,
    })
    if (store.get(name))
      throw new AwsError(
        'ResourceInUse',
        `Training job names must be unique within an AWS account and region, and a training job with this name already exists (${arn})`,
      )
    const job = newTrainingJob(arn, request, now())
    store.save(job)
    runner.start(arn, async control => {
      emit(trainingJobEvent(job))
      await runTrainingJob(job, control, {
        region: realm.region,
        images: options.images,
        dir: join(dir, name),
        now,
        s3: createS3Access({
          endpoint: options.s3Endpoint(),
          region: realm.region,
          credentials: iam.credentialsFor(roleName, name),
        }),
        assertRights: () =>
          assertJobRights(iam, roleName, name, [
            ...pullRights(request.AlgorithmSpecification.TrainingImage),
            ...logRights(realm, LOG_GROUP),
          ]),
        onLine: line =>
          options.onLog(LOG_GROUP, `${name}/algo-1-${Math.floor(job.creationTime / 1000)}`, line),
        step: (to, more) => change(name, to, more),
      })
    })
    return { TrainingJobArn: arn }
  }

  return {
    operations: {
      CreateTrainingJob: create,
      DescribeTrainingJob: (input, ctx) => describeTrainingJob(jobOf(input, ctx, 'DescribeTrainingJob')),
      ListTrainingJobs: (input, ctx) => {
        ctx.authorize({ action: 'sagemaker:ListTrainingJobs', resource: '*' })
        const { page, next } = listJobs(store.all(), input)
        return { TrainingJobSummaries: page.map(summary), ...next }
      },
      StopTrainingJob: (input, ctx) => {
        const job = jobOf(input, ctx, 'StopTrainingJob')
        if (isTerminal(job))
          throw new AwsError(
            'ValidationException',
            `The request was rejected because the training job is in status ${job.status}.`,
          )
        if (job.status !== 'Stopping') change(job.name, 'Stopping')
        runner.stop(job.arn)
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

  function find(arn: string): TrainingJob | undefined {
    const job = store.get(arn.slice(arn.lastIndexOf('/') + 1))
    return job?.arn === arn ? job : undefined
  }
}

const summary = (job: TrainingJob) => ({
  TrainingJobName: job.name,
  TrainingJobArn: job.arn,
  CreationTime: job.creationTime / 1000,
  LastModifiedTime: job.lastModifiedTime / 1000,
  ...(job.trainingEndTime !== undefined && { TrainingEndTime: job.trainingEndTime / 1000 }),
  TrainingJobStatus: job.status,
  SecondaryStatus: job.secondaryStatus,
})
