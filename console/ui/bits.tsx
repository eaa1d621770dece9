import type { ComponentChildren } from 'preact'
import { ago, shortDigest, utc } from '../lib/format.ts'
import { href, type QueryPatch } from '../lib/route.ts'
import { useNow, useOverview } from './app.ts'

type Children = { readonly children?: ComponentChildren }

export type Tone = 'ok' | 'warn' | 'bad' | 'info' | 'none'

const SHAPES: Readonly<Record<Tone, string>> = {
  ok: 'M8 1a7 7 0 100 14A7 7 0 008 1zm-1 10L4 8l1-1 2 2 4-4 1 1z',
  warn: 'M8 1l7.5 13.5H.5zM7 6v4h2V6zm0 5.2v1.6h2v-1.6z',
  bad: 'M5 .8h6L15.200 5v6L11 15.200H5L.8 11V5zM5.200 4L4 5.200 6.800 8 4 10.800 5.200 12 8 9.200 10.800 12 12 10.800 9.200 8 12 5.200 10.800 4 8 6.800z',
  info: 'M8 1a7 7 0 100 14A7 7 0 008 1zM7 4h2v2H7zm0 3h2v5H7z',
  none: 'M3 7h10v2H3z',
}

/** A shape that goes with words; it says nothing by itself. */
export const Mark = ({ tone }: { readonly tone: Tone }) => (
  <svg class={`mark ${tone}`} viewBox="0 0 16 16" aria-hidden="true">
    <path fill-rule="evenodd" d={SHAPES[tone]} />
  </svg>
)

export const Badge = ({ tone, children }: Children & { readonly tone: Tone }) => (
  <span class={`badge ${tone}`}>
    <Mark tone={tone} />
    {children}
  </span>
)

export function Ago({
  at,
  missing = 'never',
}: {
  readonly at: string | null | undefined
  readonly missing?: string
}) {
  const now = useNow()
  if (at === null || at === undefined || at === '') return <span class="muted">{missing}</span>
  return (
    <time dateTime={at} title={utc(at)}>
      {ago(at, now)}
    </time>
  )
}

/** A person by the name that their tokens had, where one is known; the loop itself is `engine`. */
export function Who({ by }: { readonly by: string }) {
  return <span title={by}>{useOverview()?.people[by] ?? by}</span>
}

export const Digest = ({ of }: { readonly of: string }) => (
  <code class="digest" title={of}>
    {shortDigest(of)}
  </code>
)

export const To = ({
  path,
  query,
  children,
  label,
}: Children & {
  readonly path: readonly (string | number)[]
  readonly query?: QueryPatch
  /** For those who hear links without what is around them. */
  readonly label?: string
}) => (
  <a href={href(path, query)} {...(label === undefined ? {} : { 'aria-label': label })}>
    {children}
  </a>
)

export const Card = ({
  title,
  aside,
  class: name = '',
  children,
}: Children & {
  readonly title: ComponentChildren
  readonly aside?: ComponentChildren
  readonly class?: string
}) => (
  <section class={`card ${name}`}>
    <header>
      <h2>{title}</h2>
      {aside}
    </header>
    {children}
  </section>
)

/** Room that may be wider than the page: with the focus on it, arrow keys move it. */
export const Scroll = ({
  label,
  class: name = '',
  children,
}: Children & { readonly label: string; readonly class?: string }) => (
  // biome-ignore lint/a11y/noNoninteractiveTabindex: without it nobody could scroll it by keyboard
  <section class={`scroll ${name}`} tabIndex={0} aria-label={label}>
    {children}
  </section>
)

/** Names and values, side by side. */
export const Facts = ({ of }: { readonly of: readonly (readonly [string, ComponentChildren])[] }) => (
  <dl class="facts">
    {of.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
)

export const Heading = ({ children, aside }: Children & { readonly aside?: ComponentChildren }) => (
  <div class="heading">
    <h1 tabIndex={-1}>{children}</h1>
    {aside}
  </div>
)
