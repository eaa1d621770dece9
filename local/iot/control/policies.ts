import type { PolicyDocument, Realm } from '../../core/types.ts'
import { AwsError } from '../../core/types.ts'
import { certificateIdOf, iotArn } from '../arns.ts'
import { compilePolicy } from '../policy.ts'
import type { Policy, Registry } from '../registry.ts'
import {
  alreadyExists,
  type ControlCall,
  type ControlOperations,
  invalidRequest,
  notFound,
  pageOf,
  requiredText,
  seconds,
} from './call.ts'

const NAME = /^[\w+=,.@-]{1,128}$/

/** Policies and their attachment to certificates. */
export const policyOperations = (realm: Realm, registry: Registry): ControlOperations => {
  const arn = (name: string) => iotArn(realm, 'policy', name)
  const ofPolicy = (call: ControlCall) => arn(call.path['policyName'] ?? '')
  const existing = (call: ControlCall): Policy => {
    const policy = registry.policies.get(call.path['policyName'] ?? '')
    if (!policy) throw notFound(`Policy ${call.path['policyName']} does not exist.`)
    return policy
  }
  /** Certificate id of a target ARN; thing groups are not in the local cloud. */
  const target = (arnText: string): string => {
    if (arnText.includes(':thinggroup/'))
      throw new AwsError(
        'NotImplemented',
        'policies on thing groups are not implemented by the local cloud',
        501,
      )
    const id = certificateIdOf(arnText)
    if (id === undefined)
      throw invalidRequest(`target must be the ARN of a certificate; got ${JSON.stringify(arnText)}`)
    if (!registry.certificates.has(id)) throw notFound(`Certificate ${id} does not exist.`)
    return id
  }
  const summary = (policyName: string) => ({ policyName, policyArn: arn(policyName) })

  return {
    CreatePolicy: {
      resource: ofPolicy,
      run: call => {
        const name = call.path['policyName'] ?? ''
        const text = requiredText(call.body['policyDocument'], 'policyDocument')
        if (registry.policies.has(name))
          throw alreadyExists(
            `Policy cannot be created - name already exists (name=${name})`,
            name,
            arn(name),
          )
        storePolicy(realm, registry, name, parseDocument(text), text)
        return { ...summary(name), policyDocument: text, policyVersionId: '1' }
      },
    },
    GetPolicy: {
      resource: ofPolicy,
      run: call => {
        const policy = existing(call)
        return {
          ...summary(policy.policyName),
          policyDocument: policy.text,
          defaultVersionId: '1',
          creationDate: seconds(policy.creationDate),
          lastModifiedDate: seconds(policy.lastModifiedDate),
        }
      },
    },
    ListPolicies: {
      resource: () => '*',
      run: ({ query }) => {
        const names = [...registry.policies.keys()]
        const page = pageOf(names, name => name, query.get('pageSize'), query.get('marker'))
        return { policies: page.items.map(summary), nextMarker: page.next }
      },
    },
    AttachPolicy: {
      resource: call => requiredText(call.body['target'], 'target'),
      run: call => {
        const { policyName } = existing(call)
        const id = target(requiredText(call.body['target'], 'target'))
        const names = registry.attachedPolicies.get(id) ?? new Set<string>()
        registry.attachedPolicies.set(id, names.add(policyName))
        registry.changed()
        return {}
      },
    },
    DetachPolicy: {
      resource: call => requiredText(call.body['target'], 'target'),
      run: call => {
        const { policyName } = existing(call)
        registry.attachedPolicies.get(target(requiredText(call.body['target'], 'target')))?.delete(policyName)
        registry.changed()
        return {}
      },
    },
    ListAttachedPolicies: {
      resource: call => call.path['target'] ?? '',
      run: ({ path, query }) => {
        const names = [...(registry.attachedPolicies.get(target(path['target'] ?? '')) ?? [])]
        const page = pageOf(names, name => name, query.get('pageSize'), query.get('marker'))
        return { policies: page.items.map(summary), nextMarker: page.next }
      },
    },
  }
}

/** Stores a policy, new or changed; throws MalformedPolicyException when AWS IoT would refuse the document. */
export const storePolicy = (
  realm: Realm,
  registry: Registry,
  policyName: string,
  document: PolicyDocument,
  text = JSON.stringify(document),
): void => {
  if (!NAME.test(policyName))
    throw invalidRequest(`policyName must match ${NAME.source}; got ${JSON.stringify(policyName)}`)
  compilePolicy(document)
  const now = realm.now().getTime()
  const creationDate = registry.policies.get(policyName)?.creationDate ?? now
  registry.policies.set(policyName, { policyName, document, text, creationDate, lastModifiedDate: now })
  registry.changed()
}

const parseDocument = (text: string): PolicyDocument => {
  try {
    return JSON.parse(text) as PolicyDocument
  } catch {
    throw new AwsError('MalformedPolicyException', 'policyDocument is not JSON', 400)
  }
}
