import {
  CreateCompilationJobCommand,
  CreateTrainingJobCommand,
  DescribeCompilationJobCommand,
  DescribeTrainingJobCommand,
  SageMakerClient,
} from '@aws-sdk/client-sagemaker'
import type { JobState, Jobs } from '../domain/ports.ts'
import { call, clientDefaults } from './aws-errors.ts'

export interface JobSettings {
  readonly bucket: string
  readonly roleArn: string
  readonly trainingImage: string
}

export function sagemakerJobs(settings: JobSettings, client = new SageMakerClient(clientDefaults)): Jobs {
  const uri = (key: string) => `s3://${settings.bucket}/${key}`
  const keyOf = (s3uri: string) => s3uri.replace(`s3://${settings.bucket}/`, '')
  return {
    startTraining: request =>
      once(() =>
        client.send(
          new CreateTrainingJobCommand({
            TrainingJobName: request.name,
            AlgorithmSpecification: { TrainingImage: settings.trainingImage, TrainingInputMode: 'File' },
            RoleArn: settings.roleArn,
            HyperParameters: { ...request.hyperparameters },
            InputDataConfig: Object.entries(request.channels).map(([ChannelName, prefix]) => ({
              ChannelName,
              ContentType: 'text/csv',
              DataSource: {
                S3DataSource: {
                  S3DataType: 'S3Prefix',
                  S3Uri: uri(prefix),
                  S3DataDistributionType: 'FullyReplicated',
                },
              },
            })),
            OutputDataConfig: { S3OutputPath: uri(request.outputPrefix) },
            ResourceConfig: {
              InstanceType: request.instanceType as 'ml.m5.large',
              InstanceCount: 1,
              VolumeSizeInGB: 10,
            },
            StoppingCondition: { MaxRuntimeInSeconds: request.maxRuntimeSeconds },
            Tags: Object.entries(request.tags).map(([Key, Value]) => ({ Key, Value })),
          }),
        ),
      ),
    async training(name): Promise<JobState> {
      const job = await call(`describe training job ${name}`, () =>
        client.send(new DescribeTrainingJobCommand({ TrainingJobName: name })),
      )
      switch (job.TrainingJobStatus) {
        case 'Completed':
          return { status: 'completed', artefactKey: keyOf(job.ModelArtifacts?.S3ModelArtifacts ?? '') }
        case 'Failed':
        case 'Stopped':
          return {
            status: 'failed',
            reason: job.FailureReason ?? `the job was stopped (${job.SecondaryStatus})`,
          }
        default:
          return { status: 'running' }
      }
    },
    startCompilation: request =>
      once(() =>
        client.send(
          new CreateCompilationJobCommand({
            CompilationJobName: request.name,
            RoleArn: settings.roleArn,
            InputConfig: { S3Uri: uri(request.inputKey), Framework: 'XGBOOST' },
            OutputConfig: {
              S3OutputLocation: uri(request.outputPrefix),
              TargetDevice: request.device as 'rasp4b',
            },
            StoppingCondition: { MaxRuntimeInSeconds: request.maxRuntimeSeconds },
          }),
        ),
      ),
    async compilation(name): Promise<JobState> {
      const job = await call(`describe compilation job ${name}`, () =>
        client.send(new DescribeCompilationJobCommand({ CompilationJobName: name })),
      )
      // The enum is upper case and parts of AWS's own prose are not; compare without case.
      switch (String(job.CompilationJobStatus).toUpperCase()) {
        case 'COMPLETED':
          return {
            status: 'completed',
            artefactKey: keyOf(job.ModelArtifacts?.S3ModelArtifacts ?? ''),
            ...(job.DerivedInformation?.DerivedDataInputConfig
              ? { note: job.DerivedInformation.DerivedDataInputConfig }
              : {}),
          }
        case 'FAILED':
        case 'STOPPED':
          return { status: 'failed', reason: job.FailureReason || 'the job was stopped' }
        default:
          return { status: 'running' }
      }
    },
  }
}

/** The job's name is the idempotency token: a job that exists under it is the one that was wanted. */
async function once(create: () => Promise<unknown>): Promise<void> {
  try {
    await create()
  } catch (error) {
    const { name, message } = error as { name?: string; message?: string }
    if (name === 'ResourceInUse' || /already exists|already in use/i.test(message ?? '')) return
    await call('create the job', () => Promise.reject(error))
  }
}
