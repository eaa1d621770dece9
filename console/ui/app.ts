/** What every part of the page can reach. */
import { createContext } from 'preact'
import { useContext, useEffect, useRef, useState } from 'preact/hooks'
import type { Client } from '../api/client.ts'
import { type PathParams, pathOf, type Query, type Question, routes } from '../api/routes.ts'
import type { Entry, Store } from '../api/store.ts'
import type { Answer, Scope } from '../api/types.ts'
import type { Config, Session } from '../auth/session.ts'
import { parseHash, type Route } from '../lib/route.ts'

export interface App {
  readonly config: Config
  readonly session: Session
  readonly client: Client
  readonly store: Store
  /** Says it to those who cannot see the page. */
  announce(text: string): void
}
export const AppContext = createContext<App>(undefined as unknown as App)
export const useApp = (): App => useContext(AppContext)

const useTick = (): (() => void) => {
  const [, tick] = useState(0)
  return () => tick(n => n + 1)
}

export interface Asked<T> extends Entry {
  readonly data?: T
  readonly reload: () => void
}

/** The answer to a path, shared with all who ask for it; polled when `ms` is given; nothing for no path. */
function usePath<T>(path: string | undefined, scope: Scope, ms?: number): Asked<T> {
  const { store } = useApp()
  const tick = useTick()
  useEffect(() => {
    if (path === undefined) return
    const stop = store.watch(path, tick)
    void store.load(path, scope)
    tick()
    return stop
  }, [path])
  useEffect(
    () => (path === undefined || ms === undefined ? undefined : store.poll(path, scope, ms)),
    [path, ms],
  )
  const entry = path === undefined ? { loading: false } : store.get(path)
  const reload = (): void => void (path !== undefined && store.load(path, scope))
  return { ...(entry as Entry & { data?: T }), reload }
}

/** @param params undefined while it is not known yet what to ask about */
export function useAsk<N extends Question>(
  name: N,
  params: PathParams<N> | undefined,
  query: Query = {},
  ms?: number,
): Asked<Answer<N>> {
  const path = params === undefined ? undefined : pathOf(name, params, query)
  return usePath<Answer<N>>(path, routes[name][2], ms)
}

/** The overview as it was polled last; asks for nothing itself. */
export function useOverview(): Answer<'getOverview'> | undefined {
  const { store } = useApp()
  const tick = useTick()
  const path = pathOf('getOverview', {})
  useEffect(() => store.watch(path, tick), [])
  return store.get(path).data as Answer<'getOverview'> | undefined
}

/** Asks anew whenever `sign` has changed: what the polled overview tells is what a page follows. */
export function useFollow(reload: () => void, sign: unknown): void {
  const text = JSON.stringify(sign) ?? ''
  const before = useRef(text)
  useEffect(() => {
    // The first overview tells nothing new.
    if (before.current !== '' && before.current !== text) reload()
    before.current = text
  }, [text])
}

export function useRoute(): Route {
  const [hash, setHash] = useState(location.hash)
  useEffect(() => {
    const changed = (): void => setHash(location.hash)
    addEventListener('hashchange', changed)
    changed()
    return () => removeEventListener('hashchange', changed)
  }, [])
  return parseHash(hash)
}

/** Time of the server, renewed every few seconds while the page can be seen. */
export function useNow(): number {
  const { client } = useApp()
  const tick = useTick()
  useEffect(() => {
    const timer = setInterval(() => {
      if (!document.hidden) tick()
    }, 5_000)
    return () => clearInterval(timer)
  }, [])
  return Date.now() + client.skew()
}

/** Why the token does not allow this; undefined when it does, or does not say. */
export function useLack(): (scope: Scope) => string | undefined {
  const { session } = useApp()
  const scopes = session.claims()?.scopes
  return scope =>
    scopes === undefined || scopes.includes(scope) ? undefined : `Your token lacks the scope ${scope}.`
}
