/** Input rules that training and compilation share, and their errors in SageMaker's wording. */
import * as z from 'zod'
import type { Iam } from '../core/services.ts'
import { AwsError, type CallContext } from '../core/types.ts'

export const jobName = z
  .string()
  .regex(
    /^[a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}$/,
    'Member must satisfy regular expression pattern: [a-zA-Z0-9](-*[a-zA-Z0-9]){0,62}',
  )
export const roleArn = z
  .string()
  .regex(/^arn:aws:iam::\d{12}:role\/[\w+=,.@/-]+$/, 'Member must be the ARN of an IAM role')
export const s3Uri = z
  .string()
  .max(1024)
  .regex(/^s3:\/\/[^/]+\/?.*$/, 'Member must be an S3 URI (s3://bucket/key)')
export const tags = z
  .array(z.object({ Key: z.string().min(1).max(128), Value: z.string().max(256) }))
  .max(50)
  .default([])
export type Tag = z.infer<typeof tags>[number]

/** Parses or throws AwsError ValidationException naming each field. */
export function parse<T>(schema: z.ZodType<T>, input: unknown): T {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const faults = parsed.error.issues.map(
    issue => `Value at '${wirePath(issue.path)}' failed to satisfy constraint: ${issue.message}`,
  )
  throw new AwsError(
    'ValidationException',
    `${faults.length} validation error${faults.length > 1 ? 's' : ''} detected: ${faults.join('; ')}`,
  )
}

/** `trainingJobName`, `inputDataConfig.1.member.channelName`: as AWS writes paths. */
function wirePath(path: readonly PropertyKey[]): string {
  return path
    .map(part => (typeof part === 'number' ? `${part + 1}.member` : lowerFirst(String(part))))
    .join('.')
}
const lowerFirst = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)

/**
 * What SageMaker checks before it takes a job: the caller's action on the job (and AddTags for tags at creation),
 * PassRole for SageMaker, and a trust policy that lets SageMaker assume the role. Returns the role's name.
 */
export function authorizeJob(
  iam: Iam,
  ctx: CallContext,
  job: { readonly action: string; readonly arn: string; readonly roleArn: string; readonly tagged: boolean },
): string {
  ctx.authorize(
    { action: `sagemaker:${job.action}`, resource: job.arn },
    ...(job.tagged ? [{ action: 'sagemaker:AddTags', resource: job.arn }] : []),
    {
      action: 'iam:PassRole',
      resource: job.roleArn,
      context: { 'iam:PassedToService': SAGEMAKER, 'iam:AssociatedResourceArn': job.arn },
    },
  )
  const roleName = job.roleArn.slice(job.roleArn.lastIndexOf('/') + 1)
  try {
    iam.assertAssumable(roleName, SAGEMAKER)
  } catch {
    throw new AwsError(
      'ValidationException',
      `Could not assume role ${job.roleArn}. Please ensure that the role exists and allows principal '${SAGEMAKER}' to assume the role.`,
    )
  }
  return roleName
}
const SAGEMAKER = 'sagemaker.amazonaws.com'
