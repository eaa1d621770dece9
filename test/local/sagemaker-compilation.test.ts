import { createHash } from 'node:crypto'
import {
  CreateCompilationJobCommand,
  type CreateCompilationJobCommandInput,
  DeleteCompilationJobCommand,
  DescribeCompilationJobCommand,
  type DescribeCompilationJobResponse,
  ListCompilationJobsCommand,
  StopCompilationJobCommand,
} from '@aws-sdk/client-sagemaker'
import { createTarGzip } from 'nanotar'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { until } from './events-support.ts'
import { program, ROLE, type SmallCloud, smallCloud } from './sagemaker-support.ts'

const COMPILER = `
import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
const [, , , input, , output, , target] = process.argv
const model = readFileSync(input, 'utf8')
console.log('compiling ' + basename(input))
if (model === 'bad') { console.error('tree 3 has a loop'); process.exit(1) }
if (model === 'crash') process.exit(70)
if (model === 'nothing') process.exit(0)
if (model === 'slow') { console.log('ready'); setInterval(() => {}, 1000) }
else writeFileSync(join(output, 'compiled.wasm'), JSON.stringify({ model, name: basename(input), target, env: Object.keys(process.env) }))
`
let cloud: SmallCloud
beforeEach(async () => {
  const compiler = { command: [] as string[] }
  cloud = await smallCloud({ compiler })
  compiler.command.push(...program(cloud.realm.dir, 'compiler', COMPILER))
})
afterEach(() => cloud.close())

const archive = async (files: Record<string, string>) =>
  Buffer.from(await createTarGzip(Object.entries(files).map(([name, data]) => ({ name, data }))))
const request = (more: Record<string, unknown> = {}): CreateCompilationJobCommandInput => ({
  CompilationJobName: 'compile-1',
  RoleArn: ROLE,
  InputConfig: { S3Uri: 's3://lake/data/model.tar.gz', Framework: 'XGBOOST' },
  OutputConfig: { S3OutputLocation: 's3://lake/out/compiled/', TargetDevice: 'rasp4b' },
  StoppingCondition: { MaxRuntimeInSeconds: 900 },
  ...more,
})
const create = (more?: Record<string, unknown>) =>
  cloud.client.send(new CreateCompilationJobCommand(request(more)))
const describeJob = () =>
  cloud.client.send(new DescribeCompilationJobCommand({ CompilationJobName: 'compile-1' }))
async function finished(): Promise<DescribeCompilationJobResponse> {
  for (;;) {
    const job = await describeJob()
    if (['COMPLETED', 'FAILED', 'STOPPED'].includes(job.CompilationJobStatus ?? '')) return job
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
async function run(files: Record<string, string>, more?: Record<string, unknown>) {
  await cloud.put('data/model.tar.gz', await archive(files))
  await create(more)
  return finished()
}

describe('a compilation job', () => {
  it('compiles the one model file and says who compiled it', async () => {
    const job = await run({ 'export/xgboost-model.json': 'trees', 'code/readme.txt': 'x' })
    expect(job).toMatchObject({
      CompilationJobStatus: 'COMPLETED',
      CompilationJobArn: 'arn:aws:sagemaker:eu-west-1:123456789012:compilation-job/compile-1',
      ModelArtifacts: { S3ModelArtifacts: 's3://lake/out/compiled/model-rasp4b.tar.gz' },
      FailureReason: '',
      CompilationStartTime: expect.any(Date),
      CompilationEndTime: expect.any(Date),
      InputConfig: { Framework: 'XGBOOST' },
    })
    const made = await cloud.untar('out/compiled/model-rasp4b.tar.gz')
    expect(Object.keys(made)).toEqual(['compiled.wasm', 'neo-compatibility.txt'])
    expect(JSON.parse(made['compiled.wasm'] ?? '')).toEqual({
      model: 'trees',
      name: 'xgboost-model.json',
      target: 'rasp4b',
      env: ['PATH'],
    })
    expect(made['neo-compatibility.txt']).toContain('not by Amazon SageMaker Neo')
    expect((await cloud.head('out/compiled/model-rasp4b.tar.gz')).Metadata).toEqual({
      'produced-by': 'local-cloud-compiler, not SageMaker Neo',
    })
    expect(cloud.lines).toContain('/aws/sagemaker/CompilationJobs compile-N compiling xgboost-model.json')
    expect(cloud.events).toEqual([])
    const digest = createHash('blake2s256')
      .update(await cloud.bytes('out/compiled/model-rasp4b.tar.gz'))
      .digest('hex')
    expect(job.ModelDigests?.ArtifactDigest).toBe(digest)
  })
  it('names the artefact after a platform, and takes .model and .ubj', async () => {
    const platform = { Os: 'LINUX', Arch: 'ARM64', Accelerator: 'NVIDIA' }
    const job = await run(
      { 'm.model': 'x' },
      { OutputConfig: { S3OutputLocation: 's3://lake/out', TargetPlatform: platform } },
    )
    expect(job.ModelArtifacts?.S3ModelArtifacts).toBe('s3://lake/out/model-linux-arm64-nvidia.tar.gz')
    expect(await run({ 'm.ubj': 'x' }, { CompilationJobName: 'other' })).toMatchObject({
      CompilationJobStatus: 'COMPLETED',
    })
  })
})

describe('failures', () => {
  it.each([
    [{ 'readme.txt': 'x' }, /^ClientError: InputConfiguration: .*exactly one \.model file, it holds 0$/],
    [{ 'a.model': 'x', 'b.json': 'y' }, /exactly one .* it holds 2 \(a\.model, b\.json\)$/],
    [{ 'a.json': 'bad' }, /^ClientError: InputConfiguration: tree 3 has a loop$/],
    [{ 'a.json': 'crash' }, /^ServerError: .*exit code 70/],
    [{ 'a.json': 'nothing' }, /^ServerError: .*no output/],
  ])('%j', async (files, reason) => {
    expect(await run(files)).toMatchObject({
      CompilationJobStatus: 'FAILED',
      FailureReason: expect.stringMatching(reason),
    })
  })
  it.each([
    ['no archive', 'text', {}, 'Unable to untar input model'],
    ['no object', undefined, {}, 'Unable to download input model'],
    [
      'another suffix',
      undefined,
      { InputConfig: { S3Uri: 's3://lake/data/model.zip', Framework: 'XGBOOST' } },
      '.tar.gz',
    ],
    [
      'another framework',
      undefined,
      {
        InputConfig: { S3Uri: 's3://lake/data/model.tar.gz', Framework: 'TENSORFLOW', DataInputConfig: '{}' },
      },
      'not TENSORFLOW',
    ],
    [
      'an output the role may not write',
      { 'm.json': 'x' },
      { OutputConfig: { S3OutputLocation: 's3://lake/elsewhere', TargetDevice: 'rasp4b' } },
      'Unable to upload',
    ],
  ])('%s', async (_name, body, more, reason) => {
    if (body !== undefined)
      await cloud.put('data/model.tar.gz', typeof body === 'string' ? body : await archive(body))
    await create(more)
    expect(await finished()).toMatchObject({
      CompilationJobStatus: 'FAILED',
      FailureReason: expect.stringContaining(reason),
    })
  })
  it('too long', async () => {
    const job = await run({ 'm.json': 'slow' }, { StoppingCondition: { MaxRuntimeInSeconds: 1 } })
    expect(job).toMatchObject({
      CompilationJobStatus: 'FAILED',
      FailureReason: expect.stringContaining('TimeOut'),
    })
  })
})

describe('the API', () => {
  const NAME = { CompilationJobName: 'compile-1' }
  it.each([
    [{ CompilationJobName: 'has.dot' }, "'compilationJobName'"],
    [{ OutputConfig: { S3OutputLocation: 's3://lake/out', TargetDevice: 'orin' } }, 'targetDevice'],
    [
      { OutputConfig: { S3OutputLocation: 's3://lake/out' } },
      'exactly one of TargetDevice and TargetPlatform',
    ],
    [
      {
        OutputConfig: {
          S3OutputLocation: 's3://lake/out',
          TargetDevice: 'rasp4b',
          TargetPlatform: { Os: 'LINUX', Arch: 'ARM64' },
        },
      },
      'exactly one of TargetDevice',
    ],
    [
      { OutputConfig: { S3OutputLocation: 's3://lake/out', TargetPlatform: { Os: 'QNX', Arch: 'ARM64' } } },
      'targetPlatform.os',
    ],
    [{ InputConfig: { S3Uri: 's3://lake/x', Framework: 'CAFFE' } }, 'framework'],
    [{ InputConfig: { S3Uri: 's3://lake/x', Framework: 'ONNX', DataInputConfig: '{' } }, 'dataInputConfig'],
    [
      {
        InputConfig: undefined,
        ModelPackageVersionArn: 'arn:aws:sagemaker:eu-west-1:123456789012:model-package/x',
      },
      'modelPackageVersionArn',
    ],
    [{ StoppingCondition: undefined }, "'stoppingCondition'"],
    [{ RoleArn: ROLE.replace('jobs', 'lambda-only') }, 'Could not assume role'],
  ])('refuses %j', async (more, words) => {
    await expect(create(more)).rejects.toMatchObject({
      name: 'ValidationException',
      message: expect.stringContaining(words),
    })
  })
  it('needs PassRole', async () => {
    const client = cloud.clientAs([{ Effect: 'Allow', Action: 'sagemaker:*', Resource: '*' }])
    await expect(client.send(new CreateCompilationJobCommand(request()))).rejects.toThrow('iam:PassRole')
  })
  it('stops, lists, refuses a second job of the name, and deletes only what has ended', async () => {
    await cloud.put('data/model.tar.gz', await archive({ 'm.json': 'slow' }))
    await create()
    await until(() => cloud.lines.some(line => line.includes('ready')))
    expect(await describeJob()).toMatchObject({ CompilationJobStatus: 'INPROGRESS' })
    await expect(create()).rejects.toMatchObject({ name: 'ResourceInUse' })
    await expect(cloud.client.send(new DeleteCompilationJobCommand(NAME))).rejects.toThrow('INPROGRESS')
    await cloud.client.send(new StopCompilationJobCommand(NAME))
    expect(await finished()).toMatchObject({ CompilationJobStatus: 'STOPPED' })
    const { CompilationJobSummaries } = await cloud.client.send(
      new ListCompilationJobsCommand({ StatusEquals: 'STOPPED' }),
    )
    expect(CompilationJobSummaries).toMatchObject([{ ...NAME, CompilationTargetDevice: 'rasp4b' }])
    await cloud.client.send(new DeleteCompilationJobCommand(NAME))
    await expect(describeJob()).rejects.toMatchObject({ name: 'ResourceNotFound' })
  })
  it('a job that ran at a restart is FAILED', async () => {
    await cloud.put('data/model.tar.gz', await archive({ 'm.json': 'slow' }))
    await create()
    await until(() => cloud.lines.some(line => line.includes('ready')))
    await cloud.restart()
    expect(await describeJob()).toMatchObject({
      CompilationJobStatus: 'FAILED',
      FailureReason: expect.stringContaining('restarted'),
    })
  })
})
