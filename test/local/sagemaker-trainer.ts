/** A training program, a request that runs it, and how to wait for its end. */
import {
  CreateTrainingJobCommand,
  type CreateTrainingJobCommandInput,
  DescribeTrainingJobCommand,
  type DescribeTrainingJobResponse,
} from '@aws-sdk/client-sagemaker'
import { afterEach, beforeEach } from 'vitest'
import { program, ROLE, type SmallCloud, smallCloud } from './sagemaker-support.ts'

export const ARN = 'arn:aws:sagemaker:eu-west-1:123456789012:training-job/'
const TRAINER = `
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
const base = process.env.SAGEMAKER_BASE_DIR
const read = name => JSON.parse(readFileSync(join(base, 'input/config', name + '.json'), 'utf8'))
const parameters = read('hyperparameters')
const list = dir => readdirSync(dir, { recursive: true, withFileTypes: true }).filter(e => e.isFile()).map(e => join(e.parentPath, e.name).slice(base.length + 1)).sort()
console.log('mode ' + parameters.mode)
if (parameters.mode === 'fail') {
  writeFileSync(join(base, 'output/failure'), 'bad column temp_c')
  writeFileSync(join(base, 'output/data/report.txt'), 'why')
  process.exit(3)
}
if (parameters.mode === 'hang' || parameters.mode === 'stubborn') {
  writeFileSync(join(base, 'model/partial'), 'half')
  process.on('SIGTERM', () => { console.log('asked to stop'); if (parameters.mode === 'hang') process.exit(0) })
  console.log('ready ' + process.pid)
  setInterval(() => {}, 1000)
} else {
  console.error('[1] validation-rmse:0.75'); console.error('[2] validation-rmse:0.5 extra')
  mkdirSync(join(base, 'model/sub'), { recursive: true })
  writeFileSync(join(base, 'model/model.json'), JSON.stringify({ argv: process.argv.slice(2), env: process.env, cwd: process.cwd(), files: list(join(base, 'input')), train: list(join(base, 'input/data')).map(f => readFileSync(join(base, f), 'utf8')), parameters, inputs: read('inputdataconfig'), resources: read('resourceconfig') }))
  writeFileSync(join(base, 'model/sub/extra.txt'), 'x')
  if (parameters.mode === 'data') writeFileSync(join(base, 'output/data/metrics.json'), '{}')
}
`

export let cloud: SmallCloud
/** A fresh cloud with the training program above for each test of the file. */
export function useTrainer(): void {
  beforeEach(async () => {
    const images: { match: RegExp | string; command: string[] }[] = []
    cloud = await smallCloud({ trainingImages: images })
    images.push(
      { match: /\/trainer:/g, command: program(cloud.realm.dir, 'trainer', TRAINER) },
      { match: 'broken', command: ['/no/such/program'] },
    )
    await cloud.put('data/train/a.csv', '1,2')
    await cloud.put('data/train/more/b.csv', '3,4')
    await cloud.put('data/train-other.csv', '5,6')
  })
  afterEach(() => cloud.close())
}

export const channel = (ChannelName: string, S3Uri: string, more: Record<string, unknown> = {}) => ({
  ChannelName,
  DataSource: { S3DataSource: { S3DataType: 'S3Prefix' as const, S3Uri } },
  ...more,
})
export const request = (
  mode: string,
  more: Partial<CreateTrainingJobCommandInput> = {},
): CreateTrainingJobCommandInput => ({
  TrainingJobName: 'job-1',
  RoleArn: ROLE,
  HyperParameters: { mode },
  AlgorithmSpecification: {
    TrainingImage: '123456789012.dkr.ecr.eu-west-1.amazonaws.com/trainer:1',
    TrainingInputMode: 'File',
    MetricDefinitions: [
      { Name: 'validation:rmse', Regex: 'validation-rmse:([0-9.]+)' },
      { Name: 'never', Regex: 'never (?P<v>.*)' },
    ],
  },
  InputDataConfig: [channel('train', 's3://lake/data/train/', { ContentType: 'text/csv' })],
  OutputDataConfig: { S3OutputPath: 's3://lake/out/' },
  ResourceConfig: { InstanceType: 'ml.m5.large', InstanceCount: 1, VolumeSizeInGB: 5 },
  StoppingCondition: { MaxRuntimeInSeconds: 600 },
  Environment: { LEVEL: 'debug', SAGEMAKER_BASE_DIR: '/elsewhere' },
  Tags: [{ Key: 'project', Value: 'cold' }],
  ...more,
})
export const create = (mode: string, more: Partial<CreateTrainingJobCommandInput> = {}) =>
  cloud.client.send(new CreateTrainingJobCommand(request(mode, more)))
export const describeJob = (TrainingJobName = 'job-1') =>
  cloud.client.send(new DescribeTrainingJobCommand({ TrainingJobName }))
export async function finished(name = 'job-1'): Promise<DescribeTrainingJobResponse> {
  for (;;) {
    const job = await describeJob(name)
    if (['Completed', 'Failed', 'Stopped'].includes(job.TrainingJobStatus ?? '')) return job
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
