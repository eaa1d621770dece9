/** A list of the API: its first page, more on demand, and where it is narrowed. */
import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Fault } from '../api/fault.ts'
import { type PathParams, pathOf, type Query, type Question, routes } from '../api/routes.ts'
import type { Answer } from '../api/types.ts'
import { narrowed } from '../lib/route.ts'
import { type Asked, useApp, useAsk, useRoute } from './app.ts'
import { FaultBox, Show } from './states.tsx'

interface Page {
  readonly next: string | null
}
export interface Pages<T> extends Asked<T> {
  /** All pages that were asked for so far. */
  readonly pages: readonly T[]
  readonly next: string | null
  readonly busy: boolean
  readonly more: () => void
  readonly moreFault: Fault | undefined
}

/** The list begins at the URL's `cursor`. */
export function usePages<N extends Question>(
  name: N,
  params: PathParams<N> | undefined,
  query: Query = {},
): Pages<Answer<N>> {
  const { client, store } = useApp()
  const cursor = useRoute().query['cursor']
  const first = useAsk(name, params, { ...query, cursor })
  const path = params === undefined ? '' : pathOf(name, params, { ...query, cursor })
  const [rest, setRest] = useState<readonly Answer<N>[]>([])
  const [busy, setBusy] = useState(false)
  const [moreFault, setFault] = useState<Fault>()
  /** What is on its way counts only while nothing else was asked for. */
  const turn = useRef(0)
  useEffect(() => {
    turn.current++
    setRest([])
    setFault(undefined)
    setBusy(false)
  }, [path])
  const pages = first.data === undefined ? [] : [first.data, ...rest]
  const next = (pages.at(-1) as Page | undefined)?.next ?? null
  /** Up to so many pages from `from` on, added to those that are there. */
  const follow = async (from: string | null, many: number, there: readonly Answer<N>[]): Promise<void> => {
    if (params === undefined) return
    const mine = ++turn.current
    const found: Answer<N>[] = []
    let cursor = from
    let failed: Fault | undefined
    setBusy(true)
    setFault(undefined)
    try {
      while (found.length < many && cursor !== null && mine === turn.current) {
        const { data } = await client.ask(pathOf(name, params, { ...query, cursor }), routes[name][2])
        found.push(data as Answer<N>)
        cursor = (data as Page).next
      }
    } catch (error) {
      failed = error instanceof Fault ? error : new Fault('failed', 'Something went wrong', String(error))
    }
    if (mine !== turn.current) return
    setRest([...there, ...found])
    setFault(failed)
    setBusy(false)
  }
  const more = (): void => {
    if (next !== null && !busy) void follow(next, 1, rest)
  }
  const reload = async (): Promise<void> => {
    if (params === undefined) return
    const mine = ++turn.current
    setBusy(false)
    await store.load(path, routes[name][2])
    const { next: second } = (store.get(path).data as Page | undefined) ?? { next: null }
    if (mine === turn.current && rest.length > 0) await follow(second, rest.length, [])
  }
  return { ...first, reload: () => void reload(), pages, next, busy, more, moreFault }
}

/** Rows of all pages, `empty` when there are none, and the way on. */
export function Paged<T, R>({
  of,
  rows: pick,
  empty,
  children,
}: {
  readonly of: Pages<T>
  readonly rows: (page: T) => readonly R[]
  readonly empty: ComponentChildren
  readonly children: (rows: readonly R[]) => ComponentChildren
}) {
  const route = useRoute()
  return (
    <Show of={of} lines={8}>
      {() => {
        const rows = of.pages.flatMap(pick)
        return (
          <>
            {rows.length > 0 ? (
              children(rows)
            ) : of.next === null ? (
              empty
            ) : (
              <p>None of those looked at so far fits.</p>
            )}
            {of.moreFault && <FaultBox fault={of.moreFault} retry={of.more} />}
            <p class="paging">
              {route.query['cursor'] && <a href={narrowed(route, {})}>From the start</a>}
              {of.next !== null && (
                <>
                  <button type="button" onClick={of.more} disabled={of.busy}>
                    {of.busy ? 'Loading …' : 'More'}
                  </button>
                  <a href={narrowed(route, { cursor: of.next })}>Go on from here</a>
                </>
              )}
            </p>
          </>
        )
      }}
    </Show>
  )
}
