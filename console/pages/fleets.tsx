import type { Answer } from '../api/types.ts'
import { percent, whole } from '../lib/format.ts'
import { useAsk, useFollow, useOverview } from '../ui/app.ts'
import { Card, Digest, Facts, Heading, To } from '../ui/bits.tsx'
import { Paged, usePages } from '../ui/list.tsx'
import { Empty, Show } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

export function FleetsPage() {
  const list = usePages('listFleets', {})
  return (
    <>
      <Heading aside={<To path={['enrolments']}>Allow-list</To>}>Fleets</Heading>
      <Card title="In order of their names">
        <Paged
          of={list}
          rows={page => page.fleets}
          empty={
            <Empty
              what="No fleet yet."
              how="A fleet begins with its first device on the allow-list:"
              command="npm run allow -- devices.csv"
            />
          }
        >
          {rows => (
            <Table
              caption="Fleets"
              rows={rows}
              rowKey={f => f.fleet}
              columns={[
                { name: 'Fleet', cell: f => <To path={['fleets', f.fleet]}>{f.fleet}</To>, by: f => f.fleet },
                { name: 'Manifest', number: true, cell: f => <Counter of={f} />, by: f => f.counter },
                { name: 'Slots', cell: f => [...new Set(f.slots.map(s => s.slot))].join(', ') || '–' },
                {
                  name: 'Hardware',
                  cell: f => [...new Set(f.slots.map(s => s.hardware))].join(', ') || '–',
                  from: 2,
                },
                {
                  name: 'Rollout in flight',
                  cell: f =>
                    Object.values(f.active).length === 0
                      ? '–'
                      : Object.values(f.active).map(id => (
                          <To key={id} path={['rollouts', id]}>
                            {id}
                          </To>
                        )),
                },
              ]}
            />
          )}
        </Paged>
      </Card>
    </>
  )
}

type Fleet = Answer<'listFleets'>['fleets'][number]
const Counter = ({ of }: { readonly of: Pick<Fleet, 'counter' | 'published'> }) => (
  <>
    {of.counter}
    {of.published < of.counter && <small class="muted"> ({of.published} is out)</small>}
  </>
)

/** What Edge Manager's fleet report had; each figure leads to the devices behind it. */
export function FleetPage({ fleet }: { readonly fleet: string }) {
  const asked = useAsk('getFleetReport', { fleet })
  useFollow(asked.reload, useOverview()?.asOf)
  const path = ['fleets', fleet, 'devices']
  return (
    <>
      <Heading aside={<To path={path}>All devices</To>}>Fleet {fleet}</Heading>
      <Show of={asked}>
        {r => (
          <>
            <Card title="Devices">
              <Facts
                of={[
                  ['Registered', <To path={path}>{whole(r.registered)}</To>],
                  [
                    'Connected',
                    <To path={path} query={{ silent: false, revoked: false }}>
                      {whole(r.connected)}
                    </To>,
                  ],
                  [
                    'Silent',
                    <To path={path} query={{ silent: true }}>
                      {whole(r.silent)}
                    </To>,
                  ],
                  [
                    'Revoked',
                    <To path={path} query={{ revoked: true }}>
                      {whole(r.revoked)}
                    </To>,
                  ],
                  ['With a slot that runs nothing', whole(r.withoutModel)],
                ]}
              />
              <Facts
                of={r.hardware.map(h => [
                  h.hardware,
                  <To path={path} query={{ hardware: h.hardware }}>
                    {whole(h.devices)}
                  </To>,
                ])}
              />
            </Card>
            <Card title="Versions">
              {r.versions.length === 0 ? (
                <Empty what="No device runs a model." how="Versions are here while a device runs them." />
              ) : (
                <Versions report={r} />
              )}
            </Card>
            <Slots fleet={fleet} />
          </>
        )}
      </Show>
    </>
  )
}

function Versions({ report }: { readonly report: Answer<'getFleetReport'> }) {
  const path = ['fleets', report.fleet, 'devices']
  type Row = Answer<'getFleetReport'>['versions'][number]
  const inWindow = (v: Row, n: number | null) =>
    n === null || v.window === null ? (
      <span class="muted" title="No window has closed yet">
        –
      </span>
    ) : (
      <To path={['models', v.model]} query={{ version: v.version, window: v.window }}>
        {whole(n)}
      </To>
    )
  return (
    <Table
      caption="Versions that devices of this fleet run"
      rows={report.versions}
      rowKey={v => `${v.model} ${v.version}`}
      columns={[
        {
          name: 'Version',
          cell: v => (
            <To path={['models', v.model]} query={{ version: v.version }}>
              {v.model} v{v.version}
            </To>
          ),
          by: v => v.version,
        },
        {
          name: 'Devices',
          number: true,
          by: v => v.devices,
          cell: v => (
            <>
              <To path={path} query={{ model: v.model, version: v.version }}>
                {whole(v.devices)}
              </To>{' '}
              <small class="muted">{percent(v.devices / Math.max(1, report.registered))}</small>
            </>
          ),
        },
        {
          name: 'Connected',
          number: true,
          by: v => v.connected,
          cell: v => (
            <To path={path} query={{ model: v.model, version: v.version, silent: false }}>
              {whole(v.connected)}
            </To>
          ),
        },
        {
          name: 'Offline',
          number: true,
          by: v => v.offline,
          cell: v => (
            <To path={path} query={{ model: v.model, version: v.version, silent: true }}>
              {whole(v.offline)}
            </To>
          ),
        },
        { name: 'Active', number: true, cell: v => inWindow(v, v.active) },
        { name: 'Sampling', number: true, cell: v => inWindow(v, v.sampling), from: 2 },
      ]}
    />
  )
}

/** What the newest manifest says. */
function Slots({ fleet }: { readonly fleet: string }) {
  const fleets = useAsk('listFleets', {}, { limit: 200 })
  const found = fleets.data?.fleets.find(f => f.fleet === fleet)
  if (found === undefined) return null
  const barred = Object.entries(found.bars.minimumRelease)
  return (
    <Card title={`Manifest ${found.counter}`} aside={<Counter of={found} />}>
      <Table
        caption="Slots of the newest manifest"
        rows={found.slots}
        rowKey={s => `${s.slot} ${s.hardware}`}
        columns={[
          { name: 'Slot', cell: s => s.slot },
          { name: 'Hardware', cell: s => s.hardware },
          {
            name: 'Settled on',
            cell: s =>
              s.committed === null ? (
                'nothing yet'
              ) : (
                <>
                  {s.committed.model} v{s.committed.version}{' '}
                  <To path={['lineage']} query={{ of: s.committed.bundle.sha256 }}>
                    <Digest of={s.committed.bundle.sha256} />
                  </To>
                </>
              ),
          },
          {
            name: 'Candidate',
            cell: s =>
              s.candidate === null ? (
                '–'
              ) : (
                <>
                  <To path={['rollouts', s.candidate.rollout]}>v{s.candidate.release.version}</To> on{' '}
                  {percent(s.candidate.exposure)}
                </>
              ),
          },
          { name: 'Pinned', number: true, cell: s => whole(Object.keys(s.pins).length), from: 2 },
        ]}
      />
      {(barred.length > 0 || found.bars.revokedBundles.length > 0) && (
        <p>
          Barred: {barred.map(([model, v]) => `${model} below v${v}`).join(', ')}
          {found.bars.revokedBundles.map(digest => (
            <span key={digest}>
              {' '}
              <Digest of={digest} />
            </span>
          ))}
        </p>
      )}
    </Card>
  )
}
