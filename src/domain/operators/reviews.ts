import type { AnswerOf } from '../../contracts/api/index.ts'
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
import { put, type Row, type Write } from '../store.ts'
import { listed, type Questions } from './ask.ts'
import { answeredBefore, auditPut, type Commander, causeOf } from './audit.ts'
import { refusalOf } from './refusals.ts'

type ReviewView = AnswerOf<'claimReview'>
type Posted = AnswerOf<'postLabels'>
type Deps = Core & { readonly quarantine: Quarantine }

/** The queue of a model, oldest request first, with what is to be labelled, and how often labellers agree. */
export const reviewQuestions: Questions<'listReviews'> = {
  async listReviews({ store, quarantine }, { query: { model, ...paged } }) {
    const { items, next } = await listed<ReviewRow, ReviewView>(
      store,
      { listing: listings.reviews(model) },
      { ...paged, view: async ({ data }) => view(data, await quarantine.get<SampleRow>(sampleKey(data))) },
    )
    const labellers = await store.query<{ by: string }>(keys.labeller(model, '').pk, '', { limit: 100 })
    return {
      reviews: items,
      next,
      labellers: labellers.map(({ key, counters }) => ({
        ...{ by: key.sk, agreed: counters['agreed'] ?? 0, disagreed: counters['disagreed'] ?? 0 },
      })),
    }
  },
}
/** Answers of these have a sample in them, whose values are in quarantine and nowhere else. */
export const reviewCommands: ReadonlySet<string> = new Set([
  ...['claimReview', 'labelReview', 'disagreeWithReview', 'skipReview'],
])
/** Such an answer without its sample, and with it again as far as it is there. */
export const reviewVault = ({ quarantine }: Pick<Deps, 'quarantine'>) => ({
  strip: (body: unknown): ReviewView => ({ ...(body as ReviewView), row: null, prediction: null }),
  restore: async (body: unknown): Promise<ReviewView> => {
    const { model, eventId } = body as ReviewView
    // As the command itself reads it: the role may query and not get.
    const sample = await sampleOf(quarantine, model, eventId)
    return {
      ...(body as ReviewView),
      row: sample?.data.row ?? null,
      prediction: sample?.data.prediction ?? null,
    }
  },
})

const sampleKey = ({ model, eventId, thing }: ReviewRow) => keys.sample(model, eventId, thing)

/** Others' labels are not shown, so that nobody follows them. */
const view = (review: ReviewRow, sample: Row<SampleRow> | undefined): ReviewView => ({
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
): Promise<ReviewView> {
  const what = { action: 'REVIEW_SAMPLE', subject: id } as const
  const vault = reviewVault(deps)
  const known = await answeredBefore<ReviewView>(deps.store, commander, what)
  if (known !== undefined) return vault.restore(known)
  const { model, eventId } = parseReviewId(id)
  const config = await configOf(deps, model)
  const before = await deps.store.get<ReviewRow>(keys.review(model, eventId))
  const sample = await sampleOf(deps.quarantine, model, eventId)
  if (before === undefined || sample === undefined)
    throw new EdgeloopError('NOT_FOUND', `there is no review "${id}"`)
  const label = 'label' in asked ? labelOf(asked.label, config, 'label') : undefined
  // 1.0 and 1 are one answer.
  const act = 'label' in asked && config.task === 'regression' ? { ...asked, label: String(label) } : asked
  const given = sample.data.label
  // The same label may be this command's own, cut off before the review was written.
  if (given !== undefined && given !== label && before.data.answers.length === 0)
    throw new EdgeloopError('ILLEGAL_STATE', 'ground truth from elsewhere has given its label')
  const { by } = commander
  const now = deps.now()
  const after = afterAct(before.data, act, by, now)
  const settled = await settle(deps, config, sample, after, now)
  const data = { model, key: `reviews/${id}`, matched: 1, unmatched: 0 }
  const answer = view(after, sample)
  await deps.store.commit(
    [
      putReview(after, before),
      ...agreement(after),
      auditPut(commander, now.toISOString(), {
        ...what,
        // Not the label: the audit log is for more people than samples are, and outlives them.
        change: 'reason' in asked ? asked : { act: asked.act },
        before: { status: before.data.status, answers: before.data.answers.length },
        answer: vault.strip(answer),
      }),
    ],
    settled ? [{ type: 'LabelsReceived', data }] : [],
    causeOf(commander),
  )
  return answer
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
): Promise<Posted> {
  const config = await configOf(deps, model)
  const file = keys.labelFile(model, `api-${commander.request}`)
  const known = await deps.store.get<Posted>(file)
  if (known !== undefined) return known.data
  const found = new Map<string, number>()
  const refused: Posted['refused'][number][] = []
  for (const [index, value] of labels.entries()) {
    const parsed = groundTruth.safeParse(value)
    try {
      if (!parsed.success)
        throw new InputError('SCHEMA', parsed.error.issues[0]?.message ?? 'not a line of ground truth')
      found.set(parsed.data.eventMetadata.eventId, groundTruthLabel(parsed.data, config))
    } catch (error) {
      if (!(error instanceof InputError)) throw error
      refused.push(refusalOf(index, error))
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
