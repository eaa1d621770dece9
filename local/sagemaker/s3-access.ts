/** S3 as a job sees it: over HTTP, signed as the execution role, so that the role's policy decides. */
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, normalize, sep } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import type { S3Client } from '@aws-sdk/client-s3'
import type { Credentials } from '../core/services.ts'

export interface S3Location {
  readonly bucket: string
  /** Key or key prefix, without a leading slash. */
  readonly key: string
}
export interface ChannelSource {
  readonly type: 'S3Prefix' | 'ManifestFile'
  readonly uri: string
  readonly gzip: boolean
}
const IN_MEMORY_BYTES = 64 * 1024 * 1024

export type S3Access = ReturnType<typeof createS3Access>

/** Throws Error for anything but `s3://bucket/key`. */
export function parseS3Uri(uri: string): S3Location {
  const [matched, bucket = '', key = ''] = /^s3:\/\/([^/]+)\/?(.*)$/s.exec(uri) ?? []
  if (matched === undefined) throw new Error(`"${uri}" is not an S3 URI`)
  return { bucket, key }
}

export function createS3Access(options: {
  readonly endpoint: string
  readonly region: string
  readonly credentials: Credentials
}) {
  const { endpoint, region, credentials } = options
  let made: Promise<{ sdk: typeof import('@aws-sdk/client-s3'); client: S3Client }> | undefined
  // The SDK is loaded with the first job: a cloud that trains nothing should not pay for it at the start.
  const s3 = () => {
    made ??= import('@aws-sdk/client-s3').then(sdk => ({
      sdk,
      client: new sdk.S3Client({ endpoint, region, credentials, forcePathStyle: true }),
    }))
    return made
  }

  async function list({ bucket, key }: S3Location, signal: AbortSignal): Promise<string[]> {
    const { sdk, client } = await s3()
    const keys: string[] = []
    for (let token: string | undefined, first = true; first || token; first = false) {
      const page = await client.send(
        new sdk.ListObjectsV2Command({
          Bucket: bucket,
          Prefix: key,
          ...(token && { ContinuationToken: token }),
        }),
        { abortSignal: signal },
      )
      keys.push(...(page.Contents ?? []).flatMap(each => each.Key ?? []))
      token = page.NextContinuationToken
    }
    return keys
  }

  async function open({ bucket, key }: S3Location, signal: AbortSignal): Promise<Readable> {
    const { sdk, client } = await s3()
    const { Body } = await client.send(new sdk.GetObjectCommand({ Bucket: bucket, Key: key }), {
      abortSignal: signal,
    })
    if (!(Body instanceof Readable)) throw new Error(`s3://${bucket}/${key} has no body`)
    return Body
  }

  async function read(location: S3Location, signal: AbortSignal): Promise<Buffer> {
    const chunks: Buffer[] = []
    for await (const chunk of await open(location, signal)) chunks.push(chunk as Buffer)
    return Buffer.concat(chunks)
  }

  interface Target {
    readonly dir: string
    readonly gzip: boolean
    readonly signal: AbortSignal
  }
  async function save(location: S3Location, name: string, { dir, gzip, signal }: Target): Promise<void> {
    const file = normalize(join(dir, name))
    if (!file.startsWith(dir + sep)) throw new Error(`object name "${name}" leads out of the channel`)
    await mkdir(dirname(file), { recursive: true })
    const body = await open(location, signal)
    const target = createWriteStream(file)
    await (gzip ? pipeline(body, createGunzip(), target, { signal }) : pipeline(body, target, { signal }))
  }

  return {
    read,
    /**
     * Lays the objects of a channel out below `dir` and returns how many there were. Below a prefix that ends at a
     * `/` (given or not), names are relative to it; else to its last `/`, as in SageMaker's File mode.
     */
    async download(source: ChannelSource, dir: string, signal: AbortSignal): Promise<number> {
      const target = { dir, gzip: source.gzip, signal }
      const location = parseS3Uri(source.uri)
      const { bucket } = location
      if (source.type === 'ManifestFile') {
        const { prefix, names } = parseManifest(await read(location, signal))
        const base = parseS3Uri(prefix)
        for (const name of names) await save({ bucket: base.bucket, key: base.key + name }, name, target)
        return names.length
      }
      const keys = (await list(location, signal)).filter(key => !key.endsWith('/'))
      for (const key of keys) await save({ bucket, key }, relativeName(location.key, key), target)
      return keys.length
    },
    /** Puts a file; throws what S3 answered. `metadata` becomes user metadata of the object. */
    async upload(
      file: string,
      { bucket, key }: S3Location,
      signal: AbortSignal,
      metadata: Readonly<Record<string, string>> = {},
    ): Promise<void> {
      const { sdk, client } = await s3()
      const { size } = await stat(file)
      const put = new sdk.PutObjectCommand({
        Bucket: bucket,
        Key: key,
        // A stream cannot be sent again: what fits into memory is sent from there, so that the SDK may retry.
        Body: size <= IN_MEMORY_BYTES ? await readFile(file) : createReadStream(file),
        ContentLength: size,
        ContentType: 'application/gzip',
        Metadata: { ...metadata },
      })
      await client.send(put, { abortSignal: signal })
    },
    async close(): Promise<void> {
      if (made) (await made).client.destroy()
    },
  }
}

function relativeName(prefix: string, key: string): string {
  const folder = prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`
  return key.startsWith(folder) ? key.slice(folder.length) : key.slice(prefix.lastIndexOf('/') + 1)
}

/** `[{"prefix": "s3://bucket/some/"}, "relative/name", …]`. */
function parseManifest(bytes: Buffer): { prefix: string; names: string[] } {
  const [head, ...names]: unknown[] = [JSON.parse(bytes.toString('utf8'))].flat()
  const prefix = typeof head === 'object' && head !== null && 'prefix' in head ? head.prefix : undefined
  if (typeof prefix !== 'string' || names.some(name => typeof name !== 'string'))
    throw new Error('the manifest is not a list of {"prefix": "s3://…"} and relative names')
  return { prefix, names: names.map(String) }
}
