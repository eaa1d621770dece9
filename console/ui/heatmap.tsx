/** Quantities × windows. A grid of links of which one is in the tab order; arrow keys move among them. */
import { useEffect, useRef, useState } from 'preact/hooks'
import { clockTime, figure, utc } from '../lib/format.ts'
import { type HeatMap, SHADES } from '../lib/heat.ts'
import { inPlace } from '../lib/route.ts'
import { useRoute } from './app.ts'

export function HeatMapView({
  of,
  tolerance,
  markers,
}: {
  readonly of: HeatMap
  readonly tolerance: number
  /** What began in a window, by its number: rollouts. */
  readonly markers: ReadonlyMap<number, string>
}) {
  const route = useRoute()
  const { query } = route
  const table = useRef<HTMLTableElement>(null)
  const scroller = useRef<HTMLDivElement>(null)
  // The newest windows are at the right end.
  useEffect(() => scroller.current?.scrollTo({ left: scroller.current.scrollWidth }), [])
  const [numbers, setNumbers] = useState(false)
  const chosen = {
    row: Math.max(
      0,
      of.rows.findIndex(r => r.name === query['quantity']),
    ),
    column: of.windows.findIndex(w => String(w.window) === query['window']),
  }
  const [focus, setFocus] = useState<{ row: number; column: number }>()
  const start = focus ?? {
    row: chosen.row,
    column: chosen.column < 0 ? of.windows.length - 1 : chosen.column,
  }
  const move = (event: KeyboardEvent): void => {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key]
    const far = { Home: 0, End: of.windows.length - 1 }[event.key]
    if (step === undefined && far === undefined) return
    event.preventDefault()
    const row = Math.min(of.rows.length - 1, Math.max(0, start.row + (step?.[0] ?? 0)))
    const column = far ?? Math.min(of.windows.length - 1, Math.max(0, start.column + (step?.[1] ?? 0)))
    setFocus({ row, column })
    table.current?.querySelector<HTMLElement>(`[data-cell="${row}.${column}"]`)?.focus()
  }
  return (
    <>
      <div class="scroll" ref={scroller}>
        {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: the grid pattern of the ARIA Authoring Practices */}
        <table class={`heat ${numbers ? 'numbers' : ''}`} role="grid" ref={table} onKeyDown={move}>
          <caption class="hidden">
            Distance to the baseline by quantity and window, oldest window first
          </caption>
          <thead>
            <tr>
              <th scope="col">quantity</th>
              {of.windows.map((w, i) => (
                <th scope="col" key={w.window} title={utc(w.start)}>
                  {markers.has(w.window) && (
                    <span class="flag" title={markers.get(w.window)}>
                      <span aria-hidden="true">▼</span>
                      <span class="hidden">{markers.get(w.window)}</span>
                    </span>
                  )}
                  <span class={i % 4 === 0 ? 'time' : 'hidden'}>{clockTime(w.start)}</span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {of.rows.map((row, r) => (
              <tr key={row.name}>
                <th scope="row">{row.name}</th>
                {row.cells.map((cell, c) => {
                  const { window, start: since } = of.windows[c] ?? { window: 0, start: '' }
                  const current = String(window) === query['window'] && row.name === query['quantity']
                  return (
                    <td key={window} class={current ? 'current' : ''}>
                      <a
                        data-cell={`${r}.${c}`}
                        tabIndex={r === start.row && c === start.column ? 0 : -1}
                        class={`cell ${cell.kind} shade-${cell.shade} ${cell.outlined ? 'outlined' : ''}`}
                        href={inPlace(route, { window, quantity: row.name })}
                        title={`${row.name}, ${utc(since)}: ${cell.says}`}
                        aria-label={`${row.name}, ${clockTime(since)}: ${cell.says}`}
                        aria-current={current ? 'true' : undefined}
                        onFocus={() => setFocus({ row: r, column: c })}
                      >
                        {numbers ? figure(cell.distance) : ''}
                      </a>
                    </td>
                  )
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </div>
      <div class="heat-foot">
        <ul class="legend">
          {SHADES.map((s, i) => (
            <li key={s}>
              <i class={`swatch shade-${i + 1}`} aria-hidden="true" />
              {figure(s * tolerance)}
            </li>
          ))}
          <li>
            <i class="swatch outlined" aria-hidden="true" />
            drift: evidence, and more than {figure(tolerance)}
          </li>
          <li>
            <i class="swatch insufficient" aria-hidden="true" />
            too few to say
          </li>
          <li>
            <span aria-hidden="true">▼</span> a phase of a rollout began
          </li>
        </ul>
        <button type="button" class="quiet" aria-pressed={numbers} onClick={() => setNumbers(!numbers)}>
          With figures
        </button>
      </div>
    </>
  )
}
