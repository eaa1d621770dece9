/** The account's IAM: roles, their sessions, and the decision on every call. */
import type { Denial, Iam, StatementUse } from '../core/services.ts'
import {
  type AuthzRequest,
  AwsError,
  type PolicyDocument,
  type Principal,
  type Realm,
} from '../core/types.ts'
import { createCredentialStore, operatorCredentials } from './credentials.ts'
import { type Decision, type DenyReason, evaluate, type IdentityPolicy, statementsOf } from './evaluate.ts'
import { checkPolicy } from './policy-check.ts'

interface Role {
  readonly name: string
  readonly arn: string
  readonly trust: PolicyDocument
  readonly policies: readonly IdentityPolicy[]
  /** Per statement, keyed `policyName#index`. */
  readonly use: Map<string, { decisive: number; matched: number }>
}

const keptDenials = 10_000

/** Creates the account's IAM. Role names are unique; adding a role again replaces it. */
export function createIam(realm: Realm): Iam {
  const { accountId } = realm
  const operator: Principal = { arn: `arn:aws:iam::${accountId}:user/operator`, kind: 'operator' }
  const store = createCredentialStore(operator)
  const roles = new Map<string, Role>()
  const denials: Denial[] = []
  const listeners: ((denial: Denial) => void)[] = []

  const roleOf = (name: string): Role => {
    const role = roles.get(name)
    if (role === undefined)
      throw new AwsError('NoSuchEntity', `The role with name ${name} cannot be found.`, 404)
    return role
  }
  const principalFor = (roleName: string, sessionName: string): Principal => ({
    arn: `arn:aws:sts::${accountId}:assumed-role/${roleOf(roleName).name}/${sessionName}`,
    kind: 'role',
    roleName,
    sessionName,
  })

  // The local endpoint stands for TLS: policies that demand aws:SecureTransport must hold as they do in AWS.
  const globalContext = (principal: Principal, role: Role | undefined) => ({
    'aws:SecureTransport': 'true',
    'aws:CurrentTime': realm.now().toISOString(),
    'aws:EpochTime': String(Math.floor(realm.now().getTime() / 1000)),
    'aws:RequestedRegion': realm.region,
    ...(principal.kind === 'service' ? {} : { 'aws:PrincipalAccount': accountId }),
    ...(principal.kind === 'service' ? {} : { 'aws:PrincipalArn': role?.arn ?? principal.arn }),
    ...(principal.kind === 'operator' ? { 'aws:username': 'operator' } : {}),
  })

  const decide = (principal: Principal, need: AuthzRequest): Decision => {
    const role = principal.kind === 'role' ? roles.get(principal.roleName ?? '') : undefined
    return evaluate({
      principal,
      ...(role === undefined ? {} : { roleArn: role.arn }),
      accountId,
      action: need.action,
      resource: need.resource,
      context: { ...globalContext(principal, role), ...need.context },
      identityPolicies: role?.policies ?? [],
      resourcePolicies: need.resourcePolicies ?? [],
    })
  }

  const countUse = (principal: Principal, decision: Decision & { allowed: true }) => {
    const role = roles.get(principal.roleName ?? '')
    const alone = decision.identityAllows.length === 1 && !decision.resourceAllows
    for (const { policyName, index } of decision.identityAllows) {
      const use = role?.use.get(`${policyName}#${index}`)
      if (use === undefined) continue
      use.matched += 1
      if (alone) use.decisive += 1
    }
  }

  const deny = (principal: Principal, need: AuthzRequest, because: DenyReason): AwsError => {
    const message = denialMessage(principal, need, because)
    const denial: Denial = {
      at: realm.now().toISOString(),
      principal,
      ...(principal.sessionName === undefined ? {} : { functionName: principal.sessionName }),
      action: need.action,
      resource: need.resource,
      message,
    }
    denials.push(denial)
    if (denials.length > keptDenials) denials.shift()
    for (const listener of listeners) listener(denial)
    return new AwsError('AccessDenied', message, 403)
  }

  return {
    addRole(role) {
      checkPolicy(role.trust, `trust policy of role ${role.name}`)
      for (const policy of role.policies)
        checkPolicy(policy.document, `policy ${policy.name} of role ${role.name}`)
      const keys = role.policies.flatMap(policy =>
        statementsOf(policy.document).map((_, index) => `${policy.name}#${index}`),
      )
      const use = new Map(keys.map(key => [key, { decisive: 0, matched: 0 }]))
      roles.set(role.name, { ...role, use })
    },
    credentialsFor: (roleName, sessionName) => store.session(principalFor(roleName, sessionName)),
    principalFor,
    assertAssumable(roleName, servicePrincipal) {
      const role = roleOf(roleName)
      const caller: Principal = { arn: servicePrincipal, kind: 'service' }
      const need = {
        action: 'sts:AssumeRole',
        resource: role.arn,
        context: { 'aws:SourceAccount': accountId },
        // A trust policy has no Resource: it is attached to the one role.
        resourcePolicies: [role.trust],
      }
      const decision = decide(caller, need)
      if (!decision.allowed) throw deny(caller, need, decision.because)
    },
    operator: operatorCredentials,
    resolve(accessKeyId) {
      const found = store.find(accessKeyId)
      if (found === undefined) return undefined
      const { secretAccessKey, sessionToken } = found.credentials
      return {
        principal: found.principal,
        secretAccessKey,
        ...(sessionToken === undefined ? {} : { sessionToken }),
      }
    },
    authorize(principal, needs) {
      for (const need of needs) {
        const decision = decide(principal, need)
        if (!decision.allowed) throw deny(principal, need, decision.because)
        countUse(principal, decision)
      }
    },
    isAllowed: (principal, need) => decide(principal, need).allowed,
    onDenied: listener => void listeners.push(listener),
    denials,
    statementUse: () => [...roles.values()].flatMap(usesOf),
  }
}

function usesOf(role: Role): readonly StatementUse[] {
  return role.policies.flatMap(policy =>
    statementsOf(policy.document).map((statement, index) => ({
      roleName: role.name,
      policyName: policy.name,
      index,
      ...(statement.Sid === undefined ? {} : { sid: statement.Sid }),
      statement,
      ...(role.use.get(`${policy.name}#${index}`) ?? { decisive: 0, matched: 0 }),
    })),
  )
}

function denialMessage(principal: Principal, need: AuthzRequest, because: DenyReason): string {
  const reason = {
    'identity-based explicit deny': 'with an explicit deny in an identity-based policy',
    'resource-based explicit deny': 'with an explicit deny in a resource-based policy',
    'no identity-based allow': `because no identity-based policy allows the ${need.action} action`,
    'no resource-based allow': `because no resource-based policy allows the ${need.action} action`,
  }[because]
  const who = `User: ${principal.arn} is not authorized to perform: ${need.action}`
  return `${who} on resource: ${need.resource} ${reason}`
}
