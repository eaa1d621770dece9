/** Lambda functions, their resource policies and their asynchronous invocation settings. */
import { readFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import type { FunctionConfig } from '../../lambda/types.ts'
import { requirePermissions, sendTo, writeTraces } from '../permissions.ts'
import { type DeployContext, type Resource, type ResourceHandlers, read, roleNameOf } from '../resource.ts'
import { isRecord, TemplateError } from '../template.ts'

/** The runtimes whose semantics the host has: promises only, no callbacks. */
const runtimes = ['nodejs24.x', 'nodejs22.x']

const functionProperties =
  'FunctionName Description Runtime Handler Code Role MemorySize Timeout Environment ReservedConcurrentExecutions ' +
  'DeadLetterConfig LoggingConfig TracingConfig Architectures EphemeralStorage KmsKeyArn PackageType ' +
  'RecursiveLoop RuntimeManagementConfig Tags'

const queueArn = /^arn:aws:sqs:[a-z0-9-]+:\d{12}:[\w-]+$/

export const lambda: ResourceHandlers = {
  'AWS::Lambda::Function': async (resource, ctx) => {
    const { fail, object, only } = read(resource)
    only(functionProperties)
    const config = functionConfig(resource, ctx)
    ctx.services.iam.assertAssumable(config.roleName, 'lambda.amazonaws.com')
    const key = object('Code')['S3Key']
    if (typeof key !== 'string') throw fail('Code.S3Key', 'is missing; inline code and images are not run')
    const archive = await readFile(join(ctx.folder, basename(key))).catch((cause: NodeJS.ErrnoException) => {
      throw new TemplateError(
        `${resource.logicalId}.Properties.Code.S3Key`,
        `cannot read ${basename(key)} beside the template (${cause.code ?? cause.message})`,
        { cause },
      )
    })
    ctx.services.lambda.createFunction(config, archive)
    afterwardsCheck(resource, config, ctx)
    return { physicalId: config.name, attributes: { Arn: config.arn } }
  },
  'AWS::Lambda::Permission': (resource, { services, physicalName }) => {
    const { string, optionalString, fail, only } = read(resource)
    only('Action FunctionName Principal SourceArn SourceAccount')
    const principal = string('Principal')
    if (string('Action') !== 'lambda:InvokeFunction')
      throw fail('Action', 'only lambda:InvokeFunction is run')
    if (!/^[a-z0-9.-]+\.amazonaws\.com$/.test(principal))
      throw fail('Principal', `only service principals are run, not ${principal}`)
    const sourceArn = optionalString('SourceArn')
    const sourceAccount = optionalString('SourceAccount')
    services.lambda.addPermission(knownFunction(resource, services.lambda).name, {
      service: principal,
      ...(sourceArn !== undefined && { sourceArn }),
      ...(sourceAccount !== undefined && { sourceAccount }),
    })
    return { physicalId: physicalName(resource.logicalId) }
  },
  'AWS::Lambda::EventInvokeConfig': (resource, ctx) => {
    const { optionalNumber, optionalObject, fail, only } = read(resource)
    only('FunctionName Qualifier DestinationConfig MaximumRetryAttempts MaximumEventAgeInSeconds')
    const fn = knownFunction(resource, ctx.services.lambda)
    const destinations = optionalObject('DestinationConfig') ?? {}
    if (destinations['OnSuccess'] !== undefined)
      throw fail('DestinationConfig.OnSuccess', 'is not run by the local cloud')
    const onFailureArn = onFailure(resource)
    if (onFailureArn !== undefined)
      ctx.afterwards(() =>
        requirePermissions(ctx.services.iam, fn, sendTo(onFailureArn), 'its on-failure destination'),
      )
    ctx.services.lambda.setEventInvokeConfig(fn.name, {
      maximumRetryAttempts: optionalNumber('MaximumRetryAttempts', 0, 2) ?? 2,
      maximumEventAgeSeconds: optionalNumber('MaximumEventAgeInSeconds', 60, 21_600) ?? 21_600,
      ...(onFailureArn !== undefined && { onFailureArn }),
    })
    return { physicalId: ctx.physicalName(resource.logicalId) }
  },
  // A version is the code as deployed, and this cloud has only that: invoking it runs $LATEST.
  'AWS::Lambda::Version': (resource, { services }) => {
    const { arn } = knownFunction(resource, services.lambda)
    const physicalId = `${arn}:1`
    return {
      physicalId,
      attributes: { Version: '1', FunctionArn: physicalId },
      notRun: 'invoking it runs $LATEST',
    }
  },
  'AWS::Lambda::Alias': resource => {
    throw new TemplateError(
      resource.logicalId,
      'AWS::Lambda::Alias is not run by the local cloud; invoke the function itself',
    )
  },
}

function functionConfig(resource: Resource, { realm, physicalName }: DeployContext): FunctionConfig {
  const { string, optionalString, optionalNumber, optionalObject, fail } = read(resource)
  const name = optionalString('FunctionName') ?? physicalName(resource.logicalId)
  const runtime = string('Runtime')
  if (!runtimes.includes(runtime))
    throw fail('Runtime', `${runtime} is not run here; use ${runtimes.join(' or ')}`)
  const roleName = roleNameOf(string('Role'))
  if (roleName === undefined)
    throw fail('Role', `"${string('Role')}" is not the ARN of a role of this account`)
  const reserved = optionalNumber('ReservedConcurrentExecutions', 0, 1000)
  const logging = optionalObject('LoggingConfig') ?? {}
  const logFormat = logging['LogFormat'] ?? 'Text'
  if (logFormat !== 'Text' && logFormat !== 'JSON')
    throw fail('LoggingConfig.LogFormat', 'must be Text or JSON')
  const deadLetter = optionalObject('DeadLetterConfig')?.['TargetArn']
  if (deadLetter !== undefined && !queueArn.test(String(deadLetter)))
    throw fail('DeadLetterConfig.TargetArn', 'must be the ARN of an SQS queue; nothing else is run here')
  return {
    name,
    arn: `arn:aws:lambda:${realm.region}:${realm.accountId}:function:${name}`,
    runtime,
    handler: string('Handler'),
    roleName,
    memoryMb: optionalNumber('MemorySize', 128, 10_240) ?? 128,
    timeoutSeconds: optionalNumber('Timeout', 1, 900) ?? 3,
    environment: environment(resource),
    ...(reserved !== undefined && { reservedConcurrency: reserved }),
    ...(deadLetter !== undefined && { deadLetterArn: String(deadLetter) }),
    logGroup: typeof logging['LogGroup'] === 'string' ? logging['LogGroup'] : `/aws/lambda/${name}`,
    logFormat,
    ...(typeof logging['ApplicationLogLevel'] === 'string' && {
      applicationLogLevel: logging['ApplicationLogLevel'],
    }),
  }
}

/** Names that Lambda sets itself and refuses from a template. Source: Lambda developer guide, "Reserved environment variables". */
const reservedVariable =
  /^(_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_(FUNCTION_(NAME|MEMORY_SIZE|VERSION)|INITIALIZATION_TYPE|LOG_(GROUP|STREAM)_NAME|RUNTIME_API)|AWS_ACCESS_KEY(_ID)?|AWS_SECRET_ACCESS_KEY|AWS_SESSION_TOKEN|LAMBDA_(TASK_ROOT|RUNTIME_DIR))$/

function environment(resource: Resource): Readonly<Record<string, string>> {
  const { optionalObject, fail } = read(resource)
  const variables = optionalObject('Environment')?.['Variables'] ?? {}
  if (!isRecord(variables)) throw fail('Environment.Variables', 'must be an object')
  const entries = Object.entries(variables).map(([name, value]): [string, string] => {
    const where = `Environment.Variables.${name}`
    if (!/^[A-Za-z]\w+$/.test(name) && !reservedVariable.test(name))
      throw fail(where, 'must be a letter and then one or more letters, digits or _')
    if (reservedVariable.test(name)) throw fail(where, 'is set by Lambda itself; choose another name')
    if (typeof value === 'object') throw fail(where, 'must be a string')
    return [name, String(value)]
  })
  const bytes = entries.reduce(
    (sum, [name, value]) => sum + Buffer.byteLength(name) + Buffer.byteLength(value),
    0,
  )
  if (bytes > 4096) throw fail('Environment.Variables', `take ${bytes} bytes; Lambda allows 4096`)
  return Object.fromEntries(entries)
}

function afterwardsCheck(
  resource: Resource,
  config: FunctionConfig,
  { services, afterwards }: DeployContext,
): void {
  const tracing = read(resource).optionalObject('TracingConfig')?.['Mode']
  afterwards(() => {
    if (tracing === 'Active')
      requirePermissions(services.iam, config, writeTraces, 'TracingConfig Mode Active')
    if (config.deadLetterArn !== undefined)
      requirePermissions(services.iam, config, sendTo(config.deadLetterArn), 'its DeadLetterConfig')
  })
}

/** `DestinationConfig.OnFailure.Destination` as the ARN of a queue. */
export function onFailure(resource: Resource): string | undefined {
  const { optionalObject, fail } = read(resource)
  const target = optionalObject('DestinationConfig')?.['OnFailure']
  if (target === undefined) return undefined
  const arn = isRecord(target) ? target['Destination'] : undefined
  if (typeof arn === 'string' && queueArn.test(arn)) return arn
  throw fail(
    'DestinationConfig.OnFailure.Destination',
    'must be the ARN of an SQS queue; nothing else is run here',
  )
}

/** The function of `FunctionName`, given as name or ARN. */
export function knownFunction(
  resource: Resource,
  functions: { getFunction(nameOrArn: string): FunctionConfig | undefined },
): FunctionConfig {
  const { string, fail } = read(resource)
  const found = functions.getFunction(string('FunctionName'))
  if (!found) throw fail('FunctionName', `there is no function ${string('FunctionName')}`)
  return found
}
