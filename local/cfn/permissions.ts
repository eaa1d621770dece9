/** Permissions that AWS looks for when a deployment is made, and answers a missing one with a failed stack. */
import type { Iam } from '../core/services.ts'
import type { AuthzRequest } from '../core/types.ts'
import type { FunctionConfig } from '../lambda/types.ts'

/**
 * Throws unless the function's role has every permission; the message names function, role, action, resource
 * and what needs it. Goes through `authorize`, so that the statements count as used.
 */
export function requirePermissions(
  iam: Pick<Iam, 'authorize' | 'principalFor'>,
  fn: Pick<FunctionConfig, 'name' | 'roleName'>,
  needs: readonly AuthzRequest[],
  why: string,
): void {
  for (const need of needs) {
    try {
      iam.authorize(iam.principalFor(fn.roleName, fn.name), [need])
    } catch (cause) {
      throw new Error(
        `function ${fn.name}: role ${fn.roleName} may not ${need.action} on ${need.resource}, which ${why} needs; allow it in the role`,
        { cause },
      )
    }
  }
}

const on = (resource: string, ...actions: readonly string[]): AuthzRequest[] =>
  actions.map(action => ({ action, resource }))

export const sendTo = (queueArn: string): readonly AuthzRequest[] => on(queueArn, 'sqs:SendMessage')

export const pollQueue = (queueArn: string): readonly AuthzRequest[] =>
  on(queueArn, 'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes')

/** ListStreams has no resource level: it is asked for on `*`. */
export const readStream = (streamArn: string): readonly AuthzRequest[] => [
  ...on(streamArn, 'dynamodb:GetRecords', 'dynamodb:GetShardIterator', 'dynamodb:DescribeStream'),
  ...on('*', 'dynamodb:ListStreams'),
]

export const writeTraces: readonly AuthzRequest[] = on(
  '*',
  'xray:PutTraceSegments',
  'xray:PutTelemetryRecords',
)
