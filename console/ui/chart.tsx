/** What runs over time: lines, or bands that fill the height. Drawn in SVG, labelled in HTML, so that it stretches. */
import { bandPaths, HEIGHT, linePath, WIDTH } from '../lib/curve.ts'
import { percent, utc } from '../lib/format.ts'
import { niceCeiling, timeTicks } from '../lib/scale.ts'

export interface Marker {
  /** Seconds since 1970. */
  readonly at: number
  readonly text: string
}
export interface ChartProps {
  /** Seconds since 1970, ascending. */
  readonly times: readonly number[]
  readonly series: readonly {
    readonly name: string
    readonly values: readonly (number | null)[]
    /** 1 to 6; by its place unless given. */
    readonly colour?: number
  }[]
  /** Series lie upon each other and fill the height: shares of 1. */
  readonly stack?: boolean
  /** Vertical lines, such as the begin of a rollout. */
  readonly markers?: readonly Marker[]
  /** A horizontal line, such as a tolerance. */
  readonly limit?: number | undefined
  readonly format: (value: number) => string
  readonly height?: number
}

export const SERIES = 6
const TICKS = 5

export function Chart({ times, series, stack, markers = [], limit, format, height = 180 }: ChartProps) {
  const [from = 0, to = 0] = [times[0], times.at(-1)]
  const top = Math.max(limit ?? 0, ...series.flatMap(s => s.values.map(v => v ?? 0)))
  const box = { from, to, max: stack ? 1 : niceCeiling(top * 1.05) }
  const ticks = timeTicks(from, to, TICKS)
  const across = (t: number): string => `${(((t - from) / Math.max(1e-9, to - from)) * 100).toFixed(2)}%`
  const seconds = to - from < 600
  const paths = stack
    ? bandPaths(
        times,
        series.map(s => s.values.map(v => v ?? 0)),
        box,
      )
    : series.map(s => linePath(times, s.values, box))
  return (
    <div class="chart" aria-hidden="true" style={{ height: `${height}px` }}>
      <div class="y-axis">
        {[1, 0.5, 0].map(share => (
          <span key={share} style={{ top: `${(1 - share) * 100}%` }}>
            {stack ? percent(share) : format(share * box.max)}
          </span>
        ))}
      </div>
      <div class="plot">
        <svg aria-hidden="true" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} preserveAspectRatio="none">
          {paths.map((d, i) => (
            <path
              key={series[i]?.name}
              class={`${stack ? 'band' : 'line'} series-${series[i]?.colour ?? (i % SERIES) + 1}`}
              d={d}
            />
          ))}
          <path class="grid" d={`M0 0H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT}H${WIDTH}`} />
          {limit !== undefined && (
            <path class="limit" d={`M0 ${HEIGHT - (limit / box.max) * HEIGHT}H${WIDTH}`} />
          )}
        </svg>
        {markers
          .filter(m => m.at >= from && m.at <= to)
          .map(m => (
            <i
              key={`${m.at} ${m.text}`}
              class={m.at > from + (to - from) * 0.8 ? 'marker left' : 'marker'}
              style={{ left: across(m.at) }}
            >
              <span>{m.text}</span>
            </i>
          ))}
      </div>
      <div class="x-axis">
        {ticks.map(t => (
          <span key={t} class={t > from + (to - from) * 0.97 ? 'end' : ''} style={{ left: across(t) }}>
            {utc(t * 1_000).slice(11, seconds ? 19 : 16)}
          </span>
        ))}
      </div>
    </div>
  )
}

/** Names of the series with how they are drawn and their newest values. */
export const Legend = ({
  items,
  line,
}: {
  readonly items: readonly {
    readonly name: string
    readonly value: string
    readonly link?: string
    readonly colour?: number
  }[]
  readonly line?: boolean
}) => (
  <ul class="legend">
    {items.map(({ name, value, link, colour }, i) => (
      <li key={name}>
        <svg class="swatch" viewBox="0 0 12 12" aria-hidden="true">
          {line ? (
            <path class={`line series-${colour ?? (i % SERIES) + 1}`} d="M0 6H12" />
          ) : (
            <path class={`band series-${colour ?? (i % SERIES) + 1}`} d="M0 0H12V12H0Z" />
          )}
        </svg>
        {link === undefined ? name : <a href={link}>{name}</a>} <b>{value}</b>
      </li>
    ))}
  </ul>
)
