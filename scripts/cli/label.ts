/** `npx edgeloop label`: ground truth, one by one or by the file. */
import { modelConfig } from '../../src/contracts/model-config.ts'
import { UsageError } from '../lib/options.ts'
import { API_HELP, apiOptions, type Client, openApi } from './api.ts'
import type { Command, Io, Options, Outcome } from './command.ts'
import { readBytes, sizeOf } from './files.ts'
import { answerQueue } from './label/queue.ts'
import { plain, plural } from './text.ts'
import { faultText } from './validate/print.ts'
import { readLabelsFile } from './validate/rows.ts'

/** Of one call. */
const LINES = 500
const MAX_BYTES = 32 * 1024 ** 2

export const label: Command = {
  help: `Usage: npx edgeloop label MODEL
       npx edgeloop label MODEL FILE
       npx edgeloop label --review ID (--answer LABEL | --skip WHY | --disagree LABEL)

Without a file it goes through the review queue on this terminal: it claims a sample, shows it, and takes the label. With one
it sends ground truth, one JSON per line (docs/inputs.md), and says which lines were refused. A person can also answer one
review by its id.

  --review ID      as npx edgeloop reviews lists it; it is claimed first
  --answer LABEL   settles it
  --disagree LABEL takes an answer back: it was another
  --skip WHY       passes it over
${API_HELP}
Needs the scope labels:write. Exits with 1 when lines were refused.
`,
  examples: [
    'cold-chain',
    'cold-chain truth.jsonl',
    '--review cold-chain.containers-0001-mwqcizae-7 --answer 1',
  ],
  options: {
    ...apiOptions,
    ...{ review: { type: 'string' }, answer: { type: 'string' } },
    ...{ disagree: { type: 'string' }, skip: { type: 'string' } },
  },
  positionals: [{ name: 'MODEL' }, { name: 'FILE', takes: 'file' }],
  async run(options, io) {
    const review = options.string('review')
    if (review !== undefined) return await answerOne(review, options, io)
    for (const name of ['answer', 'disagree', 'skip'])
      if (options.string(name) !== undefined) throw new UsageError(`--${name} goes with --review`)
    const [model, file, ...more] = options.positionals
    if (model === undefined || more.length > 0) throw new UsageError('name one model, and at most one file')
    if (file !== undefined) return await sendFile(model, file, options, io)
    if (!io.interactive) throw new UsageError('name a file, or --review, where nobody can answer')
    const client = await openApi(options, io)
    const { config } = await client.ask('getModel', { path: { model } })
    const tally = await answerQueue(client, model, config, io)
    const { labelled, skipped, lost } = tally
    return {
      exit: 0,
      text: `${plural(labelled, 'sample')} labelled, ${skipped} skipped${lost > 0 ? `, ${lost} were held or answered by others` : ''}.`,
      data: { model, ...tally },
    }
  },
}

async function answerOne(review: string, options: Options, io: Io): Promise<Outcome> {
  const given = ['answer', 'disagree', 'skip'].filter(name => options.string(name) !== undefined)
  if (given.length !== 1 || options.positionals.length > 0)
    throw new UsageError('--review goes with one of --answer, --disagree and --skip, and nothing else')
  const client = await openApi(options, io)
  const path = { review }
  const [how = ''] = given
  const value = options.required(how)
  if (how !== 'disagree') await client.ask('claimReview', { path, body: {} })
  const after =
    how === 'answer'
      ? await client.ask('labelReview', { path, body: { label: value } })
      : how === 'disagree'
        ? await client.ask('disagreeWithReview', { path, body: { label: value } })
        : await client.ask('skipReview', { path, body: { reason: value } })
  return { exit: 0, text: `${io.paint.good('✓')} ${review} is ${after.status}`, data: { ...after } }
}

async function sendFile(model: string, file: string, options: Options, io: Io): Promise<Outcome> {
  if (sizeOf('FILE', file) > MAX_BYTES)
    throw new UsageError(`${file}: at most 32 MiB; npx edgeloop drop labels takes no more either`)
  const bytes = readBytes('FILE', file)
  const client = await openApi(options, io)
  const { config } = await client.ask('getModel', { path: { model } })
  const read = readLabelsFile(bytes, modelConfig.parse(config))
  if (read.faults.length > 0)
    return {
      exit: 1,
      text: [
        ...read.faults.map(f => faultText(file, read.lines, f, io.paint)),
        io.paint.bad('Nothing was sent.'),
      ].join('\n'),
      data: { model, matched: 0, unmatched: 0, refused: read.faults.map(({ length: _, ...fault }) => fault) },
    }
  return await post(client, model, read.lines, io)
}

async function post(client: Client, model: string, lines: readonly string[], io: Io): Promise<Outcome> {
  const labels = lines.flatMap((line, i) =>
    line.trim() === '' ? [] : [{ line: i + 1, truth: JSON.parse(line) as unknown }],
  )
  const bar = io.progress('labels', { total: labels.length })
  const total = { matched: 0, unmatched: 0 }
  const refused: { line: number; code: string; message: string }[] = []
  try {
    for (let from = 0; from < labels.length; from += LINES) {
      const part = labels.slice(from, from + LINES)
      const answer = await client.ask('postLabels', { body: { model, labels: part.map(l => l.truth) } })
      total.matched += answer.matched
      total.unmatched += answer.unmatched
      for (const { index, code, message } of answer.refused)
        refused.push({ line: part[index]?.line ?? 0, code, message })
      bar.at(from + part.length)
    }
  } finally {
    bar.end()
  }
  return {
    exit: refused.length > 0 ? 1 : 0,
    text: [
      `${total.matched} labels matched, ${total.unmatched} did not.`,
      ...refused.map(r => `${io.paint.bad('✗')} line ${r.line}: ${plain(`${r.code}: ${r.message}`)}`),
    ].join('\n'),
    data: { model, ...total, refused },
  }
}
