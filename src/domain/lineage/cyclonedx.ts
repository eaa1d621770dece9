import type { LineageDocument } from '../../contracts/lineage.ts'
import { admittedKey } from '../sampling/admitted.ts'
import { blobKey, manifestKey } from '../training/assemble.ts'
import { type NodeOf, nodeOf, nodesOf, type Places, uuidOf } from './find.ts'

interface Property {
  readonly name: string
  readonly value: string
}
/** A CycloneDX component, as far as it is used here. */
export interface Component {
  readonly type: 'machine-learning-model' | 'data' | 'file'
  readonly 'bom-ref': string
  readonly name: string
  readonly version?: string
  readonly hashes: readonly { readonly alg: 'SHA-256'; readonly content: string }[]
  readonly properties?: readonly Property[]
  readonly [more: string]: unknown
}
/** A CycloneDX 1.6 bill of materials with a model card (ML-BOM). */
export interface MlBom {
  readonly bomFormat: 'CycloneDX'
  readonly specVersion: '1.6'
  readonly serialNumber: string
  readonly version: 1
  readonly metadata: Readonly<Record<string, unknown>>
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn: readonly string[] }[]
}

const hashes = (content: string) => [{ alg: 'SHA-256' as const, content }]
/** Names of one's own have a namespace; CycloneDX's property taxonomy. */
const properties = (values: Readonly<Record<string, string | number | null | undefined>>): Property[] =>
  Object.entries(values).flatMap(([name, value]) =>
    value === null || value === undefined ? [] : [{ name: `edgeloop:${name}`, value: String(value) }],
  )

/** The model, what it was trained on, what it was compiled to, and its packages. Undefined while there is no model. */
export function toCycloneDx(document: LineageDocument, places: Places = {}): MlBom | undefined {
  const version = nodeOf(document, 'version')
  if (version === undefined) return undefined
  const data = datasets(document, places)
  const model = modelComponent(document, version, data)
  const compiled = nodesOf(document, 'compile').map(({ id, digest, facts }) =>
    fileOf(id, `${document.model} for ${facts.hardware}`, facts.artefact, {
      ...{
        strategy: facts.strategy,
        'compilation-job': facts.job,
        note: facts.note,
        'lineage-digest': digest,
      },
    }),
  )
  const packages = nodesOf(document, 'package').map(({ id, digest, facts }) =>
    fileOf(id, `${document.model}@${document.version}-${facts.hardware}`, facts.package.sha256, {
      ...{ runtime: facts.runtime, bundle: facts.bundle.sha256, 'lineage-digest': digest },
    }),
  )
  const hardwareOf = (id: string): string => id.slice(id.lastIndexOf('/') + 1)
  return {
    ...{ bomFormat: 'CycloneDX', specVersion: '1.6', version: 1 },
    serialNumber: `urn:uuid:${uuidOf(`bom ${document.subject} ${document.nodes.at(-1)?.digest}`)}`,
    metadata: {
      ...timestampOf(document),
      tools: { components: [{ type: 'application', name: 'edgeloop' }] },
      component: model,
      properties: properties({
        ...{ subject: document.subject, 'lineage-anchor': document.anchor?.digest },
        ...Object.fromEntries(document.unknown.map(({ what, why }) => [`unknown:${what}`, why])),
      }),
    },
    components: [...data, ...compiled, ...packages],
    dependencies: [
      { ref: model['bom-ref'], dependsOn: data.map(d => d['bom-ref']) },
      ...compiled.map(c => ({ ref: c['bom-ref'], dependsOn: [model['bom-ref']] })),
      ...packages.map(p => ({
        ref: p['bom-ref'],
        dependsOn: compiled
          .filter(c => p.name.endsWith(`-${hardwareOf(c['bom-ref'])}`))
          .map(c => c['bom-ref']),
      })),
    ],
  }
}

function timestampOf(document: LineageDocument): { readonly timestamp?: string } {
  const at = document.anchor?.at ?? nodeOf(document, 'version')?.facts.evaluatedAt
  return at ? { timestamp: at } : {}
}

function modelComponent(
  document: LineageDocument,
  { id, digest, facts }: NodeOf<'version'>,
  data: readonly Component[],
): Component {
  const training = nodeOf(document, 'training')?.facts
  const decision = nodeOf(document, 'decision')?.facts
  const previous = nodeOf(document, 'previous-version')?.facts
  return {
    ...{ type: 'machine-learning-model', 'bom-ref': id, name: facts.model, version: String(facts.version) },
    hashes: hashes(facts.modelDigest),
    modelCard: {
      modelParameters: {
        approach: { type: 'supervised' },
        task: facts.task,
        architectureFamily: 'gradient-boosted decision trees',
        datasets: data.map(d => ({ ref: d['bom-ref'] })),
        inputs: facts.features.map(name => ({ format: `float32 ${name}` })),
        outputs: [{ format: facts.task === 'regression' ? 'float32' : 'class' }],
      },
      quantitativeAnalysis: {
        performanceMetrics: Object.entries(facts.metrics).map(([name, value]) => {
          const cut = name.lastIndexOf('_')
          const slice = name.slice(0, Math.max(0, cut))
          return { type: name.slice(cut + 1), value: String(value), ...(slice ? { slice } : {}) }
        }),
      },
    },
    properties: properties({
      ...{ origin: facts.origin, 'training-job': training?.job, 'training-image': training?.image },
      ...Object.fromEntries(
        Object.entries(training?.hyperparameters ?? {}).map(([k, v]) => [`hyperparameter:${k}`, v]),
      ),
      ...{ decision: decision?.decision, trigger: decision?.trigger, 'config-digest': facts.configDigest },
      'previous-version': previous?.version,
      'lineage-digest': digest,
    }),
  }
}

/** Source objects, the training set that was made of them, and the field samples that were let in. */
function datasets(document: LineageDocument, { drops, artefacts }: Places): Component[] {
  const url = (bucket: string | undefined, key: string): string =>
    `${bucket === undefined ? '' : `s3://${bucket}/`}${key.split('/').map(encodeURIComponent).join('/')}`
  const dataset = (
    ref: string,
    name: string,
    sha256: string,
    where: string,
    values: Parameters<typeof properties>[0],
  ): Component => ({
    ...{ type: 'data', 'bom-ref': ref, name, hashes: hashes(sha256) },
    data: [{ type: 'dataset', name, contents: { url: where, properties: properties(values) } }],
  })
  const erasures = nodesOf(document, 'erasure').filter(e => e.facts.current !== null)
  const erased = (of: 'samples' | 'admitted') => ({
    'erased-samples': erasures.length === 0 ? null : erasures.reduce((n, e) => n + (e.facts[of] ?? 0), 0),
    'erased-at': erasures.map(e => e.facts.erasedAt).join() || null,
    'erased-because': [...new Set(erasures.map(e => e.facts.reason))].join('; ') || null,
  })
  return [
    ...nodesOf(document, 'source').map(({ id, digest, facts }) =>
      dataset(id, facts.key, facts.sha256, url(drops, facts.key), {
        ...{ 'version-id': facts.versionId, rows: facts.rows, 'lineage-digest': digest },
      }),
    ),
    ...nodesOf(document, 'training-set').map(({ id, digest, facts }) => {
      const where = url(artefacts, manifestKey(document.model, facts.digest))
      return dataset(id, `training set ${facts.digest.slice(0, 12)}`, facts.digest, where, {
        ...{ validation: facts.split.validation, holdout: facts.split.holdout },
        ...{ 'field-samples': facts.fieldSamples, 'lineage-digest': digest },
        ...erased('samples'),
      })
    }),
    ...nodesOf(document, 'admission').map(({ id, digest, facts }) => {
      // The object of the admission is gone when something of it was erased; what is left is what can be read.
      const current = erasures.at(-1)?.facts.current ?? facts.digest
      const where = url(artefacts, admittedKey(document.model, current))
      return dataset(id, `field samples ${facts.digest.slice(0, 12)}`, current, where, {
        ...{ samples: facts.admitted, devices: facts.devices, 'admitted-at': facts.at },
        ...{ 'admitted-as': current === facts.digest ? null : facts.digest, 'lineage-digest': digest },
        ...erased('admitted'),
      })
    }),
  ]
}

const fileOf = (
  ref: string,
  name: string,
  sha256: string,
  values: Parameters<typeof properties>[0],
): Component => ({
  ...{ type: 'file', 'bom-ref': ref, name, hashes: hashes(sha256) },
  properties: properties({ key: blobKey(sha256), ...values }),
})
