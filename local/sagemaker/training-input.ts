/** CreateTrainingJob as the local cloud takes it: AWS's rules, and clear refusals of what it does not run. */
import * as z from 'zod'
import { jobName, roleArn, s3Uri, tags } from './input.ts'

const channel = z.looseObject({
  // "." and ".." fit AWS's pattern too, but a channel becomes a folder.
  ChannelName: z
    .string()
    .max(64)
    .regex(
      /^(?!\.{1,2}$)[A-Za-z0-9._-]+$/,
      'Member must satisfy regular expression pattern: [A-Za-z0-9\\.\\-_]+',
    ),
  DataSource: z.looseObject({
    S3DataSource: z.looseObject(
      {
        S3DataType: z.enum(['S3Prefix', 'ManifestFile'], {
          error: 'the local cloud reads S3Prefix and ManifestFile',
        }),
        S3Uri: s3Uri,
        S3DataDistributionType: z.enum(['FullyReplicated', 'ShardedByS3Key']).optional(),
      },
      { error: 'the local cloud reads channels from an S3DataSource only' },
    ),
  }),
  ContentType: z.string().max(256).optional(),
  CompressionType: z.enum(['None', 'Gzip']).optional(),
  RecordWrapperType: z.enum(['None'], { error: 'the local cloud wraps no records' }).optional(),
  InputMode: z.enum(['File'], { error: 'the local cloud runs File mode only' }).optional(),
})

const metric = z.object({
  Name: z.string().min(1).max(255),
  Regex: z
    .string()
    .min(1)
    .max(500)
    .refine(text => metricRegex(text) !== undefined, 'Member must be a regular expression'),
})

export const trainingRequest = z.looseObject({
  TrainingJobName: jobName,
  RoleArn: roleArn,
  HyperParameters: z
    .record(z.string().max(256), z.string('hyperparameter values are strings').max(2500))
    .refine(map => Object.keys(map).length <= 100, 'Member must have at most 100 entries')
    .default({}),
  AlgorithmSpecification: z.looseObject({
    TrainingImage: z.string('TrainingImage is needed; the local cloud has no AlgorithmName').min(1).max(255),
    TrainingInputMode: z.enum(['File'], { error: 'the local cloud runs File mode only' }),
    MetricDefinitions: z.array(metric).max(40).default([]),
    ContainerEntrypoint: z.undefined('the local cloud runs the program of the image').optional(),
    ContainerArguments: z.undefined('the local cloud runs the program of the image').optional(),
  }),
  InputDataConfig: z
    .array(channel)
    .max(20)
    .refine(
      all => new Set(all.map(each => each.ChannelName)).size === all.length,
      'channel names must be unique',
    )
    .default([]),
  OutputDataConfig: z.looseObject({ S3OutputPath: s3Uri, KmsKeyId: z.string().optional() }),
  ResourceConfig: z.looseObject({
    InstanceType: z.string('Member must not be null').min(1),
    InstanceCount: z.literal(1, 'the local cloud runs one instance'),
    VolumeSizeInGB: z.number().int().min(1),
  }),
  StoppingCondition: z
    .looseObject({ MaxRuntimeInSeconds: z.number().int().min(1).default(86_400) })
    .prefault({}),
  Environment: z
    .record(
      z
        .string()
        .max(512)
        .regex(
          /^[a-zA-Z_][a-zA-Z0-9_]*$/,
          'Member must satisfy regular expression pattern: [a-zA-Z_][a-zA-Z0-9_]*',
        ),
      z
        .string()
        .max(512)
        .regex(/^[^\0]*$/, 'Member must not contain NUL'),
    )
    .default({}),
  Tags: tags,
})
export type TrainingRequest = z.infer<typeof trainingRequest>

/** SageMaker's regular expressions are Python's; named groups are the difference that matters. */
export function metricRegex(text: string): RegExp | undefined {
  try {
    return new RegExp(text.replaceAll('(?P<', '(?<'))
  } catch {
    return undefined
  }
}
