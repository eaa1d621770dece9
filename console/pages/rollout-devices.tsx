import { words } from '../lib/format.ts'
import { useRoute } from '../ui/app.ts'
import { Badge, Card, To } from '../ui/bits.tsx'
import { Filters } from '../ui/filters.tsx'
import { Paged, usePages } from '../ui/list.tsx'
import { Empty } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

const OUTCOMES = [
  ['COMMITTED', words('COMMITTED')],
  ['FAILED', words('FAILED')],
  ['REFUSED', words('REFUSED')],
  ['UNSUCCESSFUL', 'failed or refused'],
  ['RETRYABLE', words('RETRYABLE')],
  ['UNDER_WAY', 'under way'],
  ['NONE', 'none'],
] as const
const TONES = { COMMITTED: 'ok', FAILED: 'bad', REFUSED: 'bad', RETRYABLE: 'warn' } as const

export function RolloutDevices({ rollout, ended }: { readonly rollout: string; readonly ended: boolean }) {
  const { outcome, arm } = useRoute().query
  const list = usePages('listRolloutDevices', { rollout }, { outcome, arm })
  return (
    <Card title="Devices">
      <Filters
        of={[
          { name: 'outcome', label: 'Outcome', options: OUTCOMES },
          {
            name: 'arm',
            label: 'Arm',
            options: [
              ['canary', 'canary'],
              ['control', 'control'],
            ],
          },
        ]}
      />
      <Paged
        of={list}
        rows={page => page.devices}
        empty={<Empty what="No device." how="Devices are here once they have reported about this rollout." />}
      >
        {rows => (
          <Table
            caption="Devices of this rollout"
            rows={rows}
            rowKey={d => d.thing}
            columns={[
              { name: 'Device', cell: d => <To path={['devices', d.thing]}>{d.thing}</To>, by: d => d.thing },
              {
                name: 'Arm',
                cell: d => [...new Set(Object.values(d.phases).map(p => p.arm))].join(', ') || '–',
              },
              { name: 'Begun', cell: d => (d.started ? 'yes' : 'no'), from: 2 },
              {
                name: 'Outcome',
                cell: d =>
                  d.outcome === null ? (
                    <span class="muted">{ended ? 'none before it ended' : 'none yet'}</span>
                  ) : (
                    <Badge tone={TONES[d.outcome]}>{words(d.outcome)}</Badge>
                  ),
                by: d => d.outcome ?? '',
              },
              { name: 'Code', cell: d => (d.code ? <code>{d.code}</code> : '–') },
              {
                name: 'Seen',
                cell: d =>
                  ['errors', 'resets', 'silent']
                    .filter(e => Object.values(d.phases).some(p => p[e as 'errors']))
                    .join(', ') || '–',
                from: 2,
              },
            ]}
          />
        )}
      </Paged>
    </Card>
  )
}
