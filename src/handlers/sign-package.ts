import * as z from 'zod'
import { bucketObjects } from '../adapters/objects.ts'
import { kmsSigner } from '../adapters/signer.ts'
import {
  type Baseline,
  baseline as baselineContract,
  type Lineage,
  type PackageRef,
  RUNTIME_OF,
} from '../contracts/packages.ts'
import type { LabelledRows } from '../domain/dataset/parse.ts'
import { fromCsv } from '../domain/dataset/split.ts'
import {
  type BlobRow,
  type BundleRow,
  keys,
  type ModelRow,
  type RegisteredVersion,
  type SignedLineage,
  type TargetRow,
  type VersionRow,
  versionListing,
} from '../domain/entities.ts'
import { EdgeloopError } from '../domain/errors.ts'
import { marginsOf } from '../domain/evaluation/evaluate.ts'
import type { Margins } from '../domain/evaluation/score.ts'
import { anchorDigest } from '../domain/lineage/document.ts'
import { readRecord } from '../domain/lineage/read.ts'
import { packageArchive } from '../domain/package/archive.ts'
import { ioContract, makeSelfTest } from '../domain/package/contents.ts'
import { targetProgress } from '../domain/package/targets.ts'
import type { Core, Objects, Signer } from '../domain/ports.ts'
import { type Put, put } from '../domain/store.ts'
import { blobKey, channelKey, sentinelKey } from '../domain/training/assemble.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { KeyNotTrusted, requireTrusted } from '../domain/trust/anchors.ts'
import { signBundle } from '../domain/trust/oms.ts'
import { fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

const MAX_BYTES = 256 * 1024 * 1024
type Compiled = Extract<TargetRow, { status: 'COMPILED' }>

export interface SignPackageDeps extends Core {
  readonly artefacts: Objects
  /** The model key; no other function may use it. */
  readonly modelKey: Signer
}

/** When all targets of a version are compiled: make a package for each, sign it, and file it under its digests. */
export const signPackage = (deps: SignPackageDeps) =>
  fromBus(deps, async event => {
    const { type, data, cause } = parseBusEvent(event, ['CompilationFinished', 'CheckDue'])
    if (type === 'CheckDue' && data.kind !== 'compilation') return
    const { model, version } = data
    if (model === undefined || version === undefined) return
    const row = await deps.store.get<VersionRow>(keys.version(model, version))
    if (row?.data.status !== 'REGISTERED') return
    const { compiled, complete } = await targetProgress(deps.store, model, version, row.data.config.targets)
    if (!complete || !(await mayTheKeySign(deps, model, version))) return

    const read = async (digest: string) =>
      (await deps.artefacts.get(blobKey(digest), { maxBytes: MAX_BYTES })).bytes
    const margins = marginsOf(await read(row.data.modelDigest), row.data.config)
    const baselineBytes = await read(row.data.baselineDigest)
    const baseline = baselineContract.parse(JSON.parse(new TextDecoder().decode(baselineBytes)))
    const holdout = await holdoutRows(deps, row.data)
    const lineage = await anchor(deps, row.data, compiled)
    const packages: PackageRef[] = []
    const writes: Put[] = []
    for (const target of compiled) {
      const artefact = await read(target.artefact)
      const told = lineageOf(row.data, target, lineage.digest)
      const ref = await makePackage(deps, row.data, target, artefact, baselineBytes, told, holdout, margins)
      packages.push(ref)
      const { hardware } = target
      deps.log.info('PACKAGE_MADE', { model, version, hardware, bundle: ref.bundle.sha256 })
      writes.push(...filing(row.data, target, ref, baseline))
    }
    await deps.store.commit(
      [
        put(row.key, { ...row.data, status: 'PACKAGED', packages, lineage }, row, {
          list: versionListing(model, version),
          pending: { kind: 'package', since: deps.now().toISOString() },
        }),
        ...writes,
      ],
      [{ type: 'PackageSigned', data: { model, version, packages, lineage: lineage.digest } }],
      cause,
    )
  })

/** What an unknown key signed would be refused by every device: the version waits until the trust root lists the key. */
async function mayTheKeySign(deps: SignPackageDeps, model: string, version: number): Promise<boolean> {
  try {
    await requireTrusted(deps.store, 'model', await deps.modelKey.publicKey())
    return true
  } catch (error) {
    if (!(error instanceof KeyNotTrusted)) throw error
    const { keyid, message: reason } = error
    deps.count('SigningBlocked')
    deps.log.warn('KEY_NOT_TRUSTED', { model, version, role: 'model', keyid, reason })
    return false
  }
}

async function holdoutRows(deps: SignPackageDeps, version: RegisteredVersion): Promise<LabelledRows> {
  const key = version.trainingSetDigest
    ? channelKey(version.model, version.trainingSetDigest, 'holdout')
    : sentinelKey(version.model)
  return fromCsv(new TextDecoder().decode((await deps.artefacts.get(key, { maxBytes: MAX_BYTES })).bytes))
}

async function makePackage(
  deps: SignPackageDeps,
  version: RegisteredVersion,
  target: Compiled,
  artefact: Uint8Array,
  baseline: Uint8Array,
  told: Lineage,
  holdout: LabelledRows,
  margins: Margins,
): Promise<PackageRef> {
  const json = (value: unknown) => Buffer.from(`${JSON.stringify(value)}\n`)
  const files = [
    { name: target.file, bytes: artefact },
    { name: 'baseline.json', bytes: baseline },
    { name: 'contract.json', bytes: json(ioContract(version.config, version.version, target.hardware)) },
    { name: 'lineage.json', bytes: json(told) },
    { name: 'self-test.json', bytes: json(makeSelfTest(version.config, holdout, margins)) },
  ]
  const archive = packageArchive(files)
  const name = `${version.model}@${version.version}-${target.hardware}`
  const bundle = await signBundle(name, files, await deps.modelKey.publicKey(), deps.modelKey.sign)
  const ref: PackageRef = {
    hardware: target.hardware,
    runtime: RUNTIME_OF[target.file] ?? 'unknown',
    package: { sha256: sha256Hex(archive), length: archive.byteLength },
    bundle: { sha256: sha256Hex(bundle), length: bundle.byteLength },
  }
  await deps.artefacts.putOnce(blobKey(ref.package.sha256), archive, 'application/x-tar')
  await deps.artefacts.putOnce(blobKey(ref.bundle.sha256), bundle, 'application/json')
  return ref
}

/**
 * What the version's lineage comes to, over rows that do not change any more; the signature of each package covers the
 * digest. The champion of now is the version before, so that the versions of a model are one chain.
 */
async function anchor(
  deps: SignPackageDeps,
  version: RegisteredVersion,
  targets: readonly Compiled[],
): Promise<SignedLineage> {
  const { model } = version
  const champion = (await deps.store.get<ModelRow>(keys.model(model)))?.data.champion
  const before =
    champion === undefined
      ? undefined
      : (await deps.store.get<VersionRow>(keys.version(model, champion)))?.data
  const signed = before?.status === 'PACKAGED' ? before.lineage : undefined
  const previous = champion === undefined ? null : { version: champion, lineage: signed?.digest ?? null }
  const digest = anchorDigest(await readRecord(deps.store, version, { previous, targets }))
  if (digest === undefined)
    throw new EdgeloopError('ILLEGAL_STATE', `version ${version.version} of ${model} lacks a compiled target`)
  return { digest, previous, at: deps.now().toISOString() }
}

function lineageOf(version: RegisteredVersion, target: Compiled, chain: string): Lineage {
  const { trainingSet, trainingSetDigest, job, hyperparameters, decision } = version
  return {
    model: version.model,
    version: version.version,
    hardware: target.hardware,
    origin: version.origin,
    modelDigest: version.modelDigest,
    artefactDigest: target.artefact,
    compile: {
      strategy: target.strategy,
      ...(target.job ? { job: target.job } : {}),
      ...(target.note ? { note: target.note } : {}),
    },
    ...(trainingSet && trainingSetDigest && job
      ? {
          training: {
            job,
            trainingSet: trainingSetDigest,
            sources: [...trainingSet.sources],
            fieldSamples: version.field?.samples ?? 0,
            hyperparameters: { ...hyperparameters },
          },
        }
      : {}),
    ...(decision ? { decision } : {}),
    configDigest: version.configDigest,
    chain,
  }
}

/** Who may fetch the blobs, and what the bundle's digest means when devices send counts for it. */
function filing(version: RegisteredVersion, target: Compiled, ref: PackageRef, baseline: Baseline): Put[] {
  const { fleet, slot } = version.config
  const blob = ({ sha256, length }: PackageRef['package']): Put<BlobRow> => ({
    kind: 'put',
    key: keys.blob(sha256, fleet),
    data: { objectKey: blobKey(sha256), length },
    expect: 'any',
  })
  const bundle: BundleRow = {
    model: version.model,
    version: version.version,
    hardware: target.hardware,
    fleet,
    slot,
    featureBins: Object.fromEntries(baseline.features.map(f => [f.name, f.p0.length])),
    predictionBins: baseline.prediction.p0.length,
    ...(baseline.confidence ? { confidenceBins: baseline.confidence.p0.length } : {}),
    artefact: target.artefact,
  }
  return [
    blob(ref.package),
    blob(ref.bundle),
    { kind: 'put', key: keys.bundle(ref.bundle.sha256), data: bundle, expect: 'any' },
  ]
}

export const handler = lambda(
  { ARTEFACT_BUCKET: z.string().min(1), MODEL_KEY_ID: z.string().min(1) },
  (env, core) =>
    signPackage({
      ...core,
      artefacts: bucketObjects(env.ARTEFACT_BUCKET),
      modelKey: kmsSigner(env.MODEL_KEY_ID),
    }),
)
