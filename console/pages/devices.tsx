import type { Device } from '../api/types.ts'
import { words } from '../lib/format.ts'
import { useRoute } from '../ui/app.ts'
import { Ago, Badge, Card, Digest, Heading, To } from '../ui/bits.tsx'
import { Filters, YES_NO } from '../ui/filters.tsx'
import { Paged, usePages } from '../ui/list.tsx'
import { Empty } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

export const standing = (d: Pick<Device, 'silent' | 'revokedAt' | 'reinstatedAt' | 'lastSeen'>) => {
  const revoked = d.revokedAt !== undefined && (d.reinstatedAt === undefined || d.reinstatedAt < d.revokedAt)
  if (revoked) return <Badge tone="bad">revoked</Badge>
  if (d.silent) return <Badge tone="warn">silent</Badge>
  return d.lastSeen === '' ? <Badge tone="none">not heard of</Badge> : <Badge tone="ok">heard of</Badge>
}

export function DevicesPage({ fleet }: { readonly fleet: string }) {
  const { silent, hardware, model, version, step, revoked } = useRoute().query
  // The API takes a model with its version only.
  const release = model && version ? { model, version } : {}
  const list = usePages('listDevices', { fleet }, { silent, hardware, ...release, step, revoked })
  return (
    <>
      <Heading>
        Devices of <To path={['fleets', fleet]}>{fleet}</To>
      </Heading>
      <Filters
        of={[
          { name: 'silent', label: 'Silent', options: YES_NO },
          { name: 'revoked', label: 'Revoked', options: YES_NO },
          { name: 'hardware', label: 'Hardware' },
          { name: 'model', label: 'Model' },
          { name: 'version', label: 'Version' },
          { name: 'step', label: 'Last reported step' },
        ]}
        lacks={
          Boolean(model) === Boolean(version)
            ? undefined
            : `Model and version narrow together: fill in the ${model ? 'version' : 'model'} as well.`
        }
      />
      <Card title="In order of their names">
        <Paged
          of={list}
          rows={page => page.devices}
          empty={
            <Empty
              what="No device fits."
              how="With no filter set, it means that none has enrolled yet. Devices on the allow-list enrol by themselves; on this machine:"
              command="npm run allow -- devices.csv"
            />
          }
        >
          {rows => <DeviceTable rows={rows} />}
        </Paged>
      </Card>
    </>
  )
}

const DeviceTable = ({ rows }: { readonly rows: readonly Device[] }) => (
  <Table
    caption="Devices"
    rows={rows}
    rowKey={d => d.thing}
    columns={[
      { name: 'Device', cell: d => <To path={['devices', d.thing]}>{d.thing}</To>, by: d => d.thing },
      { name: 'State', cell: standing, by: d => Number(d.silent) },
      { name: 'Last heard of', cell: d => <Ago at={d.lastSeen} />, by: d => d.lastSeen },
      {
        name: 'Runs',
        cell: d =>
          Object.entries(d.slots).map(([slot, s]) => (
            <span key={slot} class="item">
              {s.release ? (
                `${s.release.model} v${s.release.version}`
              ) : s.bundle ? (
                <Digest of={s.bundle} />
              ) : (
                'nothing'
              )}{' '}
              <small class="muted">{words(s.step)}</small> {s.code && <code>{s.code}</code>}
            </span>
          )),
      },
      { name: 'Hardware', cell: d => d.hardware, by: d => d.hardware, from: 2 },
      { name: 'Runtime', cell: d => d.runtime, from: 3 },
    ]}
  />
)
