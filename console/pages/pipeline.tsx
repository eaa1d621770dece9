/** Why it did or did not retrain, and what became of each version. */
import { useState } from 'preact/hooks'
import type { Decision, RolloutSummary, Version } from '../api/types.ts'
import { plural, words } from '../lib/format.ts'
import { type Stage, type Station, stations } from '../lib/pipeline.ts'
import { narrowed } from '../lib/route.ts'
import { useAsk, useFollow, useOverview, useRoute } from '../ui/app.ts'
import { Ago, Badge, Card, Heading, Mark, To, type Tone } from '../ui/bits.tsx'
import { CommandButton } from '../ui/command.tsx'
import { Filters, YES_NO } from '../ui/filters.tsx'
import { Paged, usePages } from '../ui/list.tsx'
import { Empty, Show } from '../ui/states.tsx'
import { ModelPicker } from './model-picker.tsx'
import { VERSION_TONES } from './model-versions.tsx'

export function PipelinePage() {
  const { model } = useRoute().query
  const models = useAsk('listModels', {}, { limit: 200 })
  const chosen = model ?? models.data?.models[0]?.model
  const known = useOverview()?.models.find(m => m.model === chosen)
  return (
    <>
      <Heading
        aside={models.data && <ModelPicker models={models.data.models.map(m => m.model)} chosen={chosen} />}
      >
        Pipeline
      </Heading>
      {chosen === undefined ? (
        <Show of={models}>
          {() => <Empty what="No model yet." how="A model begins with its model.yaml in the drop bucket." />}
        </Show>
      ) : (
        <>
          <Runs model={chosen} sign={known} />
          <Decisions model={chosen} sign={known?.lastDecision} />
        </>
      )}
    </>
  )
}

const NAMES: Readonly<Record<Stage, string>> = {
  data: 'Dataset',
  training: 'Training',
  gate: 'Gate',
  compile: 'Compile',
  sign: 'Sign',
  rollout: 'Rollout',
}
const TONES: Readonly<Record<Station['state'], Tone>> = {
  done: 'ok',
  running: 'info',
  stopped: 'bad',
  waiting: 'none',
  skipped: 'none',
}

function Runs({ model, sign }: { readonly model: string; readonly sign: unknown }) {
  const asked = useAsk('listVersions', { model }, { limit: 8 })
  const rollouts = useAsk('listRollouts', {}, { model, limit: 50 })
  const reload = (): void => {
    asked.reload()
    rollouts.reload()
  }
  useFollow(reload, sign)
  return (
    <Card title="Last runs">
      <Show of={asked} lines={8}>
        {({ versions }) =>
          versions.length === 0 ? (
            <Empty
              what="No run yet."
              how="A dataset in the drop bucket starts one:"
              command={`aws s3 cp data.csv s3://DROP-BUCKET/datasets/${model}/data.csv`}
            />
          ) : (
            <ol class="runs">
              {versions.map(v => (
                <Run
                  key={v.version}
                  v={v}
                  rollout={rollouts.data?.rollouts.find(r => r.version === v.version)}
                />
              ))}
            </ol>
          )
        }
      </Show>
    </Card>
  )
}

function Run({ v, rollout }: { readonly v: Version; readonly rollout: RolloutSummary | undefined }) {
  const [open, setOpen] = useState(false)
  // What became of each target is asked for where it is under way, or wanted.
  const detail = useAsk(
    'getVersion',
    open || v.status === 'REGISTERED' ? { model: v.model, version: v.version } : undefined,
  )
  const way = stations(v, rollout, detail.data?.targets)
  const stopped = way.find(s => s.state === 'stopped')
  return (
    <li>
      <div class="run-head">
        <To path={['models', v.model]} query={{ version: v.version }}>
          v{v.version}
        </To>
        <Badge tone={VERSION_TONES[v.status]}>{words(v.status)}</Badge>
        <span class="muted">
          <Ago at={v.requestedAt} />,{' '}
          {v.decision ? (
            <To path={['pipeline']} query={{ model: v.model, decision: v.decision }}>
              by a decision
            </To>
          ) : v.origin === 'import' ? (
            'an import'
          ) : (
            'a drop'
          )}
        </span>
        <button type="button" class="quiet" aria-expanded={open} onClick={() => setOpen(!open)}>
          Details<span class="hidden"> of v{v.version}</span>
        </button>
      </div>
      <ol class="way" aria-label={`Way of v${v.version}`}>
        {way.map(s => (
          <li key={s.stage} class={s.state}>
            <Mark tone={TONES[s.state]} />
            <b>{NAMES[s.stage]}</b>
            <span class="hidden">{s.state}</span>
            <small>
              {s.stage === 'rollout' && rollout ? (
                <To path={['rollouts', rollout.rollout]}>{words(rollout.status)}</To>
              ) : s.state === 'stopped' ? (
                'stopped here'
              ) : (
                s.note
              )}
            </small>
          </li>
        ))}
      </ol>
      {stopped && (
        <p class="stopped">
          Stopped at {NAMES[stopped.stage].toLowerCase()}: {stopped.note}
        </p>
      )}
      {open && <Details v={v} targets={detail.data?.targets ?? []} />}
    </li>
  )
}

const Details = ({
  v,
  targets,
}: {
  readonly v: Version
  readonly targets: readonly {
    hardware: string
    strategy: string
    status: string
    reason?: string | undefined
  }[]
}) => (
  <div class="panel">
    <ul class="plain">
      {(v.sources ?? []).map(s => (
        <li key={s.key}>
          <code>{s.key}</code> {plural(s.rows, 'row')}
        </li>
      ))}
      {(v.gate ?? []).map(g => (
        <li key={`${g.set} ${g.slice}`}>
          <Badge tone={g.blocks ? 'bad' : 'ok'}>{g.blocks ? 'blocks' : 'passes'}</Badge> {g.set}
          {g.slice && `, ${g.slice}`}: {g.metric.toUpperCase()} {g.challenger?.toFixed(4) ?? '–'}
          {g.champion !== undefined && g.champion !== null && ` against ${g.champion.toFixed(4)}`} on{' '}
          {plural(g.rows, 'row')} {g.verdict && words(g.verdict)}
        </li>
      ))}
      {targets.map(t => (
        <li key={t.hardware}>
          {t.hardware} ({t.strategy}): {words(t.status)} {t.reason}
        </li>
      ))}
    </ul>
    <To path={['lineage']} query={{ of: `${v.model}@${v.version}` }}>
      Where it comes from
    </To>
  </div>
)

function Decisions({ model, sign }: { readonly model: string; readonly sign: unknown }) {
  const route = useRoute()
  const { approved, decision } = route.query
  const list = usePages('listRetrainDecisions', {}, { model, approved })
  useFollow(list.reload, sign)
  const listed = list.pages.flatMap(page => page.decisions).find(d => d.decision === decision)
  const answered = list.data !== undefined || list.fault !== undefined
  const single = useAsk(
    'getRetrainDecision',
    decision !== undefined && listed === undefined && answered ? { model, decision } : undefined,
  )
  return (
    <Card
      title="Why it did or did not retrain"
      aside={
        <CommandButton
          name="resetBreaker"
          params={{ model }}
          label="Reset the circuit breaker"
          what="Challengers that came to nothing are counted anew."
          body={({ reason = '' }) => ({ reason })}
          done={list.reload}
        />
      }
    >
      <Filters of={[{ name: 'approved', label: 'Approved', options: YES_NO }]} />
      {decision ? (
        <>
          <p>
            Shown is <code>{decision}</code>. <a href={narrowed(route, { decision: null })}>All decisions</a>
          </p>
          {listed ? (
            <DecisionList of={[listed]} />
          ) : (
            <Show of={single}>{d => <DecisionList of={[d]} />}</Show>
          )}
        </>
      ) : (
        <Paged
          of={list}
          rows={page => page.decisions}
          empty={
            <Empty
              what="No decision yet."
              how="Drift, harm, a schedule, enough labels, a drop or a person propose a retrain; guards decide."
            />
          }
        >
          {rows => <DecisionList of={rows} />}
        </Paged>
      )}
    </Card>
  )
}

const DecisionList = ({ of }: { readonly of: readonly Decision[] }) => (
  <ol class="decisions">
    {of.map(d => (
      <DecisionItem key={d.decision} d={d} />
    ))}
  </ol>
)

function DecisionItem({ d }: { readonly d: Decision }) {
  const blocking = d.guards.filter(g => !g.passed && g.waived === undefined)
  return (
    <li>
      <p>
        <Badge tone={d.approved ? 'ok' : 'none'}>{d.approved ? 'retrained' : 'held back'}</Badge> by{' '}
        <b>{d.trigger}</b>, <Ago at={d.at} />
        {blocking.length > 0 && <>: {blocking.map(g => words(g.guard)).join(', ')}</>}
      </p>
      <details open={d.approved}>
        <summary>{d.guards.length} guards</summary>
        <ul class="guards">
          {d.guards.map(g => (
            <li key={g.guard}>
              <Mark tone={g.passed ? 'ok' : g.waived ? 'info' : 'bad'} />
              <b>{words(g.guard)}</b>{' '}
              <span>{g.passed ? 'passed' : g.waived ? `waived by ${g.waived}` : 'blocked'}</span>{' '}
              <span class="muted">{g.detail}</span>
            </li>
          ))}
        </ul>
      </details>
    </li>
  )
}
