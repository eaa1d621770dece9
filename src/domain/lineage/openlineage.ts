import type { LineageDocument, LineageNode } from '../../contracts/lineage.ts'
import { blobKey, manifestKey } from '../training/assemble.ts'
import { type NodeOf, nodeOf, nodesOf, type Places, uuidOf } from './find.ts'

const SPEC = 'https://openlineage.io/spec'
const PRODUCER = 'https://edgeloop.dev/lineage'
const JOBS = 'edgeloop'

interface Facet {
  readonly _producer: string
  readonly _schemaURL: string
  readonly [more: string]: unknown
}
export interface OpenLineageDataset {
  readonly namespace: string
  readonly name: string
  readonly facets?: Readonly<Record<string, Facet>>
}
/** An OpenLineage 2-0-2 RunEvent. */
export interface RunEvent {
  readonly eventType: 'START' | 'COMPLETE'
  readonly eventTime: string
  readonly producer: string
  readonly schemaURL: string
  readonly run: { readonly runId: string; readonly facets: Readonly<Record<string, Facet>> }
  readonly job: {
    readonly namespace: string
    readonly name: string
    readonly facets: Readonly<Record<string, Facet>>
  }
  readonly inputs: readonly OpenLineageDataset[]
  readonly outputs: readonly OpenLineageDataset[]
}

const facet = (schema: string, more: Readonly<Record<string, unknown>>): Facet => ({
  _producer: PRODUCER,
  _schemaURL: `${SPEC}/facets/${schema}`,
  ...more,
})
const version = (datasetVersion: string): Facet =>
  facet('1-0-1/DatasetVersionDatasetFacet.json#/$defs/DatasetVersionDatasetFacet', { datasetVersion })
const typed = (datasetType: string): Facet =>
  facet('1-0-1/DatasetTypeDatasetFacet.json#/$defs/DatasetTypeDatasetFacet', { datasetType })
const fieldsOf = (names: readonly string[]): Facet =>
  facet('1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet', {
    fields: names.map((name, i) => ({ name, type: 'float', ordinal_position: i + 1 })),
  })
const parameters = (values: Readonly<Record<string, string>>): Facet =>
  facet('1-0-0/ExecutionParametersRunFacet.json#/$defs/ExecutionParametersRunFacet', {
    parameters: Object.entries(values).map(([key, value]) => ({ key, value })),
  })
/** Facets of one's own begin with a prefix; OpenLineage's naming rule. */
const chained = ({ id, digest }: LineageNode): Facet => ({
  _producer: PRODUCER,
  _schemaURL: `${PRODUCER}/1-0-0/LineageNodeRunFacet.json`,
  node: id,
  digest,
})

/** What of a training set was erased since, on the set. */
function erasedFacet(document: LineageDocument): Readonly<Record<string, Facet>> {
  const erasures = nodesOf(document, 'erasure')
    .filter(({ facts }) => facts.current !== null && facts.samples > 0)
    .map(({ facts: { erasedAt, reason, samples } }) => ({ erasedAt, reason, samples }))
  if (erasures.length === 0) return {}
  const _schemaURL = `${PRODUCER}/1-0-0/ErasureDatasetFacet.json`
  return { edgeloop_erased: { _producer: PRODUCER, _schemaURL, erasures } }
}

/**
 * One START and one COMPLETE for the training, each compilation and the signing of a version, in the order of their
 * times. An end that is not on record has no event, and a failed version has no COMPLETE.
 */
export function toOpenLineage(document: LineageDocument, places: Places = {}): RunEvent[] {
  const found = nodeOf(document, 'version')
  const artefact = (name: string, facets: Readonly<Record<string, Facet>>): OpenLineageDataset => ({
    namespace: places.artefacts === undefined ? 'edgeloop:artefacts' : `s3://${places.artefacts}`,
    ...{ name, facets },
  })
  const model =
    found &&
    artefact(blobKey(found.facts.modelDigest), {
      datasetType: typed('MODEL'),
      version: version(found.facts.modelDigest),
    })
  const compiled = nodesOf(document, 'compile').map(node => {
    const { artefact: digest } = node.facts
    return {
      node,
      output: artefact(blobKey(digest), { datasetType: typed('FILE'), version: version(digest) }),
    }
  })
  const events = [
    ...training(document, model, found, places, artefact),
    ...compiled.flatMap(({ node, output }) =>
      runEvents(document, node, {
        ...{ job: `compile.${node.facts.hardware}`, kind: 'COMPILATION' },
        ...{ start: found?.facts.evaluatedAt, complete: node.facts.at },
        ...{ inputs: model ? [model] : [], outputs: [output] },
      }),
    ),
    ...signing(
      document,
      compiled.map(c => c.output),
      artefact,
    ),
  ]
  return events.sort((a, b) => (a.eventTime < b.eventTime ? -1 : a.eventTime > b.eventTime ? 1 : 0))
}

type MakeDataset = (name: string, facets: Readonly<Record<string, Facet>>) => OpenLineageDataset

function training(
  document: LineageDocument,
  model: OpenLineageDataset | undefined,
  evaluated: NodeOf<'version'> | undefined,
  places: Places,
  artefact: MakeDataset,
): RunEvent[] {
  const node = nodeOf(document, 'training')
  const set = nodeOf(document, 'training-set')
  if (node === undefined || set === undefined) return []
  const features = evaluated?.facts.features ?? []
  const { digest } = set.facts
  const sources = nodesOf(document, 'source').map(({ facts }) => ({
    namespace: places.drops === undefined ? 'edgeloop:drops' : `s3://${places.drops}`,
    name: facts.key,
    facets: {
      datasetType: typed('FILE'),
      schema: fieldsOf(features),
      version: version(facts.versionId ?? facts.sha256),
    },
  }))
  const { image, instanceType, hyperparameters, requestedAt } = node.facts
  return runEvents(document, node, {
    ...{ job: 'train', kind: 'TRAINING', start: requestedAt, complete: evaluated?.facts.evaluatedAt },
    inputs: [
      ...sources,
      artefact(manifestKey(document.model, digest), {
        ...{ datasetType: typed('FILE'), version: version(digest) },
        ...erasedFacet(document),
      }),
    ],
    outputs: model ? [model] : [],
    facets: {
      executionParameters: parameters({
        ...hyperparameters,
        instanceType,
        ...(image === null ? {} : { image }),
      }),
    },
  })
}

function signing(
  document: LineageDocument,
  inputs: readonly OpenLineageDataset[],
  artefact: MakeDataset,
): RunEvent[] {
  const node = nodeOf(document, 'release')
  if (node === undefined || document.anchor === null) return []
  const { at } = document.anchor
  const outputs = nodesOf(document, 'package').map(({ facts }) =>
    artefact(blobKey(facts.package.sha256), {
      ...{ datasetType: typed('FILE'), version: version(facts.package.sha256) },
    }),
  )
  return runEvents(document, node, { job: 'sign', kind: 'SIGNING', start: at, complete: at, inputs, outputs })
}

interface RunFacts {
  readonly job: string
  readonly kind: string
  readonly start: string | null | undefined
  readonly complete: string | null | undefined
  readonly inputs: readonly OpenLineageDataset[]
  readonly outputs: readonly OpenLineageDataset[]
  readonly facets?: Readonly<Record<string, Facet>>
}
function runEvents({ model }: LineageDocument, node: LineageNode, of: RunFacts): RunEvent[] {
  const event = (eventType: RunEvent['eventType'], eventTime: string): RunEvent => ({
    ...{ eventType, eventTime, producer: PRODUCER },
    schemaURL: `${SPEC}/2-0-2/OpenLineage.json#/$defs/RunEvent`,
    run: { runId: uuidOf(`run ${node.digest}`), facets: { ...of.facets, edgeloop_lineage: chained(node) } },
    job: {
      ...{ namespace: JOBS, name: `${model}.${of.job}` },
      facets: {
        jobType: facet('2-0-4/JobTypeJobFacet.json#/$defs/JobTypeJobFacet', {
          ...{ processingType: 'BATCH', integration: 'EDGELOOP', jobType: of.kind },
        }),
      },
    },
    inputs: of.inputs,
    outputs: eventType === 'START' ? [] : of.outputs,
  })
  return [
    ...(typeof of.start === 'string' ? [event('START', of.start)] : []),
    ...(typeof of.complete === 'string' ? [event('COMPLETE', of.complete)] : []),
  ]
}
