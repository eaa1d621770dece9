import type { RolloutSummary } from '../api/types.ts'
import { words } from '../lib/format.ts'
import { useApp, useAsk, useLack, useRoute } from '../ui/app.ts'
import { Ago, Badge, Card, Heading, To, type Tone, Who } from '../ui/bits.tsx'
import { CommandButton } from '../ui/command.tsx'
import { Filters } from '../ui/filters.tsx'
import { Paged, usePages } from '../ui/list.tsx'
import { Empty } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

const STATUS: Readonly<Record<RolloutSummary['status'], Tone>> = {
  PLANNED: 'none',
  RUNNING: 'info',
  PAUSED: 'warn',
  HELD: 'warn',
  COMPLETED: 'ok',
  ROLLED_BACK: 'bad',
  ABORTED: 'bad',
  SUPERSEDED: 'none',
}
export const StatusBadge = ({ of }: { readonly of: RolloutSummary['status'] }) => (
  <Badge tone={STATUS[of]}>{words(of)}</Badge>
)

export function RolloutsPage() {
  const { query } = useRoute()
  const { model, fleet, status } = query
  const list = usePages('listRollouts', {}, { model, fleet, status })
  return (
    <>
      <Heading aside={<Plan done={list.reload} />}>Rollouts</Heading>
      <Filters
        of={[
          { name: 'model', label: 'Model' },
          { name: 'fleet', label: 'Fleet' },
          { name: 'status', label: 'Status', options: Object.keys(STATUS).map(s => [s, words(s)] as const) },
        ]}
      />
      <Card title="Newest first">
        <Paged
          of={list}
          rows={page => page.rollouts}
          empty={
            <Empty
              what="No rollout."
              how="One begins by itself when a version is signed. With other filters there may be some."
            />
          }
        >
          {rows => <RolloutTable rows={rows} />}
        </Paged>
      </Card>
    </>
  )
}

export const RolloutTable = ({ rows }: { readonly rows: readonly RolloutSummary[] }) => (
  <Table
    caption="Rollouts"
    rows={rows}
    rowKey={r => r.rollout}
    columns={[
      { name: 'Rollout', cell: r => <To path={['rollouts', r.rollout]}>{r.rollout}</To>, by: r => r.rollout },
      {
        name: 'Version',
        cell: r => (
          <To path={['models', r.model]} query={{ version: r.version }}>
            {r.model} v{r.version}
          </To>
        ),
      },
      { name: 'Fleet', cell: r => <To path={['fleets', r.fleet]}>{r.fleet}</To>, from: 2 },
      { name: 'Status', cell: r => <StatusBadge of={r.status} />, by: r => r.status },
      { name: 'Phase', cell: r => r.phase ?? '–', from: 2 },
      { name: 'Began', cell: r => <Ago at={r.createdAt} />, by: r => r.createdAt },
      { name: 'By', cell: r => <Who by={r.createdBy} />, from: 3 },
      {
        name: 'Last decision',
        cell: r => (r.last === null ? '–' : `${words(r.last.decision)}: ${r.last.reason}`),
        from: 3,
      },
    ]}
  />
)

const BEGIN = [
  ['now', 'at once'],
  ['later', 'when somebody starts it'],
] as const

/** A rollout of an earlier version, or of one that was taken back. */
function Plan({ done }: { readonly done: () => void }) {
  const models = useAsk('listModels', {})
  const lack = useLack()('rollouts:write')
  const { announce } = useApp()
  const names = (models.data?.models ?? []).map(
    m => [m.model, `${m.model} (runs v${m.champion ?? '–'})`] as const,
  )
  return (
    <CommandButton
      name="planRollout"
      params={{}}
      label="Roll out an earlier version"
      what="Devices get this version in the phases of its model’s policy, as they would a new one."
      fields={[
        { name: 'model', label: 'Model', options: names },
        { name: 'version', label: 'Version', kind: 'number' },
        { name: 'begin', label: 'Begin', options: BEGIN },
      ]}
      body={({ model = '', version, begin, reason = '' }) => ({
        ...{ model, version: Number(version), reason },
        start: begin !== 'later',
      })}
      unless={lack ?? (names.length === 0 ? 'There is no model yet.' : undefined)}
      done={({ begin }) => {
        announce(
          begin === 'later'
            ? 'The rollout is planned. It waits for somebody to start it.'
            : 'The rollout begins.',
        )
        done()
      }}
    />
  )
}
