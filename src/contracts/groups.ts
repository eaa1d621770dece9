import { SCOPE_PREFIX, type Scope, scopes } from './scopes.ts'

/** The scope's name in Cognito's tokens. */
export const qualified = (name: Scope): string => `${SCOPE_PREFIX}${name}`

/** What the people of each group in infra/identity.yml may do. Only `admins` may both ask for a rollout and approve one. */
export const groupScopes = {
  viewers: ['fleet:read'],
  labellers: ['fleet:read', 'labels:write'],
  operators: [
    'fleet:read',
    'devices:write',
    'rollouts:write',
    'models:write',
    'labels:write',
    'queues:write',
  ],
  approvers: ['fleet:read', 'rollouts:approve', 'models:approve'],
  admins: scopes,
} as const satisfies Readonly<Record<string, readonly Scope[]>>
export type Group = keyof typeof groupScopes
export const groups = Object.keys(groupScopes) as readonly Group[]
