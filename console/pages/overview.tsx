import { useEffect, useRef } from 'preact/hooks'
import type { Attention, Flight, Overview } from '../api/types.ts'
import { percent, plural, whole, words } from '../lib/format.ts'
import { reachable, sums, worst } from '../lib/health.ts'
import { fitting } from '../lib/ladder.ts'
import { href, ownLink } from '../lib/route.ts'
import { type Asked, useRoute } from '../ui/app.ts'
import { Ago, Badge, Card, Heading, To, type Tone } from '../ui/bits.tsx'
import { HarmBadge, HarmScale, harmSentence } from '../ui/harm.tsx'
import { LadderView } from '../ui/ladder.tsx'
import { RolloutCommands } from '../ui/rollout-commands.tsx'
import { Spark } from '../ui/spark.tsx'
import { Empty, Partial, Show } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'
import { VersionSpread } from './version-spread.tsx'

export const OverviewPage = ({ of }: { readonly of: Asked<Overview> }) => (
  <>
    <Heading>Overview</Heading>
    <Show of={of} lines={14}>
      {data => <Content data={data} reload={of.reload} />}
    </Show>
  </>
)

function Content({ data, reload }: { readonly data: Overview; readonly reload: () => void }) {
  if (data.fleets.length === 0 && data.models.length === 0)
    return (
      <Empty
        what="No fleet and no model yet."
        how="A fleet begins with its first device on the allow-list, a model with its model.yaml in the drop bucket. Locally, the whole story runs with:"
        command="npm start"
      />
    )
  return (
    <>
      {!data.complete && (
        <Partial>
          There are more fleets or models than one overview holds; the lists of{' '}
          <To path={['fleets']}>fleets</To> and <To path={['models']}>models</To> have all.
        </Partial>
      )}
      <Tiles data={data} />
      <div class="columns">
        <div>
          {data.rollouts.map(r => (
            <FlightCard key={r.rollout} flight={r} done={reload} />
          ))}
          {data.rollouts.length === 0 && (
            <Card title="Rollout" aside={<To path={['rollouts']}>Earlier ones</To>}>
              <Empty
                what="No rollout is under way."
                how="One begins when a version is signed, or when somebody asks for an earlier version."
              />
            </Card>
          )}
        </div>
        <VersionSpread data={data} />
      </div>
      <AttentionCard data={data} />
    </>
  )
}

function Tiles({ data }: { readonly data: Overview }) {
  const all = sums(data)
  const [fleet] = data.fleets
  const one = data.fleets.length === 1 && fleet ? fleet.fleet : undefined
  const model = worst(data.models)
  const severity = data.attentionBy
  const devices = (query: Record<string, boolean>) =>
    one === undefined ? href(['fleets']) : href(['fleets', one, 'devices'], query)
  return (
    <ul class="tiles">
      <li>
        <h2>Reachable</h2>
        <p class="big">
          <a href={devices({ silent: false, revoked: false })}>{whole(all.connected)}</a>
          <small>
            {' '}
            of <a href={devices({})}>{whole(all.registered)}</a>
          </small>
        </p>
        <Spark values={reachable(data)} says="Share of reachable devices in the last 24 hours" />
        <p>
          <a href={devices({ silent: true })}>{plural(all.silent, 'silent device')}</a>
        </p>
      </li>
      <li>
        <h2>On the version they should run</h2>
        <p class="big">
          <a href={one === undefined ? href(['fleets']) : href(['fleets', one])}>{whole(all.onTarget)}</a>
          <small> of {whole(all.of)}</small>
        </p>
        <div class="meter" aria-hidden="true">
          <i style={{ width: `${all.of === 0 ? 0 : (all.onTarget / all.of) * 100}%` }} />
        </div>
        <p class="muted">{all.of === 0 ? 'nothing is released yet' : percent(all.onTarget / all.of)}</p>
      </li>
      <li>
        <h2>Is the champion right?</h2>
        {model === undefined ? (
          <p class="muted">no model yet</p>
        ) : (
          <>
            <p class="big">
              <a href={href(['models', model.model])}>
                {model.harm.estimate === null ? '–' : percent(model.harm.estimate)}
              </a>
              <small> error, {model.model}</small>
            </p>
            <HarmScale of={model.harm} />
            <p>
              <HarmBadge of={model.harm} /> <span class="muted">{harmSentence(model.harm)}</span>
            </p>
            {data.models.length > 1 && <To path={['models']}>{plural(data.models.length, 'model')}</To>}
          </>
        )}
      </li>
      <li>
        <h2>Needs attention</h2>
        <p class="big">
          <a href={href(['overview'], { show: 'attention' })}>{whole(data.attentionTotal)}</a>
        </p>
        <p class="marks">
          <Badge tone={severity.page > 0 ? 'bad' : 'none'}>{severity.page} urgent</Badge>
          <Badge tone={severity.ticket > 0 ? 'warn' : 'none'}>{severity.ticket} to do</Badge>
          <Badge tone={severity.info > 0 ? 'info' : 'none'}>{severity.info} to know</Badge>
        </p>
      </li>
    </ul>
  )
}

const FlightCard = ({ flight, done }: { readonly flight: Flight; readonly done: () => void }) => (
  <Card
    title={
      <>
        Rollout <To path={['rollouts', flight.rollout]}>{`${flight.model} v${flight.version}`}</To>
      </>
    }
    aside={
      <>
        <Badge tone={flight.status === 'RUNNING' ? 'info' : 'warn'}>{words(flight.status)}</Badge>
        {flight.shadow && <Badge tone="none">in the shadow</Badge>}
        {flight.waitsForStart && <Badge tone="warn">waits for its start</Badge>}
        {flight.waitsForApproval && <Badge tone="warn">waits for approval</Badge>}
      </>
    }
  >
    <p class="muted">
      To <To path={['fleets', flight.fleet]}>{flight.fleet}</To>; in this phase since{' '}
      <Ago at={flight.phaseSince} />.
    </p>
    <LadderView rollout={flight.rollout} phases={flight.phases} phase={flight.phase} ladder={flight.ladder} />
    {flight.reason && <p>{flight.reason}.</p>}
    <RolloutCommands
      rollout={flight.rollout}
      status={flight.status}
      allowed={fitting(flight)}
      createdBy={flight.createdBy}
      done={done}
    />
  </Card>
)

const SEVERITY: Readonly<Record<Attention['severity'], readonly [Tone, string]>> = {
  page: ['bad', 'urgent'],
  ticket: ['warn', 'to do'],
  info: ['info', 'to know'],
}

function AttentionCard({ data }: { readonly data: Overview }) {
  const { attention, attentionTotal } = data
  const wanted = useRoute().query['show'] === 'attention'
  const heading = useRef<HTMLSpanElement>(null)
  useEffect(() => {
    if (!wanted) return
    heading.current?.scrollIntoView()
    heading.current?.focus()
  }, [wanted])
  return (
    <Card
      title={
        <span ref={heading} tabIndex={-1}>
          Needs attention
        </span>
      }
      aside={
        attentionTotal > attention.length && (
          <span class="muted">
            the {attention.length} most urgent of {attentionTotal}
          </span>
        )
      }
    >
      {attention.length === 0 ? (
        <Empty
          what="Nothing needs attention."
          how="What does shows up here, most urgent first, with what to do about it."
        />
      ) : (
        <Table
          caption="What needs attention, most urgent first"
          rows={attention}
          rowKey={a => `${a.kind} ${a.subject}`}
          head={1}
          columns={[
            {
              name: 'Urgency',
              cell: a => <Badge tone={SEVERITY[a.severity][0]}>{SEVERITY[a.severity][1]}</Badge>,
            },
            { name: 'What', cell: a => <a href={ownLink(a.link)}>{a.cause}</a> },
            { name: 'How much', cell: a => a.scope, from: 2 },
            { name: 'Since', cell: a => <Ago at={a.since} missing="–" /> },
            { name: 'What to do', cell: a => a.action, from: 2 },
          ]}
        />
      )}
    </Card>
  )
}
