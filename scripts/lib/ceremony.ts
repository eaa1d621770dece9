/**
 * A trust root's first ceremony without people, for a stack that is tried out: three offline root keys in a folder, of
 * which two must sign. `npx edgeloop keys` is the same in single steps, for people.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IoTDataPlaneClient } from '@aws-sdk/client-iot-data-plane'
import type { KMSClient } from '@aws-sdk/client-kms'
import type { S3Client } from '@aws-sdk/client-s3'
import type { DsseEnvelope, TrustChain } from '../../src/contracts/manifest.ts'
import { nextRoot, type RootChanges, unsignedRoot } from '../../src/domain/trust/root.ts'
import { openChain } from '../../verifier/chain.ts'
import { pinnedKey } from '../../verifier/key.ts'
import { readRoot } from '../../verifier/root.ts'
import { fetchOnlineKeys, type OnlineKey } from './online-keys.ts'
import { chainBytes, untilRetained, uploadChain } from './publish-chain.ts'
import { makeRootKey, type RootKeyFiles, readRootKey, rootKeyFiles, signRoot } from './root-keys.ts'
import { type AwsConfig, iotDataClient, kmsClient, type StackNames, s3Client } from './stack.ts'

export interface CeremonyStack {
  readonly s3: S3Client
  readonly kms: KMSClient
  readonly iot: IoTDataPlaneClient
  readonly names: Pick<StackNames, 'dropBucket' | 'alias'>
}
export const ceremonyStack = (config: AwsConfig, names: CeremonyStack['names']): CeremonyStack => ({
  s3: s3Client(config),
  kms: kmsClient(config),
  iot: iotDataClient(config),
  names,
})

export interface FirstRoot {
  /** Envelope of link 1: what devices are made with. */
  readonly link: Buffer
  /** `{"v":1,"chain":[…]}`, as published. */
  readonly chainFile: string
  readonly holders: readonly RootKeyFiles[]
  readonly online: readonly OnlineKey[]
}
export const HOLDERS = ['alice', 'bob', 'carol'] as const
const DAY_MS = 86_400_000
const SECONDS = 60

/**
 * Makes the root keys, signs link 1 with two of three, drops it, and waits until devices can get it. A chain that is in
 * the folder already is published again as it is, so a stack that is started anew keeps its trust root.
 */
export async function firstRoot(stack: CeremonyStack, dir: string, seconds = SECONDS): Promise<FirstRoot> {
  mkdirSync(dir, { recursive: true, mode: 0o700 })
  const chainFile = join(dir, 'chain.json')
  const online = await fetchOnlineKeys(stack.kms, stack.names.alias)
  const known = existsSync(chainFile)
  // Keys without a chain are those of a ceremony that was cut off.
  const holders = HOLDERS.map(name =>
    existsSync(rootKeyFiles(dir, name).publicFile) ? holder(dir, name) : makeRootKey(dir, name),
  )
  if (!known) {
    const link = signedLink(undefined, firstChanges(online, holders), holders.slice(0, 2))
    writeFileSync(chainFile, chainBytes([link]))
  }
  const bytes = readFileSync(chainFile)
  await uploadChain(stack.s3, stack.names.dropBucket, bytes)
  await untilRetained(stack.iot, chainOf(bytes), seconds)
  return { link: Buffer.from(openChain(bytes)[0] as Uint8Array), chainFile, holders, online }
}

const firstChanges = (online: readonly OnlineKey[], holders: readonly RootKeyFiles[]): RootChanges => {
  const issued = new Date()
  const signing = (role: OnlineKey['role']) =>
    online.filter(k => k.role === role && k.signs).map(k => pinnedKey(k.pem, role))
  return {
    issued,
    expires: new Date(issued.getTime() + 730 * DAY_MS),
    rootKeys: holders.map(h => pinnedKey(readFileSync(h.publicFile, 'utf8'), h.name)),
    threshold: 2,
    modelKeys: signing('model'),
    deploymentKeys: signing('deployment'),
  }
}

/** The link that follows `before`, signed by these holders. Throws InputError naming the field. */
export function signedLink(
  before: DsseEnvelope | undefined,
  changes: RootChanges,
  signers: readonly Pick<RootKeyFiles, 'file'>[],
): DsseEnvelope {
  const root = before === undefined ? undefined : readRoot(Buffer.from(JSON.stringify(before), 'utf8')).value
  return signers.reduce(
    (envelope, { file }) => signRoot(envelope, readRootKey(file)),
    unsignedRoot(nextRoot(root, changes)),
  )
}

const chainOf = (bytes: Uint8Array): TrustChain['chain'] =>
  (JSON.parse(Buffer.from(bytes).toString('utf8')) as TrustChain).chain

function holder(dir: string, name: string): RootKeyFiles {
  const { file, publicFile } = rootKeyFiles(dir, name)
  return { name, keyid: pinnedKey(readFileSync(publicFile, 'utf8'), name).hint, file, publicFile }
}

/** Adds a link to the chain in the folder and publishes it. */
export async function publishLink(
  stack: CeremonyStack,
  chainFile: string,
  link: DsseEnvelope,
  seconds = SECONDS,
): Promise<Buffer> {
  const chain = [...chainOf(readFileSync(chainFile)), link]
  const bytes = chainBytes(chain)
  writeFileSync(chainFile, bytes)
  await uploadChain(stack.s3, stack.names.dropBucket, bytes)
  await untilRetained(stack.iot, chain, seconds)
  return bytes
}
