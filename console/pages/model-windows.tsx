import type { Answer, WindowRow } from '../api/types.ts'
import { clockTime, figure, milliseconds, percent, whole } from '../lib/format.ts'
import { heatMap } from '../lib/heat.ts'
import { narrowed } from '../lib/route.ts'
import { useAsk, useFollow, useRoute } from '../ui/app.ts'
import { Card, Facts } from '../ui/bits.tsx'
import { Chart } from '../ui/chart.tsx'
import { Figure } from '../ui/figure.tsx'
import { HeatMapView } from '../ui/heatmap.tsx'
import { Empty, Show } from '../ui/states.tsx'
import { WindowPanel } from './window-panel.tsx'

type Model = Answer<'getModel'>
const COLUMNS = 24

export function ModelWindows({
  m,
  version,
  sign,
}: {
  readonly m: Model
  readonly version: number
  readonly sign: unknown
}) {
  const route = useRoute()
  const { cursor, window, quantity } = route.query
  const asked = useAsk('listWindows', { model: m.model, version }, { limit: COLUMNS, cursor })
  useFollow(asked.reload, sign)
  return (
    <Card
      title="Has anything changed?"
      aside={
        <>
          {cursor && <a href={narrowed(route, {})}>Newest windows</a>}
          {asked.data?.next && <a href={narrowed(route, { cursor: asked.data.next })}>Older windows</a>}
        </>
      }
    >
      <Show of={asked} lines={8}>
        {({ windows }) =>
          windows.length === 0 ? (
            <Empty
              what="No window of this version has closed yet."
              how="Devices count every inference and report at the end of each window."
            />
          ) : (
            <>
              <Newest of={windows[0] as WindowRow} />
              <QuantityMap m={m} windows={windows} />
              {window && <WindowPanel m={m} version={version} window={window} quantity={quantity} />}
              {quantity && <Course m={m} windows={windows} quantity={quantity} />}
              {!window && <p class="muted">Choose a cell to see what was counted against the baseline.</p>}
            </>
          )
        }
      </Show>
    </Card>
  )
}

/** Rollouts of this model by the window in which they began. */
function useMarkers(m: Model, windows: readonly WindowRow[]) {
  const rollouts = useAsk('listRollouts', {}, { model: m.model, limit: 50 })
  const { windowSeconds } = m.config.monitoring
  const began = (rollouts.data?.rollouts ?? []).map(r => ({
    at: Date.parse(r.createdAt) / 1_000,
    text: `v${r.version}`,
  }))
  const byWindow = new Map(
    windows.flatMap(w => {
      const start = Date.parse(w.start) / 1_000
      const inside = began.filter(b => b.at >= start && b.at < start + windowSeconds)
      return inside.length === 0
        ? []
        : [[w.window, `rollout of ${inside.map(b => b.text).join(', ')}`] as const]
    }),
  )
  return { began, byWindow }
}

function QuantityMap({ m, windows }: { readonly m: Model; readonly windows: readonly WindowRow[] }) {
  const { byWindow } = useMarkers(m, windows)
  return <HeatMapView of={heatMap(windows)} tolerance={m.config.monitoring.tolerance} markers={byWindow} />
}

function Course({
  m,
  windows,
  quantity,
}: {
  readonly m: Model
  readonly windows: readonly WindowRow[]
  readonly quantity: string
}) {
  const { began } = useMarkers(m, windows)
  const ordered = windows.toReversed()
  const of = (w: WindowRow) => w.quantities.find(q => q.name === quantity)
  const line = (pick: 'distance' | 'lowerBound') => ordered.map(w => of(w)?.[pick] ?? null)
  return (
    <Figure
      title={`${quantity} over time`}
      says="distance to the baseline (solid) and its lower bound (dashed); the red line is the tolerance"
      table={{
        columns: ['UTC', 'distance', 'lower bound', 'state'],
        rows: ordered.map(w => [
          clockTime(w.start),
          figure(of(w)?.distance),
          figure(of(w)?.lowerBound),
          of(w)?.state ?? '–',
        ]),
      }}
    >
      <Chart
        times={ordered.map(w => Date.parse(w.start) / 1_000)}
        series={[
          { name: 'distance', values: line('distance') },
          { name: 'lower bound', values: line('lowerBound') },
        ]}
        limit={m.config.monitoring.tolerance}
        markers={began}
        format={figure}
        height={150}
      />
    </Figure>
  )
}

const Newest = ({ of: w }: { readonly of: WindowRow }) => (
  <Facts
    of={[
      ['Newest window', clockTime(w.start)],
      ['Reported', `${whole(w.reported)} of ${whole(w.expected)} devices`],
      ['Active', whole(w.active)],
      ['Sampling', whole(w.sampling)],
      ['Inferences', whole(w.inferences)],
      ['Errors', whole(w.errors)],
      ['Resets', whole(w.resets)],
      [
        'Latency p50, p95, p99',
        w.latencyMs === null
          ? '–'
          : `${milliseconds(w.latencyMs.p50)}, ${milliseconds(w.latencyMs.p95)}, ${milliseconds(w.latencyMs.p99)}`,
      ],
      ['Confidence', percent(w.confidence)],
    ]}
  />
)
