import { useRoute } from '../ui/app.ts'
import { Ago, Card, Heading, To } from '../ui/bits.tsx'
import { Filters } from '../ui/filters.tsx'
import { Paged, usePages } from '../ui/list.tsx'
import { Empty } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

const CHANNELS = { s3: 'dropped file', mqtt: 'device message', bus: 'event', api: 'API' } as const

/** What was refused at the edge, and why. */
export function InputsPage() {
  const { channel, code, model, thing } = useRoute().query
  const list = usePages('listRejectedInputs', {}, { channel, code, model, thing })
  return (
    <>
      <Heading>Rejected inputs</Heading>
      <Filters
        of={[
          { name: 'channel', label: 'Came as', options: Object.entries(CHANNELS) },
          { name: 'code', label: 'Code' },
          { name: 'model', label: 'Model' },
          { name: 'thing', label: 'Device' },
        ]}
      />
      <Card title="Newest first">
        <Paged
          of={list}
          rows={page => page.rejections}
          empty={
            <Empty
              what="Nothing was rejected."
              how="What does not fit its schema is refused alone, and is kept here with the reason."
            />
          }
        >
          {rows => (
            <Table
              caption="Rejected inputs, newest first"
              rows={rows}
              rowKey={r => r.rejection}
              head={1}
              columns={[
                { name: 'When', cell: r => <Ago at={r.at} /> },
                { name: 'What', cell: r => <code>{r.subject}</code> },
                { name: 'Came as', cell: r => CHANNELS[r.channel], from: 2 },
                {
                  name: 'Why',
                  cell: r => (
                    <>
                      <code>{r.code}</code> {r.reason}{' '}
                      {r.field && (
                        <>
                          Field <code>{r.field}</code>.
                        </>
                      )}
                    </>
                  ),
                },
                {
                  name: 'Of',
                  cell: r =>
                    r.thing ? (
                      <To path={['devices', r.thing]}>{r.thing}</To>
                    ) : r.model ? (
                      <To path={['models', r.model]}>{r.model}</To>
                    ) : (
                      '–'
                    ),
                  from: 2,
                },
                {
                  name: 'Excerpt',
                  cell: r =>
                    r.excerpt === undefined ? (
                      '–'
                    ) : (
                      <details>
                        <summary>Show</summary>
                        <pre>{decoded(r.excerpt)}</pre>
                      </details>
                    ),
                  from: 3,
                },
              ]}
            />
          )}
        </Paged>
      </Card>
    </>
  )
}

function decoded(base64: string): string {
  try {
    return new TextDecoder().decode(Uint8Array.from(atob(base64), c => c.charCodeAt(0)))
  } catch {
    return base64
  }
}
