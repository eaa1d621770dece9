import type * as z from 'zod'
import type { Release } from '../../src/contracts/manifest.ts'
import {
  type Baseline,
  type Binned,
  baseline,
  type IoContract,
  ioContract,
  lineage,
  PACKAGE_FILES,
  type SelfTest,
  selfTest,
} from '../../src/contracts/packages.ts'
import { untar } from '../../verifier/archive.ts'
import { parseUntrustedJson } from '../../verifier/json.ts'
import type { PinnedKey } from '../../verifier/key.ts'
import { verifyOmsBundle } from '../../verifier/oms.ts'
import { Refusal, refuseAs } from '../../verifier/refusal.ts'
import type { LoadedModel, ModelRuntime } from '../ports.ts'
import { hexDigest } from './files.ts'

const JSON_LIMITS = { maxBytes: 8_388_608, maxDepth: 8 }

/** A package whose whole chain holds: bytes → manifest, files → model key, contents → this device. */
export interface VerifiedPackage {
  readonly contract: IoContract
  readonly baseline: Baseline
  readonly selfTest: SelfTest
  readonly artefact: Uint8Array
}
export interface InstalledModel {
  readonly release: Release
  readonly contract: IoContract
  readonly baseline: Baseline
  readonly model: LoadedModel
}

/**
 * Checks lengths and digests against the signed release, the OMS bundle against the pinned model key, and each
 * file against the bundle; then that the package is meant for this slot and hardware.
 * @throws Refusal
 */
export function verifyPackage(input: {
  readonly bundle: Uint8Array
  readonly archive: Uint8Array
  readonly release: Release
  readonly slot: string
  readonly hardware: string
  readonly modelKey: PinnedKey
}): VerifiedPackage {
  const { bundle, archive, release } = input
  if (archive.byteLength !== release.package.length)
    throw new Refusal('PACKAGE_LENGTH', `package: ${archive.byteLength} bytes, not ${release.package.length}`)
  if (hexDigest(archive) !== release.package.sha256)
    throw new Refusal('PACKAGE_DIGEST', 'package: the SHA-256 is not the one that the manifest names')
  if (bundle.byteLength !== release.bundle.length || hexDigest(bundle) !== release.bundle.sha256)
    throw new Refusal('BUNDLE_DIGEST', 'bundle: the SHA-256 or length is not the one that the manifest names')
  const signed = verifyOmsBundle(bundle, input.modelKey)
  const names = signed.map(file => file.name)
  if (names.join('\n') !== PACKAGE_FILES.join('\n'))
    throw new Refusal('BUNDLE_CONTENT', `bundle: must list exactly ${PACKAGE_FILES.join(', ')}`)
  const files = untar(archive, names)
  for (const { name, sha256 } of signed)
    if (hexDigest(files.get(name)!) !== sha256)
      throw new Refusal('PACKAGE_CONTENT', `package: ${name} is not the file that the bundle signs`)
  return readContents(files, input)
}

function readContents(
  files: ReadonlyMap<string, Uint8Array>,
  { release, slot, hardware }: { release: Release; slot: string; hardware: string },
): VerifiedPackage {
  const contract = readJson(files, 'contract.json', ioContract)
  const wanted = { model: release.model, version: release.version, slot }
  for (const [key, value] of Object.entries(wanted)) {
    const found = contract[key as keyof typeof wanted]
    if (found !== value) throw content(`contract.json: ${key} is ${found}, the manifest says ${value}`)
  }
  if (contract.hardware !== hardware)
    throw new Refusal(
      'MANIFEST_HARDWARE',
      `contract.json: made for ${contract.hardware}, this is ${hardware}`,
    )
  if (contract.task === 'multiclass' && contract.classes.length < 2)
    throw content('contract.json: a multiclass model needs its classes')
  const found = { contract, baseline: readJson(files, 'baseline.json', baseline) }
  checkBaseline(found.baseline, contract)
  const test = readJson(files, 'self-test.json', selfTest)
  if (test.rows.length !== test.margins.length)
    throw content('self-test.json: rows and margins must be equally many')
  readJson(files, 'lineage.json', lineage)
  return { ...found, selfTest: test, artefact: files.get('model.wasm')! }
}

function checkBaseline(found: Baseline, contract: IoContract): void {
  const names = new Set(contract.features.map(feature => feature.name))
  if (names.size !== contract.features.length) throw content('contract.json: a feature name is there twice')
  for (const { name } of found.features)
    if (!names.delete(name)) throw content(`baseline.json: ${name} is no feature, or is there twice`)
  const check = (bins: Binned): void => {
    if (bins.p0.length !== bins.edges.length + 2)
      throw content(`baseline.json: ${bins.name} needs one share per bin and one for missing values`)
    for (let i = 1; i < bins.edges.length; i++)
      if (!(bins.edges[i]! > bins.edges[i - 1]!))
        throw content(`baseline.json: the edges of ${bins.name} must rise`)
  }
  for (const bins of [...found.features, found.prediction]) check(bins)
}

/**
 * Loads the artefact and runs every self-test row; the margins must be equal bit for bit.
 * @throws Refusal MODEL_FORMAT or SELF_TEST
 */
export function testPackage(
  verified: VerifiedPackage,
  release: Release,
  runtime: ModelRuntime,
): InstalledModel {
  const { contract, selfTest: test } = verified
  const model = refuseAs('MODEL_FORMAT', () => runtime.load(verified.artefact))
  const outputs = contract.task === 'multiclass' ? contract.classes.length : 1
  if (model.numFeature !== contract.features.length || model.numOutput !== outputs)
    throw new Refusal(
      'MODEL_FORMAT',
      `model.wasm: ${model.numFeature} features in, ${model.numOutput} margins out; contract.json says ` +
        `${contract.features.length} and ${outputs}`,
    )
  test.rows.forEach((row, r) => {
    if (row.length !== model.numFeature)
      throw new Refusal('SELF_TEST', `self-test.json: row ${r} has ${row.length} values`)
    const got = refuseAs('SELF_TEST', () => hexMargins(model.margins(toFloat32(row)))).join(' ')
    const expected = test.margins[r]!.join(' ')
    if (got !== expected)
      throw new Refusal('SELF_TEST', `self-test.json: row ${r} gives ${got}, not ${expected}`.slice(0, 500))
  })
  return { release, contract, baseline: verified.baseline, model }
}

/** Null becomes NaN: a missing value. */
export const toFloat32 = (row: readonly (number | null)[]): Float32Array =>
  Float32Array.from(row, value => value ?? Number.NaN)

/** Bits of each f32, big-endian hex; read as integers, since a NaN's payload may change on the way through a number. */
export function hexMargins(margins: Float32Array): string[] {
  const bits = new Uint32Array(margins.buffer, margins.byteOffset, margins.length)
  return Array.from(bits, b => b.toString(16).padStart(8, '0'))
}

function readJson<T>(files: ReadonlyMap<string, Uint8Array>, name: string, schema: z.ZodType<T>): T {
  return refuseAs('PACKAGE_CONTENT', () => {
    const parsed = schema.safeParse(parseUntrustedJson(files.get(name)!, JSON_LIMITS))
    if (parsed.success) return parsed.data
    const issue = parsed.error.issues[0]
    throw new Error(`${name}: ${issue?.path.join('.')} ${issue?.message}`.slice(0, 500))
  })
}

const content = (message: string): Refusal => new Refusal('PACKAGE_CONTENT', message)
