/** IAM and KMS. */
import { type DeployContext, policyDocument, type ResourceHandlers, read } from '../resource.ts'
import { isRecord } from '../template.ts'

/** AWS-managed policies whose text is known here. Source: AWS managed policy reference. */
const managed: Readonly<Record<string, readonly string[]>> = {
  'arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole': [
    'logs:CreateLogGroup',
    'logs:CreateLogStream',
    'logs:PutLogEvents',
  ],
  // For the provisioning role of AWS::IoT::ProvisioningTemplate.
  'arn:aws:iam::aws:policy/service-role/AWSIoTThingsRegistration': [
    'iot:AddThingToBillingGroup',
    'iot:AddThingToThingGroup',
    'iot:AttachPolicy',
    'iot:AttachPrincipalPolicy',
    'iot:AttachThingPrincipal',
    'iot:CreateCertificateFromCsr',
    'iot:CreatePolicy',
    'iot:CreateThing',
    'iot:DescribeBillingGroup',
    'iot:DescribeCertificate',
    'iot:DescribeThing',
    'iot:DescribeThingGroup',
    'iot:DescribeThingType',
    'iot:DetachPolicy',
    'iot:DetachThingPrincipal',
    'iot:GetPolicy',
    'iot:ListAttachedPolicies',
    'iot:ListPolicyPrincipals',
    'iot:ListPrincipalPolicies',
    'iot:ListPrincipalThings',
    'iot:ListTargetsForPolicy',
    'iot:ListThingGroupsForThing',
    'iot:ListThingPrincipals',
    'iot:RegisterCertificate',
    'iot:RegisterThing',
    'iot:RemoveThingFromBillingGroup',
    'iot:RemoveThingFromThingGroup',
    'iot:UpdateCertificate',
    'iot:UpdateThing',
    'iot:UpdateThingGroupsForThing',
  ],
  'arn:aws:iam::aws:policy/AWSXRayDaemonWriteAccess': [
    'xray:PutTraceSegments',
    'xray:PutTelemetryRecords',
    'xray:GetSamplingRules',
    'xray:GetSamplingTargets',
    'xray:GetSamplingStatisticSummaries',
  ],
}

export const identity: ResourceHandlers = {
  'AWS::IAM::Role': (resource, ctx) => {
    const { optionalString, policy, list, strings, fail, only } = read(resource)
    only(
      'RoleName Path Description AssumeRolePolicyDocument Policies ManagedPolicyArns MaxSessionDuration Tags',
    )
    const name = optionalString('RoleName') ?? ctx.physicalName(resource.logicalId)
    const arn = `arn:aws:iam::${ctx.realm.accountId}:role${optionalString('Path') ?? '/'}${name}`
    const inline = list('Policies').map((each, i) => {
      const where = `Policies[${i}]`
      if (!isRecord(each) || typeof each['PolicyName'] !== 'string') throw fail(where, 'needs a PolicyName')
      const document = policyDocument(each['PolicyDocument'], () =>
        fail(where, 'has no PolicyDocument.Statement'),
      )
      return { name: each['PolicyName'], document }
    })
    const attached = strings('ManagedPolicyArns').map(managedArn => {
      const actions = managed[managedArn]
      if (!actions)
        throw fail('ManagedPolicyArns', `${managedArn} is not known here; write its statements inline`)
      const document = {
        Version: '2012-10-17',
        Statement: { Effect: 'Allow', Action: actions, Resource: '*' },
      } as const
      return { name: managedArn.split('/').at(-1) ?? managedArn, document }
    })
    ctx.roles.set(name, {
      arn,
      trust: policy('AssumeRolePolicyDocument'),
      policies: [...inline, ...attached],
    })
    publish(name, ctx)
    return { physicalId: name, attributes: { Arn: arn, RoleId: `AROA${name.toUpperCase().slice(0, 17)}` } }
  },
  'AWS::IAM::Policy': (resource, ctx) => {
    const { string, strings, policy, fail } = read(resource)
    const name = string('PolicyName')
    const roles = strings('Roles')
    if (roles.length === 0)
      throw fail('Roles', 'must name a role; users and groups are not run by the local cloud')
    for (const roleName of roles) {
      const role = ctx.roles.get(roleName)
      if (!role) throw fail('Roles', `there is no role ${roleName} in this template`)
      role.policies.push({ name, document: policy('PolicyDocument') })
      publish(roleName, ctx)
    }
    return {
      physicalId: ctx.physicalName(resource.logicalId),
      attributes: { Id: ctx.physicalName(resource.logicalId) },
    }
  },
  'AWS::KMS::Key': (resource, { services }) => {
    const { optionalString, optionalObject, policy } = read(resource)
    const spec = optionalString('KeySpec')
    const usage = optionalString('KeyUsage')
    const { keyId, arn } = services.kms.createKey(resource.logicalId, {
      ...resource.properties,
      ...(spec !== undefined && { KeySpec: spec }),
      ...(usage !== undefined && { KeyUsage: usage }),
      ...(optionalObject('KeyPolicy') && { KeyPolicy: policy('KeyPolicy') }),
    })
    return { physicalId: keyId, attributes: { Arn: arn, KeyId: keyId } }
  },
  'AWS::KMS::Alias': (resource, { services }) => {
    const { string } = read(resource)
    services.kms.createAlias(string('AliasName'), string('TargetKeyId'))
    return { physicalId: string('AliasName') }
  },
}

/** Hands a role over as it stands; adding it again replaces it. */
function publish(name: string, { roles, services }: DeployContext): void {
  const role = roles.get(name)
  if (role) services.iam.addRole({ name, ...role, policies: [...role.policies] })
}
