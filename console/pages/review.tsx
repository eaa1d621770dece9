import { useEffect, useState } from 'preact/hooks'
import { Fault } from '../api/fault.ts'
import type { Answer, Review } from '../api/types.ts'
import { figure } from '../lib/format.ts'
import { useApp, useLack, useNow, useOverview } from '../ui/app.ts'
import { Ago, Badge, Card, To, Who } from '../ui/bits.tsx'
import { CommandButton, useSend } from '../ui/command.tsx'
import { keysWork } from '../ui/keys.tsx'
import { FaultBox } from '../ui/states.tsx'

type Model = Answer<'getModel'>

const claimed = (r: Review, now: number): string | undefined =>
  r.claim !== null && Date.parse(r.claim.until) > now ? r.claim.by : undefined

export function ReviewBadge({ of, sub }: { readonly of: Review; readonly sub: string | undefined }) {
  const by = claimed(of, useNow())
  if (by === undefined) return <Badge tone="none">open</Badge>
  return (
    <Badge tone="info">
      {by === sub ? (
        'yours'
      ) : (
        <>
          claimed by <Who by={by} />
        </>
      )}
    </Badge>
  )
}

export function ReviewCard({
  review: r,
  model,
  sub,
  done,
  next,
}: {
  readonly review: Review
  readonly model: Model
  readonly sub: string | undefined
  readonly done: () => void
  readonly next: () => void
}) {
  const { announce } = useApp()
  const lack = useLack()('labels:write')
  const now = useNow()
  const [fault, setFault] = useState<Fault>()
  const params = { review: r.review }
  const claim = useSend('claimReview', params)
  const label = useSend('labelReview', params)
  const by = claimed(r, now)
  const names = useOverview()?.people
  const mine = by !== undefined && by === sub
  const { classes } = model.config.label
  const run = async (send: () => Promise<unknown>, said: string, go?: () => void): Promise<void> => {
    setFault(undefined)
    try {
      await send()
      announce(said)
      go?.()
      done()
    } catch (error) {
      setFault(error instanceof Fault ? error : new Fault('failed', 'Something went wrong', String(error)))
    }
  }
  const whyNot =
    lack ?? (mine ? undefined : by === undefined ? 'Claim it first.' : `${names?.[by] ?? by} has claimed it.`)
  const answer = (value: string): void => {
    if (value === '' || whyNot !== undefined) return
    void run(() => label({ label: value }), `${r.eventId}: ${value}.`, next)
  }
  const take = (): void => {
    if (lack === undefined && by === undefined)
      void run(() => claim({}), `${r.eventId} is yours for 15 minutes.`)
  }
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (!keysWork(event)) return
      const chosen = /^[1-9]$/.test(event.key) ? classes[Number(event.key) - 1] : undefined
      if (chosen !== undefined) answer(chosen)
      else if (event.key === 'c') take()
      else if (event.key === 's') document.querySelector<HTMLElement>('.review .skip-sample button')?.click()
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  })
  return (
    <Card title={`Sample ${r.eventId}`} class="review" aside={<ReviewBadge of={r} sub={sub} />}>
      <p class="muted">
        From <To path={['devices', r.thing]}>{r.thing}</To>, captured{' '}
        <Ago at={r.capturedAt} missing="before it was erased" />.{' '}
        <To path={['lineage']} query={{ of: r.eventId, model: r.model }}>
          Lineage
        </To>
      </p>
      <Row r={r} model={model} />
      {fault && <FaultBox fault={fault} />}
      <div class="commands">
        {by === undefined && (
          <button
            type="button"
            class="primary"
            aria-disabled={lack !== undefined}
            title={lack}
            onClick={take}
          >
            Claim{' '}
            <span class="key" aria-hidden="true">
              c
            </span>
          </button>
        )}
        <fieldset>
          <legend>It is</legend>
          {classes.map((name, i) => (
            <button
              key={name}
              type="button"
              aria-disabled={whyNot !== undefined}
              title={whyNot}
              onClick={() => answer(name)}
            >
              {/^[0-9.]+$/.test(name) ? `${model.config.label.column} ${name}` : name}{' '}
              {i < 9 && (
                <span class="key" aria-hidden="true">
                  {i + 1}
                </span>
              )}
            </button>
          ))}
          {classes.length === 0 && <ValueForm answer={answer} whyNot={whyNot} />}
        </fieldset>
        <span class="skip-sample">
          <CommandButton
            name="skipReview"
            params={params}
            label="Skip"
            what="Somebody else may know. Three who skip a sample end its review."
            body={({ reason = '' }) => ({ reason })}
            unless={whyNot}
            done={() => {
              next()
              done()
            }}
          />
        </span>
        {whyNot && <span class="muted">{whyNot}</span>}
      </div>
    </Card>
  )
}

/** What the device saw. What the model made of it is folded away: it would lead whoever labels. */
const Row = ({ r, model }: { readonly r: Review; readonly model: Model }) =>
  r.row === null ? (
    <p class="muted">Its values were erased.</p>
  ) : (
    <>
      <dl class="facts row">
        {model.config.features.map((feature, i) => (
          <div key={feature.name}>
            <dt>{feature.name}</dt>
            <dd>{r.row?.[i] === null || r.row?.[i] === undefined ? 'missing' : figure(r.row[i])}</dd>
          </div>
        ))}
      </dl>
      <details>
        <summary>What the model said</summary>
        <p>
          {r.prediction === null
            ? 'not on record'
            : (model.config.label.classes[r.prediction] ?? figure(r.prediction))}
        </p>
      </details>
    </>
  )

const ValueForm = ({
  answer,
  whyNot,
}: {
  readonly answer: (value: string) => void
  readonly whyNot: string | undefined
}) => (
  <form
    onSubmit={event => {
      event.preventDefault()
      answer(String(new FormData(event.currentTarget).get('value') ?? '').trim())
    }}
  >
    <label class="inline">
      <span>Value</span>
      <input name="value" type="text" inputMode="decimal" />
    </label>
    <button type="submit" aria-disabled={whyNot !== undefined}>
      Label
    </button>
  </form>
)
