import type { Answer } from '../api/types.ts'
import { clockTime, figure, milliseconds, percent, whole } from '../lib/format.ts'
import { useAsk } from '../ui/app.ts'
import { Card, To } from '../ui/bits.tsx'
import { Chart, Legend } from '../ui/chart.tsx'
import { Figure } from '../ui/figure.tsx'
import { Empty, Show } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

type DeviceWindow = Answer<'listDeviceWindows'>['windows'][number]
const PERCENTILES = ['p50', 'p95', 'p99'] as const

export function DeviceWindows({
  thing,
  model,
  rollouts,
}: {
  readonly thing: string
  readonly model: string
  readonly rollouts: Answer<'getDevice'>['rollouts']
}) {
  const asked = useAsk('listDeviceWindows', { thing }, { model })
  const detail = useAsk('getModel', { model })
  const tolerance = detail.data?.config.monitoring.tolerance
  return (
    <Card title={`Its windows of ${model}`}>
      <Show of={asked}>
        {({ windows }) =>
          windows.length === 0 ? (
            <Empty what="No window yet." how="A device sends its counts at the end of each window." />
          ) : (
            <Windows windows={windows} tolerance={tolerance} rollouts={rollouts} />
          )
        }
      </Show>
    </Card>
  )
}

function Windows({
  windows,
  tolerance,
  rollouts,
}: {
  readonly windows: readonly DeviceWindow[]
  readonly tolerance: number | undefined
  readonly rollouts: Answer<'getDevice'>['rollouts']
}) {
  const ordered = windows.toReversed()
  const times = ordered.map(w => Date.parse(w.start) / 1_000)
  const names = [...new Set(ordered.flatMap(w => Object.keys(w.distances)))]
  const markers = rollouts.map(r => ({ at: Date.parse(r.createdAt) / 1_000, text: `v${r.version}` }))
  const latency = PERCENTILES.map(p => ({ name: p, values: ordered.map(w => w.latencyMs?.[p] ?? null) }))
  const drift = names.map(name => ({ name, values: ordered.map(w => w.distances[name] ?? null) }))
  const newest = windows[0]
  return (
    <>
      <div class="columns even">
        <Figure
          title="Latency"
          says="percentiles per window"
          table={{
            columns: ['UTC', ...PERCENTILES],
            rows: ordered.map(w => [
              clockTime(w.start),
              ...PERCENTILES.map(p => (w.latencyMs ? milliseconds(w.latencyMs[p]) : '–')),
            ]),
          }}
        >
          <Chart times={times} series={latency} markers={markers} format={milliseconds} height={150} />
          <Legend
            line
            items={PERCENTILES.map(p => ({
              name: p,
              value: newest?.latencyMs ? milliseconds(newest.latencyMs[p]) : '–',
            }))}
          />
        </Figure>
        <Figure
          title="Distance to the baseline"
          says={tolerance === undefined ? '' : `${figure(tolerance)} tolerated`}
          table={{
            columns: ['UTC', ...names],
            rows: ordered.map(w => [clockTime(w.start), ...names.map(name => figure(w.distances[name]))]),
          }}
        >
          <Chart
            times={times}
            series={drift}
            markers={markers}
            limit={tolerance}
            format={figure}
            height={150}
          />
          <Legend line items={names.map(name => ({ name, value: figure(newest?.distances[name]) }))} />
        </Figure>
      </div>
      <details>
        <summary>All {windows.length} windows</summary>
        <Table
          caption="Windows, newest first"
          rows={windows}
          rowKey={w => `${w.version} ${w.window}`}
          columns={[
            {
              name: 'Window',
              cell: w => (
                <To path={['models', w.model]} query={{ version: w.version, window: w.window }}>
                  {clockTime(w.start)}
                </To>
              ),
            },
            { name: 'Version', cell: w => `v${w.version}` },
            { name: 'Inferences', number: true, cell: w => whole(w.inferences) },
            { name: 'Errors', number: true, cell: w => whole(w.errors) },
            { name: 'Resets', number: true, cell: w => whole(w.resets) },
            { name: 'Samples', number: true, cell: w => whole(w.samples) },
            { name: 'Confidence', number: true, cell: w => percent(w.confidence) },
          ]}
        />
      </details>
    </>
  )
}
