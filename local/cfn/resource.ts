/** What a handler of one resource type gets and gives, and the reading of its properties. */
import type { CloudFront } from '../cloudfront/index.ts'
import type { CloudWatch } from '../cloudwatch/index.ts'
import type { Cognito } from '../cognito/index.ts'
import type { DynamoDb, EventBridge, Http, Iam, Iot, Kms, Logs, S3, Sqs } from '../core/services.ts'
import type { PolicyDocument, Realm } from '../core/types.ts'
import type { LambdaDeployment } from '../lambda/types.ts'
import type { Addresses } from './addresses.ts'
import { isRecord, type Json, TemplateError } from './template.ts'

/** The services a template can make resources in. */
export interface CloudServices {
  readonly iam: Iam
  readonly s3: Pick<S3, 'createBucket' | 'setBucketPolicy'>
  readonly kms: Pick<Kms, 'createKey' | 'createAlias'>
  readonly dynamodb: Pick<DynamoDb, 'createTable'>
  readonly sqs: Pick<Sqs, 'createQueue' | 'setQueuePolicy' | 'visibilityTimeoutSeconds'>
  readonly events: Pick<EventBridge, 'createApiDestination' | 'createBus' | 'createConnection' | 'createRule'>
  readonly iot: Pick<
    Iot,
    'createPolicy' | 'createProvisioningTemplate' | 'createThingType' | 'createTopicRule'
  >
  readonly logs: Pick<Logs, 'createLogGroup'>
  readonly cloudwatch: Pick<CloudWatch, 'createAlarm' | 'createCompositeAlarm'>
  readonly http: Pick<Http, 'createApi' | 'createAuthorizer' | 'createIntegration' | 'createRoute'> & {
    createStage(apiId: string, properties: Json): void
  }
  readonly lambda: LambdaDeployment
  readonly cognito: Pick<
    Cognito,
    'createPool' | 'createDomain' | 'createResourceServer' | 'createGroup' | 'createClient'
  >
  readonly cloudfront: Omit<CloudFront, 'close'>
  /** Where AWS's own addresses are on this machine; for outputs, and for properties that people's browsers follow. */
  readonly addresses: Addresses
}

export interface Resource {
  readonly logicalId: string
  readonly type: string
  /** Intrinsic functions are resolved. */
  readonly properties: Json
}
export interface Made {
  /** Value of `Ref`. */
  readonly physicalId: string
  /** Values of `Fn::GetAtt`, by attribute. */
  readonly attributes?: Readonly<Record<string, string>>
  /** Why this resource, or a part of it, has no effect here. */
  readonly notRun?: string
}
export interface RoleDraft {
  readonly arn: string
  readonly trust: PolicyDocument
  readonly policies: { readonly name: string; readonly document: PolicyDocument }[]
}
export interface DeployContext {
  readonly realm: Realm
  readonly services: CloudServices
  readonly stackName: string
  /** Folder with the template and the functions' archives. */
  readonly folder: string
  /** Roles so far, by name: AWS::IAM::Policy adds to them later. */
  readonly roles: Map<string, RoleDraft>
  /** A name made of stack and logical id, the same at every start. */
  physicalName(logicalId: string, maxLength?: number): string
  /** Runs once everything exists: a role's policies may be made after the function that needs them. */
  afterwards(check: () => void): void
}
export type ResourceHandler = (resource: Resource, ctx: DeployContext) => Made | Promise<Made>
export type ResourceHandlers = Readonly<Record<string, ResourceHandler>>

/** Typed access to properties; each error names logical id and property. Strings stand for numbers and booleans. */
export function read(resource: Resource) {
  const { logicalId, properties } = resource
  const fail = (name: string, problem: string): TemplateError =>
    new TemplateError(`${logicalId}.Properties.${name}`, problem)

  const optionalString = (name: string): string | undefined => {
    const value = properties[name]
    if (value === undefined || typeof value === 'string') return value
    throw fail(name, 'must be a string')
  }
  const optionalObject = (name: string): Json | undefined => {
    const value = properties[name]
    if (value === undefined || isRecord(value)) return value
    throw fail(name, 'must be an object')
  }
  const optionalNumber = (name: string, min: number, max: number): number | undefined => {
    const value = properties[name]
    if (value === undefined) return undefined
    const number = Number(value)
    if (value !== '' && Number.isInteger(number) && number >= min && number <= max) return number
    throw fail(name, `must be a whole number from ${min} to ${max}, not ${JSON.stringify(value)}`)
  }
  const required = <T>(name: string, value: T | undefined): T => {
    if (value === undefined) throw fail(name, 'is missing')
    return value
  }
  return {
    fail,
    optionalString,
    optionalObject,
    optionalNumber,
    string: (name: string) => required(name, optionalString(name)),
    object: (name: string) => required(name, optionalObject(name)),
    boolean(name: string, fallback: boolean): boolean {
      const value = properties[name] ?? fallback
      if (value === true || value === 'true') return true
      if (value === false || value === 'false') return false
      throw fail(name, 'must be true or false')
    },
    list(name: string): readonly unknown[] {
      const value = properties[name] ?? []
      if (Array.isArray(value)) return value
      throw fail(name, 'must be a list')
    },
    strings(name: string): readonly string[] {
      const value = properties[name] ?? []
      if (Array.isArray(value) && value.every(each => typeof each === 'string')) return value
      throw fail(name, 'must be a list of strings')
    },
    policy(name: string): PolicyDocument {
      return policyDocument(required(name, optionalObject(name)), () => fail(name, 'has no Statement'))
    },
    /** Refuses properties outside the list: ignoring one in silence would run something else than AWS does. */
    only(known: string): void {
      const names = new Set(known.split(' '))
      const unknown = Object.keys(properties).find(name => !names.has(name))
      if (unknown !== undefined) throw fail(unknown, `is not run by the local cloud for ${resource.type}`)
    },
  }
}

export function policyDocument(value: unknown, otherwise: () => Error): PolicyDocument {
  if (!isRecord(value) || (!isRecord(value['Statement']) && !Array.isArray(value['Statement'])))
    throw otherwise()
  return value as unknown as PolicyDocument
}

/** Last part of a role's ARN, which may have a path. */
export function roleNameOf(arn: string): string | undefined {
  return /^arn:aws:iam::\d{12}:role\/(?:.*\/)?([\w+=,.@-]+)$/.exec(arn)?.[1]
}
