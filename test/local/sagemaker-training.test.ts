import { existsSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { describe, expect, it, vi } from 'vitest'
import { ROLE } from './sagemaker-support.ts'
import { ARN, channel, cloud, create, describeJob, finished, useTrainer } from './sagemaker-trainer.ts'

useTrainer()

describe('a training job', () => {
  it('runs the program with the container contract and delivers the model', async () => {
    expect((await create('data')).TrainingJobArn).toBe(`${ARN}job-1`)
    expect((await describeJob()).TrainingJobStatus).toBe('InProgress')
    const job = await finished()
    expect(job).toMatchObject({
      TrainingJobName: 'job-1',
      TrainingJobArn: `${ARN}job-1`,
      TrainingJobStatus: 'Completed',
      SecondaryStatus: 'Completed',
      ModelArtifacts: { S3ModelArtifacts: 's3://lake/out/job-1/output/model.tar.gz' },
      HyperParameters: { mode: 'data' },
      ResourceConfig: { InstanceType: 'ml.m5.large' },
      FinalMetricDataList: [{ MetricName: 'validation:rmse', Value: 0.5, Timestamp: expect.any(Date) }],
      EnableNetworkIsolation: false,
      TrainingTimeInSeconds: expect.any(Number),
    })
    expect(job).not.toHaveProperty('FailureReason')
    expect(job.SecondaryStatusTransitions?.map(each => each.Status)).toEqual([
      'Starting',
      'Downloading',
      'Training',
      'Uploading',
      'Completed',
    ])
    expect(
      job.SecondaryStatusTransitions?.every(each => each.StartTime && each.EndTime && each.StatusMessage),
    ).toBe(true)

    const model = await cloud.untar('out/job-1/output/model.tar.gz')
    expect(Object.keys(model)).toEqual(['model.json', 'sub/extra.txt'])
    const seen = JSON.parse(model['model.json'] ?? '')
    expect(seen).toMatchObject({
      argv: ['train'],
      files: [
        'input/config/hyperparameters.json',
        'input/config/inputdataconfig.json',
        'input/config/resourceconfig.json',
        'input/data/train/a.csv',
        'input/data/train/more/b.csv',
      ],
      train: ['1,2', '3,4'],
      parameters: { mode: 'data' },
      inputs: {
        train: {
          TrainingInputMode: 'File',
          ContentType: 'text/csv',
          S3DistributionType: 'FullyReplicated',
          RecordWrapperType: 'None',
        },
      },
      resources: { current_host: 'algo-1', hosts: ['algo-1'] },
    })
    expect(seen.env).toEqual({
      LEVEL: 'debug',
      PATH: expect.any(String),
      SAGEMAKER_BASE_DIR: seen.cwd,
      TRAINING_JOB_NAME: 'job-1',
      TRAINING_JOB_ARN: `${ARN}job-1`,
      AWS_REGION: 'eu-west-1',
    })
    expect(await cloud.untar('out/job-1/output/output.tar.gz')).toEqual({ 'metrics.json': '{}' })
    // The folder goes after the job is done, and a busy disk takes its time.
    await vi.waitFor(() => expect(existsSync(seen.cwd)).toBe(false), { timeout: 30_000 })
    expect(cloud.lines).toContain('/aws/sagemaker/TrainingJobs job-1/algo-1-N mode data')
    expect(cloud.iam.denials).toEqual([])
  })

  it('emits one event per status in the documented shape', async () => {
    await create('ok')
    const job = await finished()
    expect(cloud.events.map(event => event.detail['SecondaryStatus'])).toEqual([
      'Starting',
      'Downloading',
      'Training',
      'Uploading',
      'Completed',
    ])
    const last = cloud.events.at(-1)
    expect(last).toMatchObject({
      source: 'aws.sagemaker',
      detailType: 'SageMaker Training Job State Change',
      resources: [`${ARN}job-1`],
      detail: {
        TrainingJobName: 'job-1',
        TrainingJobStatus: 'Completed',
        RoleArn: ROLE,
        CreationTime: String(job.CreationTime?.getTime()),
        TrainingEndTime: String(job.TrainingEndTime?.getTime()),
        OutputDataConfig: { S3OutputPath: 's3://lake/out/' },
        VpcConfig: {},
        Tags: { project: 'cold' },
      },
    })
    expect(last?.detail).not.toHaveProperty('ModelArtifacts')
    await expect(cloud.head('out/job-1/output/output.tar.gz')).rejects.toMatchObject({ name: 'NotFound' })
  })

  it('reads prefixes, single objects, manifests and gzip as File mode does', async () => {
    await cloud.put(
      'data/list.manifest',
      JSON.stringify([{ prefix: 's3://lake/data/train/' }, 'a.csv', 'more/b.csv']),
    )
    await cloud.put('data/packed/z.csv', gzipSync('9,9'))
    const manifest = {
      ChannelName: 'manifest',
      DataSource: {
        S3DataSource: { S3DataType: 'ManifestFile' as const, S3Uri: 's3://lake/data/list.manifest' },
      },
    }
    await create('ok', {
      InputDataConfig: [
        channel('folder', 's3://lake/data/train'),
        channel('object', 's3://lake/data/train-other.csv'),
        channel('packed', 's3://lake/data/packed', { CompressionType: 'Gzip' }),
        channel('part', 's3://lake/data/train-oth'),
        manifest,
      ],
    })
    expect(await finished()).toMatchObject({ TrainingJobStatus: 'Completed' })
    const seen = JSON.parse((await cloud.untar('out/job-1/output/model.tar.gz'))['model.json'] ?? '')
    expect(seen.files.filter((file: string) => file.startsWith('input/data'))).toEqual([
      'input/data/folder/a.csv',
      'input/data/folder/more/b.csv',
      'input/data/folder/train-other.csv',
      'input/data/manifest/a.csv',
      'input/data/manifest/more/b.csv',
      'input/data/object/train-other.csv',
      'input/data/packed/z.csv',
      'input/data/part/train-other.csv',
    ])
    expect(seen.train).toContain('9,9')
  })
})

describe('failures', () => {
  it('carry the text of output/failure and keep the output data', async () => {
    await create('fail')
    expect(await finished()).toMatchObject({
      TrainingJobStatus: 'Failed',
      SecondaryStatus: 'Failed',
      FailureReason: 'AlgorithmError: bad column temp_c, exit code: 3',
    })
    expect(cloud.events.at(-1)?.detail).toMatchObject({
      TrainingJobStatus: 'Failed',
      FailureReason: expect.stringContaining('bad column'),
    })
    expect(await cloud.untar('out/job-1/output/output.tar.gz')).toEqual({ 'report.txt': 'why' })
    await expect(cloud.head('out/job-1/output/model.tar.gz')).rejects.toMatchObject({ name: 'NotFound' })
  })
  it.each([
    [
      'an unknown image',
      { AlgorithmSpecification: { TrainingImage: 'some/other:2', TrainingInputMode: 'File' as const } },
      'Cannot find training image some/other:2',
    ],
    [
      'a program that does not start',
      { AlgorithmSpecification: { TrainingImage: 'broken', TrainingInputMode: 'File' as const } },
      'could not be started',
    ],
    [
      'an empty prefix',
      { InputDataConfig: [channel('train', 's3://lake/data/none/')] },
      'No S3 objects found under S3 URL "s3://lake/data/none/"',
    ],
    [
      'a prefix the role may not read',
      { InputDataConfig: [channel('train', 's3://lake/secret/')] },
      'as role',
    ],
    [
      'an output the role may not write',
      { OutputDataConfig: { S3OutputPath: 's3://lake/elsewhere' } },
      'ClientError: Artifact upload failed',
    ],
    [
      'a manifest that is none',
      {
        InputDataConfig: [
          {
            ChannelName: 'm',
            DataSource: {
              S3DataSource: { S3DataType: 'ManifestFile' as const, S3Uri: 's3://lake/data/train/a.csv' },
            },
          },
        ],
      },
      'Data download failed',
    ],
  ])('%s', async (_name, more, reason) => {
    await cloud.put('secret/x.csv', 'x')
    await create('ok', more)
    const job = await finished()
    expect(job).toMatchObject({ TrainingJobStatus: 'Failed' })
    expect(job.FailureReason).toContain(reason)
    expect(job.FailureReason?.length).toBeLessThanOrEqual(1024)
  })
  it('a refused S3 call is recorded against role and job', async () => {
    await cloud.put('secret/x.csv', 'x')
    await create('ok', { InputDataConfig: [channel('train', 's3://lake/secret/')] })
    await finished()
    expect(cloud.iam.denials).toMatchObject([
      {
        functionName: 'job-1',
        action: 's3:GetObject',
        resource: 'arn:aws:s3:::lake/secret/x.csv',
        principal: { roleName: 'jobs' },
      },
    ])
  })
  it('a name that leads out of the channel is not followed', async () => {
    await cloud.put(
      'data/list.manifest',
      JSON.stringify([{ prefix: 's3://lake/data/train/' }, '../../config/hyperparameters.json']),
    )
    const manifest = {
      ChannelName: 'm',
      DataSource: {
        S3DataSource: { S3DataType: 'ManifestFile' as const, S3Uri: 's3://lake/data/list.manifest' },
      },
    }
    await create('ok', { InputDataConfig: [manifest] })
    expect((await finished()).FailureReason).toContain('leads out of the channel')
  })
})
