/** Where the parts of a chain come from: files, and the stack for what is not given. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { tableStore } from '../../src/adapters/table.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import type { PackageRef } from '../../src/contracts/packages.ts'
import { type BundleRow, keys, type VersionRow } from '../../src/domain/entities.ts'
import { UsageError } from '../lib/options.ts'
import { retained } from '../lib/publish-chain.ts'
import { iotDataClient, s3Client } from '../lib/stack.ts'
import { CloudError, type Options } from './command.ts'
import { readBytes } from './files.ts'
import { openStack, reach, type Stack } from './stack.ts'

export interface Parts {
  /** What is verified, in the words of the caller. */
  readonly target: string
  readonly archive: Buffer
  readonly bundle: Buffer
  /** `{"v":1,"chain":[…]}` */
  readonly chain: Buffer
  readonly manifest?: Buffer
  readonly beacon?: Buffer
  readonly fleet?: string
  /** What the stack has filed as this release. */
  readonly filed?: PackageRef
}

const RELEASE = /^([a-z0-9](?:-?[a-z0-9])*)@(\d{1,7})(?:-([a-z0-9](?:-?[a-z0-9])*))?$/

/** @throws UsageError or CloudError saying what is missing */
export async function gather(options: Options): Promise<Parts> {
  const [target, ...more] = options.positionals
  if (target === undefined || more.length > 0)
    throw new UsageError('name one package: a file, MODEL@VERSION-HARDWARE, or a SHA-256')
  return existsSync(target) ? fromFiles(target, options) : fromStack(target, options)
}

const given = (options: Options, name: string): Buffer | undefined => {
  const file = options.string(name)
  return file === undefined ? undefined : readBytes(`--${name}`, file)
}

/** Nothing is fetched when everything that was asked for is there, so it works without a network. */
async function fromFiles(target: string, options: Options): Promise<Parts> {
  const archive = readBytes('package', target)
  const bundle = given(options, 'bundle')
  if (bundle === undefined)
    throw new UsageError(`--bundle is needed with a package file: the .json with its OpenSSF signature`)
  const chain = given(options, 'trust') ?? (await publishedChain(await openStack(options)))
  return { target, archive, bundle, chain, ...documents(options) }
}

function documents(options: Options): Pick<Parts, 'manifest' | 'beacon' | 'fleet'> {
  const [manifest, beacon] = [given(options, 'manifest'), given(options, 'beacon')]
  const fleet = options.string('fleet')
  return {
    ...(manifest === undefined ? {} : { manifest }),
    ...(beacon === undefined ? {} : { beacon }),
    ...(fleet === undefined ? {} : { fleet }),
  }
}

async function fromStack(target: string, options: Options): Promise<Parts> {
  const release = RELEASE.exec(target)
  if (release === null && !/^[0-9a-f]{64}$/.test(target))
    throw new UsageError(
      `"${target}" is no file, no MODEL@VERSION-HARDWARE, such as cold-chain@2-gateway, and no SHA-256`,
    )
  const stack = await openStack(options)
  const store = tableStore(stack.names.stateTable, () => new Date(), new DynamoDBClient({ maxAttempts: 2 }))
  const place = release === null ? await byBundle(store, target) : undefined
  const [model, version, hardware] = place ?? [release?.[1] ?? '', Number(release?.[2]), release?.[3]]
  const row = await reach('DynamoDB', () => store.get<VersionRow>(keys.version(model, version)))
  if (row === undefined) throw new UsageError(`${target}: the stack knows no version ${version} of ${model}`)
  if (row.data.status !== 'PACKAGED')
    throw new UsageError(
      `${target}: version ${version} of ${model} is ${row.data.status}, and has no package yet`,
    )
  const wanted = options.string('hardware') ?? hardware
  const filed = pick(target, row.data.packages, wanted)
  const { fleet } = row.data.config
  const named = documents(options)
  return {
    target: `${model}@${version}-${filed.hardware}`,
    archive: await blob(stack, filed.package.sha256),
    bundle: given(options, 'bundle') ?? (await blob(stack, filed.bundle.sha256)),
    chain: given(options, 'trust') ?? (await publishedChain(stack)),
    filed,
    ...(await publishedDocuments(stack, named.fleet ?? fleet)),
    fleet,
    ...named,
  }
}

type GetStore = Pick<ReturnType<typeof tableStore>, 'get'>
async function byBundle(store: GetStore, digest: string): Promise<readonly [string, number, string]> {
  const row = await reach('DynamoDB', () => store.get<BundleRow>(keys.bundle(digest)))
  if (row === undefined)
    throw new UsageError(
      `${digest}: the stack knows no bundle of this SHA-256; for a package's SHA-256 name it as MODEL@VERSION-HARDWARE`,
    )
  const { model, version, hardware } = row.data
  return [model, version, hardware]
}

function pick(target: string, packages: readonly PackageRef[], hardware: string | undefined): PackageRef {
  const known = packages.map(p => p.hardware).join(', ')
  if (hardware === undefined && packages.length > 1)
    throw new UsageError(
      `${target}: is packaged for ${known}; add one, as in ${target}-${packages[0]?.hardware}`,
    )
  const found = packages.find(p => hardware === undefined || p.hardware === hardware)
  if (found === undefined) throw new UsageError(`${target}: has no package for ${hardware}; it has ${known}`)
  return found
}

const blob = (stack: Stack, sha256: string): Promise<Buffer> =>
  reach('S3', async () => {
    const { Body } = await s3Client(stack.config).send(
      new GetObjectCommand({ Bucket: stack.names.artefactBucket, Key: `blobs/sha256/${sha256}` }),
    )
    return Buffer.from((await Body?.transformToByteArray()) ?? [])
  })

async function publishedChain(stack: Stack): Promise<Buffer> {
  const chain = await reach('IoT', () => retained(iotDataClient(stack.config), topics.trust))
  if (chain === undefined)
    throw new CloudError('no trust root is out in this stack; give a chain with --trust, or see keys publish')
  return chain
}

/** A beacon goes out just before its manifest, as devices know; what is behind is read again for so long. */
const ON_ITS_WAY = { tries: 10, ms: 1_000 }
async function publishedDocuments(stack: Stack, fleet: string): Promise<Pick<Parts, 'manifest' | 'beacon'>> {
  const iot = iotDataClient(stack.config)
  const read = async () => ({
    beacon: await reach('IoT', () => retained(iot, topics.beacon(fleet))),
    manifest: await reach('IoT', () => retained(iot, topics.manifest(fleet))),
  })
  let { beacon, manifest } = await read()
  for (let i = 1; i < ON_ITS_WAY.tries && isBehind(manifest, beacon); i++) {
    await new Promise(later => setTimeout(later, ON_ITS_WAY.ms))
    ;({ beacon, manifest } = await read())
  }
  return {
    ...(manifest === undefined ? {} : { manifest }),
    ...(beacon === undefined ? {} : { beacon }),
  }
}

/** Nothing is trusted here: only whether it pays to read again. */
function isBehind(manifest: Buffer | undefined, beacon: Buffer | undefined): boolean {
  const named = (document: Buffer | undefined, field: string): number => {
    try {
      const { payload } = JSON.parse(String(document)) as { payload: string }
      return Number((JSON.parse(Buffer.from(payload, 'base64').toString()) as Record<string, unknown>)[field])
    } catch {
      return Number.NaN
    }
  }
  return named(manifest, 'counter') < named(beacon, 'minimumCounter')
}

export const digestOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')
