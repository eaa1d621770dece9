/** Event source mappings: a function that reads a queue or a stream. */
import { validatePattern } from '../../events/pattern.ts'
import type { FunctionConfig, MappingConfig } from '../../lambda/types.ts'
import { pollQueue, readStream, requirePermissions, sendTo } from '../permissions.ts'
import { type DeployContext, type Resource, type ResourceHandlers, read } from '../resource.ts'
import { isRecord } from '../template.ts'
import { knownFunction, onFailure } from './lambda.ts'

const shared =
  'FunctionName EventSourceArn Enabled BatchSize MaximumBatchingWindowInSeconds FunctionResponseTypes FilterCriteria Tags'

export const eventSourceMapping: ResourceHandlers = {
  'AWS::Lambda::EventSourceMapping': (resource, ctx) => {
    const { string, fail } = read(resource)
    const fn = knownFunction(resource, ctx.services.lambda)
    const arn = string('EventSourceArn')
    const id = ctx.physicalName(resource.logicalId)
    if (/^arn:aws:sqs:/.test(arn)) mapQueue(resource, ctx, fn, id)
    else if (/^arn:aws:dynamodb:.*\/stream\//.test(arn)) mapStream(resource, ctx, fn, id)
    else throw fail('EventSourceArn', `${arn} is neither an SQS queue nor a DynamoDB stream`)
    const ignored = Number(resource.properties['ParallelizationFactor'] ?? 1) > 1
    return {
      physicalId: id,
      attributes: { Id: id },
      ...(ignored && { notRun: 'ParallelizationFactor: the stream has one shard here and is read in order' }),
    }
  },
}

function mapQueue(resource: Resource, ctx: DeployContext, fn: FunctionConfig, id: string): void {
  const { string, only, fail, optionalObject } = read(resource)
  only(`${shared} ScalingConfig`)
  if (resource.properties['FilterCriteria'] !== undefined)
    throw fail('FilterCriteria', 'is not run by the local cloud for queues')
  const queueArn = string('EventSourceArn')
  const base = mapping(resource, fn, id, { batchSize: 10, maxBatchSize: 10_000 })
  if (base.batchSize > 10 && base.batchingWindowSeconds === 0)
    throw fail('MaximumBatchingWindowInSeconds', 'must be at least 1 when BatchSize is over 10')
  const scaling = optionalObject('ScalingConfig')?.['MaximumConcurrency']
  const maximum = scaling === undefined ? undefined : Number(scaling)
  if (maximum !== undefined && !(Number.isInteger(maximum) && maximum >= 2 && maximum <= 1000))
    throw fail('ScalingConfig.MaximumConcurrency', 'must be a whole number from 2 to 1000')
  ctx.services.lambda.createEventSourceMapping({
    ...base,
    ...(maximum !== undefined && { maximumConcurrency: maximum }),
  })
  ctx.afterwards(() => {
    requirePermissions(ctx.services.iam, fn, pollQueue(queueArn), 'its event source mapping')
    const visibility = ctx.services.sqs.visibilityTimeoutSeconds(queueArn)
    if (visibility < fn.timeoutSeconds)
      throw fail(
        'EventSourceArn',
        `queue visibility timeout: ${visibility} seconds is less than function timeout: ${fn.timeoutSeconds} seconds (${fn.name})`,
      )
  })
}

function mapStream(resource: Resource, ctx: DeployContext, fn: FunctionConfig, id: string): void {
  const { string, only, fail, optionalNumber, boolean } = read(resource)
  only(
    `${shared} StartingPosition MaximumRetryAttempts MaximumRecordAgeInSeconds BisectBatchOnFunctionError ` +
      'ParallelizationFactor DestinationConfig',
  )
  const streamArn = string('EventSourceArn')
  const startingPosition = string('StartingPosition')
  if (startingPosition !== 'TRIM_HORIZON' && startingPosition !== 'LATEST')
    throw fail('StartingPosition', 'must be TRIM_HORIZON or LATEST')
  const onFailureArn = onFailure(resource)
  const filters = readFilters(resource)
  ctx.services.lambda.createEventSourceMapping({
    ...mapping(resource, fn, id, { batchSize: 100, maxBatchSize: 10_000 }),
    startingPosition,
    maximumRetryAttempts: optionalNumber('MaximumRetryAttempts', -1, 10_000) ?? -1,
    maximumRecordAgeSeconds: optionalNumber('MaximumRecordAgeInSeconds', -1, 604_800) ?? -1,
    bisectBatchOnFunctionError: boolean('BisectBatchOnFunctionError', false),
    ...(onFailureArn !== undefined && { onFailureArn }),
    ...(filters && { filters }),
  })
  ctx.afterwards(() => {
    requirePermissions(ctx.services.iam, fn, readStream(streamArn), 'its event source mapping')
    if (onFailureArn !== undefined)
      requirePermissions(ctx.services.iam, fn, sendTo(onFailureArn), 'its on-failure destination')
  })
}

function mapping(
  resource: Resource,
  fn: FunctionConfig,
  id: string,
  limits: { batchSize: number; maxBatchSize: number },
): MappingConfig {
  const { string, strings, optionalNumber, boolean, fail } = read(resource)
  const responses = strings('FunctionResponseTypes')
  if (responses.some(each => each !== 'ReportBatchItemFailures'))
    throw fail('FunctionResponseTypes', 'knows only ReportBatchItemFailures')
  return {
    id,
    functionName: fn.name,
    eventSourceArn: string('EventSourceArn'),
    enabled: boolean('Enabled', true),
    batchSize: optionalNumber('BatchSize', 1, limits.maxBatchSize) ?? limits.batchSize,
    batchingWindowSeconds: optionalNumber('MaximumBatchingWindowInSeconds', 0, 300) ?? 0,
    reportBatchItemFailures: responses.length > 0,
  }
}

/** Patterns are JSON text in the template; a mistake in one would match nothing, in silence. */
function readFilters(resource: Resource): readonly unknown[] | undefined {
  const { optionalObject, fail } = read(resource)
  const filters = optionalObject('FilterCriteria')?.['Filters']
  if (filters === undefined) return undefined
  if (!Array.isArray(filters)) throw fail('FilterCriteria.Filters', 'must be a list')
  return filters.map((filter: unknown, i) => {
    const text = isRecord(filter) ? String(filter['Pattern']) : ''
    try {
      const pattern: unknown = JSON.parse(text)
      validatePattern(pattern)
      return pattern
    } catch (cause) {
      const reason = cause instanceof SyntaxError ? 'is not JSON' : (cause as Error).message
      throw fail(`FilterCriteria.Filters[${i}].Pattern`, reason)
    }
  })
}
