/** Baseline against a window, bin by bin. */
import type { Bar } from '../lib/bins.ts'
import { percent, whole } from '../lib/format.ts'
import { at } from '../lib/scale.ts'
import { Figure } from './figure.tsx'

export function Bars({
  of,
  title,
  says,
}: {
  readonly of: readonly Bar[]
  readonly title: string
  readonly says: string
}) {
  const most = Math.max(...of.flatMap(b => [b.baseline, b.now]), 1e-9)
  const step = 100 / Math.max(1, of.length)
  const every = Math.ceil(of.length / 8)
  return (
    <Figure
      title={title}
      says={says}
      table={{
        columns: ['bin', 'baseline', 'window', 'readings'],
        rows: of.map(b => [b.label, percent(b.baseline), percent(b.now), whole(b.count)]),
      }}
    >
      <svg class="bars" role="img" aria-label={`${title}: shares by bin; the table has the figures`}>
        {of.map((b, i) => (
          <g key={b.label}>
            <title>{`${b.label}: baseline ${percent(b.baseline)}, window ${percent(b.now)}`}</title>
            <rect
              class="base"
              x={`${i * step + step * 0.1}%`}
              width={`${step * 0.4}%`}
              y={`${100 - at(b.baseline, most)}%`}
              height={`${at(b.baseline, most)}%`}
            />
            <rect
              class="now"
              x={`${i * step + step * 0.5}%`}
              width={`${step * 0.4}%`}
              y={`${100 - at(b.now, most)}%`}
              height={`${at(b.now, most)}%`}
            />
          </g>
        ))}
      </svg>
      <div class="bins" aria-hidden="true">
        {of.map((b, i) => (
          <span key={b.label} class={i % (2 * every) === 0 ? '' : 'rare'}>
            {i % every === 0 ? b.label : ''}
          </span>
        ))}
      </div>
      <ul class="legend">
        <li>
          <i class="swatch base" aria-hidden="true" />
          baseline
        </li>
        <li>
          <i class="swatch now" aria-hidden="true" />
          this window
        </li>
      </ul>
    </Figure>
  )
}
