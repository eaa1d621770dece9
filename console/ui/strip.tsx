/** Always visible: how fresh all this is, and whether anything is going on. */
import type { ComponentChildren } from 'preact'
import type { Overview } from '../api/types.ts'
import { duration, percent, words } from '../lib/format.ts'
import { isStale, sums } from '../lib/health.ts'
import { href } from '../lib/route.ts'
import { type Asked, useNow } from './app.ts'
import { Ago, Mark, type Tone } from './bits.tsx'

const Item = ({
  tone,
  name,
  to,
  children,
}: {
  readonly tone: Tone
  readonly name: string
  readonly to: string
  readonly children: ComponentChildren
}) => (
  <li>
    <Mark tone={tone} />
    <span class="muted">{name}</span> <a href={to}>{children}</a>
  </li>
)

/** Telemetry that is older than this is worth a look: devices report at least every hour or so. */
const QUIET_MS = 3_600_000

export function Strip({ of, stage }: { readonly of: Asked<Overview>; readonly stage: string }) {
  const now = useNow()
  const { data } = of
  return (
    <section class="strip" aria-label="State of the system">
      <ul>
        {data === undefined ? (
          <li class="muted">{of.fault ? 'State not known' : 'Loading …'}</li>
        ) : (
          <Items data={data} now={now} />
        )}
        <li class="stage">
          <span class="muted">stage</span> <b>{data?.stage ?? stage}</b>
        </li>
      </ul>
    </section>
  )
}

function Items({ data, now }: { readonly data: Overview; readonly now: number }) {
  const { lastSeen, silent, registered } = sums(data)
  const severity = data.attentionBy
  const [flight] = data.rollouts
  const training = data.models.find(m => m.retraining !== null)
  const blocked = data.models.find(m => m.lastDecision !== null && !m.lastDecision.approved)
  const quiet = lastSeen === null || now - Date.parse(lastSeen) > QUIET_MS
  const one = data.fleets.length === 1 ? data.fleets[0]?.fleet : undefined
  const silentList = one === undefined ? href(['fleets']) : href(['fleets', one, 'devices'], { silent: true })
  const more = data.rollouts.length - 1
  return (
    <>
      <Item tone={isStale(data, now) ? 'bad' : quiet ? 'warn' : 'ok'} name="telemetry" to={href(['fleets'])}>
        <Ago at={lastSeen} missing="none yet" />
      </Item>
      <Item tone={silent === 0 ? 'ok' : 'warn'} name="silent" to={silentList}>
        {registered === 0 ? '–' : percent(silent / registered)}
      </Item>
      <Item
        tone={severity.page > 0 ? 'bad' : severity.ticket > 0 ? 'warn' : 'ok'}
        name="open"
        to={href(['overview'], { show: 'attention' })}
      >
        {severity.page} urgent, {severity.ticket} to do, {severity.info} to know
      </Item>
      {flight === undefined ? (
        <Item tone="none" name="rollout" to={href(['rollouts'])}>
          none running
        </Item>
      ) : (
        <Item
          tone={flight.status === 'RUNNING' ? 'info' : 'warn'}
          name="rollout"
          to={more > 0 ? href(['rollouts']) : href(['rollouts', flight.rollout])}
        >
          {flight.model} v{flight.version} {words(flight.status)}
          {flight.phase === null ? '' : ` in ${flight.phase}`}
          {more > 0 ? ` and ${more} more` : ''}
        </Item>
      )}
      {training?.retraining ? (
        <Item tone="info" name="retraining" to={href(['pipeline'], { model: training.model })}>
          {training.model} for {duration((now - Date.parse(training.retraining.since)) / 1_000)}
        </Item>
      ) : blocked?.lastDecision ? (
        <Item tone="none" name="retraining" to={href(['pipeline'], { model: blocked.model })}>
          held back by {words(blocked.lastDecision.blockedBy[0] ?? 'a guard')}
        </Item>
      ) : (
        <Item tone="none" name="retraining" to={href(['pipeline'])}>
          idle
        </Item>
      )}
    </>
  )
}
