/** Reviews answered one by one by a person at a terminal. */
import type { ModelConfig } from '../../../src/contracts/model-config.ts'
import { ApiProblem } from '../api/errors.ts'
import type { AnswerOf, Client } from '../api.ts'
import type { Io } from '../command.ts'
import { ago, plain } from '../text.ts'

type Review = AnswerOf<'listReviews'>['reviews'][number]
type Config = Pick<ModelConfig, 'task' | 'label' | 'features'>
export interface Tally {
  labelled: number
  skipped: number
  /** Others hold them, or were faster. */
  lost: number
}
const ANSWER = 'Label, s to skip, q to stop: '

/**
 * Until the queue is empty or the person stops. Each is claimed first, so that nobody answers at the same time; whoever
 * holds one already, as after a stop, may claim it again, and the API alone knows who that is.
 */
export async function answerQueue(client: Client, model: string, config: Config, io: Io): Promise<Tally> {
  const tally: Tally = { labelled: 0, skipped: 0, lost: 0 }
  for await (const review of client.items('listReviews', 'reviews', { query: { model, limit: 50 } })) {
    if (review.status !== 'OPEN') continue
    const path = { review: review.review }
    const claimed = await mayFail(() => client.ask('claimReview', { path, body: {} }), tally, io)
    if (claimed === undefined) continue
    for (const line of shown(claimed, config, io)) io.note(line)
    const answer = await answered(config, io)
    if (answer.kind === 'stop') return tally
    if (answer.kind === 'skip') {
      const reason = (await io.ask('Why? ')).trim() || 'not told'
      if (await mayFail(() => client.ask('skipReview', { path, body: { reason } }), tally, io))
        tally.skipped++
    } else if (answer.kind === 'label') {
      const body = { label: answer.label }
      if (await mayFail(() => client.ask('labelReview', { path, body }), tally, io)) tally.labelled++
    }
  }
  return tally
}

/** Somebody else has claimed it, was faster, or it is settled: that is no reason to stop. */
async function mayFail<T>(call: () => Promise<T>, tally: Tally, { note }: Io): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    if (!(error instanceof ApiProblem) || error.status !== 409) throw error
    tally.lost++
    note(plain(error.message))
    return undefined
  }
}

function shown(review: Review, { features, label, task }: Config, { paint, now }: Io): string[] {
  const { row, prediction, thing, capturedAt } = review
  const said =
    prediction === null
      ? ''
      : `, the model said ${task === 'regression' ? prediction : plain(label.classes[prediction] ?? String(prediction))}`
  return [
    '',
    `${paint.bold(review.review)} of ${plain(thing)}, captured ${ago(capturedAt, now())}${said}`,
    ...(row ?? []).map(
      (value, i) => `  ${plain(features[i]?.name ?? `feature ${i + 1}`).padEnd(20)} ${value ?? 'missing'}`,
    ),
  ]
}

type Given = { readonly kind: 'label'; readonly label: string } | { readonly kind: 'skip' | 'stop' }

async function answered({ task, label }: Config, io: Io): Promise<Given> {
  if (task !== 'regression') io.note(label.classes.map((name, i) => `  ${i + 1}  ${plain(name)}`).join('\n'))
  for (;;) {
    const text = (await io.ask(ANSWER)).trim()
    if (text === 'q') return { kind: 'stop' }
    if (text === 's') return { kind: 'skip' }
    if (task === 'regression') {
      if (text !== '' && Number.isFinite(Number(text))) return { kind: 'label', label: text }
      io.note('a number, s or q')
      continue
    }
    // A class that is itself a number is meant by its name.
    const name = label.classes.includes(text) ? text : label.classes[Number(text) - 1]
    if (name !== undefined && text !== '') return { kind: 'label', label: name }
    io.note(`1 to ${label.classes.length}, a class by its name, s or q`)
  }
}
