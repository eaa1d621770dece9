import type { Scope } from '../api/types.ts'

export interface Claims {
  readonly sub: string | undefined
  /** What a person is called; `sub` is what records have. */
  readonly name: string | undefined
  /** Undefined when the token does not say: then the API is asked, and answers. */
  readonly scopes: readonly Scope[] | undefined
  /** Milliseconds since 1970. */
  readonly expires: number | undefined
}

/** What a token says about itself. It is not checked here: that is the API's business. */
export function claimsOf(token: string): Claims {
  try {
    const [, payload = ''] = token.split('.')
    const bytes = Uint8Array.from(atob(payload.replaceAll('-', '+').replaceAll('_', '/')), c =>
      c.charCodeAt(0),
    )
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Readonly<Record<string, unknown>>
    const exp = claims['exp']
    return {
      sub: text(claims['sub']),
      name: text(claims['username']) ?? text(claims['sub']),
      scopes: scopesIn(claims['scope'] ?? claims['scp']),
      expires: typeof exp === 'number' ? exp * 1_000 : undefined,
    }
  } catch {
    return { sub: undefined, name: undefined, scopes: undefined, expires: undefined }
  }
}

const text = (claim: unknown): string | undefined => (typeof claim === 'string' ? claim : undefined)

/** Cognito writes `edgeloop/fleet:read` for `fleet:read`; some issuers write a list. */
function scopesIn(claim: unknown): Scope[] | undefined {
  const words =
    typeof claim === 'string' ? claim.split(' ') : Array.isArray(claim) ? claim.map(String) : undefined
  return words?.map(word => word.slice(word.lastIndexOf('/') + 1) as Scope)
}
