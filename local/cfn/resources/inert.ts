/** Types that an account has and a run on one machine does not need: accepted, named in the report, not run. */
import type { Made, Resource, ResourceHandler } from '../resource.ts'
import { isRecord } from '../template.ts'

/** Type, or prefix with `*`. */
const inert = [
  'AWS::CloudWatch::Dashboard',
  'AWS::SNS::*',
  'AWS::Glue::*',
  'AWS::Athena::*',
  'AWS::ECR::*',
  'AWS::Cognito::ManagedLoginBranding',
  'AWS::CloudTrail::*',
  'AWS::XRay::*',
  'AWS::Budgets::*',
  'AWS::Logs::MetricFilter',
  'AWS::Logs::QueryDefinition',
  'AWS::Events::EventBusPolicy',
  'AWS::Events::Archive',
  'AWS::CloudFormation::WaitConditionHandle',
] as const

/** Properties by which these types name themselves. */
const nameProperties = ['TopicName', 'DashboardName', 'RepositoryName', 'ArchiveName', 'Name']

/** How an ARN goes on after `arn:aws:SERVICE:REGION:ACCOUNT:`, where it is not just the name. */
const arnPaths: Readonly<Record<string, string>> = {
  'AWS::ECR::Repository': 'repository/',
  'AWS::Athena::WorkGroup': 'workgroup/',
  'AWS::Events::Archive': 'archive/',
}

export function inertHandler(type: string): ResourceHandler | undefined {
  const known = inert.some(each => (each.endsWith('*') ? type.startsWith(each.slice(0, -1)) : type === each))
  return known ? declare : undefined
}

const declare: ResourceHandler = (resource, { realm, physicalName }): Made => {
  const name = givenName(resource) ?? physicalName(resource.logicalId)
  const service = resource.type.split('::')[1]?.toLowerCase() ?? ''
  const arn = `arn:aws:${service}:${realm.region}:${realm.accountId}:${arnPaths[resource.type] ?? ''}${name}`
  const attributes: Readonly<Record<string, string>> = {
    Arn: arn,
    ...(resource.type === 'AWS::SNS::Topic' && { TopicArn: arn, TopicName: name }),
    ...(resource.type === 'AWS::ECR::Repository' && {
      RepositoryUri: `${realm.accountId}.dkr.ecr.${realm.region}.amazonaws.com/${name}`,
    }),
  }
  // Ref of a topic is its ARN, of the others their name.
  const physicalId = resource.type === 'AWS::SNS::Topic' ? arn : name
  return { physicalId, attributes, notRun: 'declared, not run' }
}

function givenName({ type, properties }: Resource): string | undefined {
  // Databases and tables of Glue have their name one level down.
  const inner = properties[`${type.split('::')[2]}Input`]
  const named = type.startsWith('AWS::Glue::') && isRecord(inner) ? inner : properties
  for (const key of nameProperties) if (typeof named[key] === 'string') return named[key]
  return undefined
}
