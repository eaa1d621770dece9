/** The tokens of a sign-in: kept as long as the tab, and renewed. */
import { Fault } from '../api/fault.ts'
import { read, write } from './storage.ts'

export interface Tokens {
  readonly access: string
  readonly refresh?: string
}
export interface Keeper {
  current(): Tokens | undefined
  keep(next: Tokens | undefined): void
  /** @throws Error with what the issuer said */
  exchange(fields: Readonly<Record<string, string>>): Promise<Tokens>
  /** @throws Fault while the issuer cannot be reached: the session stays */
  renew(): Promise<string | undefined>
  onChange(changed: (renewed: boolean) => void): void
}

/** The issuer has looked at it and says no. */
class Refused extends Error {}

const KEPT = 'edgeloop.session'

export function makeTokens(config: { readonly clientId: string; readonly tokenUrl: string }): Keeper {
  let kept = read<Tokens>(KEPT)
  let renewing: Promise<string | undefined> | undefined
  const listeners: ((renewed: boolean) => void)[] = []
  const keep = (next: Tokens | undefined, renewed = false): void => {
    kept = next
    write(KEPT, next)
    for (const changed of listeners) changed(renewed)
  }
  const exchange = async (fields: Readonly<Record<string, string>>): Promise<Tokens> => {
    const body = new URLSearchParams({ client_id: config.clientId, ...fields })
    const answer = await fetch(config.tokenUrl, { method: 'POST', body }).catch(() => {
      throw new Error('The sign-in was not finished: the issuer could not be reached. Please sign in again.')
    })
    const tokens = (await answer.json().catch(() => ({}))) as Readonly<Record<string, unknown>>
    const access = tokens['access_token']
    if (!answer.ok || typeof access !== 'string') {
      const said = `The sign-in was not accepted: ${String(tokens['error_description'] ?? tokens['error'] ?? answer.status)}`
      const final = answer.status >= 400 && answer.status < 500 && answer.status !== 429
      throw final ? new Refused(said) : new Error(said)
    }
    const refresh = tokens['refresh_token'] ?? fields['refresh_token']
    return { access, ...(typeof refresh === 'string' ? { refresh } : {}) }
  }
  return {
    current: () => kept,
    keep,
    exchange,
    renew() {
      const refresh = kept?.refresh
      if (refresh === undefined || config.tokenUrl === '') return Promise.resolve(undefined)
      renewing ??= exchange({ grant_type: 'refresh_token', refresh_token: refresh })
        .then(next => {
          // Signed out meanwhile, or in as somebody else.
          if (kept?.refresh !== refresh) return kept?.access
          keep(next, true)
          return next.access
        })
        .catch(error => {
          if (error instanceof Refused) return undefined
          throw new Fault(
            'offline',
            'No connection',
            'The sign-in has run out, and where it is renewed could not be reached. It is tried again by itself.',
          )
        })
        .finally(() => {
          renewing = undefined
        })
      return renewing
    },
    onChange: changed => void listeners.push(changed),
  }
}
