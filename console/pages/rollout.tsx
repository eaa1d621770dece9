import { useEffect, useState } from 'preact/hooks'
import type { Rollout } from '../api/types.ts'
import { percent, utc, whole, words } from '../lib/format.ts'
import { useAsk } from '../ui/app.ts'
import { Ago, Badge, Card, Digest, Facts, Heading, To, Who } from '../ui/bits.tsx'
import { LadderView } from '../ui/ladder.tsx'
import { RolloutCommands } from '../ui/rollout-commands.tsx'
import { Show } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'
import { Tests } from '../ui/tests.tsx'
import { RolloutDevices } from './rollout-devices.tsx'
import { StatusBadge } from './rollouts.tsx'

/** While it goes on; an end is asked for no more than any other page. */
const POLL_MS = 3_000
/** How long an order is waited for. */
const ORDER_MS = 60_000
const ENDS = ['COMPLETED', 'ROLLED_BACK', 'ABORTED', 'SUPERSEDED']

export function RolloutPage({ rollout }: { readonly rollout: string }) {
  const [live, setLive] = useState(true)
  const asked = useAsk('getRollout', { rollout }, {}, live ? POLL_MS : undefined)
  const { data, fault } = asked
  // An order to an ended rollout takes effect a moment later.
  const [ordered, setOrdered] = useState<number>()
  const status = data?.status
  useEffect(() => setOrdered(undefined), [status])
  useEffect(() => {
    if (ordered === undefined) return
    const timer = setTimeout(() => setOrdered(undefined), ORDER_MS)
    return () => clearTimeout(timer)
  }, [ordered])
  const over = status === undefined ? fault?.kind === 'missing' : ENDS.includes(status)
  useEffect(() => setLive(!over || ordered !== undefined), [over, ordered])
  return (
    <>
      <Heading
        aside={
          data && (
            <>
              <StatusBadge of={data.status} />
              {data.shadow && <Badge tone="none">in the shadow</Badge>}
              {data.waitsForStart && <Badge tone="warn">waits for its start</Badge>}
              {data.waitsForApproval && (
                <Badge tone="warn">waits for approval of {data.waitsForApproval}</Badge>
              )}
            </>
          )
        }
      >
        Rollout {rollout}
      </Heading>
      <Show of={asked} lines={12}>
        {r => (
          <Content
            r={r}
            reload={() => {
              setOrdered(Date.now())
              asked.reload()
            }}
          />
        )}
      </Show>
    </>
  )
}

function Content({ r, reload }: { readonly r: Rollout; readonly reload: () => void }) {
  const tests = r.outlook?.tests ?? r.history.at(-1)?.tests ?? []
  return (
    <>
      <Card title="Ladder" aside={<RolloutCommands {...r} done={reload} />}>
        <LadderView
          rollout={r.rollout}
          phases={r.phases}
          phase={r.phase}
          ladder={r.ladder}
          ended={ENDS.includes(r.status) ? r.status : undefined}
        />
        {r.outlook && (
          <p>
            <b>{words(r.outlook.decision)}:</b> {r.outlook.reason}.
          </p>
        )}
        <Facts
          of={[
            [
              'Version',
              <To path={['models', r.model]} query={{ version: r.version }}>{`${r.model} v${r.version}`}</To>,
            ],
            ['Fleet', <To path={['fleets', r.fleet]}>{`${r.fleet}, slot ${r.slot}`}</To>],
            [
              'Asked for',
              <>
                by <Who by={r.createdBy} />, <Ago at={r.createdAt} />
              </>,
            ],
            ['Approved', r.approved.length === 0 ? 'by nobody so far' : r.approved.join(', ')],
            ['In this phase', <Ago at={r.phaseSince} />],
            ['Goes back to', <Before r={r} />],
          ]}
        />
      </Card>
      <Card title="What would stop it, and what would pass the phase">
        {tests.length === 0 ? <p class="muted">No test has anything to go by yet.</p> : <Tests of={tests} />}
      </Card>
      <RolloutDevices rollout={r.rollout} ended={ENDS.includes(r.status)} />
      <Card title="Decisions">
        <Decisions r={r} />
      </Card>
      <Card title="Plan: what each phase can prove">
        {r.phases.map(phase => (
          <section key={phase.name} class="phase">
            <h3>
              {phase.name} <span class="muted">{percent(phase.exposure)}</span>
            </h3>
            <p>
              About {whole(phase.devices.canary)} devices get it, {whole(phase.devices.control)} are compared
              with them.
              {phase.bakeMinutes > 0 && ` Evidence is gathered for at least ${whole(phase.bakeMinutes)} min.`}{' '}
              After {whole(phase.deadlineMinutes)} min without enough of it{' '}
              {r.policy.insufficient === 'hold' ? 'a person is asked' : 'it goes on and says so'}.
              {phase.approval && ' It begins only when somebody approves.'}
            </p>
            <ul>
              {phase.proof.map(p => (
                <li key={p.claim}>{p.sentence}</li>
              ))}
            </ul>
          </section>
        ))}
      </Card>
    </>
  )
}

const Before = ({ r }: { readonly r: Rollout }) => (
  <>
    {Object.entries(r.before).map(([hardware, release]) => (
      <span key={hardware} class="item">
        {release === null ? 'nothing' : `v${release.version} `}
        {release && <Digest of={release.bundle.sha256} />} <span class="muted">{hardware}</span>
      </span>
    ))}
  </>
)

const Decisions = ({ r }: { readonly r: Rollout }) => (
  <Table
    caption="Decisions, newest first"
    rows={r.history.toReversed()}
    rowKey={d => `${d.at} ${d.decision}`}
    head={1}
    columns={[
      {
        name: 'When',
        cell: d => (
          <time title={utc(d.at)} dateTime={d.at}>
            <Ago at={d.at} />
          </time>
        ),
      },
      { name: 'Decision', cell: d => words(d.decision) },
      { name: 'Phase', cell: d => d.phase, from: 2 },
      { name: 'By', cell: d => <Who by={d.by} /> },
      {
        name: 'Why',
        cell: d => (
          <>
            {d.reason}
            {d.proven === false && (
              <>
                {' '}
                <Badge tone="warn">not proven</Badge>
              </>
            )}
            {d.proven === true && (
              <>
                {' '}
                <Badge tone="ok">proven</Badge>
              </>
            )}
          </>
        ),
      },
      {
        name: 'Evidence',
        cell: d =>
          d.tests.length === 0 ? (
            '–'
          ) : (
            <details>
              <summary>{d.tests.length} tests</summary>
              <Tests of={d.tests} />
            </details>
          ),
        from: 2,
      },
    ]}
  />
)
