/** The deployed stack that a command works on, by --stage and the usual AWS variables. */
import { EdgeloopError } from '../../src/domain/errors.ts'
import { type AwsConfig, callerOf, type StackNames, stackNames } from '../lib/stack.ts'
import { CloudError, type Options } from './command.ts'

export const stackOptions = { stage: { type: 'string' } } as const
export const STACK_HELP = `  --stage STAGE   of the stack (default dev)

Credentials, region and endpoint come from AWS_PROFILE, AWS_ACCESS_KEY_ID, AWS_REGION, AWS_ENDPOINT_URL and so on, as for
every AWS tool; npm run cloud prints them for the local cloud.
`

export interface Stack {
  readonly stage: string
  readonly config: AwsConfig
  /** ARN of the user or role whose credentials these are. */
  readonly caller: string
  readonly names: StackNames
}

/** @throws CloudError */
export async function openStack(options: Options): Promise<Stack> {
  const stage = options.string('stage') ?? 'dev'
  // The SDK would try for seconds to find an instance's metadata; a person at a terminal has none.
  process.env['AWS_EC2_METADATA_DISABLED'] ??= 'true'
  const config: AwsConfig = { maxAttempts: 2 }
  const { account, arn } = await reach('STS', () => callerOf(config))
  return { stage, config, caller: arn, names: stackNames(stage, account) }
}

/** Runs a call to the cloud and says in one sentence what to do when it fails. */
export async function reach<T>(what: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (error) {
    // Adapters wrap what the SDK throws.
    const cause = error instanceof EdgeloopError ? (error.cause ?? error) : error
    throw asCloudError(what, cause) ?? error
  }
}

const NO_CREDENTIALS = [
  'CredentialsProviderError',
  'ExpiredTokenException',
  'ExpiredToken',
  'TokenProviderError',
]
const WRONG_CREDENTIALS = ['UnrecognizedClientException', 'InvalidClientTokenId', 'SignatureDoesNotMatch']
const DENIED = ['AccessDenied', 'AccessDeniedException', 'ForbiddenException', 'UnauthorizedException']

function asCloudError(what: string, error: unknown): CloudError | undefined {
  const { name = '', code } = error as { name?: string; code?: string }
  const message = messageOf(error)
  if (/^Region (is missing|not accepted)/.test(message))
    return new CloudError(`${what}: no region is set, or none that is one; set AWS_REGION, such as eu-west-1`)
  if (NO_CREDENTIALS.includes(name))
    return new CloudError(
      `${what}: no AWS credentials that work (${message}); set AWS_PROFILE, or for the local cloud the variables that npm run cloud prints`,
    )
  if (WRONG_CREDENTIALS.includes(name))
    return new CloudError(`${what}: these AWS credentials are not accepted (${message})`)
  if (DENIED.includes(name)) return new CloudError(`${what}: not allowed: ${message}`)
  if (code !== undefined && /^E[A-Z_]+$/.test(code))
    return new CloudError(
      `${what}: the cloud could not be reached (${message}); is AWS_ENDPOINT_URL right, or the network down?`,
    )
  if (code !== undefined || name === 'TimeoutError' || '$metadata' in (error as object))
    return new CloudError(`${what}: the cloud did not answer as expected: ${message || (code ?? name)}`)
  return undefined
}

/** A name with two addresses fails once for each, and the error around both says nothing. */
const messageOf = (error: unknown): string =>
  error instanceof AggregateError
    ? [...new Set(error.errors.map(e => (e as Error).message))].join(', ')
    : ((error as Error).message ?? '')
