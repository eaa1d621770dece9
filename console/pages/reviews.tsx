/** The review queue: one sample at a time, by mouse or by single keys. */
import { useEffect, useState } from 'preact/hooks'
import type { Answer } from '../api/types.ts'
import { plural } from '../lib/format.ts'
import { type Chosen, placeOf } from '../lib/queue.ts'
import { useApp, useAsk, useRoute } from '../ui/app.ts'
import { Ago, Card, Heading, To, Who } from '../ui/bits.tsx'
import { keysWork } from '../ui/keys.tsx'
import { Paged, usePages } from '../ui/list.tsx'
import { Empty, Show } from '../ui/states.tsx'
import { Table } from '../ui/table.tsx'
import { ModelPicker } from './model-picker.tsx'
import { ReviewBadge, ReviewCard } from './review.tsx'

export function ReviewsPage() {
  const { model } = useRoute().query
  const models = useAsk('listModels', {}, { limit: 200 })
  const chosen = model ?? models.data?.models[0]?.model
  return (
    <>
      <Heading
        aside={models.data && <ModelPicker models={models.data.models.map(m => m.model)} chosen={chosen} />}
      >
        Reviews
      </Heading>
      {chosen === undefined ? (
        <Show of={models}>{() => <Empty what="No model yet." how="Samples are reviewed by model." />}</Show>
      ) : (
        <Queue key={chosen} model={chosen} />
      )}
    </>
  )
}

function Queue({ model }: { readonly model: string }) {
  const sub = useApp().session.claims()?.sub
  const list = usePages('listReviews', {}, { model })
  const detail = useAsk('getModel', { model })
  const rows = list.pages.flatMap(page => page.reviews)
  const [chosen, setChosen] = useState<Chosen>({ id: '', place: 0 })
  const ids = rows.map(r => r.review)
  const place = placeOf(ids, chosen)
  const current = rows[place]
  const choose = (at: number): void => {
    const to = Math.min(rows.length - 1, Math.max(0, at))
    setChosen({ id: ids[to] ?? '', place: to })
  }
  useEffect(() => {
    if (current !== undefined) setChosen({ id: current.review, place })
  }, [current?.review, place])
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      const step = keysWork(event) ? { j: 1, k: -1 }[event.key] : undefined
      if (step !== undefined) choose(place + step)
    }
    addEventListener('keydown', pressed)
    return () => removeEventListener('keydown', pressed)
  }, [ids.join(), place])
  return (
    <>
      {current && detail.data && (
        <ReviewCard
          key={current.review}
          review={current}
          model={detail.data}
          sub={sub}
          done={list.reload}
          next={() => choose(place + 1)}
        />
      )}
      <Card title="Queue, oldest request first">
        <Paged
          of={list}
          rows={page => page.reviews}
          empty={
            <Empty
              what="Nothing to review."
              how="Samples come here when labels are asked for: with drift, and while it lasts."
            />
          }
        >
          {all => (
            <Table
              caption="Samples to review"
              rows={all}
              rowKey={r => r.review}
              columns={[
                {
                  name: 'Sample',
                  cell: r => (
                    <button
                      type="button"
                      class="link"
                      aria-current={r.review === current?.review}
                      onClick={() => choose(all.indexOf(r))}
                    >
                      {r.eventId}
                    </button>
                  ),
                },
                { name: 'State', cell: r => <ReviewBadge of={r} sub={sub} /> },
                { name: 'Device', cell: r => <To path={['devices', r.thing]}>{r.thing}</To>, from: 2 },
                { name: 'Captured', cell: r => <Ago at={r.capturedAt} missing="erased" />, from: 2 },
                { name: 'Asked for', cell: r => <Ago at={r.requestedAt} /> },
                { name: 'Answers', number: true, cell: r => r.answers },
                { name: 'Skipped', number: true, cell: r => r.skipped, from: 2 },
              ]}
            />
          )}
        </Paged>
      </Card>
      {list.data && list.data.labellers.length > 0 && <Labellers of={list.data.labellers} />}
    </>
  )
}

const Labellers = ({ of }: { readonly of: Answer<'listReviews'>['labellers'] }) => (
  <Card title="Who answered contested reviews">
    <ul class="plain">
      {of.map(l => (
        <li key={l.by}>
          <b>
            <Who by={l.by} />
          </b>
          : {plural(l.agreed, 'answer')} settled, {plural(l.disagreed, 'answer')} did not
        </li>
      ))}
    </ul>
  </Card>
)
