import { narrowed } from '../lib/route.ts'
import { useRoute } from './app.ts'

export interface Filter {
  readonly name: string
  readonly label: string
  /** `[value, shown]`; without, text is typed. */
  readonly options?: readonly (readonly [string, string])[]
}

/** Narrows a list; what is set is in the URL, so that it can be sent to somebody. */
export function Filters({
  of,
  lacks,
}: {
  readonly of: readonly Filter[]
  /** What has to be filled in before a filter narrows anything. */
  readonly lacks?: string | undefined
}) {
  const route = useRoute()
  const set = (name: string, value: string): void => {
    location.hash = narrowed(route, { [name]: value.trim() })
  }
  const any = of.some(f => route.query[f.name])
  return (
    <search>
      <form class="filters" onSubmit={event => event.preventDefault()}>
        {of.map(({ name, label, options }) => (
          // biome-ignore lint/a11y/noLabelWithoutControl: one of the two below is its control
          <label key={name}>
            <span>{label}</span>
            {options ? (
              <select value={route.query[name] ?? ''} onChange={e => set(name, e.currentTarget.value)}>
                <option value="">any</option>
                {options.map(([value, shown]) => (
                  <option key={value} value={value}>
                    {shown}
                  </option>
                ))}
              </select>
            ) : (
              <input
                type="text"
                value={route.query[name] ?? ''}
                onChange={e => set(name, e.currentTarget.value)}
              />
            )}
          </label>
        ))}
        {lacks && <span class="muted">{lacks}</span>}
        {any && <a href={narrowed(route, Object.fromEntries(of.map(f => [f.name, null])))}>Clear filters</a>}
      </form>
    </search>
  )
}

export const YES_NO = [
  ['true', 'yes'],
  ['false', 'no'],
] as const
