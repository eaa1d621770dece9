/**
 * The folder and environment of a training container, as under /opt/ml. Reference: SageMaker developer guide,
 * "How Amazon SageMaker AI provides training information". `SAGEMAKER_BASE_DIR` is the SageMaker training
 * toolkit's own variable for another place than /opt/ml.
 */
import { mkdir, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { metricRegex, type TrainingRequest } from './training-input.ts'
import type { Metric } from './training-state.ts'

/** Makes the folders and the configuration files below `base`. */
export async function layOutContainer(base: string, request: TrainingRequest): Promise<void> {
  for (const dir of ['input/config', 'input/data', 'model', 'output/data', 'code'])
    await mkdir(join(base, dir), { recursive: true, mode: 0o700 })
  for (const { ChannelName } of request.InputDataConfig) await mkdir(join(base, 'input/data', ChannelName))
  const { InstanceType } = request.ResourceConfig
  await config(base, 'hyperparameters', request.HyperParameters)
  await config(base, 'inputdataconfig', inputDataConfig(request))
  await config(base, 'resourceconfig', {
    current_host: 'algo-1',
    current_instance_type: InstanceType,
    current_group_name: 'homogeneousCluster',
    hosts: ['algo-1'],
    instance_groups: [
      { instance_group_name: 'homogeneousCluster', instance_type: InstanceType, hosts: ['algo-1'] },
    ],
    network_interface_name: 'lo',
  })
}

const config = (base: string, name: string, value: unknown): Promise<void> =>
  writeFile(join(base, 'input/config', `${name}.json`), JSON.stringify(value))

function inputDataConfig(request: TrainingRequest): Record<string, Record<string, string>> {
  return Object.fromEntries(
    request.InputDataConfig.map(channel => [
      channel.ChannelName,
      {
        TrainingInputMode: 'File',
        S3DistributionType: channel.DataSource.S3DataSource.S3DataDistributionType ?? 'FullyReplicated',
        RecordWrapperType: 'None',
        ...(channel.ContentType !== undefined && { ContentType: channel.ContentType }),
      },
    ]),
  )
}

/** The whole environment of the program: the job's own variables cannot displace the contract's. */
export function containerEnvironment(base: string, arn: string, region: string, request: TrainingRequest) {
  return {
    ...request.Environment,
    PATH: process.env['PATH'] ?? '/usr/local/bin:/usr/bin:/bin',
    SAGEMAKER_BASE_DIR: base,
    TRAINING_JOB_NAME: request.TrainingJobName,
    TRAINING_JOB_ARN: arn,
    AWS_REGION: region,
  }
}

/** What the program left in `output/failure`, at most 1024 bytes; empty when there is nothing. */
export async function readFailure(base: string): Promise<string> {
  const file = await open(join(base, 'output/failure')).catch(() => undefined)
  try {
    const { buffer, bytesRead = 0 } = (await file?.read(Buffer.alloc(1024), 0, 1024, 0)) ?? {}
    return buffer?.toString('utf8', 0, bytesRead).trim() ?? ''
  } catch {
    return ''
  } finally {
    await file?.close()
  }
}

/** Collects metrics from lines by MetricDefinitions; the last value of each counts. */
export function createMetricReader(
  definitions: readonly { readonly Name: string; readonly Regex: string }[],
  now: () => number,
) {
  const readers = definitions.flatMap(({ Name, Regex }) => {
    const regex = metricRegex(Regex)
    return regex ? [{ Name, regex }] : []
  })
  const last = new Map<string, Metric>()
  return {
    read(line: string): void {
      for (const { Name, regex } of readers) {
        const Value = Number.parseFloat(regex.exec(line)?.[1] ?? '')
        if (Number.isFinite(Value)) last.set(Name, { MetricName: Name, Value, Timestamp: now() })
      }
    },
    final: (): Metric[] => [...last.values()],
  }
}
