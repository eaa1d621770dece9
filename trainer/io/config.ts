import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { TrainingInputError } from '../errors.ts'

/** One entry of inputdataconfig.json, as far as reading CSV needs it. */
export interface ChannelConfig {
  readonly name: string
  /** What the content type says about a header row; `detect` when it says nothing. */
  readonly header: 'present' | 'absent' | 'detect'
}

/** What SageMaker lays out under /opt/ml/input/config, and the folders beside it. */
export interface JobConfig {
  readonly hyperparameters: unknown
  readonly channels: readonly ChannelConfig[]
  readonly dataDir: string
  readonly modelDir: string
}

/**
 * Reads the job's configuration files under `baseDir` (/opt/ml in a container).
 * @throws TrainingInputError naming the file and what is wrong with it
 */
export function readJobConfig(baseDir: string): JobConfig {
  const configDir = join(baseDir, 'input', 'config')
  const hosts = optional(configDir, 'resourceconfig.json')
  const list = isObject(hosts) ? hosts['hosts'] : undefined
  if (Array.isArray(list) && list.length > 1)
    throw new TrainingInputError(
      `this trainer runs on one instance, resourceconfig.json lists ${list.length}: set ResourceConfig.InstanceCount to 1`,
    )
  return {
    hyperparameters: required(configDir, 'hyperparameters.json'),
    channels: readChannels(required(configDir, 'inputdataconfig.json')),
    dataDir: join(baseDir, 'input', 'data'),
    modelDir: join(baseDir, 'model'),
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function optional(dir: string, file: string): unknown {
  let text: string
  try {
    text = readFileSync(join(dir, file), 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  try {
    return JSON.parse(text)
  } catch {
    throw new TrainingInputError(`input/config/${file} is not valid JSON`)
  }
}

function required(dir: string, file: string): unknown {
  const value = optional(dir, file)
  if (value === undefined) throw new TrainingInputError(`input/config/${file} is missing`)
  return value
}

function readChannels(value: unknown): ChannelConfig[] {
  if (!isObject(value))
    throw new TrainingInputError('inputdataconfig.json must be one JSON object of channels')
  const channels = Object.entries(value).map(([name, config]) => readChannel(name, config))
  if (!channels.some(channel => channel.name === 'train'))
    throw new TrainingInputError(
      `no train channel: the job has ${channels.map(c => c.name).join(', ') || 'no channels'}; name one of them train`,
    )
  return channels
}

function readChannel(name: string, config: unknown): ChannelConfig {
  // SageMaker's own rule for ChannelName; here it also keeps the name inside input/data.
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(name) || /^\.+$/.test(name))
    throw new TrainingInputError(
      `channel ${JSON.stringify(name.slice(0, 80))}: not a channel name of SageMaker`,
    )
  if (!isObject(config))
    throw new TrainingInputError(`channel ${name}: expected an object in inputdataconfig.json`)
  if (config['TrainingInputMode'] === 'Pipe')
    throw new TrainingInputError(`channel ${name}: input mode Pipe is not supported, use File or FastFile`)
  const contentType = config['ContentType'] ?? 'text/csv'
  if (typeof contentType !== 'string')
    throw new TrainingInputError(`channel ${name}: ContentType must be a string`)
  return { name, header: headerOf(name, contentType) }
}

function headerOf(channel: string, contentType: string): ChannelConfig['header'] {
  const [type, ...parameters] = contentType.split(';').map(part => part.trim().toLowerCase())
  const refuse = (): never => {
    throw new TrainingInputError(
      `channel ${channel}: content type ${JSON.stringify(contentType.slice(0, 80))} is not supported; use text/csv, text/csv; header=present or text/csv; header=absent`,
    )
  }
  if (type !== 'text/csv' && type !== 'csv') return refuse()
  let header: ChannelConfig['header'] = 'detect'
  for (const parameter of parameters) {
    if (parameter === 'header=present') header = 'present'
    else if (parameter === 'header=absent') header = 'absent'
    else if (!['', 'charset=utf-8', 'label_size=1'].includes(parameter)) return refuse()
  }
  return header
}
