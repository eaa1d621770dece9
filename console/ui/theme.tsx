import { useEffect, useState } from 'preact/hooks'

const themes = ['auto', 'light', 'dark'] as const
type Theme = (typeof themes)[number]
const KEPT = 'edgeloop.theme'

/** What a person has set, kept in this browser where it lets pages keep things. */
export const remembered = (name: string): string | undefined => {
  try {
    return localStorage.getItem(name) ?? undefined
  } catch {
    return undefined
  }
}
export const remember = (name: string, value: string): void => {
  try {
    localStorage.setItem(name, value)
  } catch {}
}

const apply = (theme: Theme): void => {
  if (theme === 'auto') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = theme
}

export function restoreTheme(): void {
  apply(themes.find(t => t === remembered(KEPT)) ?? 'auto')
}

export function ThemePicker() {
  const [theme, setTheme] = useState<Theme>(themes.find(t => t === remembered(KEPT)) ?? 'auto')
  useEffect(() => apply(theme), [theme])
  return (
    <label class="theme">
      <span>Colours</span>
      <select
        value={theme}
        onChange={event => {
          const next = themes.find(t => t === event.currentTarget.value) ?? 'auto'
          remember(KEPT, next)
          setTheme(next)
        }}
      >
        {themes.map(t => (
          <option key={t} value={t}>
            {t}
          </option>
        ))}
      </select>
    </label>
  )
}
