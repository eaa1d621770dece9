/**
 * The browser's side of a pool's domain: /oauth2/authorize, /login, /logout. Reference: RFC 6749 §4.1, RFC 7636, and
 * Amazon Cognito developer guide, "The redirect and authorization endpoint", "The managed login sign-out endpoint".
 */
import { randomUUID } from 'node:crypto'
import type { Realm, RestRequest, RestResponse } from '../core/types.ts'
import { words } from '../oidc/http.ts'
import type { Grants } from './grants.ts'
import { errorPage, signInPage } from './pages.ts'
import { isPassword } from './passwords.ts'
import type { Client, Pool, User } from './types.ts'

interface AuthorizationRequest {
  readonly client: Client
  readonly redirectUri: string
  readonly scopes: readonly string[]
  readonly challenge: string | undefined
  readonly nonce: string | undefined
  readonly state: string | undefined
}
/** What the client hears about through its redirect URI. */
class Refused extends Error {
  readonly error: string
  constructor(error: string, description: string) {
    super(description)
    this.error = error
  }
}

const COOKIE = 'cognito'
const WRONG = 'Incorrect username or password.'
const UNCONFIRMED =
  'This password must be changed first. There is no e-mail here: use AdminSetUserPassword with Permanent.'

export function createManagedLogin(realm: Realm, pool: Pool, grants: Grants) {
  const cookieOf = ({ headers }: RestRequest): string | undefined =>
    new RegExp(`(?:^|;\\s*)${COOKIE}=([\\w-]+)`).exec(headers['cookie'] ?? '')?.[1]

  /** The client and where it may be answered: without both, nobody is redirected anywhere. */
  function addressee(query: URLSearchParams): { client: Client; redirectUri: string } | RestResponse {
    const client = pool.clients.get(query.get('client_id') ?? '')
    if (!client) return errorPage('Client does not exist: client_id names none of this pool.')
    const redirectUri = query.get('redirect_uri') ?? ''
    if (!client.callbackUrls.includes(redirectUri))
      return errorPage('redirect_mismatch: redirect_uri is none of the CallbackURLs of the client.')
    return { client, redirectUri }
  }

  function readRequest(
    query: URLSearchParams,
    to: { client: Client; redirectUri: string },
  ): AuthorizationRequest {
    const { client } = to
    if (query.get('response_type') !== 'code')
      throw new Refused('unsupported_response_type', 'response_type must be code')
    if (!client.flows.includes('code'))
      throw new Refused('unauthorized_client', 'the client may not use the authorization code flow')
    const challenge = query.get('code_challenge') ?? undefined
    const method = query.get('code_challenge_method') ?? undefined
    if (challenge === undefined && client.secret === undefined)
      throw new Refused('invalid_request', 'code_challenge is required: the client has no secret')
    if (challenge !== undefined && (method !== 'S256' || !/^[\w-]{43}$/.test(challenge)))
      throw new Refused(
        'invalid_request',
        'code_challenge must be 43 characters, code_challenge_method must be S256',
      )
    const asked = words(query.get('scope'))
    const foreign = asked.find(scope => !client.scopes.includes(scope))
    if (foreign !== undefined) throw new Refused('invalid_scope', `${foreign} is not allowed for the client`)
    return {
      ...to,
      scopes: asked.length > 0 ? asked : client.scopes,
      challenge,
      nonce: query.get('nonce') ?? undefined,
      state: query.get('state') ?? undefined,
    }
  }

  const finish = (request: AuthorizationRequest, user: User, since: number): RestResponse => {
    const { client, redirectUri, scopes, challenge, nonce, state } = request
    const code = grants.issueCode({
      redirectUri,
      challenge,
      signIn: {
        ...{ user, client, scopes, nonce, originJti: randomUUID(), eventId: randomUUID() },
        authTime: Math.floor(since / 1000),
      },
    })
    return redirect(redirectUri, { code, state })
  }

  /** Runs `then` with a sound request, and answers an unsound one as RFC 6749 §4.1.2.1 says. */
  async function withRequest(
    query: URLSearchParams,
    then: (request: AuthorizationRequest) => RestResponse | Promise<RestResponse>,
  ): Promise<RestResponse> {
    const to = addressee(query)
    if ('status' in to) return to
    try {
      return await then(readRequest(query, to))
    } catch (error) {
      if (!(error instanceof Refused)) throw error
      return redirect(to.redirectUri, {
        error: error.error,
        error_description: error.message,
        state: query.get('state') ?? undefined,
      })
    }
  }

  return {
    authorize: (request: RestRequest): Promise<RestResponse> =>
      withRequest(request.query, asked => {
        const session = grants.session(pool.id, cookieOf(request))
        if (session?.user.enabled) return finish(asked, session.user, session.since)
        return { status: 302, headers: { location: `/login?${request.query}`, 'cache-control': 'no-store' } }
      }),
    loginPage: ({ query }: RestRequest): Promise<RestResponse> =>
      withRequest(query, () => signInPage(`/login?${query}`, pool.name)),
    login: ({ query, body }: RestRequest): Promise<RestResponse> =>
      withRequest(query, async asked => {
        const form = new URLSearchParams(body.toString('utf8'))
        const username = form.get('username') ?? ''
        const user = pool.users.find(username)
        const right = await isPassword(user?.password, form.get('password') ?? '')
        if (!user?.enabled || !right) {
          const unconfirmed = user?.enabled && user.password === undefined
          return signInPage(`/login?${query}`, pool.name, unconfirmed ? UNCONFIRMED : WRONG, username)
        }
        const session = grants.openSession(pool.id, user)
        const answer = finish(asked, user, realm.now().getTime())
        const cookie = `${COOKIE}=${session}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax`
        return { ...answer, headers: { ...answer.headers, 'set-cookie': cookie } }
      }),
    logout(request: RestRequest): RestResponse {
      const client = pool.clients.get(request.query.get('client_id') ?? '')
      const to = request.query.get('logout_uri') ?? ''
      if (!client?.logoutUrls.includes(to))
        return errorPage('logout_uri is none of the LogoutURLs of the client.')
      const session = cookieOf(request)
      if (session !== undefined) grants.closeSession(session)
      const gone = `${COOKIE}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax`
      return { status: 302, headers: { location: to, 'set-cookie': gone, 'cache-control': 'no-store' } }
    },
  }
}

function redirect(uri: string, parameters: Readonly<Record<string, string | undefined>>): RestResponse {
  const url = new URL(uri)
  for (const [name, value] of Object.entries(parameters))
    if (value !== undefined) url.searchParams.set(name, value)
  return { status: 302, headers: { location: url.href, 'cache-control': 'no-store' } }
}
