/** A sign-in without a browser: the authorization code flow with PKCE, and the form of the local sign-in page. */
import { createHash, randomBytes } from 'node:crypto'

export interface SignInRequest {
  /** Where people sign in: output UserPoolDomain. */
  readonly domain: string
  readonly clientId: string
  readonly redirectUri: string
  readonly username: string
  readonly password: string
  /** Default `openid`. */
  readonly scope?: string
}
export interface SignedIn {
  readonly accessToken: string
  readonly idToken: string | undefined
  readonly refreshToken: string | undefined
}

/** Throws with what stood in the way: the page's or the endpoint's own words. */
export async function signIn(request: SignInRequest): Promise<SignedIn> {
  const { domain, clientId, redirectUri, username, password, scope = 'openid' } = request
  const verifier = randomBytes(32).toString('base64url')
  const state = randomBytes(8).toString('hex')
  const query = new URLSearchParams({
    ...{ response_type: 'code', client_id: clientId, redirect_uri: redirectUri, scope, state },
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
  })
  const page = await follow(`${domain}/oauth2/authorize?${query}`)
  if (!page.pathname.endsWith('/login')) throw new Error(`no sign-in page: ${faultIn(page)}`)
  const back = await follow(page.href, new URLSearchParams({ username, password }))
  const code = back.searchParams.get('code')
  if (code === null) throw new Error(`not signed in: ${faultIn(back)}`)
  if (back.searchParams.get('state') !== state) throw new Error('the state that came back is another')
  const answer = await fetch(`${domain}/oauth2/token`, {
    method: 'POST',
    body: new URLSearchParams({
      ...{ grant_type: 'authorization_code', client_id: clientId, redirect_uri: redirectUri, code },
      code_verifier: verifier,
    }),
  })
  const body = (await answer.json()) as Record<string, string>
  const { access_token: accessToken, id_token: idToken, refresh_token: refreshToken } = body
  if (accessToken === undefined) throw new Error(`no token: ${JSON.stringify(body)}`)
  return { accessToken, idToken, refreshToken }
}

async function follow(url: string, form?: URLSearchParams): Promise<URL> {
  const post = form === undefined ? {} : { method: 'POST', body: form }
  const answer = await fetch(url, { redirect: 'manual', ...post })
  const location = answer.headers.get('location')
  const text = await answer.text()
  if (location === null) {
    const alert = /role="alert">([^<]*)</.exec(text)?.[1]
    throw new Error(`not signed in: ${alert ?? `HTTP ${answer.status}`}`)
  }
  return new URL(location, url)
}

const faultIn = ({ searchParams }: URL): string =>
  searchParams.get('error_description') ?? searchParams.get('error') ?? 'no reason was given'
