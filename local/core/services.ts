/**
 * The handles by which the template deployer and the Lambda host drive each service. Each service is made by
 * one factory (`createS3(options)` in `local/s3/index.ts`, and so on) that returns its handle; the HTTP side of
 * it is `service`. Handles take CloudFormation's own property names, so the deployer only resolves and passes.
 */
import type {
  CloudLogEntry,
  EmitServiceEvent,
  InvokeAsync,
  JsonService,
  PolicyDocument,
  Principal,
  Realm,
  RestService,
  SendToQueue,
} from './types.ts'

export interface Credentials {
  readonly accessKeyId: string
  readonly secretAccessKey: string
  readonly sessionToken?: string
}

/** A call that IAM refused: what the loop's runner reports and fails on. */
export interface Denial {
  readonly at: string
  readonly principal: Principal
  /** Function whose role it was, when the session name is a function's. */
  readonly functionName?: string
  readonly action: string
  readonly resource: string
  readonly message: string
}

/** One statement of one role and how often it decided an Allow, alone or beside others. */
export interface StatementUse {
  readonly roleName: string
  readonly policyName: string
  readonly index: number
  readonly sid?: string
  readonly statement: PolicyDocument['Statement']
  /** Calls allowed for which this was the only matching Allow. Zero means: removing it would not be noticed. */
  readonly decisive: number
  readonly matched: number
}

export interface Iam {
  addRole(role: {
    readonly name: string
    readonly arn: string
    readonly trust: PolicyDocument
    readonly policies: readonly { readonly name: string; readonly document: PolicyDocument }[]
  }): void
  /** Session credentials of a role; the session name appears in the principal's ARN (Lambda uses the function's name). */
  credentialsFor(roleName: string, sessionName: string): Credentials
  /** Principal for calls made on behalf of a role without HTTP (IoT rule actions, event source mappings). */
  principalFor(roleName: string, sessionName: string): Principal
  /** Checks that a service principal may assume the role by its trust policy; throws AccessDenied. */
  assertAssumable(roleName: string, servicePrincipal: string): void
  /** Administrator of the local account: everything is allowed, as for an AWS account's admin user. */
  readonly operator: Credentials
  resolve(
    accessKeyId: string,
  ):
    | { readonly principal: Principal; readonly secretAccessKey: string; readonly sessionToken?: string }
    | undefined
  /** Throws AwsError AccessDenied naming principal, action and resource, in AWS's own wording; records the denial. */
  authorize(principal: Principal, needs: readonly import('./types.ts').AuthzRequest[]): void
  /** The same answer without throwing or recording, for deploy-time checks. */
  isAllowed(principal: Principal, need: import('./types.ts').AuthzRequest): boolean
  onDenied(listener: (denial: Denial) => void): void
  readonly denials: readonly Denial[]
  statementUse(): readonly StatementUse[]
}

export interface S3 {
  readonly service: RestService
  createBucket(properties: {
    readonly BucketName: string
    readonly VersioningConfiguration?: { readonly Status: string }
    readonly NotificationConfiguration?: { readonly EventBridgeConfiguration?: unknown }
    readonly [other: string]: unknown
  }): void
  setBucketPolicy(bucket: string, policy: PolicyDocument): void
  close(): Promise<void>
}

export interface Kms {
  readonly service: JsonService
  /** Properties of AWS::KMS::Key. Survives restarts in the same folder when `stableName` (the logical id) is the same. */
  createKey(
    stableName: string,
    properties: {
      readonly KeySpec?: string
      readonly KeyUsage?: string
      readonly KeyPolicy?: PolicyDocument
      readonly [other: string]: unknown
    },
  ): { readonly keyId: string; readonly arn: string }
  createAlias(aliasName: string, keyId: string): void
  /**
   * Called when a stack is complete: a key that it no longer has is gone from it for good, as with a DeletionPolicy of
   * Retain. One that it declares again later is another key.
   */
  retireOthers(): void
}

/** One change of an item, as in a DynamoDB stream record's `dynamodb` part. */
export interface StreamRecord {
  readonly eventID: string
  readonly eventName: 'INSERT' | 'MODIFY' | 'REMOVE'
  readonly eventSourceARN: string
  /** Full record in the shape Lambda receives (`eventVersion`, `eventSource`, `awsRegion`, `dynamodb: {Keys, NewImage, OldImage, SequenceNumber, …}`). */
  readonly [other: string]: unknown
}
export interface DynamoDb {
  readonly services: readonly JsonService[]
  /** Properties of AWS::DynamoDB::Table; a table that exists already in the folder is kept. */
  createTable(properties: {
    readonly TableName: string
    readonly [other: string]: unknown
  }): Promise<{ readonly arn: string; readonly streamArn?: string }>
  /** Reads records of a stream from a position (0 = oldest kept); `next` is the position to go on from. */
  readStream(
    streamArn: string,
    position: number,
    limit: number,
  ): { readonly records: readonly StreamRecord[]; readonly next: number }
  /** Calls back, without content, whenever the stream has grown; returns the unsubscriber. */
  onStream(streamArn: string, listener: () => void): () => void
  close(): Promise<void>
}

export interface QueueMessage {
  readonly messageId: string
  readonly receiptHandle: string
  readonly body: string
  /** SentTimestamp, ApproximateReceiveCount, … as strings. */
  readonly attributes: Readonly<Record<string, string>>
  readonly messageAttributes: Readonly<Record<string, unknown>>
}
export interface Sqs {
  readonly service: JsonService
  /** Properties of AWS::SQS::Queue. The queue URL starts with the local endpoint. */
  createQueue(properties: { readonly QueueName: string; readonly [other: string]: unknown }): {
    readonly arn: string
    readonly url: string
  }
  setQueuePolicy(queueUrl: string, policy: PolicyDocument): void
  readonly send: SendToQueue
  /** Takes up to `max` (≤ 10 000) messages, hiding them for the queue's visibility timeout. */
  receive(queueArn: string, max: number): readonly QueueMessage[]
  delete(queueArn: string, receiptHandles: readonly string[]): void
  /** Makes messages visible again at once. */
  release(queueArn: string, receiptHandles: readonly string[]): void
  onMessage(queueArn: string, listener: () => void): () => void
  depth(queueArn: string): { readonly visible: number; readonly inFlight: number; readonly delayed: number }
  /** Every queue by name, with its visible messages and the age of its oldest one in seconds. */
  vitals(): readonly { readonly name: string; readonly visible: number; readonly oldestSeconds: number }[]
  visibilityTimeoutSeconds(queueArn: string): number
  close(): Promise<void>
}

export interface EventBridge {
  readonly service: JsonService
  createBus(properties: { readonly Name: string; readonly [other: string]: unknown }): {
    readonly arn: string
  }
  /** Properties of AWS::Events::Connection; API keys only. */
  createConnection(properties: Readonly<Record<string, unknown>>): {
    readonly arn: string
    readonly arnForPolicy: string
  }
  /** Properties of AWS::Events::ApiDestination; POST only, https or http to 127.0.0.1. */
  createApiDestination(properties: Readonly<Record<string, unknown>>): {
    readonly arn: string
    readonly arnForPolicy: string
  }
  /** Properties of AWS::Events::Rule (EventPattern or ScheduleExpression, State, Targets with DeadLetterConfig, RetryPolicy, Input, InputPath, InputTransformer). */
  createRule(properties: {
    readonly Name: string
    readonly EventBusName?: string
    readonly [other: string]: unknown
  }): { readonly arn: string }
  /** What AWS services publish goes to the default bus. */
  readonly emit: EmitServiceEvent
  /** Every event put on any bus, for the progress display; not part of AWS. */
  onEvent(listener: (event: Readonly<Record<string, unknown>>, busName: string) => void): () => void
  close(): Promise<void>
}

export interface Iot {
  /** Control plane (`iot`) and data plane (`iotdata`, `iotdevicegateway`). */
  readonly services: readonly RestService[]
  createPolicy(properties: { readonly PolicyName: string; readonly PolicyDocument: PolicyDocument }): void
  createThingType(properties: { readonly ThingTypeName: string; readonly [other: string]: unknown }): void
  /** Properties of AWS::IoT::ProvisioningTemplate. */
  createProvisioningTemplate(properties: {
    readonly TemplateName: string
    readonly [other: string]: unknown
  }): { readonly arn: string }
  /** Properties of AWS::IoT::TopicRule. */
  createTopicRule(properties: {
    readonly RuleName: string
    readonly TopicRulePayload: Readonly<Record<string, unknown>>
  }): { readonly arn: string }
  /** Host and port of the mTLS listener, and the server's CA in PEM. */
  readonly mqtt: { readonly host: string; readonly port: number; readonly caPem: string }
  close(): Promise<void>
}

export interface SageMaker {
  readonly service: JsonService
  close(): Promise<void>
}

/** Asks for a new copy of the log: a log group with its lines, kept in memory up to a cap and in files under `dir/logs`. */
export interface Logs {
  readonly service: JsonService
  createLogGroup(properties: { readonly LogGroupName: string; readonly RetentionInDays?: number }): void
  put(group: string, stream: string, message: string): void
}

export interface Http {
  /** Routes of AWS::ApiGatewayV2::*: served by the same front under `/_api/{apiId}` and, for the first API, under `/v1`. */
  readonly service: RestService
  createApi(properties: Readonly<Record<string, unknown>>): {
    readonly apiId: string
    readonly endpoint: string
  }
  createAuthorizer(apiId: string, properties: Readonly<Record<string, unknown>>): string
  createIntegration(apiId: string, properties: Readonly<Record<string, unknown>>): string
  createRoute(apiId: string, properties: Readonly<Record<string, unknown>>): void
}

/** Runs functions. `invoke` is the synchronous path (API Gateway, Lambda Invoke API); the rest are asynchronous. */
export interface LambdaHost {
  readonly service: RestService
  readonly invokeAsync: InvokeAsync
  invoke(
    functionArn: string,
    payload: Buffer,
    source: { readonly service: string; readonly sourceArn: string },
  ): Promise<{ readonly payload: Buffer; readonly functionError?: 'Handled' | 'Unhandled' }>
  close(): Promise<void>
}

export interface ServiceOptions {
  readonly realm: Realm
  readonly iam: Iam
}
export type Log = (entry: CloudLogEntry) => void
