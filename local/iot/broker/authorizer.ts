import type { Realm } from '../../core/types.ts'
import { iotArn } from '../arns.ts'
import { isAllowed } from '../policy.ts'
import type { Registry } from '../registry.ts'
import { type ConnectionIdentity, policyVariables } from './identity.ts'

export type IotAction = 'iot:Connect' | 'iot:Publish' | 'iot:RetainPublish' | 'iot:Subscribe' | 'iot:Receive'

/** Whether the policies of a connection's certificate allow an action on a client id, topic or topic filter. */
export type Authorizer = (action: IotAction, name: string) => boolean

const KIND = {
  'iot:Connect': 'client',
  'iot:Publish': 'topic',
  'iot:RetainPublish': 'topic',
  'iot:Receive': 'topic',
  'iot:Subscribe': 'topicfilter',
} as const

// A device uses a handful of topics over and over; a fuzzer must not make this grow without end.
const MAX_REMEMBERED = 1000

/** Remembers decisions until the registry changes. */
export const createAuthorizer = (
  realm: Realm,
  registry: Registry,
  identity: ConnectionIdentity,
): Authorizer => {
  const decisions = new Map<string, boolean>()
  let decidedAt = -1
  return (action, name) => {
    if (decidedAt !== registry.revision() || decisions.size >= MAX_REMEMBERED) {
      decisions.clear()
      decidedAt = registry.revision()
    }
    const key = `${action} ${name}`
    const known = decisions.get(key)
    if (known !== undefined) return known
    const policies = registry.policiesOf(identity.certificateId)
    const variables = policyVariables(registry, identity)
    const decided = isAllowed(policies, action, iotArn(realm, KIND[action], name), variables)
    decisions.set(key, decided)
    return decided
  }
}
