import type { Answer } from '../api/types.ts'
import { plural, whole, words } from '../lib/format.ts'
import { useAsk, useFollow, useOverview } from '../ui/app.ts'
import { Ago, Badge, Card, Heading, To } from '../ui/bits.tsx'
import { CommandButton } from '../ui/command.tsx'
import { Empty, Partial, Show } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'

type Queue = Answer<'listQueues'>['queues'][number]
const KINDS: Readonly<Record<Queue['kind'], string>> = {
  'dead-letters': 'messages that could not be handled',
  'failed-invocations': 'calls that failed for good',
  'undelivered-events': 'events that reached nobody',
}

export function QueuesPage({ queue }: { readonly queue: string | undefined }) {
  const asked = useAsk('listQueues', {})
  useFollow(asked.reload, useOverview()?.asOf)
  return (
    <>
      <Heading>Dead letters</Heading>
      {queue && (
        <Letters
          key={queue}
          queue={queue}
          done={asked.reload}
          found={asked.data?.queues.find(q => q.queue === queue)}
        />
      )}
      <Show of={asked} lines={8}>
        {({ queues }) => {
          const full = queues.filter(q => q.messages + q.inFlight > 0)
          return (
            <Card
              title="Every place where failures land"
              aside={
                <Badge tone={full.length === 0 ? 'ok' : 'warn'}>
                  {full.length === 0
                    ? 'all empty'
                    : `${plural(full.length, 'queue holds', 'queues hold')} something`}
                </Badge>
              }
            >
              <Table
                caption="Queues"
                rows={queues}
                rowKey={q => q.queue}
                columns={[
                  {
                    name: 'Queue',
                    cell: q => <To path={['dead-letters', q.queue]}>{q.queue}</To>,
                    by: q => q.queue,
                  },
                  { name: 'Holds', cell: q => KINDS[q.kind], from: 2 },
                  {
                    name: 'Messages',
                    number: true,
                    cell: q => <b class={q.messages > 0 ? 'some' : 'muted'}>{whole(q.messages)}</b>,
                    by: q => q.messages,
                  },
                  { name: 'In flight', number: true, cell: q => whole(q.inFlight), from: 2 },
                  {
                    name: 'Last redrive',
                    cell: q =>
                      q.redrive === null ? (
                        '–'
                      ) : (
                        <>
                          {words(q.redrive.status)}, {whole(q.redrive.moved)} moved, <Ago at={q.redrive.at} />
                        </>
                      ),
                  },
                  { name: 'Runbook', cell: q => <code>{q.runbook}</code>, from: 3 },
                ]}
              />
            </Card>
          )
        }}
      </Show>
    </>
  )
}

function Letters({
  queue,
  found,
  done,
}: {
  readonly queue: string
  readonly found: Queue | undefined
  readonly done: () => void
}) {
  const asked = useAsk('listDeadLetters', { queue })
  return (
    <Card
      title={queue}
      aside={
        <CommandButton
          name="redrive"
          params={{ queue }}
          label="Handle once more"
          what={
            found === undefined || found.kind === 'dead-letters'
              ? 'All of its messages go back to the queue that they came from.'
              : 'Each message is handed to its function again.'
          }
          {...(found !== undefined && found.kind !== 'dead-letters'
            ? { fields: [{ name: 'max', label: 'At most', kind: 'number' as const, initial: '10' }] }
            : {})}
          body={({ reason = '', max }) => ({ reason, ...(max ? { max: Number(max) } : {}) })}
          unless={found?.messages === 0 ? 'It is empty.' : undefined}
          done={() => {
            done()
            asked.reload()
          }}
        />
      }
    >
      <Partial>
        Looking hides up to ten messages from others for some seconds, and counts as received.
      </Partial>
      <Show of={asked}>
        {({ messages }) =>
          messages.length === 0 ? (
            <Empty what="No message at the moment." />
          ) : (
            <Table
              caption={`Messages of ${queue}`}
              rows={messages}
              rowKey={m => m.messageId}
              columns={[
                { name: 'About', cell: m => <code>{m.subject ?? m.messageId}</code> },
                { name: 'Since', cell: m => <Ago at={m.sentAt} /> },
                { name: 'Function', cell: m => m.function ?? '–', from: 2 },
                { name: 'Error', cell: m => m.error ?? '–' },
                { name: 'Received', number: true, cell: m => m.received, from: 2 },
                {
                  name: 'Body',
                  cell: m => (
                    <details>
                      <summary>Show</summary>
                      <pre>{m.body}</pre>
                    </details>
                  ),
                },
              ]}
            />
          )
        }
      </Show>
    </Card>
  )
}
