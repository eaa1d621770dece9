/**
 * Tokens as Cognito makes them, and the trigger that has a say in them. Reference: Amazon Cognito developer guide,
 * "Understanding the access token", "Understanding the identity (ID) token", "Pre token generation Lambda trigger".
 */
import { createHash, randomUUID } from 'node:crypto'
import type { LambdaHost } from '../core/services.ts'
import type { Realm } from '../core/types.ts'
import { isRecord, record } from '../events/read.ts'
import type { Signer } from '../oidc/signer.ts'
import type { Client, Pool, User } from './types.ts'

export interface TokenOptions {
  readonly realm: Realm
  readonly signer: Signer
  readonly invoke: LambdaHost['invoke']
  readonly issuerOf: (pool: Pool) => string
}
/** One sign-in: what its refreshes keep. */
export interface SignIn {
  readonly user: User
  readonly client: Client
  /** Granted at the authorize endpoint, before the trigger. */
  readonly scopes: readonly string[]
  readonly nonce: string | undefined
  /** Seconds. */
  readonly authTime: number
  readonly originJti: string
  readonly eventId: string
}
export interface MintOptions {
  readonly sub: string
  readonly username?: string
  readonly groups?: readonly string[]
  /** Space-separated, as in the claim. */
  readonly scope?: string
  /** Default: the pool's first client. */
  readonly clientId?: string
  /** Seconds; default 3600. */
  readonly expiresIn?: number
}
export type Trigger = 'TokenGeneration_HostedAuth' | 'TokenGeneration_RefreshTokens'

/** The trigger failed or answered in a shape that it may not have: there is no token. */
export class TriggerFailed extends Error {}

export type Tokens = ReturnType<typeof createTokens>

export function createTokens({ realm, signer, invoke, issuerOf }: TokenOptions) {
  const access = (pool: Pool, claims: Record<string, unknown>, seconds: number): Promise<string> =>
    signer.sign({ iss: issuerOf(pool), token_use: 'access', version: 2, ...claims }, seconds)
  const now = (): number => Math.floor(realm.now().getTime() / 1000)

  return {
    /** Access token and, with the scope `openid`, ID token. Throws TriggerFailed. */
    async forPerson(pool: Pool, signIn: SignIn, trigger: Trigger) {
      const { user, client, authTime, originJti, eventId } = signIn
      const scopes = await triggered(pool, signIn, trigger)
      const shared = {
        sub: user.sub,
        ...(user.groups.length > 0 && { 'cognito:groups': user.groups }),
        origin_jti: originJti,
        event_id: eventId,
        auth_time: authTime,
      }
      const accessToken = await access(
        pool,
        { ...shared, client_id: client.id, scope: scopes.join(' '), username: user.username },
        client.accessSeconds,
      )
      if (!signIn.scopes.includes('openid')) return { accessToken, idToken: undefined }
      const idClaims = {
        ...shared,
        iss: issuerOf(pool),
        aud: client.id,
        token_use: 'id',
        'cognito:username': user.username,
        at_hash: createHash('sha256').update(accessToken).digest().subarray(0, 16).toString('base64url'),
        ...(signIn.nonce !== undefined && { nonce: signIn.nonce }),
        ...attributesFor(user, signIn.scopes),
      }
      return { accessToken, idToken: await signer.sign(idClaims, client.idSeconds) }
    },
    /** Of the grant client_credentials, for which the trigger's version 2 is not asked. */
    forMachine: (pool: Pool, client: Client, scopes: readonly string[]): Promise<string> =>
      access(
        pool,
        { sub: client.id, client_id: client.id, scope: scopes.join(' '), auth_time: now() },
        client.accessSeconds,
      ),
    /** An access token as the pool would sign it, for tools that run in this process: no sign-in, no trigger. */
    mint: (pool: Pool, wanted: MintOptions): Promise<string> =>
      access(
        pool,
        {
          sub: wanted.sub,
          client_id: wanted.clientId ?? pool.clients.keys().next().value ?? '',
          scope: wanted.scope ?? '',
          username: wanted.username ?? wanted.sub,
          auth_time: now(),
          origin_jti: randomUUID(),
          event_id: randomUUID(),
          ...(wanted.groups && { 'cognito:groups': wanted.groups }),
        },
        wanted.expiresIn ?? 3600,
      ),
  }

  async function triggered(pool: Pool, signIn: SignIn, trigger: Trigger): Promise<readonly string[]> {
    if (pool.triggerArn === undefined) return signIn.scopes
    const { user, client, scopes } = signIn
    const event = {
      version: '2',
      triggerSource: trigger,
      region: realm.region,
      userPoolId: pool.id,
      userName: user.username,
      callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: client.id },
      request: {
        userAttributes: { sub: user.sub, 'cognito:user_status': 'CONFIRMED', ...user.attributes },
        groupConfiguration: { groupsToOverride: user.groups, iamRolesToOverride: [], preferredRole: null },
        scopes,
      },
      response: { claimsAndScopeOverrideDetails: null },
    }
    const source = { service: 'cognito-idp.amazonaws.com', sourceArn: pool.arn }
    const answer = await invoke(pool.triggerArn, Buffer.from(JSON.stringify(event)), source).catch(
      (cause: unknown) => {
        throw new TriggerFailed(`PreTokenGeneration could not be invoked: ${String(cause)}`)
      },
    )
    const result = readJson(answer.payload)
    if (answer.functionError)
      throw new TriggerFailed(
        `PreTokenGeneration failed with error ${String(record(result)['errorMessage'] ?? answer.functionError)}.`,
      )
    if (!isRecord(result) || result['triggerSource'] !== trigger)
      throw new TriggerFailed('Unrecognizable lambda output: PreTokenGeneration must return its event')
    const { add, suppress } = readOverrides(result['response'])
    return [...new Set([...scopes.filter(each => !suppress.includes(each)), ...add])]
  }
}

function readJson(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8')) as unknown
  } catch {
    return undefined
  }
}

/** Of the overrides, scopes are run; one that is not is no token, as ignoring it would be another token. */
function readOverrides(response: unknown) {
  const details = record(record(response)['claimsAndScopeOverrideDetails'])
  const generation = record(details['accessTokenGeneration'])
  const given = [
    ...Object.keys(details).filter(name => name !== 'accessTokenGeneration' && details[name] !== null),
    ...Object.keys(generation).filter(name => name !== 'scopesToAdd' && name !== 'scopesToSuppress'),
  ]
  if (given.length > 0)
    throw new TriggerFailed(`PreTokenGeneration answers ${given[0]}, which the local cloud does not run`)
  const scopes = (name: string): readonly string[] => {
    const value = generation[name] ?? []
    if (Array.isArray(value) && value.every(each => typeof each === 'string' && /^\S+$/.test(each)))
      return value as readonly string[]
    throw new TriggerFailed(`PreTokenGeneration: ${name} must be a list of scopes without spaces`)
  }
  return { add: scopes('scopesToAdd'), suppress: scopes('scopesToSuppress') }
}

const BY_SCOPE: Readonly<Record<string, readonly string[]>> = {
  profile: ['name', 'given_name', 'family_name', 'preferred_username', 'nickname', 'locale', 'zoneinfo'],
  email: ['email', 'email_verified'],
  phone: ['phone_number', 'phone_number_verified'],
}

/** A person's attributes that the scopes let out. */
export function attributesFor(user: User, scopes: readonly string[]): Record<string, string | boolean> {
  const names = scopes.flatMap(scope => BY_SCOPE[scope] ?? [])
  const held = names.flatMap(name => {
    const value = user.attributes[name]
    return value === undefined ? [] : [[name, name.endsWith('_verified') ? value === 'true' : value] as const]
  })
  return Object.fromEntries(held)
}
