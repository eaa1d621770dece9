/** The part of the URL behind `#`: which page, and what it is narrowed to. Static hosting then needs no rewrites. */
export interface Route {
  readonly path: readonly string[]
  readonly query: Readonly<Record<string, string>>
}
export type QueryPatch = Readonly<Record<string, string | number | boolean | null | undefined>>

const HOME = ['overview']

export function parseHash(hash: string): Route {
  const [place = '', search = ''] = hash.replace(/^#\/?/, '').split('?', 2)
  const path = place.split('/').filter(Boolean).map(decoded)
  return { path: path.length === 0 ? HOME : path, query: Object.fromEntries(new URLSearchParams(search)) }
}

/** `#/a/b?c=d`; what is null, undefined or empty is left out of the query. */
export function href(path: readonly (string | number)[], query: QueryPatch = {}): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query))
    if (value !== undefined && value !== null && value !== '') search.set(name, String(value))
  const text = search.toString()
  return `#/${path.map(part => encodeURIComponent(part)).join('/')}${text === '' ? '' : `?${text}`}`
}

/** The same page with other filters. A new filter begins at the start of its list. */
export const narrowed = ({ path, query }: Route, patch: QueryPatch): string =>
  href(path, { ...query, ...('cursor' in patch ? {} : { cursor: null }), ...patch })

/** The same page at the same place of its list: another order, another cell. */
export const inPlace = (route: Route, patch: QueryPatch): string =>
  narrowed(route, { cursor: route.query['cursor'], ...patch })

/** Links that come from the API lead to pages of this console only. */
export const ownLink = (link: string): string => (link.startsWith('#/') ? link : '#/overview')

function decoded(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
