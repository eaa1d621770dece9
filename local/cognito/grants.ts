/** Authorization codes, browser sessions and refresh tokens: in memory, so that a restart asks people to sign in. */
import { randomBytes } from 'node:crypto'
import type { Realm } from '../core/types.ts'
import type { SignIn } from './tokens.ts'
import type { User } from './types.ts'

export interface Code {
  readonly signIn: SignIn
  readonly redirectUri: string
  /** PKCE, method S256; undefined for a confidential client that did not use it. */
  readonly challenge: string | undefined
}
interface RefreshToken {
  readonly signIn: SignIn
  readonly code: string
  /** ms; a rotated one ends with its grace period. */
  expires: number
}
export type Grants = ReturnType<typeof createGrants>

/** Documented: a code is good for five minutes, managed login's session for an hour. */
const CODE_MS = 5 * 60_000
const SESSION_MS = 3_600_000

export function createGrants(realm: Pick<Realm, 'now'>) {
  const codes = new Map<string, { readonly code: Code; readonly expires: number; used: boolean }>()
  const sessions = new Map<string, { readonly user: User; readonly poolId: string; readonly since: number }>()
  const refreshTokens = new Map<string, RefreshToken>()
  const now = (): number => realm.now().getTime()
  const secret = (): string => randomBytes(32).toString('base64url')

  return {
    issueCode(code: Code): string {
      for (const [key, { expires }] of codes) if (expires < now()) codes.delete(key)
      const key = secret()
      codes.set(key, { code, expires: now() + CODE_MS, used: false })
      return key
    },
    /** Once only: what a replayed code had brought is taken back (RFC 6749 §4.1.2). */
    redeem(key: string): Code | undefined {
      const found = codes.get(key)
      if (found === undefined || found.expires < now()) return undefined
      if (found.used) {
        for (const [token, { code }] of refreshTokens) if (code === key) refreshTokens.delete(token)
        return undefined
      }
      found.used = true
      return found.code
    },
    openSession(poolId: string, user: User): string {
      const key = secret()
      sessions.set(key, { user, poolId, since: now() })
      return key
    },
    session(poolId: string, key: string | undefined): { user: User; since: number } | undefined {
      const found = key === undefined ? undefined : sessions.get(key)
      return found && found.poolId === poolId && found.since + SESSION_MS > now() ? found : undefined
    },
    closeSession: (key: string) => void sessions.delete(key),
    issueRefreshToken(signIn: SignIn, code: string, expires: number): string {
      const key = secret()
      refreshTokens.set(key, { signIn, code, expires })
      return key
    },
    refreshToken(key: string): RefreshToken | undefined {
      const found = refreshTokens.get(key)
      return found && found.expires > now() ? found : undefined
    },
    revoke: (key: string) => void refreshTokens.delete(key),
  }
}
