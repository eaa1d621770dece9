/** A package with a chain that holds, in files, and all that can be changed about it. */
import { readFileSync } from 'node:fs'
import type { DsseEnvelope, ManifestSlot, TrustChain } from '../../src/contracts/manifest.ts'
import {
  archiveOf,
  type BeaconChanges,
  type MadePackage,
  makePackage,
  sha256,
  signedBeacon,
  signedManifest,
  slotOf,
} from '../device/helpers.ts'
import { run } from './support.ts'
import { Workshop } from './workshop.ts'

export interface Step {
  readonly name: string
  readonly outcome: string
  readonly text: string
  readonly code?: string
}
export interface Verified {
  readonly holds: boolean
  readonly broken: Step | null
  readonly steps: readonly Step[]
  readonly release: { readonly model: string; readonly version: number } | null
}
/** What goes in; each test breaks one of them. */
export interface Case {
  chain: unknown
  beacon: unknown
  manifest: unknown
  archive: Uint8Array
  bundle: Uint8Array
  more: readonly string[]
}

export const shop = new Workshop()
export const HOUR = 3_600_000
export const at = (ms: number): string => new Date(Date.now() + ms).toISOString()
export const made = makePackage({ version: 2 })
/** Filled by `prepare`. */
export const good = {} as Case

export const beacon = (changes: BeaconChanges = {}) =>
  signedBeacon({ minimumCounter: 5, minimumRoot: 2, issued: at(-HOUR), expires: at(HOUR), ...changes })
export const manifest = (
  release: MadePackage['release'],
  changes: object = {},
  slot: Partial<ManifestSlot> = {},
) =>
  signedManifest(7, [slotOf({ committed: release, ...slot })], {
    issued: at(-HOUR),
    expires: at(HOUR),
    ...changes,
  })
export const withPackage = (other: MadePackage): Partial<Case> => ({
  archive: other.archive,
  bundle: other.bundle,
  manifest: manifest(other.release),
})
export const links = (): DsseEnvelope[] => structuredClone((good.chain as TrustChain).chain)
export const chainOf = (...chain: readonly unknown[]) => ({ v: 1, chain })
export const unsigned = (envelope: unknown) => {
  const broken = structuredClone(envelope) as DsseEnvelope
  const [signature] = broken.signatures
  if (signature) signature.sig = `MEUC${signature.sig.slice(4, -8)}AAAAAAA=`
  return broken
}

/** Two links, of which the second bars everything under version 2; and a package that is not barred. */
export async function prepare(): Promise<void> {
  await shop.firstChain()
  await shop.draftNext('--minimum-release', 'quality=2')
  await shop.signAndPublish('bob', 'carol')
  Object.assign(good, {
    chain: JSON.parse(readFileSync(shop.chain, 'utf8')),
    beacon: beacon(),
    manifest: manifest(made.release),
    archive: made.archive,
    bundle: made.bundle,
    more: [],
  } satisfies Case)
}

/** Runs the command on the good case with some parts changed. */
export async function verify(changes: Partial<Case> = {}, text = false) {
  const { chain, beacon: b, manifest: m, archive, bundle, more } = { ...good, ...changes }
  const file = (name: string, value: unknown) =>
    shop.write(
      name,
      value instanceof Uint8Array ? value : typeof value === 'string' ? value : JSON.stringify(value),
    )
  const optional = (name: string, value: unknown) =>
    value === undefined ? [] : [`--${name}`, file(`${name}.json`, value)]
  return run([
    ...['verify', file('quality.tar', archive), '--bundle', file('bundle.json', bundle)],
    ...['--trust', file('trust.json', chain)],
    ...optional('beacon', b),
    ...optional('manifest', m),
    ...(b === undefined && m === undefined ? [] : ['--fleet', 'plant']),
    ...more,
    ...(text ? [] : ['--json']),
  ])
}
export const outcome = async (changes: Partial<Case> = {}) => {
  const ran = await verify(changes)
  return { exit: ran.exit, ...(ran.json() as unknown as Verified) }
}
export const ALL = [
  ...['trust root 1', 'trust root 2', 'validity', 'beacon', 'manifest', 'named'],
  ...['package', 'bundle', 'bars', 'contents', 'self-test'],
]

export const edited = (name: string, text: string) =>
  makePackage({
    version: 2,
    edit: files => {
      const file = files.find(f => f.name === name)
      if (file) file.bytes = Buffer.from(text)
    },
  })
/** Other contents than those that were signed, in an archive that the manifest names. */
export const repacked = (pack: (files: readonly { name: string; bytes: Uint8Array }[]) => Uint8Array) =>
  withPackage(makePackage({ version: 2, pack }))
export const changed = (name: string) =>
  repacked(files => archiveOf(files.map(f => (f.name === name ? { ...f, bytes: Buffer.from('{}') } : f))))
export const wrongMargins = (): MadePackage => {
  const signed = JSON.parse(String(made.files.find(f => f.name === 'self-test.json')?.bytes)) as {
    margins: string[][]
  }
  const [first] = signed.margins
  if (first) first[0] = first[0] === '00000000' ? '00000001' : '00000000'
  return edited('self-test.json', JSON.stringify(signed))
}
export const flipped = (bytes: Uint8Array, offset: number): Uint8Array => {
  const copy = Uint8Array.from(bytes)
  copy[offset] = (copy[offset] ?? 0) ^ 1
  return copy
}

export function withBundle(text: string): Partial<Case> {
  const bundle = Buffer.from(text)
  const release = { ...made.release, bundle: { sha256: sha256(bundle), length: bundle.byteLength } }
  return { bundle, manifest: manifest(release) }
}
