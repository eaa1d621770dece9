/** What a job's execution role needs besides S3: the image out of ECR, and a place for its logs. */
import type { Iam } from '../core/services.ts'
import type { AuthzRequest, Realm } from '../core/types.ts'

const PULL = ['ecr:BatchCheckLayerAvailability', 'ecr:GetDownloadUrlForLayer', 'ecr:BatchGetImage']
const LOG = ['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents']
/** `ACCOUNT.dkr.ecr.REGION.amazonaws.com/REPOSITORY:TAG`; an image elsewhere needs no rights of the role. */
const ECR_IMAGE = /^(\d{12})\.dkr\.ecr\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?\/([^:@]+)/

export function pullRights(image: string): AuthzRequest[] {
  const [, account, region, repository] = ECR_IMAGE.exec(image) ?? []
  if (repository === undefined) return []
  const resource = `arn:aws:ecr:${region}:${account}:repository/${repository}`
  return [
    { action: 'ecr:GetAuthorizationToken', resource: '*' },
    ...PULL.map(action => ({ action, resource })),
  ]
}

export const logRights = ({ region, accountId }: Realm, group: string): AuthzRequest[] =>
  LOG.map(action => ({
    action,
    resource: `arn:aws:logs:${region}:${accountId}:log-group:${group}:log-stream:job`,
  }))

/** Throws AwsError AccessDenied in IAM's words; the job then fails with it. */
export function assertJobRights(
  iam: Iam,
  roleName: string,
  job: string,
  needs: readonly AuthzRequest[],
): void {
  iam.authorize(iam.principalFor(roleName, job), needs)
}
