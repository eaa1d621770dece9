/** A package's chain, from the trust root to the self-test, in the order in which a device checks it. */
import { desiredRelease, placement } from '../../device/placement.ts'
import { wasmRuntime } from '../../device/runtime.ts'
import { readContents, testPackage } from '../../device/update/check.ts'
import { ioContract, PACKAGE_FILES } from '../../src/contracts/packages.ts'
import {
  barredBy,
  barsOf,
  checkArchive,
  checkBundle,
  type FleetManifest,
  type ManifestSlot,
  openChain,
  parseUntrustedJson,
  Refusal,
  type Release,
  refuseAs,
  rootOf,
  type TrustState,
  untar,
  verifyBeacon,
  verifyManifest,
  verifyOmsBundle,
  verifyPackage,
} from '../../verifier/index.ts'
import { checkRootAge } from '../../verifier/root.ts'
import { chainSteps } from './chain-steps.ts'
import { daysLeft } from './describe-root.ts'
import { digestOf, type Parts } from './package-source.ts'
import { short } from './paint.ts'
import { Broken, makeSteps, type StepRecorder, type Walk } from './steps.ts'

/** What else a device knows of itself. */
export interface Place {
  readonly hardware?: string
  readonly thing?: string
  /** First digits of the SHA-256 of link 1's payload. */
  readonly pin?: string
  /** Whether a manifest that does not name the package is a fault. */
  readonly mustBeNamed: boolean
}
/** A release where a manifest names it, or where the package says it belongs. */
interface Named {
  readonly slot: string
  readonly hardware: string
  readonly release: Release
}

const ORDER = [
  'validity',
  'beacon',
  'manifest',
  'named',
  'package',
  'bundle',
  'bars',
  'contents',
  'self-test',
]

/** Goes on to the first step that does not hold; what comes behind it is listed as unchecked. */
export function walkPackage(parts: Parts, place: Place, now: number): Walk {
  const steps = makeSteps(ORDER)
  try {
    const root = walkTrust(parts, place, now, steps)
    const state = checkBeacon(parts, root, now, steps)
    const named = checkManifest(parts, state, place, now, steps)
    return steps.done(checkPackage(parts, state, place, named, steps))
  } catch (error) {
    if (error instanceof Broken) return steps.done(undefined)
    throw error
  }
}

function walkTrust(parts: Parts, { pin }: Place, now: number, steps: StepRecorder): TrustState {
  const chain = steps.quietly('trust chain', () => openChain(parts.chain))
  const { steps: links, state } = chainSteps(chain)
  for (const [i, { name, proves, refusal }] of links.entries())
    steps.run(name, () => {
      if (refusal !== undefined) throw refusal
      if (i === 0 && pin !== undefined) checkPin(chain[0] as Uint8Array, pin)
      return [undefined, proves ?? '']
    })
  if (state === undefined) throw new Broken()
  const root = rootOf(state)
  steps.run('validity', () => {
    checkRootAge(root, now)
    return [undefined, `trust root ${root.value.version} is valid for ${daysLeft(root.value, now)} more days`]
  })
  return state
}

function checkPin(link: Uint8Array, pin: string): void {
  const { payload } = JSON.parse(Buffer.from(link).toString('utf8')) as { payload: string }
  const digest = digestOf(Buffer.from(payload, 'base64'))
  if (!digest.startsWith(pin))
    throw new Refusal(
      'ROOT_EQUIVOCATION',
      `its digest is ${short(digest)}, and devices are made with ${short(pin)}`,
    )
}

function checkBeacon(
  { beacon, fleet = '' }: Parts,
  state: TrustState,
  now: number,
  steps: StepRecorder,
): TrustState {
  if (beacon === undefined) {
    steps.note('beacon', 'none is given: whether a manifest is the newest cannot be told')
    return state
  }
  return steps.run('beacon', () => {
    const next = verifyBeacon(state, beacon, { fleet, clock: now })
    const { minimumCounter = 0, expires = 0 } = next.beacon ?? {}
    const until = new Date(expires).toISOString().slice(0, 16)
    return [
      next,
      `by a deployment key, for fleet ${fleet}: manifests from ${minimumCounter} on count, until ${until}Z`,
    ]
  })
}

function checkManifest(
  parts: Parts,
  state: TrustState,
  place: Place,
  now: number,
  steps: StepRecorder,
): Named | undefined {
  const { manifest: bytes, fleet = '' } = parts
  if (bytes === undefined) {
    steps.note('manifest', 'none is given: whether any device is told to run this is not checked')
    return undefined
  }
  const read = (slots: readonly string[], hardware: string, runtimes: readonly string[]): FleetManifest => {
    const found = verifyManifest(state, bytes, { fleet, hardware, runtimes, slots, clock: now })
    // A state without a manifest knows no duplicate.
    if (found.kind !== 'new') throw new Refusal('MANIFEST_EQUIVOCATION', 'manifest: was seen before')
    return found.manifest
  }
  const manifest = steps.run('manifest', () => {
    const found = read([], '', [])
    return [
      found,
      `${found.epoch}.${found.counter}, by a deployment key, for fleet ${fleet}, ${found.slots.length} slot${found.slots.length === 1 ? '' : 's'}`,
    ]
  })
  const found = namedIn(manifest, parts, place.hardware)
  if (found === undefined) {
    const text = `manifest ${manifest.epoch}.${manifest.counter} names neither this package nor this bundle: no device is told to run it`
    if (place.mustBeNamed) steps.fail('named', 'NOT_NAMED', text)
    steps.note('named', text)
    return undefined
  }
  return steps.run('named', () => {
    const { entry, release } = found
    read([entry.slot], entry.hardware, [release.runtime])
    const as = entry.candidate?.release === release ? 'candidate' : 'committed release'
    const where = `as ${as} of slot ${entry.slot} on ${entry.hardware}`
    return [{ slot: entry.slot, hardware: entry.hardware, release }, `${where}${share(entry, place.thing)}`]
  })
}

/** By one of the two digests, so that a changed package is recognised as the one that it was. */
function namedIn(manifest: FleetManifest, { archive, bundle }: Parts, hardware: string | undefined) {
  const digests = { package: digestOf(archive), bundle: digestOf(bundle) }
  for (const entry of manifest.slots) {
    if (hardware !== undefined && entry.hardware !== hardware) continue
    for (const release of [entry.candidate?.release, entry.committed])
      if (release && (release.package.sha256 === digests.package || release.bundle.sha256 === digests.bundle))
        return { entry, release }
  }
  return undefined
}

function share(entry: ManifestSlot, thing: string | undefined): string {
  if (thing === undefined) return ''
  const desired = desiredRelease(entry, thing).active?.release
  const draws =
    entry.candidate === null ? '' : ` draws ${placement(entry.candidate.seed, thing).toFixed(4)} and`
  return `; ${thing}${draws} is to run ${desired === undefined ? 'nothing new' : `${desired.model}@${desired.version}`}`
}

function checkPackage(
  { archive, bundle, filed }: Parts,
  state: TrustState,
  place: Place,
  named: Named | undefined,
  steps: StepRecorder,
): Release {
  const own = { sha256: digestOf(archive), length: archive.byteLength }
  const ownBundle = { sha256: digestOf(bundle), length: bundle.byteLength }
  const digests = named?.release ?? filed ?? { package: own, bundle: ownBundle }
  const draft = {
    model: '',
    version: 0,
    runtime: filed?.runtime ?? '',
    package: digests.package,
    bundle: digests.bundle,
  }
  const by = named ? 'the manifest names' : filed ? 'sign-package filed' : undefined
  steps.run('package', () => {
    checkArchive(archive, named?.release ?? draft)
    return [
      undefined,
      `${own.length} bytes, SHA-256 ${short(own.sha256)}${by ? ` as ${by}` : ', compared with nothing'}`,
    ]
  })
  const modelKeys = rootOf(state).keys.model
  const signed = steps.run('bundle', () => {
    const files = checkBundle({ bundle, release: named?.release ?? draft, slot: '', hardware: '', modelKeys })
    const signer = [...modelKeys].find(([, key]) => signs(bundle, key))?.[0] ?? ''
    return [files, `OpenSSF signature by model key ${short(signer)} over ${files.length} files`]
  })
  const files = () =>
    untar(
      archive,
      signed.map(f => f.name),
    )
  const at = named ?? steps.quietly('contents', () => ofContract(files(), draft))
  const wanted = { ...at, hardware: place.hardware ?? named?.hardware ?? filed?.hardware ?? at.hardware }
  steps.run('bars', () => {
    const code = barredBy(at.release, barsOf(state))
    if (code !== null)
      throw new Refusal(code, `${at.release.model}@${at.release.version} may not run any more`)
    return [undefined, 'neither revoked nor under a minimum release']
  })
  const contents = steps.run('contents', () => {
    const found = verifyPackage({ archive, bundle, modelKeys, ...wanted })
    const { model, version } = at.release
    return [
      found,
      `exactly the signed files; made for ${model}@${version}, slot ${wanted.slot}, ${wanted.hardware}`,
    ]
  })
  selfTest(contents, at.release, steps)
  return at.release
}

const signs = (bundle: Uint8Array, key: Parameters<typeof verifyOmsBundle>[1]): boolean => {
  try {
    verifyOmsBundle(bundle, key)
    return true
  } catch {
    return false
  }
}

/** Without a manifest, the package's own word, which is signed. */
function ofContract(files: ReadonlyMap<string, Uint8Array>, draft: Release): Named {
  return refuseAs('PACKAGE_CONTRACT', () => {
    const bytes = files.get('contract.json')
    if (bytes === undefined) throw new Error('package: contract.json is missing')
    const parsed = ioContract.safeParse(parseUntrustedJson(bytes, { maxBytes: 8_388_608, maxDepth: 8 }))
    const [issue] = parsed.error?.issues ?? []
    if (!parsed.success) throw new Error(`contract.json: ${issue?.path.join('.')} ${issue?.message}`)
    const { model, version, slot, hardware } = parsed.data
    return { slot, hardware, release: { ...draft, model, version } }
  })
}

function selfTest(files: ReadonlyMap<string, Uint8Array>, release: Release, steps: StepRecorder): void {
  if (!PACKAGE_FILES.every(name => files.has(name))) {
    steps.note('self-test', 'another runtime than the reference one runs this artefact')
    return
  }
  steps.run('self-test', () => {
    const contents = readContents(files)
    testPackage(contents, release, wasmRuntime)
    return [undefined, `${contents.selfTest.rows.length} rows give the signed margins, bit for bit`]
  })
}
