/** A training job's record, its steps, and the two views of it: DescribeTrainingJob and the EventBridge event. */
import type { ServiceEvent } from '../core/types.ts'
import type { TrainingRequest } from './training-input.ts'

export type TrainingStatus = 'InProgress' | 'Completed' | 'Failed' | 'Stopping' | 'Stopped'
export type SecondaryStatus =
  | 'Starting'
  | 'Downloading'
  | 'Training'
  | 'Uploading'
  | 'Stopping'
  | 'Stopped'
  | 'MaxRuntimeExceeded'
  | 'Completed'
  | 'Failed'

interface Transition {
  readonly Status: SecondaryStatus
  /** ms since 1970, as all times of a record. */
  readonly StartTime: number
  readonly EndTime?: number
  readonly StatusMessage: string
}
export interface Metric {
  readonly MetricName: string
  readonly Value: number
  readonly Timestamp: number
}
export interface TrainingJob {
  readonly name: string
  readonly arn: string
  readonly request: TrainingRequest
  readonly status: TrainingStatus
  readonly secondaryStatus: SecondaryStatus
  readonly transitions: readonly Transition[]
  readonly creationTime: number
  readonly lastModifiedTime: number
  readonly trainingStartTime?: number
  readonly trainingEndTime?: number
  readonly failureReason?: string
  readonly modelArtifacts?: string
  readonly metrics: readonly Metric[]
}

const MESSAGES: Readonly<Record<SecondaryStatus, string>> = {
  Starting: 'Starting the training job',
  Downloading: 'Downloading input data',
  Training: 'Training image download completed. Training in progress.',
  Uploading: 'Uploading generated training model',
  Stopping: 'Stopping the training job',
  Stopped: 'Training job stopped',
  MaxRuntimeExceeded: 'Training job runtime exceeded MaxRuntimeInSeconds provided',
  Completed: 'Training job completed',
  Failed: 'Training job failed',
}
const STATUS: Readonly<Partial<Record<SecondaryStatus, TrainingStatus>>> = {
  Stopping: 'Stopping',
  Stopped: 'Stopped',
  MaxRuntimeExceeded: 'Stopped',
  Completed: 'Completed',
  Failed: 'Failed',
}
const FAILURE_REASON_LIMIT = 1024

export const isTerminal = (job: TrainingJob): boolean =>
  ['Completed', 'Failed', 'Stopped'].includes(job.status)

/** A new record in `Starting`. */
export function newTrainingJob(arn: string, request: TrainingRequest, now: number): TrainingJob {
  return {
    name: request.TrainingJobName,
    arn,
    request,
    status: 'InProgress',
    secondaryStatus: 'Starting',
    transitions: [{ Status: 'Starting', StartTime: now, StatusMessage: MESSAGES.Starting }],
    creationTime: now,
    lastModifiedTime: now,
    metrics: [],
  }
}

/** The record after a step; closes the step before. A job that is being stopped stays `Stopping` until its end. */
export function step(
  job: TrainingJob,
  to: SecondaryStatus,
  now: number,
  more: { failureReason?: string; modelArtifacts?: string; metrics?: readonly Metric[] } = {},
): TrainingJob {
  const status = STATUS[to] ?? (job.status === 'Stopping' ? 'Stopping' : 'InProgress')
  const failureReason = more.failureReason?.slice(0, FAILURE_REASON_LIMIT)
  const ended = ['Completed', 'Failed', 'Stopped'].includes(status)
  const opened = { Status: to, StartTime: now, StatusMessage: failureReason ?? MESSAGES[to] }
  return {
    ...job,
    ...more,
    ...(failureReason !== undefined && { failureReason }),
    status,
    secondaryStatus: to,
    lastModifiedTime: now,
    ...(to === 'Downloading' && { trainingStartTime: now }),
    ...(ended && { trainingEndTime: now }),
    transitions: [
      ...job.transitions.map((each, at) =>
        at === job.transitions.length - 1 && each.EndTime === undefined ? { ...each, EndTime: now } : each,
      ),
      ended ? { ...opened, EndTime: now } : opened,
    ],
  }
}

const seconds = (ms: number): number => ms / 1000

/** Answer of DescribeTrainingJob; times in seconds since 1970, as json 1.1 sends them. */
export function describeTrainingJob(job: TrainingJob): Readonly<Record<string, unknown>> {
  const { Tags: _, ...request } = job.request
  const { trainingStartTime: start, trainingEndTime: end } = job
  const trained = start !== undefined && end !== undefined ? Math.round(seconds(end - start)) : undefined
  return {
    ...request,
    TrainingJobArn: job.arn,
    TrainingJobStatus: job.status,
    SecondaryStatus: job.secondaryStatus,
    CreationTime: seconds(job.creationTime),
    LastModifiedTime: seconds(job.lastModifiedTime),
    ...(start !== undefined && { TrainingStartTime: seconds(start) }),
    ...(end !== undefined && { TrainingEndTime: seconds(end) }),
    ...(trained !== undefined && { TrainingTimeInSeconds: trained, BillableTimeInSeconds: trained }),
    ...(job.failureReason !== undefined && { FailureReason: job.failureReason }),
    ...(job.modelArtifacts !== undefined && { ModelArtifacts: { S3ModelArtifacts: job.modelArtifacts } }),
    SecondaryStatusTransitions: job.transitions.map(each => ({
      ...each,
      StartTime: seconds(each.StartTime),
      ...(each.EndTime !== undefined && { EndTime: seconds(each.EndTime) }),
    })),
    FinalMetricDataList: job.metrics.map(each => ({ ...each, Timestamp: seconds(each.Timestamp) })),
    EnableNetworkIsolation: request['EnableNetworkIsolation'] ?? false,
    EnableInterContainerTrafficEncryption: request['EnableInterContainerTrafficEncryption'] ?? false,
    EnableManagedSpotTraining: request['EnableManagedSpotTraining'] ?? false,
  }
}

/**
 * `SageMaker Training Job State Change` as documented: times are texts of epoch milliseconds, tags a map, and no
 * ModelArtifacts – a consumer has to call DescribeTrainingJob for them.
 */
export function trainingJobEvent(job: TrainingJob): ServiceEvent {
  const { request } = job
  return {
    source: 'aws.sagemaker',
    detailType: 'SageMaker Training Job State Change',
    resources: [job.arn],
    detail: {
      TrainingJobName: job.name,
      TrainingJobArn: job.arn,
      TrainingJobStatus: job.status,
      SecondaryStatus: job.secondaryStatus,
      ...(job.failureReason !== undefined && { FailureReason: job.failureReason }),
      HyperParameters: request.HyperParameters,
      AlgorithmSpecification: request.AlgorithmSpecification,
      RoleArn: request.RoleArn,
      InputDataConfig: request.InputDataConfig,
      OutputDataConfig: request.OutputDataConfig,
      ResourceConfig: request.ResourceConfig,
      VpcConfig: request['VpcConfig'] ?? {},
      StoppingCondition: request.StoppingCondition,
      CreationTime: String(job.creationTime),
      ...(job.trainingStartTime !== undefined && { TrainingStartTime: String(job.trainingStartTime) }),
      ...(job.trainingEndTime !== undefined && { TrainingEndTime: String(job.trainingEndTime) }),
      LastModifiedTime: String(job.lastModifiedTime),
      SecondaryStatusTransitions: job.transitions,
      Tags: Object.fromEntries(request.Tags.map(({ Key, Value }) => [Key, Value])),
    },
  }
}
