import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Overview } from '../api/types.ts'
import { utc } from '../lib/format.ts'
import { isStale, news } from '../lib/health.ts'
import { href, type Route } from '../lib/route.ts'
import { type Asked, useApp, useNow } from './app.ts'
import { Ago, Mark } from './bits.tsx'
import { Keys, places } from './keys.tsx'
import { Hatches } from './ladder.tsx'
import { Strip } from './strip.tsx'
import { ThemePicker } from './theme.tsx'

/** Where a page belongs in the menu. */
const menuOf = (page: string): string => (page === 'devices' ? 'fleets' : page)

export function Shell({
  route,
  overview,
  children,
}: {
  readonly route: Route
  readonly overview: Asked<Overview>
  readonly children: ComponentChildren
}) {
  const { config, session, announce } = useApp()
  const now = useNow()
  const [menu, setMenu] = useState(false)
  const before = useRef<Overview>(undefined)
  const here = menuOf(route.path[0] ?? '')
  const place = route.path.join('/')
  const first = useRef(true)
  useEffect(() => {
    setMenu(false)
    // A link to a part of a page: that part has the focus by now.
    const part = route.query['show'] !== undefined
    if (part && document.getElementById('main')?.contains(document.activeElement)) return
    // On a new page the focus begins at its heading, as it would with a page that is loaded.
    if (!first.current) document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true })
    first.current = false
    scrollTo(0, 0)
  }, [place])
  useEffect(() => {
    if (overview.data === undefined) return
    const told = news(before.current, overview.data)
    before.current = overview.data
    if (told.length > 0) announce(told.join(' '))
  }, [overview.data])
  const stale = overview.data !== undefined && isStale(overview.data, now)
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={skip}>
        Skip to the page
      </button>
      <Hatches />
      <header class="top">
        <a class="brand" href={href(['overview'])}>
          <Loop />
          Edgeloop
        </a>
        <button
          type="button"
          class="menu"
          aria-expanded={menu}
          aria-controls="menu"
          onClick={() => setMenu(!menu)}
        >
          Menu
        </button>
        <Strip of={overview} stage={config.stage} />
      </header>
      <nav id="menu" class={menu ? 'open' : ''} aria-label="Pages">
        <ul>
          {places.map(([, page, name]) => (
            <li key={page}>
              <a href={href([page])} {...(page === here ? { 'aria-current': 'page' as const } : {})}>
                {name}
              </a>
            </li>
          ))}
        </ul>
        <div class="foot">
          <p class="muted">{session.claims()?.name ?? 'signed in'}</p>
          <ThemePicker />
          {config.docs && <a href={config.docs}>Documentation</a>}
          <Keys />
          <button type="button" class="quiet" onClick={() => void session.signOut()}>
            Sign out
          </button>
        </div>
      </nav>
      <main id="main" class={stale ? 'stale' : ''}>
        {overview.fault && overview.data !== undefined && (
          <div class="notice warn">
            <Mark tone="warn" />
            <div>
              <strong>{overview.fault.title}.</strong> {overview.fault.message} What is shown is of{' '}
              {utc(overview.data.asOf)}.
            </div>
          </div>
        )}
        {stale && overview.data && (
          <div class="notice warn">
            <Mark tone="warn" />
            <div>
              <strong>These figures are old.</strong> The overview was made <Ago at={overview.data.asOf} />,
              and it should be made every minute. Greyed figures may be wrong by now; the reconciler last ran{' '}
              <Ago at={overview.data.reconciler.at} />.
            </div>
          </div>
        )}
        {children}
      </main>
    </div>
  )
}

function skip(): void {
  document.querySelector<HTMLElement>('main h1')?.focus()
}

const Loop = () => (
  <svg viewBox="0 0 24 24" aria-hidden="true">
    <path d="M12 3a9 9 0 018.500 6l1.800-.8L21 14l-5-2.800 1.900-.8A6 6 0 106 12H3a9 9 0 019-9zm6 9h3a9 9 0 01-17.500 3l-1.800.8L3 10l5 2.800-1.900.8A6 6 0 0018 12z" />
  </svg>
)
