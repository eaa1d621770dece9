/** A function's resource policy: which services may invoke it, for which of their resources. */
import type { Iam } from '../core/services.ts'
import { AwsError, type PolicyDocument, type PolicyStatement, type Realm } from '../core/types.ts'
import type { FunctionConfig, FunctionPermission } from './types.ts'

/** The policy that AWS::Lambda::Permission resources add up to. */
export function resourcePolicy(
  functionArn: string,
  permissions: readonly FunctionPermission[],
): PolicyDocument {
  return { Version: '2012-10-17', Statement: permissions.map(each => statement(functionArn, each)) }
}

function statement(functionArn: string, permission: FunctionPermission): PolicyStatement {
  const { service, sourceArn, sourceAccount } = permission
  return {
    Effect: 'Allow',
    Principal: { Service: service },
    Action: 'lambda:InvokeFunction',
    Resource: functionArn,
    Condition: {
      ...(sourceArn !== undefined && { ArnLike: { 'aws:SourceArn': sourceArn } }),
      ...(sourceAccount !== undefined && { StringEquals: { 'aws:SourceAccount': sourceAccount } }),
    },
  }
}

/** Throws AwsError AccessDeniedException unless the policy lets this service invoke for this source; records it. */
export function assertInvokable(
  realm: Pick<Realm, 'accountId'>,
  iam: Pick<Iam, 'authorize'>,
  fn: FunctionConfig,
  policy: PolicyDocument,
  source: { readonly service: string; readonly sourceArn: string },
): void {
  const need = {
    action: 'lambda:InvokeFunction',
    resource: fn.arn,
    context: { 'aws:SourceArn': source.sourceArn, 'aws:SourceAccount': realm.accountId },
    resourcePolicies: [policy],
  }
  try {
    iam.authorize({ kind: 'service', arn: source.service }, [need])
  } catch (cause) {
    throw new AwsError(
      'AccessDeniedException',
      `${source.service} may not invoke function ${fn.name} for ${source.sourceArn}: add an AWS::Lambda::Permission (${cause instanceof Error ? cause.message : String(cause)})`,
      403,
    )
  }
}
