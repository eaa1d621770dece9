import { createTar } from 'nanotar'
import { compile } from '../compiler/index.ts'
import { loadArtefact } from '../compiler/run.ts'
import { omsStatement, type Release } from './documents.ts'
import { envelope, json, type SigningKey, sha256 } from './keys.ts'

export interface File {
  readonly name: string
  readonly bytes: Uint8Array
}
export interface Package {
  readonly release: Release
  readonly bundle: Uint8Array
  readonly archive: Uint8Array
}
export interface PackageChanges {
  readonly version: number
  readonly key: SigningKey
  /** Before the files are signed. */
  readonly edit?: (files: readonly File[]) => readonly File[]
  /** Between signing and packing. */
  readonly pack?: (files: readonly File[]) => readonly File[]
  /** The OMS statement, before it is signed. */
  readonly statement?: (statement: ReturnType<typeof omsStatement>) => object
  /** The bundle file, at the end. */
  readonly bundle?: (bundle: Uint8Array) => Uint8Array
  /** Bytes of filling, so that it takes several blocks. */
  readonly filling?: number
  readonly contract?: Readonly<Record<string, unknown>>
}
/** For whom the kit packs. */
export interface Target {
  readonly model: string
  readonly slot: string
  readonly hardware: string
  /** As the device's hello says. `edgeloop-wasm` gets a compiled model, every other one the XGBoost file itself. */
  readonly runtime: string
}

export const FEATURES = ['load', 'heat'] as const
export const WINDOW_SECONDS = 5
export const AUDIT = 0.5
const ROWS: readonly (readonly (number | null)[])[] = [
  [0.1, 3],
  [0.9, 20],
  [null, 12],
  [null, null],
]

/** Two boosted stumps over two features, in XGBoost's JSON; each version is another model. */
export function xgboostModel(version: number): Uint8Array {
  const stump = (id: number, feature: number, threshold: number, leaves: readonly [number, number]) => ({
    ...{ base_weights: [0, ...leaves], categories: [], categories_nodes: [], categories_segments: [] },
    ...{ categories_sizes: [], default_left: [1, 0, 0], id, left_children: [1, -1, -1] },
    ...{ loss_changes: [1, 0, 0], parents: [2_147_483_647, 0, 0], right_children: [2, -1, -1] },
    ...{ split_conditions: [threshold, ...leaves], split_indices: [feature, 0, 0], split_type: [0, 0, 0] },
    sum_hessian: [2, 1, 1],
    tree_param: { num_deleted: '0', num_feature: '2', num_nodes: '3', size_leaf_vector: '1' },
  })
  const lift = version / 8
  const trees = [stump(0, 0, 0.5, [-1 + lift, 1 + lift]), stump(1, 1, 10, [0.25, -0.25])]
  return json({
    learner: {
      attributes: {},
      feature_names: FEATURES,
      feature_types: ['float', 'float'],
      gradient_booster: {
        model: {
          gbtree_model_param: { num_parallel_tree: '1', num_trees: '2' },
          iteration_indptr: [0, 1, 2],
          tree_info: [0, 0],
          trees,
        },
        name: 'gbtree',
      },
      learner_model_param: {
        ...{ base_score: '5E-1', boost_from_average: '1', num_class: '0' },
        ...{ num_feature: '2', num_target: '1' },
      },
      objective: { name: 'binary:logistic', reg_loss_param: { scale_pos_weight: '1' } },
    },
    version: [2, 0, 3],
  })
}

const compiled = new Map<number, Uint8Array>()
function artefactOf(version: number): Uint8Array {
  const known = compiled.get(version) ?? compile(xgboostModel(version)).artefact
  compiled.set(version, known)
  return known
}

/** The margins that the model must give, as the bits of each f32, big-endian hex. */
function margins(version: number): string[][] {
  const model = loadArtefact(artefactOf(version))
  return ROWS.map(row => {
    const found = model.margins(Float32Array.from(row, value => value ?? Number.NaN))
    const bits = new Uint32Array(found.buffer, found.byteOffset, found.length)
    return Array.from(bits, b => b.toString(16).padStart(8, '0'))
  })
}

/** A signed package of a tiny binary model, good unless the changes make it bad. */
export function makePackage(target: Target, changes: PackageChanges): Package {
  const { version, key } = changes
  const { runtime, ...made } = target
  const wasm = runtime === 'edgeloop-wasm'
  const artefact = wasm ? artefactOf(version) : xgboostModel(version)
  const share = [0.2, 0.2, 0.2, 0.2, 0.2]
  const bins = (name: string, edges: readonly number[]) => ({ name, edges, p0: share })
  const whole: readonly File[] = [
    {
      name: 'baseline.json',
      bytes: json({
        ...{ source: 'training', rows: 100, error: 0.1 },
        features: [bins('load', [0.25, 0.5, 0.75]), bins('heat', [5, 10, 15])],
        prediction: bins('prediction', [0.25, 0.5, 0.75]),
      }),
    },
    {
      name: 'contract.json',
      bytes: json({
        ...made,
        ...{ version, task: 'binary', classes: ['ok', 'bad'], threshold: 0.5 },
        features: FEATURES.map(name => ({ name, required: false })),
        monitoring: { windowSeconds: WINDOW_SECONDS },
        sampling: { policy: 'kit', audit: AUDIT },
        ...changes.contract,
      }),
    },
    {
      name: 'lineage.json',
      bytes: json({
        ...{ model: target.model, version, hardware: target.hardware, origin: 'import' },
        modelDigest: sha256(xgboostModel(version)),
        artefactDigest: sha256(artefact),
        // The only free text in a package: here a large one costs nobody anything.
        compile: { strategy: wasm ? 'edgeloop' : 'none', note: filler(changes.filling ?? 0) },
        configDigest: sha256('kit'),
      }),
    },
    { name: wasm ? 'model.wasm' : 'model.json', bytes: artefact },
    { name: 'self-test.json', bytes: json({ rows: ROWS, margins: margins(version) }) },
  ]
  const files = changes.edit?.(whole) ?? whole
  const said = omsStatement(files)
  const signed = envelope(json(changes.statement?.(said) ?? said), [key])
  const plain = json({
    mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    verificationMaterial: { publicKey: { hint: key.id }, tlogEntries: [] },
    // OMS leaves the key's id to the hint.
    dsseEnvelope: { ...signed, signatures: signed.signatures.map(({ sig }) => ({ sig, keyid: '' })) },
  })
  const bundle = changes.bundle?.(plain) ?? plain
  const archive = createTar(
    (changes.pack?.(files) ?? files).map(({ name, bytes }) => ({ name, data: bytes })),
    { attrs: { mtime: 0 } },
  )
  return {
    bundle,
    archive,
    release: {
      ...{ model: target.model, version, runtime },
      bundle: { sha256: sha256(bundle), length: bundle.byteLength },
      package: { sha256: sha256(archive), length: archive.byteLength },
    },
  }
}

/** Text without repeats, so that nothing on the way makes less of it. */
function filler(length: number): string {
  const known = fillers.get(length)
  if (known !== undefined) return known
  const parts: string[] = []
  for (let at = 0; at < length; at += 64) parts.push(sha256(`filling ${at}`))
  const made = parts.join('').slice(0, length)
  fillers.set(length, made)
  return made
}
const fillers = new Map<number, string>()
