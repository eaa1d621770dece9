/** Releases that are ready to go out: small real packages, signed by the world's model key, equal in every run. */

import type * as z from 'zod'
import { type ModelConfig, modelConfig } from '../../../src/contracts/model-config.ts'
import type { PackageRef } from '../../../src/contracts/packages.ts'
import type { rolloutPolicy } from '../../../src/contracts/rollout-policy.ts'
import {
  type BlobRow,
  type BundleRow,
  keys,
  listings,
  type ModelRow,
  type VersionRow,
  versionListing,
} from '../../../src/domain/entities.ts'
import { type Put, put, type Store } from '../../../src/domain/store.ts'
import { signBundle } from '../../../src/domain/trust/oms.ts'
import { baselineOf, makePackage, sha256 } from '../../device/helpers.ts'
import { World } from '../../loop/world.ts'

export const [MODEL, FLEET, SLOT, HARDWARE] = ['quality', 'plant', 'quality', 'edge'] as const
export type Policy = z.input<typeof rolloutPolicy>

export interface Product {
  readonly version: number
  /** Fails its self-test on every device. */
  readonly broken: boolean
  readonly bundle: Uint8Array
  readonly archive: Uint8Array
  readonly ref: PackageRef
}

const made = new Map<string, Promise<Product>>()
/** Made once per process: the same bytes for the same version. */
export function product(version: number, broken = false): Promise<Product> {
  const key = `${version} ${broken}`
  const known = made.get(key) ?? make(version, broken)
  made.set(key, known)
  return known
}

async function make(version: number, broken: boolean): Promise<Product> {
  const { files, archive } = makePackage({
    version,
    lift: version / 8,
    edit: all => {
      if (broken) breakSelfTest(all)
    },
  })
  const { modelKey } = new World(0).deps()
  const bundle = await signBundle(`${MODEL}@${version}`, files, await modelKey.publicKey(), modelKey.sign)
  const blob = (bytes: Uint8Array) => ({ sha256: sha256(bytes), length: bytes.byteLength })
  const ref = { hardware: HARDWARE, runtime: 'edgeloop-wasm', package: blob(archive), bundle: blob(bundle) }
  return { version, broken, bundle, archive, ref }
}

function breakSelfTest(files: readonly { name: string; bytes: Uint8Array }[]): void {
  const file = files.find(f => f.name === 'self-test.json')!
  const test = JSON.parse(Buffer.from(file.bytes).toString()) as { margins: string[][] }
  test.margins[0]![0] = test.margins[0]![0] === '00000000' ? '00000001' : '00000000'
  file.bytes = Buffer.from(JSON.stringify(test))
}

const configOf = (rollout: Policy): ModelConfig =>
  modelConfig.parse({
    ...{ name: MODEL, fleet: FLEET, slot: SLOT, task: 'binary', rollout },
    features: [{ name: 'a' }, { name: 'b', required: false }],
    label: { column: 'label', classes: ['ok', 'bad'] },
    evaluation: { metric: 'auc', floor: 0.5 },
    targets: [{ hardware: HARDWARE, compile: 'edgeloop' }],
    monitoring: { windowSeconds: 60, graceSeconds: 60 },
  })

/** What sign-package commits when a version is signed, and its event. */
export async function signedVersion(
  store: Pick<Store, 'get'>,
  { version, ref }: Product,
  policy: Policy,
  at: Date,
): Promise<{ writes: Put[]; event: { type: string; data: unknown } }> {
  const config = configOf(policy)
  const model = await store.get<ModelRow>(keys.model(MODEL))
  const row: VersionRow = {
    ...{ model: MODEL, version, config, configDigest: sha256('config'), generation: 0, origin: 'import' },
    ...{ requestedAt: at.toISOString(), modelDigest: sha256(`model ${version}`), metrics: {} },
    ...{ baselineDigest: sha256('baseline'), status: 'PACKAGED', packages: [ref] },
  }
  const blob = ({ sha256: digest, length }: PackageRef['package']): Put<BlobRow> => ({
    ...{ kind: 'put', key: keys.blob(digest, FLEET), expect: 'any' },
    data: { objectKey: `blobs/sha256/${digest}`, length },
  })
  const { features, prediction } = baselineOf()
  const bundle: BundleRow = {
    ...{ model: MODEL, version, hardware: HARDWARE, fleet: FLEET, slot: SLOT, artefact: sha256('artefact') },
    featureBins: Object.fromEntries(features.map(f => [f.name, f.p0.length])),
    predictionBins: prediction.p0.length,
  }
  const next: ModelRow = {
    ...{ ...model?.data, config, configDigest: sha256('config') },
    nextVersion: Math.max(version + 1, model?.data.nextVersion ?? 1),
  }
  return {
    writes: [
      put(keys.model(MODEL), next, model, { list: { pk: listings.models, sk: MODEL } }),
      put(keys.version(MODEL, version), row, undefined, {
        list: versionListing(MODEL, version),
        pending: { kind: 'package', since: at.toISOString() },
      }),
      blob(ref.package),
      blob(ref.bundle),
      { kind: 'put', key: keys.bundle(ref.bundle.sha256), data: bundle, expect: 'any' },
    ],
    event: { type: 'PackageSigned', data: { model: MODEL, version, packages: [ref] } },
  }
}
/** Of the rollout that the loop plans for a version. */
export const rolloutId = ({ version }: Pick<Product, 'version'>): string => `${MODEL}-v${version}`
