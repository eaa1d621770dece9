import { SageMakerClient } from '@aws-sdk/client-sagemaker'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { sagemakerJobs } from '../../src/adapters/jobs.ts'
import { program, ROLE, type SmallCloud, smallCloud } from '../local/sagemaker-support.ts'
import { awsStub, type Stub, type StubAnswer } from './aws-stub.ts'

const settings = { bucket: 'lake', roleArn: ROLE, trainingImage: 'trainer:1' }
const training = (name: string, hyperparameters: Record<string, string> = {}) => ({
  name,
  hyperparameters,
  channels: { train: 'data/train/', validation: 'data/validation/' },
  outputPrefix: 'out',
  instanceType: 'ml.m5.large',
  maxRuntimeSeconds: 60,
  tags: { 'edgeloop:model': 'm' },
})
const compilation = (name: string) => ({
  name,
  inputKey: 'data/model.tar.gz',
  outputPrefix: 'out/neo',
  device: 'rasp4b',
  maxRuntimeSeconds: 900,
})

describe('jobs on the local SageMaker', () => {
  let cloud: SmallCloud
  beforeAll(async () => {
    const images: { match: RegExp; command: string[] }[] = []
    cloud = await smallCloud({ trainingImages: images })
    const source = `
      import { readFileSync, writeFileSync } from 'node:fs'
      const { fail } = JSON.parse(readFileSync(process.env.SAGEMAKER_BASE_DIR + '/input/config/hyperparameters.json', 'utf8'))
      if (fail) { writeFileSync(process.env.SAGEMAKER_BASE_DIR + '/output/failure', fail); process.exit(1) }
      writeFileSync(process.env.SAGEMAKER_BASE_DIR + '/model/xgboost-model', 'trees')`
    images.push({ match: /^trainer:/, command: program(cloud.realm.dir, 'train', source) })
    await cloud.put('data/train/data.csv', '1,2\n')
    await cloud.put('data/validation/data.csv', '1,2\n')
  })
  afterAll(() => cloud?.close())

  it('starts a job once by its name and follows it to its artefact', async () => {
    const jobs = sagemakerJobs(settings, cloud.client)
    await jobs.startTraining(training('job-a'))
    await jobs.startTraining(training('job-a'))
    await expect
      .poll(() => jobs.training('job-a'), { timeout: 20_000 })
      .toEqual({ status: 'completed', artefactKey: 'out/job-a/output/model.tar.gz' })
  })

  it('reports a failed program in its own words', async () => {
    const jobs = sagemakerJobs(settings, cloud.client)
    await jobs.startTraining(training('job-b', { fail: 'max_depth must be at least 1' }))
    await expect
      .poll(() => jobs.training('job-b'), { timeout: 20_000 })
      .toMatchObject({ status: 'failed', reason: expect.stringContaining('max_depth must be at least 1') })
  })

  it('does not take another refusal for a repeated name', async () => {
    const jobs = sagemakerJobs(settings, cloud.client)
    await expect(jobs.startTraining(training('not a name'))).rejects.toMatchObject({ name: 'EdgeloopError' })
    const forbidden = sagemakerJobs(settings, cloud.clientAs([]))
    await expect(forbidden.startTraining(training('job-c'))).rejects.toMatchObject({ code: 'FORBIDDEN' })
    await expect(jobs.training('job-none')).rejects.toMatchObject({ name: 'EdgeloopError' })
  })

  it('starts a compilation once by its name', async () => {
    await cloud.put('data/model.tar.gz', 'not an archive')
    const jobs = sagemakerJobs(settings, cloud.client)
    await jobs.startCompilation(compilation('neo-a'))
    await jobs.startCompilation(compilation('neo-a'))
    await expect
      .poll(() => jobs.compilation('neo-a'), { timeout: 20_000 })
      .toMatchObject({ status: 'failed', reason: expect.stringMatching(/./) })
  })
})

describe('what AWS answers', () => {
  let stub: Stub | undefined
  afterEach(() => stub?.close())
  const jobsOf = async (answer: StubAnswer) => {
    stub = await awsStub(() => answer)
    return sagemakerJobs(settings, new SageMakerClient(stub.config))
  }
  const error = (name: string, message: string): StubAnswer => ({
    status: 400,
    body: { __type: name, message },
  })

  it.each([
    error('ResourceInUse', 'Training job names must be unique within an AWS account and region'),
    error('ValidationException', 'Job name job-a already in use.'),
  ])('takes a repeated name for success: %j', async answer => {
    const jobs = await jobsOf(answer)
    await jobs.startTraining(training('job-a'))
    await jobs.startCompilation(compilation('neo-a'))
  })

  it.each([
    [error('ResourceLimitExceeded', 'no instances left'), 'DEPENDENCY'],
    [error('ValidationException', 'bad role'), 'ILLEGAL_STATE'],
    [error('AccessDeniedException', 'no'), 'FORBIDDEN'],
    [{ status: 500, body: { __type: 'InternalFailure', message: 'oops' } }, 'DEPENDENCY'],
  ] as const)('passes %j on as %s', async (answer, code) => {
    const jobs = await jobsOf(answer)
    await expect(jobs.startTraining(training('job-a'))).rejects.toMatchObject({ code })
    await expect(jobs.startCompilation(compilation('neo-a'))).rejects.toMatchObject({ code })
  })

  it.each([
    [{ TrainingJobStatus: 'InProgress' }, { status: 'running' }],
    [{ TrainingJobStatus: 'Stopping' }, { status: 'running' }],
    [
      { TrainingJobStatus: 'Failed', FailureReason: 'AlgorithmError: x' },
      { status: 'failed', reason: 'AlgorithmError: x' },
    ],
    [
      { TrainingJobStatus: 'Stopped', SecondaryStatus: 'MaxRuntimeExceeded' },
      { status: 'failed', reason: 'the job was stopped (MaxRuntimeExceeded)' },
    ],
    [
      { TrainingJobStatus: 'Completed', ModelArtifacts: { S3ModelArtifacts: 's3://lake/a/b.tar.gz' } },
      { status: 'completed', artefactKey: 'a/b.tar.gz' },
    ],
  ])('reads the training status %j', async (body, state) => {
    expect(await (await jobsOf({ body })).training('job-a')).toEqual(state)
  })

  it.each([
    [{ CompilationJobStatus: 'STARTING' }, { status: 'running' }],
    [
      { CompilationJobStatus: 'Failed', FailureReason: '' },
      { status: 'failed', reason: 'the job was stopped' },
    ],
    [
      { CompilationJobStatus: 'COMPLETED', ModelArtifacts: { S3ModelArtifacts: 's3://lake/n/m.tar.gz' } },
      { status: 'completed', artefactKey: 'n/m.tar.gz' },
    ],
  ])('reads the compilation status %j', async (body, state) => {
    expect(await (await jobsOf({ body })).compilation('neo-a')).toEqual(state)
  })
})
