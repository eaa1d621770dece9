import * as z from 'zod'

/** What a token may do. Cognito writes them with its resource server in front: `edgeloop/fleet:read`. */
export const scopeDescriptions = {
  'fleet:read': 'See everything but the values of samples and the queue of reviews',
  'devices:write': 'Allow, revoke and sample devices',
  'rollouts:write': 'Plan, pause, resume, abort and roll back; bar releases',
  'rollouts:approve': 'Approve rollouts of others',
  'models:write': 'Ask for a retrain',
  'models:approve': 'Set guards aside, reset the circuit breaker',
  'labels:write': 'See samples and label them',
  'queues:write': 'See the bodies of dead letters and redrive them',
} as const
export type Scope = keyof typeof scopeDescriptions
export const scopes = Object.keys(scopeDescriptions) as [Scope, ...Scope[]]
export const scope = z.enum(scopes)

/** Of Cognito's resource server. */
export const SCOPE_PREFIX = 'edgeloop/'
/** Scopes of a claim as API Gateway hands it over: text with spaces, or `[a b]` where the token has a list. */
export const scopesOf = (claim: string): string[] =>
  (claim.match(/[^\s[\]]+/g) ?? []).map(name =>
    name.startsWith(SCOPE_PREFIX) ? name.slice(SCOPE_PREFIX.length) : name,
  )
