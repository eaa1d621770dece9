import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Realm } from '../core/types.ts'
import { type Bucket, openBucket } from './bucket.ts'
import { S3Error } from './errors.ts'

/** All buckets of the account. */
export interface Store {
  find(name: string): Bucket | undefined
  /** Makes the bucket, or returns the one that exists. Throws InvalidBucketName. */
  create(name: string): Bucket
  /** Removes an empty bucket; throws BucketNotEmpty. */
  remove(name: string): void
  list(): readonly Bucket[]
  /** The next sequencer: hexadecimal text that grows with every write, also over restarts. */
  nextSequencer(): string
  close(): void
}

const validName = /^(?!\d+\.\d+\.\d+\.\d+$)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/

export function openStore(realm: Realm): Store {
  const root = join(realm.dir, 's3')
  mkdirSync(root, { recursive: true })
  const buckets = new Map<string, Bucket>()
  let last = 0n
  for (const entry of readdirSync(root, { withFileTypes: true })) {
    if (!entry.isDirectory() || !validName.test(entry.name)) continue
    const bucket = openBucket(join(root, entry.name), entry.name, realm.now())
    buckets.set(entry.name, bucket)
    for (const versions of bucket.state.objects.values())
      for (const version of versions) last = maximum(last, BigInt(`0x${version.sequencer}`))
  }
  return {
    find: name => buckets.get(name),
    create(name) {
      if (!validName.test(name))
        throw new S3Error('InvalidBucketName', 'The specified bucket is not valid.', 400, {
          BucketName: name,
        })
      const bucket = buckets.get(name) ?? openBucket(join(root, name), name, realm.now())
      buckets.set(name, bucket)
      return bucket
    },
    remove(name) {
      const bucket = buckets.get(name)
      if (bucket === undefined) return
      if (bucket.state.objects.size > 0)
        throw new S3Error(
          'BucketNotEmpty',
          'The bucket you tried to delete is not empty. You must delete all versions in the bucket.',
          409,
          { BucketName: name },
        )
      buckets.delete(name)
      bucket.destroy()
    },
    list: () => [...buckets.values()].sort((a, b) => (a.name < b.name ? -1 : 1)),
    nextSequencer() {
      last = maximum(last + 1n, BigInt(realm.now().getTime()) << 12n)
      return last.toString(16).toUpperCase().padStart(18, '0')
    },
    close() {
      for (const bucket of buckets.values()) bucket.close()
      buckets.clear()
    },
  }
}

const maximum = (a: bigint, b: bigint): bigint => (a > b ? a : b)
