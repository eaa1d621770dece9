/** A user pool behind the real front, with a trigger that the test answers for. */
import { createHash, randomBytes } from 'node:crypto'
import { afterEach, beforeEach } from 'vitest'
import { createHttpApis } from '../../local/apigateway/index.ts'
import { type Cognito, createCognito } from '../../local/cognito/index.ts'
import { type Front, startFront } from '../../local/http/front.ts'
import { createIam } from '../../local/iam/index.ts'
import { createSigner } from '../../local/oidc/signer.ts'
import { type CallConfig, jsonCall } from '../../scripts/lib/signed-call.ts'
import { type TestRealm, testRealm } from './events-support.ts'

export const CALLBACK = 'http://localhost:9/cb'
export const PASSWORD = 'Correct-horse-1'
export const TRIGGER = 'arn:aws:lambda:eu-west-1:123456789012:function:grant'

export let realm: TestRealm
export let cognito: Cognito
export let pool: { readonly id: string; readonly arn: string; readonly issuer: string }
/** A page's client, and a machine's. */
export let page: string
export let machine: { readonly id: string; readonly secret: string }
export let endpoint: string
export let config: CallConfig
export let triggered: { readonly event: Record<string, unknown>; readonly source: object }[]
/** What the trigger answers for its event; `crash` makes it fail. */
export const trigger = { answer: (event: Record<string, unknown>): unknown => event }
let front: Front

/** A fresh pool for each test of the file. */
export function usePool(): void {
  beforeEach(async () => {
    realm = testRealm()
    triggered = []
    trigger.answer = event => event
    const open: string[] = []
    const iam = createIam(realm)
    cognito = createCognito({
      realm,
      iam,
      signer: createSigner(realm),
      open: prefix => void open.push(prefix),
      localUrl: url => url,
      invoke: async (_arn, payload, source) => {
        const event = JSON.parse(payload.toString()) as Record<string, unknown>
        triggered.push({ event, source })
        const answer = trigger.answer(event)
        return answer === 'crash'
          ? {
              payload: Buffer.from('{"errorMessage":"no rights today"}'),
              functionError: 'Unhandled' as const,
            }
          : { payload: Buffer.from(JSON.stringify(answer) ?? '') }
      },
    })
    const apis = createHttpApis({
      realm,
      invoke: async () => ({ payload: Buffer.alloc(0) }),
      beside: [cognito],
    })
    const services = [apis.service, cognito.service]
    front = await startFront({ realm, iam, services, port: 0, publicPrefixes: open })
    endpoint = realm.endpoint
    config = { endpoint, region: 'eu-west-1', credentials: iam.operator }
    pool = cognito.createPool('ops', {
      UserPoolName: 'ops',
      UserPoolTier: 'ESSENTIALS',
      AdminCreateUserConfig: { AllowAdminCreateUserOnly: true },
      UsernameConfiguration: { CaseSensitive: false },
      Policies: { PasswordPolicy: { MinimumLength: 12, RequireNumbers: true } },
      LambdaConfig: { PreTokenGenerationConfig: { LambdaArn: TRIGGER, LambdaVersion: 'V2_0' } },
    })
    const UserPoolId = pool.id
    cognito.createDomain({ UserPoolId, Domain: 'ops' })
    const Scopes = ['read', 'write'].map(ScopeName => ({ ScopeName, ScopeDescription: ScopeName }))
    cognito.createResourceServer({ UserPoolId, Identifier: 'api', Name: 'API', Scopes })
    cognito.createGroup({ UserPoolId, GroupName: 'crew', Description: 'All' })
    page = cognito.createClient('page', { UserPoolId, ...PAGE }).id
    const made = cognito.createClient('machine', { UserPoolId, ...MACHINE })
    machine = { id: made.id, secret: made.secret ?? '' }
  })
  afterEach(async () => {
    await cognito.close()
    await front.close()
    realm.remove()
  })
}

export const PAGE = {
  AllowedOAuthFlowsUserPoolClient: true,
  AllowedOAuthFlows: ['code'],
  AllowedOAuthScopes: ['openid', 'profile', 'api/read'],
  CallbackURLs: [CALLBACK, 'https://page.example.com/'],
  LogoutURLs: ['https://page.example.com/'],
  ExplicitAuthFlows: ['ALLOW_USER_SRP_AUTH'],
  RefreshTokenRotation: { Feature: 'ENABLED', RetryGracePeriodSeconds: 10 },
} as const
export const MACHINE = {
  GenerateSecret: true,
  AllowedOAuthFlowsUserPoolClient: true,
  AllowedOAuthFlows: ['client_credentials'],
  AllowedOAuthScopes: ['api/read'],
} as const

export const admin = (operation: string, input: object) =>
  jsonCall(config, 'cognito-idp', `AWSCognitoIdentityProviderService.${operation}`, {
    UserPoolId: pool.id,
    ...input,
  })
/** Somebody with a password for good, in the group crew. */
export async function hire(Username: string): Promise<void> {
  await admin('AdminCreateUser', { Username, UserAttributes: [{ Name: 'name', Value: 'Kim' }] })
  await admin('AdminSetUserPassword', { Username, Password: PASSWORD, Permanent: true })
  await admin('AdminAddUserToGroup', { Username, GroupName: 'crew' })
}

export const VERIFIER = randomBytes(32).toString('base64url')
export const challengeOf = (verifier: string): string =>
  createHash('sha256').update(verifier).digest('base64url')

/** A sound request of the page; `undefined` takes a parameter out. */
export const authorizeQuery = (change: Readonly<Record<string, string | undefined>> = {}) => {
  const sound = {
    ...{ response_type: 'code', client_id: page, redirect_uri: CALLBACK, scope: 'openid profile' },
    ...{ state: 'st', nonce: 'no', code_challenge: challengeOf(VERIFIER), code_challenge_method: 'S256' },
  }
  const entries = Object.entries({ ...sound, ...change }).filter(
    (pair): pair is [string, string] => pair[1] !== undefined,
  )
  return new URLSearchParams(entries)
}
export const authorize = (
  change: Readonly<Record<string, string | undefined>> = {},
  headers: Record<string, string> = {},
) => fetch(`${endpoint}/oauth2/authorize?${authorizeQuery(change)}`, { redirect: 'manual', headers })
export const logIn = (username: string, password: string, query = authorizeQuery()) =>
  fetch(`${endpoint}/login?${query}`, {
    ...{ method: 'POST', redirect: 'manual' as const },
    body: new URLSearchParams({ username, password }),
  })
export const locationOf = (answer: Response): URL => new URL(answer.headers.get('location') ?? '', endpoint)
/** The code that a sign-in brings. */
export const codeFor = async (username: string, query = authorizeQuery()): Promise<string> =>
  locationOf(await logIn(username, PASSWORD, query)).searchParams.get('code') ?? ''

export interface TokenAnswer {
  readonly status: number
  readonly body: Readonly<Record<string, string>>
}
export async function token(
  form: Readonly<Record<string, string | undefined>>,
  headers: Record<string, string> = {},
): Promise<TokenAnswer> {
  const entries = Object.entries(form).filter((pair): pair is [string, string] => pair[1] !== undefined)
  const body = new URLSearchParams(entries)
  const answer = await fetch(`${endpoint}/oauth2/token`, { method: 'POST', body, headers })
  return { status: answer.status, body: (await answer.json()) as TokenAnswer['body'] }
}
export const redeem = (code: string, change: Readonly<Record<string, string | undefined>> = {}) =>
  token({
    ...{ grant_type: 'authorization_code', client_id: page, redirect_uri: CALLBACK, code },
    ...{ code_verifier: VERIFIER, ...change },
  })
export const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })
