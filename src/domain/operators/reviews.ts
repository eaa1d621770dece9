import { groundTruth } from '../../contracts/labels.ts'
import type { ModelConfig } from '../../contracts/model-config.ts'
import { keys, listings, type ModelRow, type SampleRow } from '../entities.ts'
import { EdgeloopError, InputError } from '../errors.ts'
import type { Core } from '../ports.ts'
import { afterAct, type ReviewAct } from '../review/act.ts'
import { closeReviews, parseReviewId, putReview, type ReviewRow, reviewId } from '../review/rows.ts'
import { standing } from '../review/standing.ts'
import { attachLabels, groundTruthLabel, labelOf, labelWrites, sampleOf } from '../sampling/labels.ts'
import type { Quarantine } from '../sampling/quarantine.ts'
import { put, type Row, type Store, type Write } from '../store.ts'
import { auditPut, type Commander, causeOf } from './audit.ts'

type Answer = Readonly<Record<string, unknown>>
type Deps = Core & { readonly quarantine: Quarantine }

/** The queue of a model, oldest request first, with what is to be labelled, and how often labellers agree. */
export async function reviewQueue(
  store: Store,
  quarantine: Pick<Quarantine, 'query'>,
  model: string,
  limit: number,
): Promise<Answer> {
  const rows = await store.list<ReviewRow>(listings.reviews(model), { limit })
  const reviews = await Promise.all(
    rows.map(async ({ data }) => view(data, await sampleOf(quarantine, model, data.eventId))),
  )
  const labellers = await store.query<{ by: string }>(keys.labeller(model, '').pk, '', { limit: 100 })
  return {
    reviews,
    labellers: labellers.map(({ key, counters }) => ({
      ...{ by: key.sk, agreed: counters['agreed'] ?? 0, disagreed: counters['disagreed'] ?? 0 },
    })),
  }
}
/** Others' labels are not shown, so that nobody follows them. */
const view = (review: ReviewRow, sample: Row<SampleRow> | undefined): Answer => ({
  ...{ review: reviewId(review), model: review.model, eventId: review.eventId, thing: review.thing },
  ...{ status: review.status, requestedAt: review.requestedAt, request: review.request },
  ...{ claim: review.claim ?? null, answers: review.answers.length, skipped: review.skipped.length },
  row: sample?.data.row ?? null,
  prediction: sample?.data.prediction ?? null,
  capturedAt: sample?.data.capturedAt ?? null,
})

/** Claims, labels, skips or contests one review. Quarantine first: run again, it comes to the same. */
export async function actOnReview(
  deps: Deps,
  id: string,
  asked: ReviewAct,
  commander: Commander,
): Promise<Answer> {
  const { model, eventId } = parseReviewId(id)
  const config = await configOf(deps, model)
  const before = await deps.store.get<ReviewRow>(keys.review(model, eventId))
  const sample = await sampleOf(deps.quarantine, model, eventId)
  if (before === undefined || sample === undefined)
    throw new EdgeloopError('NOT_FOUND', `there is no review "${id}"`)
  const label = 'label' in asked ? labelOf(asked.label, config, 'label') : undefined
  const given = sample.data.label
  // The same label may be this command's own, cut off before the review was written.
  if (given !== undefined && given !== label && before.data.answers.length === 0)
    throw new EdgeloopError('ILLEGAL_STATE', 'ground truth from elsewhere has given its label')
  const { by } = commander
  const now = deps.now()
  const after = afterAct(before.data, asked, by, now)
  const settled = await settle(deps, config, sample, after, now)
  const data = { model, key: `reviews/${id}`, matched: 1, unmatched: 0 }
  const { act, ...change } = asked
  await deps.store.commit(
    [
      putReview(after, before),
      ...agreement(after),
      ...(act === 'claim'
        ? []
        : [
            auditPut(commander, now.toISOString(), {
              ...{ action: 'REVIEW_SAMPLE', subject: id, change: { act, ...change } },
              before: { status: before.data.status, answers: before.data.answers.length },
            }),
          ]),
    ],
    settled ? [{ type: 'LabelsReceived', data }] : [],
    causeOf(commander),
  )
  return view(after, sample)
}

/** Brings the sample's label in line with what the answers come to. What is contested has none. */
async function settle(
  { quarantine }: Deps,
  config: ModelConfig,
  sample: Row<SampleRow>,
  { answers }: ReviewRow,
  now: Date,
): Promise<boolean> {
  if (answers.length === 0) return false
  const said = standing(answers)
  const label = said.status === 'SETTLED' ? labelOf(said.label, config, 'label') : undefined
  if (sample.data.label === label && (label !== undefined || sample.data.contested))
    return label !== undefined
  const { contested: _, ...plain } = sample.data
  const row = { ...sample, data: label === undefined ? { ...plain, contested: true as const } : plain }
  await quarantine.commit(labelWrites(row, label, config, now))
  return label !== undefined
}

/** Counted once per review, when people who differed are at an end. */
function agreement({ model, status, answers }: ReviewRow): Write[] {
  const said = standing(answers)
  if (answers.length < 3 || status === 'OPEN') return []
  return answers.map(({ by, label }) => ({
    kind: 'add',
    key: keys.labeller(model, by),
    by: said.status === 'SETTLED' && said.label === label ? { agreed: 1 } : { disagreed: 1 },
  }))
}

/** Ground truth by the API: as a dropped file, with an answer for each line. */
export async function postLabels(
  deps: Deps,
  { model, labels }: { readonly model: string; readonly labels: readonly unknown[] },
  commander: Commander,
): Promise<Answer> {
  const config = await configOf(deps, model)
  const file = keys.labelFile(model, `api-${commander.request}`)
  const known = await deps.store.get<Answer>(file)
  if (known !== undefined) return known.data
  const found = new Map<string, number>()
  const refused: Answer[] = []
  for (const [index, value] of labels.entries()) {
    const parsed = groundTruth.safeParse(value)
    try {
      if (!parsed.success)
        throw new InputError('SCHEMA', parsed.error.issues[0]?.message ?? 'not a line of ground truth')
      found.set(parsed.data.eventMetadata.eventId, groundTruthLabel(parsed.data, config))
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      refused.push({ index, code: error.reason, message: error.message })
    }
  }
  const matched = await attachLabels(deps, model, config, [...found])
  await closeReviews(deps.store, model, [...found.keys()])
  const answer = { model, matched, unmatched: found.size - matched, refused }
  const data = { model, key: `api/${commander.request}`, matched, unmatched: answer.unmatched }
  await deps.store.commit(
    [
      put(file, answer, undefined),
      auditPut(commander, deps.now().toISOString(), {
        ...{ action: 'POST_LABELS', subject: model, change: { labels: found.size }, before: null },
      }),
    ],
    found.size > 0 ? [{ type: 'LabelsReceived', data }] : [],
    causeOf(commander),
  )
  return answer
}

async function configOf({ store }: Core, model: string): Promise<ModelConfig> {
  const row = await store.get<ModelRow>(keys.model(model))
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `there is no model "${model}"`)
  return row.data.config
}
