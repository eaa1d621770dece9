import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  AddTagsCommand,
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  type DescribeTrainingJobResponse,
  ListTagsCommand,
  ListTrainingJobsCommand,
  StopTrainingJobCommand,
} from '@aws-sdk/client-sagemaker'
import { describe, expect, it } from 'vitest'
import { until } from './events-support.ts'
import { ROLE, type SmallCloud } from './sagemaker-support.ts'
import {
  ARN,
  channel,
  cloud,
  create,
  describeJob,
  finished,
  request,
  useTrainer,
} from './sagemaker-trainer.ts'

useTrainer()

describe('stopping', () => {
  const ready = () => until(() => cloud.lines.some(line => line.includes('ready')))
  const stop = (TrainingJobName = 'job-1') =>
    cloud.client.send(new StopTrainingJobCommand({ TrainingJobName }))
  it('asks the program, keeps what it saved and ends Stopped', async () => {
    await create('hang')
    await ready()
    await stop()
    const job = await finished()
    expect(job).toMatchObject({
      TrainingJobStatus: 'Stopped',
      SecondaryStatus: 'Stopped',
      ModelArtifacts: { S3ModelArtifacts: expect.stringContaining('job-1') },
    })
    expect(cloud.lines.some(line => line.endsWith('asked to stop'))).toBe(true)
    expect(await cloud.untar('out/job-1/output/model.tar.gz')).toEqual({ partial: 'half' })
    expect(cloud.events.map(event => event.detail['TrainingJobStatus'])).toEqual([
      'InProgress',
      'InProgress',
      'InProgress',
      'Stopping',
      'Stopping',
      'Stopped',
    ])
    await expect(stop()).rejects.toThrow('in status Stopped')
    await expect(stop('none')).rejects.toThrow('Requested resource not found.')
  })
  it('ends at MaxRuntimeInSeconds', async () => {
    await create('hang', { StoppingCondition: { MaxRuntimeInSeconds: 1 } })
    expect(await finished()).toMatchObject({
      TrainingJobStatus: 'Stopped',
      SecondaryStatus: 'MaxRuntimeExceeded',
    })
  })
  it('lets two jobs run and the rest wait; a waiting job can be stopped', async () => {
    for (const TrainingJobName of ['a', 'b', 'c', 'd']) await create('hang', { TrainingJobName })
    await until(() => cloud.lines.filter(line => line.includes('ready')).length === 2)
    expect(await describeJob('c')).toMatchObject({ SecondaryStatus: 'Starting' })
    await stop('c')
    expect(await finished('c')).toMatchObject({ TrainingJobStatus: 'Stopped' })
    await stop('a')
    await finished('a')
    await until(() => cloud.lines.filter(line => line.includes('ready')).length === 3)
    expect(await describeJob('d')).toMatchObject({ SecondaryStatus: 'Training' })
  })
  it('closing kills the program; after a restart the job is Failed', async () => {
    await create('stubborn')
    await ready()
    const pid = Number(/ready (\d+)/.exec(cloud.lines.join('\n'))?.[1])
    await cloud.restart()
    expect(() => process.kill(pid, 0)).toThrow('ESRCH')
    const job = await describeJob()
    expect(job).toMatchObject({
      TrainingJobStatus: 'Failed',
      FailureReason: expect.stringContaining('InternalServerError'),
    })
    await expect(create('ok')).rejects.toMatchObject({ name: 'ResourceInUse' })
  })
})

describe('the API', () => {
  it.each([
    [{ TrainingJobName: 'under_score' }, "'trainingJobName'"],
    [{ TrainingJobName: 'x'.repeat(64) }, "'trainingJobName'"],
    [{ RoleArn: 'jobs' }, "'roleArn'"],
    [{ InputDataConfig: [channel('..', 's3://lake/x')] }, "'inputDataConfig.1.member.channelName'"],
    [{ InputDataConfig: [channel('a', 's3://lake/x'), channel('a', 's3://lake/y')] }, 'unique'],
    [{ InputDataConfig: [channel('a', 'https://x')] }, 's3Uri'],
    [{ InputDataConfig: [channel('a', 's3://lake/x', { InputMode: 'Pipe' })] }, 'File mode'],
    [{ InputDataConfig: [{ ChannelName: 'a', DataSource: {} }] }, 'S3DataSource'],
    [{ AlgorithmSpecification: { TrainingInputMode: 'File', AlgorithmName: 'x' } }, 'TrainingImage'],
    [{ AlgorithmSpecification: { TrainingImage: 'x', TrainingInputMode: 'Pipe' } }, 'File mode'],
    [
      {
        AlgorithmSpecification: { TrainingImage: 'x', TrainingInputMode: 'File', ContainerEntrypoint: ['x'] },
      },
      'containerEntrypoint',
    ],
    [
      {
        AlgorithmSpecification: {
          TrainingImage: 'x',
          TrainingInputMode: 'File',
          MetricDefinitions: [{ Name: 'm', Regex: '(' }],
        },
      },
      'regular expression',
    ],
    [
      { ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 2, VolumeSizeInGB: 5 } },
      'one instance',
    ],
    [{ HyperParameters: { n: 5 } }, "'hyperParameters.n'"],
    [{ StoppingCondition: { MaxRuntimeInSeconds: 0 } }, 'maxRuntimeInSeconds'],
    [{ OutputDataConfig: undefined }, "'outputDataConfig'"],
    [{ RoleArn: ROLE.replace('jobs', 'lambda-only') }, "allows principal 'sagemaker.amazonaws.com'"],
    [{ RoleArn: ROLE.replace('jobs', 'none') }, 'Please ensure that the role exists'],
  ])('refuses %j', async (more, words) => {
    await expect(
      create('ok', more as unknown as Partial<CreateTrainingJobCommandInput>),
    ).rejects.toMatchObject({ name: 'ValidationException', message: expect.stringContaining(words) })
  })
  it('needs CreateTrainingJob, AddTags for tags, and PassRole for SageMaker', async () => {
    const job = { Effect: 'Allow' as const, Action: ['sagemaker:CreateTrainingJob'], Resource: [`${ARN}*`] }
    const tag = { ...job, Action: ['sagemaker:AddTags'] }
    const pass = (service: string) => ({
      Effect: 'Allow' as const,
      Action: 'iam:PassRole',
      Resource: ROLE,
      Condition: { StringEquals: { 'iam:PassedToService': service } },
    })
    const attempt = (statements: Parameters<SmallCloud['clientAs']>[0]) =>
      cloud.clientAs(statements).send(new CreateTrainingJobCommand(request('ok')))
    await expect(attempt([tag, pass('sagemaker.amazonaws.com')])).rejects.toThrow(
      'sagemaker:CreateTrainingJob',
    )
    await expect(attempt([job, pass('sagemaker.amazonaws.com')])).rejects.toThrow('sagemaker:AddTags')
    await expect(attempt([job, tag, pass('lambda.amazonaws.com')])).rejects.toThrow('iam:PassRole')
    await attempt([job, tag, pass('sagemaker.amazonaws.com')])
    expect(await finished()).toMatchObject({ TrainingJobStatus: 'Completed' })
    await expect(attempt([job, tag, pass('sagemaker.amazonaws.com')])).rejects.toMatchObject({
      name: 'ResourceInUse',
    })
  })
  it('lists, and tags', async () => {
    await create('ok')
    await finished()
    const { TrainingJobSummaries } = await cloud.client.send(
      new ListTrainingJobsCommand({ StatusEquals: 'Completed' }),
    )
    expect(TrainingJobSummaries).toMatchObject([
      { TrainingJobName: 'job-1', TrainingJobStatus: 'Completed', TrainingEndTime: expect.any(Date) },
    ])
    const ResourceArn = `${ARN}job-1`
    await cloud.client.send(
      new AddTagsCommand({
        ResourceArn,
        Tags: [
          { Key: 'project', Value: 'warm' },
          { Key: 'n', Value: '1' },
        ],
      }),
    )
    const { Tags } = await cloud.client.send(new ListTagsCommand({ ResourceArn }))
    expect(Tags).toEqual([
      { Key: 'project', Value: 'warm' },
      { Key: 'n', Value: '1' },
    ])
    await expect(cloud.client.send(new ListTagsCommand({ ResourceArn: `${ARN}none` }))).rejects.toThrow(
      'not found',
    )
  })
  it('remembers jobs over a restart and reports a damaged record', async () => {
    await create('ok')
    const before = await finished()
    const dir = join(cloud.realm.dir, 'sagemaker', 'training-jobs')
    const [record = ''] = readdirSync(dir).filter(file => file.endsWith('.json'))
    expect(JSON.parse(readFileSync(join(dir, record), 'utf8'))).toMatchObject({ name: 'job-1' })
    await cloud.restart()
    const { $metadata: _, ...after } = (await describeJob()) as DescribeTrainingJobResponse & {
      $metadata?: unknown
    }
    expect(before).toMatchObject(after)
    expect(readFileSync(join(dir, 'job-1', 'train.log'), 'utf8')).toContain('mode ok')
  })
})
