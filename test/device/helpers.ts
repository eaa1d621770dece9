import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { createTar } from 'nanotar'
import { compile } from '../../compiler/index.ts'
import { wasmRuntime } from '../../device/runtime.ts'
import { hexMargins, toFloat32 } from '../../device/update/check.ts'
import type { DsseEnvelope, ManifestSlot, Release } from '../../src/contracts/manifest.ts'
import type { Baseline, IoContract } from '../../src/contracts/packages.ts'
import { pae } from '../../verifier/dsse.ts'

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

export interface SigningKey {
  /** Or only the public half, of a key that signs elsewhere. */
  readonly privateKey: KeyObject
  readonly pem: string
  readonly hint: string
}
export function signingKey(): SigningKey {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
  return { privateKey, pem, hint: sha256(pem) }
}
export const modelKey = signingKey()
export const deploymentKey = signingKey()
export const rootKeys = [signingKey(), signingKey(), signingKey()] as const

export function envelope(payload: Uint8Array, key: SigningKey) {
  const payloadType = 'application/vnd.in-toto+json' as const
  return {
    payload: Buffer.from(payload).toString('base64'),
    payloadType,
    signatures: [
      { sig: sign('sha256', pae(payloadType, payload), key.privateKey).toString('base64'), keyid: '' },
    ],
  }
}
/** As our own documents are signed: each signature names its key, in the order of the names. */
export function signed(payload: Uint8Array, keys: readonly SigningKey[]): DsseEnvelope {
  const payloadType = 'application/vnd.in-toto+json' as const
  const bytes = pae(payloadType, payload)
  return {
    payload: Buffer.from(payload).toString('base64'),
    payloadType,
    signatures: keys
      .toSorted((a, b) => (a.hint < b.hint ? -1 : 1))
      .map(key => ({ keyid: key.hint, sig: sign('sha256', bytes, key.privateKey).toString('base64') })),
  }
}
const spki = (key: SigningKey): string =>
  (key.privateKey.type === 'public' ? key.privateKey : createPublicKey(key.privateKey))
    .export({ type: 'spki', format: 'der' })
    .toString('base64')

export interface RootChanges {
  readonly version?: number
  readonly epoch?: number
  readonly issued?: string
  readonly expires?: string
  readonly root?: readonly SigningKey[]
  readonly threshold?: number
  readonly model?: readonly SigningKey[]
  readonly deployment?: readonly SigningKey[]
  readonly minimumRelease?: Readonly<Record<string, number>>
  readonly revokedBundles?: readonly string[]
}
export function rootStatement(changes: RootChanges = {}) {
  const { root = rootKeys, model = [modelKey], deployment = [deploymentKey] } = changes
  const all = [...root, ...model, ...deployment]
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: all.map(key => ({ name: `key/${key.hint.slice(0, 12)}`, digest: { sha256: key.hint } })),
    predicateType: 'https://edgeloop.dev/trust-root/v1',
    predicate: {
      version: changes.version ?? 1,
      epoch: changes.epoch ?? 1,
      issued: changes.issued ?? '2026-11-01T00:00:00.000Z',
      expires: changes.expires ?? '2099-11-01T00:00:00.000Z',
      keys: Object.fromEntries(all.map(key => [key.hint, spki(key)])),
      roles: {
        root: { keyids: root.map(k => k.hint), threshold: changes.threshold ?? Math.min(2, root.length) },
        model: { keyids: model.map(k => k.hint) },
        deployment: { keyids: deployment.map(k => k.hint) },
      },
      minimumRelease: changes.minimumRelease ?? {},
      revokedBundles: changes.revokedBundles ?? [],
    },
  }
}
/** A link of the trust chain, by the first two of `by`. */
export const signedRoot = (changes: RootChanges = {}, by: readonly SigningKey[] = rootKeys.slice(0, 2)) =>
  signed(json(rootStatement(changes)), by)
/** What the test devices are made with. */
export const trustRoot = json(signedRoot())

export interface BeaconChanges {
  readonly fleet?: string
  readonly epoch?: number
  readonly minimumCounter?: number
  readonly minimumRoot?: number
  readonly issued?: string
  readonly expires?: string
}
export const beaconStatement = (changes: BeaconChanges = {}) => ({
  _type: 'https://in-toto.io/Statement/v1',
  subject: [{ name: 'fleet/plant', digest: { sha256: sha256('beacon') } }],
  predicateType: 'https://edgeloop.dev/freshness-beacon/v1',
  predicate: {
    ...{ fleet: 'plant', epoch: 1, minimumCounter: 0, minimumRoot: 1 },
    ...{ issued: '2026-11-21T11:30:00.000Z', expires: '2026-11-22T11:30:00.000Z' },
    ...changes,
  },
})
export const signedBeacon = (changes: BeaconChanges = {}, key: SigningKey = deploymentKey) =>
  signed(json(beaconStatement(changes)), [key])

export function omsStatement(files: readonly { name: string; bytes: Uint8Array }[], name = 'model') {
  const resources = files.map(f => ({ name: f.name, algorithm: 'sha256', digest: sha256(f.bytes) }))
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name, digest: { sha256: rootDigest(resources) } }],
    predicateType: 'https://model_signing/signature/v1.0',
    predicate: {
      serialization: {
        method: 'files',
        hash_type: 'sha256',
        allow_symlinks: false,
        ignore_paths: ['.git', '.gitattributes', '.github', '.gitignore'],
      },
      resources,
    },
  }
}
export const rootDigest = (resources: readonly { digest: string }[]): string =>
  sha256(Buffer.concat(resources.map(r => Buffer.from(r.digest, 'hex'))))

export const omsBundle = (statement: unknown, key: SigningKey = modelKey) => ({
  mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
  verificationMaterial: { publicKey: { hint: key.hint }, tlogEntries: [] as unknown[] },
  dsseEnvelope: envelope(json(statement), key),
})

/** A boosted stump ensemble over two features in XGBoost's JSON form; `lift` makes different models. */
export function xgboostModel(lift: number): Buffer {
  const tree = (id: number, feature: number, threshold: number, left: number, right: number) => ({
    base_weights: [0, left, right],
    categories: [],
    categories_nodes: [],
    categories_segments: [],
    categories_sizes: [],
    default_left: [1, 0, 0],
    id,
    left_children: [1, -1, -1],
    loss_changes: [1, 0, 0],
    parents: [2147483647, 0, 0],
    right_children: [2, -1, -1],
    split_conditions: [threshold, left, right],
    split_indices: [feature, 0, 0],
    split_type: [0, 0, 0],
    sum_hessian: [2, 1, 1],
    tree_param: { num_deleted: '0', num_feature: '2', num_nodes: '3', size_leaf_vector: '1' },
  })
  return json({
    learner: {
      attributes: {},
      feature_names: ['a', 'b'],
      feature_types: ['float', 'float'],
      gradient_booster: {
        model: {
          gbtree_model_param: { num_parallel_tree: '1', num_trees: '2' },
          iteration_indptr: [0, 1, 2],
          tree_info: [0, 0],
          trees: [tree(0, 0, 0.5, -1 + lift, 1 + lift), tree(1, 1, 10, 0.25, -0.25)],
        },
        name: 'gbtree',
      },
      learner_model_param: {
        base_score: '5E-1',
        boost_from_average: '1',
        num_class: '0',
        num_feature: '2',
        num_target: '1',
      },
      objective: { name: 'binary:logistic', reg_loss_param: { scale_pos_weight: '1' } },
    },
    version: [2, 0, 3],
  })
}

export interface MadePackage {
  readonly release: Release
  readonly bundle: Buffer
  readonly archive: Uint8Array
  readonly files: readonly { name: string; bytes: Uint8Array }[]
}
export interface PackageChanges {
  readonly version?: number
  readonly lift?: number
  readonly contract?: Partial<IoContract>
  readonly key?: SigningKey
  /** Changes the files before they are signed. */
  readonly edit?: (files: { name: string; bytes: Uint8Array }[]) => void
  /** Changes the archive's entries after signing. */
  readonly pack?: (files: readonly { name: string; bytes: Uint8Array }[]) => Uint8Array
}

export const baselineOf = (): Baseline => ({
  source: 'training',
  rows: 100,
  features: [
    { name: 'a', edges: [0.25, 0.5, 0.75], p0: [0.2, 0.2, 0.2, 0.2, 0.2] },
    { name: 'b', edges: [5, 10], p0: [0.25, 0.25, 0.25, 0.25] },
  ],
  prediction: { name: 'prediction', edges: [0.25, 0.5, 0.75], p0: [0.2, 0.2, 0.2, 0.2, 0.2] },
  error: 0.1,
})

export const archiveOf = (files: readonly { name: string; bytes: Uint8Array }[]): Uint8Array =>
  createTar(
    files.map(f => ({ name: f.name, data: f.bytes })),
    { attrs: { mtime: 0 } },
  )

const compiled = new Map<number, Uint8Array>()
export function artefactOf(lift: number): Uint8Array {
  const known = compiled.get(lift) ?? compile(xgboostModel(lift)).artefact
  compiled.set(lift, known)
  return known
}

/** Compiles, packs and signs a small binary model for slot `quality` on hardware `edge`. */
export function makePackage(changes: PackageChanges = {}): MadePackage {
  const { version = 1, lift = 0, key = modelKey } = changes
  const artefact = artefactOf(lift)
  const contract: IoContract = {
    model: 'quality',
    version,
    slot: 'quality',
    hardware: 'edge',
    task: 'binary',
    features: [
      { name: 'a', required: true },
      { name: 'b', required: false },
    ],
    classes: ['ok', 'bad'],
    threshold: 0.5,
    monitoring: { windowSeconds: 60 },
    sampling: { policy: 'p1', audit: 0.25, hard: { margin: 0.5, probability: 0.5 } },
    ...changes.contract,
  }
  const rows: (number | null)[][] = [
    [0.1, 3],
    [0.9, 20],
    [null, null],
  ]
  const model = wasmRuntime.load(artefact)
  const files = [
    { name: 'baseline.json', bytes: json(baselineOf()) },
    { name: 'contract.json', bytes: json(contract) },
    {
      name: 'lineage.json',
      bytes: json({
        model: 'quality',
        version,
        hardware: 'edge',
        origin: 'import',
        modelDigest: sha256('model'),
        artefactDigest: sha256(artefact),
        compile: { strategy: 'edgeloop' },
        configDigest: sha256('config'),
      }),
    },
    { name: 'model.wasm', bytes: artefact },
    {
      name: 'self-test.json',
      bytes: json({ rows, margins: rows.map(row => hexMargins(model.margins(toFloat32(row)))) }),
    },
  ]
  changes.edit?.(files)
  const bundle = json(omsBundle(omsStatement(files), key))
  const archive = (changes.pack ?? archiveOf)(files)
  return {
    bundle,
    archive,
    files,
    release: {
      model: 'quality',
      version,
      runtime: 'edgeloop-wasm',
      bundle: { sha256: sha256(bundle), length: bundle.byteLength },
      package: { sha256: sha256(archive), length: archive.byteLength },
    },
  }
}

export const slotOf = (parts: Partial<ManifestSlot> = {}): ManifestSlot => ({
  slot: 'quality',
  hardware: 'edge',
  committed: null,
  candidate: null,
  pins: {},
  ...parts,
})

export const EPOCH_MS = Date.parse('2026-11-21T12:00:00Z')

export function manifestStatement(counter: number, slots: readonly ManifestSlot[], changes: object = {}) {
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: 'quality@1', digest: { sha256: sha256('subject') } }],
    predicateType: 'https://edgeloop.dev/fleet-manifest/v1',
    predicate: {
      audience: { fleet: 'plant' },
      epoch: 1,
      counter,
      issued: '2026-11-21T11:00:00.000Z',
      expires: '2027-11-21T11:00:00.000Z',
      slots,
      minimumRelease: {},
      revokedBundles: [],
      ...changes,
    },
  }
}
export const signedManifest = (counter: number, slots: readonly ManifestSlot[], changes: object = {}) =>
  signed(json(manifestStatement(counter, slots, changes)), [deploymentKey])
