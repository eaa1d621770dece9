import { keys, listings, type SampleRow } from '../entities.ts'
import { InputError } from '../errors.ts'
import { sampleTtl } from '../sampling/quarantine.ts'
import { type Put, put, type Row, type Store } from '../store.ts'
import type { ReviewAnswer } from './standing.ts'

/** A sample that somebody should look at. Its values stay in quarantine. */
export interface ReviewRow {
  readonly model: string
  readonly eventId: string
  readonly thing: string
  readonly request: string
  readonly requestedAt: string
  /** `SETTLED` by people, or by a file of ground truth. */
  readonly status: 'OPEN' | 'SETTLED' | 'DISPUTED' | 'SKIPPED'
  readonly claim?: { readonly by: string; readonly until: string }
  readonly answers: readonly ReviewAnswer[]
  readonly skipped: readonly { readonly by: string; readonly reason: string }[]
  /** Seconds since 1970 after which the row may go: with its sample. */
  readonly ttl: number
}

/** `{model}.{eventId}`: neither has a dot. */
export const reviewId = ({ model, eventId }: Pick<ReviewRow, 'model' | 'eventId'>): string =>
  `${model}.${eventId}`
export function parseReviewId(id: string): { readonly model: string; readonly eventId: string } {
  const [, model, eventId] = /^([a-z0-9-]{1,30})\.([A-Za-z0-9_-]{1,64})$/.exec(id) ?? []
  if (model === undefined || eventId === undefined)
    throw new InputError('BAD_PARAMETER', 'id must be MODEL.EVENT-ID, as the list has it', 'id')
  return { model, eventId }
}

/** Only what is open is listed, oldest request first. */
export const putReview = (row: ReviewRow, before: Row<ReviewRow> | undefined): Put<ReviewRow> =>
  put(keys.review(row.model, row.eventId), row, before, {
    ttl: row.ttl,
    ...(row.status === 'OPEN'
      ? { list: { pk: listings.reviews(row.model), sk: `${row.requestedAt}#${row.eventId}` } }
      : {}),
  })

const BATCH = 40
/** People's queue of one model is no longer than this; what is left out comes with a later request. */
export const MAX_OPEN = 100

/**
 * Brings the queue up to a label request: samples that have a label by now leave it, and the first of `wanted` that
 * were never in it come in, once each, however many requests name them.
 */
export async function renewReviews(
  store: Store,
  model: string,
  { all, wanted }: { readonly all: readonly SampleRow[]; readonly wanted: readonly SampleRow[] },
  request: string,
  requestedAt: string,
): Promise<void> {
  const labelled = all.filter(s => s.label !== undefined).map(s => s.eventId)
  const open = await closeReviews(store, model, labelled)
  const fresh = wanted.filter(s => !open.has(s.eventId)).slice(0, Math.max(0, MAX_OPEN - open.size))
  for (let at = 0; at < fresh.length; at += BATCH) {
    const part = fresh.slice(at, at + BATCH)
    // The list lags, and does not have those that are done.
    const known = await Promise.all(part.map(s => store.get(keys.review(model, s.eventId))))
    const writes = part.flatMap((sample, i) => {
      if (known[i] !== undefined) return []
      const { eventId, thing } = sample
      const row = { model, eventId, thing, request, requestedAt, status: 'OPEN' as const }
      return [putReview({ ...row, answers: [], skipped: [], ttl: sampleTtl(sample) }, undefined)]
    })
    if (writes.length > 0) await store.commit(writes)
  }
}

/**
 * Ground truth has answered these: nobody has to look any more.
 * @returns event ids of what is open besides
 */
export async function closeReviews(
  store: Store,
  model: string,
  eventIds: readonly string[],
): Promise<ReadonlySet<string>> {
  const listed = await store.list<ReviewRow>(listings.reviews(model), { limit: 2 * MAX_OPEN })
  const open = new Set(listed.map(r => r.data.eventId))
  const answered = eventIds.filter(id => open.delete(id))
  for (let at = 0; at < answered.length; at += BATCH) {
    const rows = await Promise.all(
      answered.slice(at, at + BATCH).map(id => store.get<ReviewRow>(keys.review(model, id))),
    )
    const writes = rows.flatMap(row =>
      row?.data.status === 'OPEN' && row.data.answers.length === 0
        ? [putReview({ ...row.data, status: 'SETTLED' }, row)]
        : [],
    )
    if (writes.length > 0) await store.commit(writes)
  }
  return open
}
