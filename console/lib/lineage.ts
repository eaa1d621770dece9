import type { LineageNode } from '../api/types.ts'
import { bytes, percent, plural, utc, words } from './format.ts'

export type Wanted =
  | { readonly by: 'bundle'; readonly digest: string }
  | { readonly by: 'version'; readonly model: string; readonly version: number }
  | { readonly by: 'prediction'; readonly eventId: string }

/** What was typed: 64 hex digits are a bundle, `model@7` or `model v7` a version, all else the id of a prediction. */
export function wantedOf(text: string): Wanted | undefined {
  const given = text.trim()
  if (given === '') return undefined
  if (/^[0-9a-f]{64}$/i.test(given)) return { by: 'bundle', digest: given.toLowerCase() }
  const version = /^([a-z0-9-]+?)(?:@v?|[ -]v| )([0-9]{1,7})$/.exec(given)
  if (version !== null) return { by: 'version', model: version[1] ?? '', version: Number(version[2]) }
  return { by: 'prediction', eventId: given }
}

type Fact = readonly [name: string, value: string]
const some = (name: string, value: string | number | null | undefined): Fact[] =>
  value === null || value === undefined || value === '' ? [] : [[name, String(value)]]

/** What a node says, in words; the digest and the parents are shown beside it. */
export function factsOf(node: LineageNode): Fact[] {
  switch (node.kind) {
    case 'source':
      return [
        ['File', node.facts.key],
        ...some('Object version', node.facts.versionId),
        ['Rows', String(node.facts.rows)],
        ['SHA-256', node.facts.sha256],
      ]
    case 'episode':
      return [
        ['Cause', node.facts.cause],
        ['Of version', String(node.facts.version)],
        ['Opened', utc(node.facts.openedAt)],
      ]
    case 'decision':
      return [
        ['Trigger', node.facts.trigger],
        ['Decided', utc(node.facts.at)],
        [
          'Guards',
          node.facts.guards
            .map(g => `${words(g.guard)} ${g.passed ? 'passed' : `waived (${g.waived ?? 'no'})`}`)
            .join(', '),
        ],
      ]
    case 'admission':
      return [
        ['Admitted', `${plural(node.facts.admitted, 'sample')} of ${plural(node.facts.devices, 'device')}`],
        ['At', utc(node.facts.at)],
        ['SHA-256', node.facts.digest],
      ]
    case 'training-set':
      return [
        ['Field samples', String(node.facts.fieldSamples)],
        [
          'Kept back',
          `${percent(node.facts.split.validation)} to validate, ${percent(node.facts.split.holdout)} held out`,
        ],
        ['SHA-256', node.facts.digest],
      ]
    case 'erasure':
      return [
        ['Erased', plural(node.facts.samples, 'sample')],
        ['At', utc(node.facts.erasedAt)],
        ['Reason', node.facts.reason],
      ]
    case 'training':
      return [
        ['Job', node.facts.job],
        ...some('Image', node.facts.image),
        ['Instance', node.facts.instanceType],
        ...some('Seed', node.facts.seed),
        ['Asked for', utc(node.facts.requestedAt)],
      ]
    case 'import':
      return [...some('File', node.facts.key), ['SHA-256', node.facts.sha256]]
    case 'previous-version':
      return [['Version', `${node.facts.model} v${node.facts.version}`]]
    case 'version':
      return [
        ['Version', `${node.facts.model} v${node.facts.version}`],
        ['Features', node.facts.features.join(', ')],
        [
          'Metrics',
          Object.entries(node.facts.metrics)
            .map(([name, value]) => `${words(name)} ${value.toFixed(4)}`)
            .join(', '),
        ],
        ...some('Evaluated', node.facts.evaluatedAt === null ? null : utc(node.facts.evaluatedAt)),
        ['Model file', node.facts.modelDigest],
      ]
    case 'compile':
      return [
        ['For', `${node.facts.hardware} (${node.facts.strategy})`],
        ['File', node.facts.file],
        ['SHA-256', node.facts.artefact],
      ]
    case 'release':
      return [
        ['Release', `${node.facts.model} v${node.facts.version}`],
        ['For', node.facts.hardware.join(', ')],
      ]
    case 'package':
      return [
        ['For', `${node.facts.hardware}, ${node.facts.runtime}`],
        ['Package', `${node.facts.package.sha256} (${bytes(node.facts.package.length)})`],
        ['Bundle', node.facts.bundle.sha256],
      ]
    case 'rollout':
      return [
        ['Rollout', node.facts.rollout],
        ['Status', words(node.facts.status)],
        ['Asked for by', node.facts.createdBy],
        ...some('Approved', node.facts.approved.join(', ')),
      ]
    case 'delivery':
      return [
        ['Device', node.facts.thing],
        ['By', `${node.facts.by}, ${node.facts.phase}`],
        ['Since', utc(node.facts.since)],
        ...some('Came to', node.facts.outcome),
      ]
    case 'prediction':
      return [
        ['Event', node.facts.eventId],
        ['Device', node.facts.thing],
        ['Said', String(node.facts.prediction)],
        ['Captured', utc(node.facts.capturedAt)],
        ['Lane', `${node.facts.lane}, probability ${node.facts.pi}`],
      ]
    case 'label':
      return [
        ['Label', node.facts.class ?? String(node.facts.label)],
        ...some('Labelled', node.facts.labelledAt === null ? null : utc(node.facts.labelledAt)),
      ]
  }
}
