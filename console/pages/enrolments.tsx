import { words } from '../lib/format.ts'
import { useRoute } from '../ui/app.ts'
import { Ago, Badge, Card, Heading, To, Who } from '../ui/bits.tsx'
import { CommandButton } from '../ui/command.tsx'
import { Filters } from '../ui/filters.tsx'
import { Paged, usePages } from '../ui/list.tsx'
import { Empty } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

const TONES = { ALLOWED: 'info', USED: 'ok', BLOCKED: 'bad' } as const

/** Who may enrol, who has, and who may not. */
export function EnrolmentsPage() {
  const { status } = useRoute().query
  const list = usePages('listEnrolments', {}, { status })
  return (
    <>
      <Heading>Allow-list</Heading>
      <Filters
        of={[
          { name: 'status', label: 'Status', options: Object.keys(TONES).map(s => [s, words(s)] as const) },
        ]}
      />
      <Card title="In order of their serials">
        <Paged
          of={list}
          rows={page => page.enrolments}
          empty={
            <Empty
              what="No line fits."
              how="Devices may enrol once they are on the list:"
              command="npm run allow -- devices.csv"
            />
          }
        >
          {rows => (
            <Table
              caption="Allow-list, in order of serials"
              rows={rows}
              rowKey={e => e.serial}
              columns={[
                {
                  name: 'Serial',
                  cell: e =>
                    e.status === 'USED' ? <To path={['devices', e.serial]}>{e.serial}</To> : e.serial,
                  by: e => e.serial,
                },
                {
                  name: 'Status',
                  cell: e => <Badge tone={TONES[e.status]}>{words(e.status)}</Badge>,
                  by: e => e.status,
                },
                { name: 'Fleet', cell: e => <To path={['fleets', e.fleet]}>{e.fleet}</To> },
                { name: 'Hardware', cell: e => e.hardware, from: 2 },
                {
                  name: 'Allowed',
                  cell: e => (
                    <>
                      by <Who by={e.allowedBy} />, <Ago at={e.allowedAt} />
                    </>
                  ),
                  from: 2,
                },
                { name: 'Used', cell: e => <Ago at={e.usedAt} missing="not yet" />, from: 2 },
                {
                  name: 'Change',
                  cell: e => (
                    <CommandButton
                      name="changeEnrolment"
                      params={{ serial: e.serial }}
                      label={e.status === 'BLOCKED' ? 'Allow' : 'Block'}
                      danger={e.status !== 'BLOCKED'}
                      what={`${e.serial} may ${e.status === 'BLOCKED' ? 'enrol again' : 'not enrol any more'}.`}
                      body={({ reason = '' }) => ({
                        status: e.status === 'BLOCKED' ? 'ALLOWED' : 'BLOCKED',
                        reason,
                      })}
                      unless={e.status === 'USED' ? 'Is used: revoke the device instead.' : undefined}
                      done={list.reload}
                    />
                  ),
                },
              ]}
            />
          )}
        </Paged>
      </Card>
    </>
  )
}
