/** What the deployer tells the Lambda host, in the terms of the Lambda API. */
import type { LambdaHost } from '../core/services.ts'

export interface FunctionConfig {
  readonly name: string
  readonly arn: string
  readonly runtime: string
  /** `path/to/file.export`, relative to the root of the archive. */
  readonly handler: string
  readonly roleName: string
  readonly memoryMb: number
  readonly timeoutSeconds: number
  readonly environment: Readonly<Record<string, string>>
  /** Upper bound of simultaneous executions; 0 stops the function. */
  readonly reservedConcurrency?: number
  readonly deadLetterArn?: string
  readonly logGroup: string
  readonly logFormat: 'Text' | 'JSON'
  readonly applicationLogLevel?: string
}

/** AWS::Lambda::Permission for a service principal. */
export interface FunctionPermission {
  readonly service: string
  readonly sourceArn?: string
  readonly sourceAccount?: string
}

/** AWS::Lambda::EventInvokeConfig. */
export interface EventInvokeConfig {
  readonly maximumRetryAttempts: number
  readonly maximumEventAgeSeconds: number
  readonly onFailureArn?: string
}

/** AWS::Lambda::EventSourceMapping. */
export interface MappingConfig {
  readonly id: string
  readonly functionName: string
  readonly eventSourceArn: string
  readonly enabled: boolean
  readonly batchSize: number
  readonly batchingWindowSeconds: number
  readonly reportBatchItemFailures: boolean
  /** Of a queue: batches at the same time. */
  readonly maximumConcurrency?: number
  /** The rest applies to streams. */
  readonly startingPosition?: 'TRIM_HORIZON' | 'LATEST'
  /** -1: until the record leaves the stream. */
  readonly maximumRetryAttempts?: number
  readonly maximumRecordAgeSeconds?: number
  readonly bisectBatchOnFunctionError?: boolean
  readonly onFailureArn?: string
  /** Event patterns; a record passes when one of them matches. */
  readonly filters?: readonly unknown[]
}

/** The deployer's side of the Lambda host. */
export interface LambdaDeployment {
  /** Unpacks the archive. Throws when it is broken or too big. */
  createFunction(config: FunctionConfig, archive: Uint8Array): void
  getFunction(nameOrArn: string): FunctionConfig | undefined
  addPermission(functionName: string, permission: FunctionPermission): void
  setEventInvokeConfig(functionName: string, config: EventInvokeConfig): void
  createEventSourceMapping(config: MappingConfig): void
  /** Lets event source mappings poll; before that everything they read from must exist. */
  start(): void
}

/** Where a running function stands, for tests and the progress display. */
export interface HostStatus {
  readonly sandboxes: number
  readonly running: number
  /** Asynchronous events that are accepted and not finished. */
  readonly pendingEvents: number
}

export interface Lambda extends LambdaHost, LambdaDeployment {
  status(): HostStatus
}
