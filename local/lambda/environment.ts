/** The environment variables of a function, and nothing of this process's own but PATH. */
import type { Credentials } from '../core/services.ts'
import type { Realm } from '../core/types.ts'
import type { FunctionConfig } from './types.ts'

export interface EnvironmentInput {
  readonly fn: FunctionConfig
  readonly realm: Pick<Realm, 'region' | 'endpoint'>
  readonly credentials: Credentials
  readonly taskRoot: string
  readonly logStream: string
  /** Stands for Lambda's own /tmp. */
  readonly tmp: string
}

/** Reference: Lambda developer guide, "Defined runtime environment variables". */
export function functionEnvironment(input: EnvironmentInput): Readonly<Record<string, string>> {
  const { fn, realm, credentials, taskRoot } = input
  return {
    PATH: process.env['PATH'] ?? '',
    LANG: 'en_US.UTF-8',
    TZ: ':UTC',
    TMPDIR: input.tmp,
    ...fn.environment,
    AWS_REGION: realm.region,
    AWS_DEFAULT_REGION: realm.region,
    AWS_EXECUTION_ENV: `AWS_Lambda_${fn.runtime}`,
    AWS_LAMBDA_FUNCTION_NAME: fn.name,
    AWS_LAMBDA_FUNCTION_MEMORY_SIZE: String(fn.memoryMb),
    AWS_LAMBDA_FUNCTION_VERSION: '$LATEST',
    AWS_LAMBDA_INITIALIZATION_TYPE: 'on-demand',
    AWS_LAMBDA_LOG_GROUP_NAME: fn.logGroup,
    AWS_LAMBDA_LOG_STREAM_NAME: input.logStream,
    AWS_LAMBDA_LOG_FORMAT: fn.logFormat,
    ...(fn.logFormat === 'JSON' && { AWS_LAMBDA_LOG_LEVEL: fn.applicationLogLevel ?? 'INFO' }),
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
    ...(credentials.sessionToken !== undefined && { AWS_SESSION_TOKEN: credentials.sessionToken }),
    AWS_ENDPOINT_URL: realm.endpoint,
    LAMBDA_TASK_ROOT: taskRoot,
    _HANDLER: fn.handler,
  }
}
