/** Who is signed in: OAuth 2 authorization code with PKCE, or a token that was pasted. */
import { challengeOf, randomText } from './pkce.ts'
import { read, write } from './storage.ts'
import { type Claims, claimsOf } from './token.ts'
import { makeTokens } from './tokens.ts'

/** `config.json` beside index.html. */
export interface Config {
  /** Empty: the page's own origin. */
  readonly apiUrl: string
  readonly issuer: string
  readonly clientId: string
  /** Empty: there is no sign-in page, tokens are pasted. */
  readonly authorizeUrl: string
  readonly tokenUrl: string
  /** Absent where the issuer has none; so is `revokeUrl`. */
  readonly logoutUrl?: string
  readonly revokeUrl?: string
  /** Where the documentation is. */
  readonly docs?: string
  readonly scopes: readonly string[]
  readonly stage: string
}
export interface Session {
  token(): string | undefined
  claims(): Claims | undefined
  /** Leaves for the sign-in page, and comes back to the present place. */
  signIn(): Promise<void>
  /** Ends a sign-in that came back with a code. @throws Error with what the issuer said */
  finish(): Promise<void>
  paste(token: string): void
  /** @throws Fault while the issuer cannot be reached: the session stays */
  renew(): Promise<string | undefined>
  end(): void
  /** Here, and where the sign-in was. */
  signOut(): Promise<void>
  /** `renewed`: by the same sign-in. */
  onChange(changed: (renewed: boolean) => void): void
}

const FLOW = 'edgeloop.sign-in'

export function makeSession(config: Config): Session {
  const kept = makeTokens(config)
  const here = (): string => location.origin + location.pathname
  return {
    token: () => kept.current()?.access,
    claims() {
      const tokens = kept.current()
      return tokens === undefined ? undefined : claimsOf(tokens.access)
    },
    async signIn() {
      const flow = { verifier: randomText(48), state: randomText(16), hash: location.hash }
      write(FLOW, flow)
      const url = new URL(config.authorizeUrl)
      for (const [name, value] of Object.entries({
        ...{ response_type: 'code', client_id: config.clientId, redirect_uri: here(), state: flow.state },
        ...{ scope: config.scopes.join(' '), code_challenge_method: 'S256' },
        code_challenge: await challengeOf(flow.verifier),
      }))
        url.searchParams.set(name, value)
      location.assign(url)
    },
    async finish() {
      const query = new URLSearchParams(location.search)
      const [code, state, error] = [query.get('code'), query.get('state'), query.get('error')]
      if (code === null && error === null) return
      const flow = read<{ verifier: string; state: string; hash: string }>(FLOW)
      write(FLOW, undefined)
      history.replaceState(null, '', location.pathname + (flow?.hash ?? location.hash))
      if (error !== null)
        throw new Error(`The sign-in was not accepted: ${query.get('error_description') ?? error}`)
      if (flow === undefined || flow.state !== state)
        throw new Error('This sign-in was not begun here, or was begun twice. Please sign in again.')
      kept.keep(
        await kept.exchange({
          ...{ grant_type: 'authorization_code', code: code ?? '', redirect_uri: here() },
          code_verifier: flow.verifier,
        }),
      )
    },
    paste: token => kept.keep({ access: token.trim() }),
    renew: kept.renew,
    end: () => kept.keep(undefined),
    async signOut() {
      const refresh = kept.current()?.refresh
      kept.keep(undefined)
      if (refresh !== undefined && config.revokeUrl !== undefined) {
        const body = new URLSearchParams({ client_id: config.clientId, token: refresh })
        // Signed out here in any case; a token that could not be revoked runs out by itself.
        await fetch(config.revokeUrl, { method: 'POST', body }).catch(() => undefined)
      }
      if (config.logoutUrl === undefined) return
      const url = new URL(config.logoutUrl)
      url.searchParams.set('client_id', config.clientId)
      url.searchParams.set('logout_uri', here())
      location.assign(url)
    },
    onChange: kept.onChange,
  }
}
