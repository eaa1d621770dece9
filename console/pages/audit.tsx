import { words } from '../lib/format.ts'
import { useRoute } from '../ui/app.ts'
import { Ago, Card, Heading, Who } from '../ui/bits.tsx'
import { Filters } from '../ui/filters.tsx'
import { Paged, usePages } from '../ui/list.tsx'
import { Empty } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

/** Who did what, when, and what was there before. */
export function AuditPage() {
  const { by, action, subject } = useRoute().query
  const list = usePages('listAudit', {}, { by, action, subject })
  return (
    <>
      <Heading>Audit</Heading>
      <Filters
        of={[
          { name: 'by', label: 'By' },
          { name: 'action', label: 'Action' },
          { name: 'subject', label: 'Subject' },
        ]}
      />
      <Card title="Newest first">
        <Paged
          of={list}
          rows={page => page.audit}
          empty={
            <Empty
              what="No record fits."
              how="Every command leaves one: who gave it, when, and what was there before."
            />
          }
        >
          {rows => (
            <Table
              caption="Audit records, newest first"
              rows={rows}
              rowKey={a => a.audit}
              head={1}
              columns={[
                { name: 'When', cell: a => <Ago at={a.at} /> },
                { name: 'Action', cell: a => words(a.action) },
                { name: 'Subject', cell: a => <code>{a.subject}</code> },
                { name: 'By', cell: a => <Who by={a.by} /> },
                { name: 'Change', cell: a => <Json of={a.change} /> },
                { name: 'Before', cell: a => <Json of={a.before} />, from: 3 },
              ]}
            />
          )}
        </Paged>
      </Card>
    </>
  )
}

function Json({ of }: { readonly of: unknown }) {
  if (of === null || of === undefined) return <span class="muted">–</span>
  const text = JSON.stringify(of, null, 1)
  const reason = typeof of === 'object' ? (of as { reason?: unknown }).reason : undefined
  return (
    <details>
      <summary>{typeof reason === 'string' ? reason : 'Show'}</summary>
      <pre>{text}</pre>
    </details>
  )
}
