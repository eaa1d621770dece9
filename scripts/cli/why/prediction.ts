/** Where one prediction comes from, in sentences. */
import type { LineageDocument, LineageNode } from '../../../src/contracts/lineage.ts'
import type { Client } from '../api.ts'
import { CloudError, type Io } from '../command.ts'
import { ago, percent, plain, plural } from '../text.ts'

type Kind = LineageNode['kind']
type NodeOf<K extends Kind> = Extract<LineageNode, { kind: K }>

export interface Sample {
  readonly row: readonly (number | null)[]
  readonly prediction: number
  readonly labelClass: string | null
}

/** The captured row, where the token may see it. */
export async function sampleOf(
  client: Client,
  document: LineageDocument,
  eventId: string,
): Promise<Sample | undefined> {
  const thing = first(document, 'prediction')?.facts.thing
  if (thing === undefined) return undefined
  try {
    for await (const sample of client.items('listSamples', 'samples', {
      path: { model: document.model },
      query: { thing, limit: 200 },
    }))
      if (sample.eventId === eventId) return sample
  } catch (error) {
    // Without the scope for samples the rest can be told all the same.
    if (!(error instanceof CloudError)) throw error
  }
  return undefined
}

export function predictionStory(
  document: LineageDocument,
  sample: { readonly found: Sample; readonly features: readonly string[] } | undefined,
  { paint, now }: Pick<Io, 'paint' | 'now'>,
): string[] {
  const { model, version, unknown } = document
  const prediction = first(document, 'prediction')?.facts
  const delivery = first(document, 'delivery')?.facts
  const label = first(document, 'label')?.facts
  const trained = first(document, 'training')?.facts
  const decision = first(document, 'decision')?.facts
  const admission = first(document, 'admission')?.facts
  const sources = all(document, 'source')
  const rows = sources.reduce((sum, { facts }) => sum + facts.rows, 0)
  return [
    prediction === undefined
      ? `${paint.bold(document.subject)} is a prediction.`
      : `${paint.bold(prediction.thing)} said "${plain(String(prediction.prediction))}" ${ago(prediction.capturedAt, now())}, by ${model}@${version}.`,
    ...(sample === undefined
      ? []
      : [
          `The row: ${sample.found.row.map((value, i) => `${sample.features[i] ?? `feature ${i + 1}`} ${value ?? 'missing'}`).join(', ')}.`,
        ]),
    ...(prediction === undefined
      ? []
      : [
          `It was captured in the ${prediction.lane} lane, into which it had a chance of ${percent(prediction.pi)}.`,
        ]),
    label === undefined
      ? 'Nobody has said whether it was right.'
      : `It was labelled "${plain(String(label.class ?? label.label))}"${label.labelledAt === null ? '' : ` ${ago(label.labelledAt, now())}`}.`,
    ...(delivery === undefined
      ? []
      : [
          `The device had the version since ${ago(delivery.since, now())}, by ${delivery.by} "${delivery.phase}".`,
        ]),
    trained === undefined
      ? `Version ${version} was not trained here; it was imported.`
      : `Version ${version} was trained by job ${plain(trained.job)} on ${plural(sources.length, 'dataset')} with ${plural(rows, 'row')}${
          admission === undefined
            ? ''
            : ` and ${plural(admission.admitted, 'field sample')} of ${plural(admission.devices, 'device')}`
        }.`,
    ...(decision === undefined
      ? []
      : [
          `That was asked for by decision ${decision.decision}; npx edgeloop why ${decision.decision} says why.`,
        ]),
    ...unknown.map(({ what, why }) => paint.dim(`Not on record: ${plain(what)}, ${plain(why)}.`)),
    paint.dim(
      `npx edgeloop lineage ${document.subject.replace(/^prediction:/, '')} --verify recomputes every digest.`,
    ),
  ]
}

const all = <K extends Kind>({ nodes }: LineageDocument, kind: K): NodeOf<K>[] =>
  nodes.filter((node): node is NodeOf<K> => node.kind === kind)
const first = <K extends Kind>(document: LineageDocument, kind: K): NodeOf<K> | undefined =>
  all(document, kind)[0]
