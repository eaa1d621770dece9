import type { CallContext } from '../core/types.ts'
import { disabled, wrongUsage } from './errors.ts'
import type { Key } from './keys.ts'

/** Asks IAM for `kms:…` on the key, with the key's own policy. */
export function authorizeKey(
  context: CallContext,
  key: Key,
  action: string,
  keys: Readonly<Record<string, string>> = {},
): void {
  context.authorize({
    action: `kms:${action}`,
    resource: key.arn,
    context: keys,
    resourcePolicies: [key.policy],
  })
}

/** Throws DisabledException or InvalidKeyUsageException unless the key can do this. */
export function mustBeUsable(key: Key, operation: string, usage: Key['usage']): void {
  if (!key.enabled) throw disabled(key.arn)
  if (key.usage !== usage)
    throw wrongUsage(`${key.arn} key usage is ${key.usage} which is not valid for ${operation}.`)
}
