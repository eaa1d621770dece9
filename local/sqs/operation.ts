import type { CallContext, JsonOperation } from '../core/types.ts'
import { type Input, requiredString, structure } from './input.ts'
import type { NamedQueue, Registry } from './registry.ts'

export type Operation = (input: Input, ctx: CallContext) => object | Promise<object>
export type Operations = Readonly<Record<string, Operation>>

export function wireOperations(operations: Operations): Readonly<Record<string, JsonOperation>> {
  return Object.fromEntries(
    Object.entries(operations).map(([name, operation]) => [
      name,
      (raw: unknown, ctx: CallContext) => operation(structure(raw ?? {}), ctx),
    ]),
  )
}

export const queueOf = (registry: Registry, input: Input): NamedQueue =>
  registry.byUrl(requiredString(input, 'QueueUrl'))

/** Throws AccessDenied unless the caller's policies or the queue's own policy allow the action. */
export function authorizeQueue(
  registry: Registry,
  ctx: CallContext,
  action: string,
  named: NamedQueue,
): void {
  ctx.authorize({
    action: `sqs:${action}`,
    resource: named.arn,
    resourcePolicies: registry.policies(named),
  })
}
