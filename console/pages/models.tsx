import { words } from '../lib/format.ts'
import { Ago, Badge, Card, Heading, To } from '../ui/bits.tsx'
import { Paged, usePages } from '../ui/list.tsx'
import { Empty } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

export function ModelsPage() {
  const list = usePages('listModels', {})
  return (
    <>
      <Heading>Models</Heading>
      <Card title="In order of their names">
        <Paged
          of={list}
          rows={page => page.models}
          empty={
            <Empty
              what="No model yet."
              how="A model begins with its model.yaml in the drop bucket, and its first version with a dataset:"
              command="aws s3 cp model.yaml s3://DROP-BUCKET/models/NAME/model.yaml"
            />
          }
        >
          {rows => (
            <Table
              caption="Models"
              rows={rows}
              rowKey={m => m.model}
              columns={[
                { name: 'Model', cell: m => <To path={['models', m.model]}>{m.model}</To>, by: m => m.model },
                {
                  name: 'Champion',
                  cell: m =>
                    m.champion === null ? (
                      'none yet'
                    ) : (
                      <To path={['models', m.model]} query={{ version: m.champion }}>{`v${m.champion}`}</To>
                    ),
                },
                {
                  name: 'Versions',
                  number: true,
                  cell: m => (
                    <To path={['pipeline']} query={{ model: m.model }}>
                      {m.versions}
                    </To>
                  ),
                  by: m => m.versions,
                },
                { name: 'Fleet', cell: m => <To path={['fleets', m.fleet]}>{m.fleet}</To> },
                { name: 'Slot', cell: m => m.slot, from: 2 },
                { name: 'Task', cell: m => words(m.task), from: 2 },
                {
                  name: 'Last training',
                  cell: m => <Ago at={m.lastTrainingAt} />,
                  by: m => m.lastTrainingAt ?? '',
                },
                { name: 'Now', cell: m => (m.retraining ? <Badge tone="info">retraining</Badge> : 'idle') },
              ]}
            />
          )}
        </Paged>
      </Card>
    </>
  )
}
