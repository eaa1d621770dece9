/** The ports of erasing over a deployed stack. Every error says which service it is of. */
import { DynamoDBClient, QueryCommand, type QueryCommandInput } from '@aws-sdk/client-dynamodb'
import {
  DeleteObjectsCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  type ListObjectVersionsOutput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { tableStore } from '../../src/adapters/table.ts'
import { toRow } from '../../src/adapters/table-items.ts'
import { EdgeloopError } from '../../src/domain/errors.ts'
import type { Row } from '../../src/domain/store.ts'
import type { ErasePorts, Kept, VersionedObjects } from '../lib/erase/ports.ts'
import { s3Client } from '../lib/stack.ts'
import { reach, type Stack } from './stack.ts'

/** One call of DeleteObjects. */
const KEYS_AT_ONCE = 1_000

export interface OpenPorts extends ErasePorts {
  close(): void
}

export function erasePorts({ config, names }: Stack): OpenPorts {
  const s3 = s3Client(config)
  const dynamo = new DynamoDBClient({ ...config })
  const now = () => new Date()
  const state = tableStore(names.stateTable, now, dynamo)
  const quarantine = tableStore(names.quarantineTable, now, dynamo)
  return {
    store: {
      get: key => table(() => state.get(key)),
      query: (...args) => table(() => state.query(...args)),
      commit: (...args) => table(() => state.commit(...args)),
    },
    quarantine: {
      get: key => table(() => quarantine.get(key)),
      commit: writes => table(() => quarantine.commit(writes)),
      pages: (pk, prefix) => pages(dynamo, names.quarantineTable, pk, prefix),
    },
    artefacts: versioned(s3, names.artefactBucket),
    drops: versioned(s3, names.dropBucket),
    close() {
      s3.destroy()
      dynamo.destroy()
    },
  }
}

/** A conflict is no fault of the cloud: it says that somebody else was faster. */
async function table<T>(call: () => Promise<T>): Promise<T> {
  let conflict: EdgeloopError | undefined
  const done = await reach('DynamoDB', () =>
    call().catch(error => {
      if (!(error instanceof EdgeloopError) || error.code !== 'CONFLICT') throw error
      conflict = error
      return undefined
    }),
  )
  if (conflict !== undefined) throw new Error(`${conflict.message}; run it again`)
  return done as T
}

async function* pages<T>(
  dynamo: DynamoDBClient,
  TableName: string,
  pk: string,
  prefix: string,
): AsyncGenerator<readonly Row<T>[]> {
  let from: QueryCommandInput['ExclusiveStartKey']
  do {
    const page = await reach('DynamoDB', () =>
      dynamo.send(
        new QueryCommand({
          ...{ TableName, ConsistentRead: true, ExclusiveStartKey: from },
          KeyConditionExpression: prefix === '' ? 'pk = :pk' : 'pk = :pk AND begins_with(sk, :prefix)',
          ExpressionAttributeValues: {
            ':pk': { S: pk },
            ...(prefix === '' ? {} : { ':prefix': { S: prefix } }),
          },
        }),
      ),
    )
    yield (page.Items ?? []).map(item => toRow<T>(item))
    from = page.LastEvaluatedKey
  } while (from !== undefined)
}

function versioned(s3: S3Client, Bucket: string): VersionedObjects {
  return {
    versions: prefix => versionsOf(s3, Bucket, prefix),
    get: (Key, { maxBytes, versionId }) =>
      reach('S3', async () => {
        const { Body, ContentLength = 0 } = await s3.send(
          new GetObjectCommand({ Bucket, Key, VersionId: versionId }),
        )
        if (ContentLength > maxBytes)
          throw new Error(`s3://${Bucket}/${Key} has ${ContentLength} bytes; at most ${maxBytes} are read`)
        return { bytes: (await Body?.transformToByteArray()) ?? new Uint8Array() }
      }),
    putOnce: (Key, Body, ContentType) =>
      reach('S3', async () => {
        try {
          await s3.send(new PutObjectCommand({ Bucket, Key, Body, ContentType, IfNoneMatch: '*' }))
        } catch (error) {
          // Keys are content-addressed: what is there is the same.
          if ((error as { name?: string }).name !== 'PreconditionFailed') throw error
        }
      }),
    replace: (Key, Body, ContentType) =>
      reach('S3', async () => {
        await s3.send(new PutObjectCommand({ Bucket, Key, Body, ContentType }))
      }),
    async remove(Key, ids) {
      for (let at = 0; at < ids.length; at += KEYS_AT_ONCE) {
        const Objects = ids.slice(at, at + KEYS_AT_ONCE).map(VersionId => ({ Key, VersionId }))
        await reach('S3', async () => {
          const { Errors: [fault] = [] } = await s3.send(
            new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }),
          )
          if (fault === undefined) return
          const error = new Error(`s3://${Bucket}/${Key}: ${fault.Message ?? fault.Code}`)
          throw Object.assign(error, { name: fault.Code, $metadata: {} })
        })
      }
    },
  }
}

/** Pages hold versions and delete markers apart, and may end within a key: the last key of one waits for the next. */
async function* versionsOf(s3: S3Client, Bucket: string, Prefix: string): AsyncGenerator<Kept> {
  let waiting: Kept | undefined
  let next: Pick<ListObjectVersionsOutput, 'NextKeyMarker' | 'NextVersionIdMarker'> = {}
  for (;;) {
    const { NextKeyMarker: KeyMarker, NextVersionIdMarker: VersionIdMarker } = next
    const page: ListObjectVersionsOutput = await reach('S3', () =>
      s3.send(new ListObjectVersionsCommand({ Bucket, Prefix, KeyMarker, VersionIdMarker })),
    )
    const found = new Map<string, Kept>(waiting === undefined ? [] : [[waiting.key, waiting]])
    const of = (key: string): Kept => found.get(key) ?? { key, versions: [], markers: [], present: false }
    for (const { Key = '', VersionId = 'null', Size = 0, IsLatest = false } of page.Versions ?? []) {
      const kept = of(Key)
      const versions = [...kept.versions, { id: VersionId, size: Size }]
      found.set(Key, { ...kept, versions, present: kept.present || IsLatest })
    }
    for (const { Key = '', VersionId = 'null' } of page.DeleteMarkers ?? []) {
      const kept = of(Key)
      found.set(Key, { ...kept, markers: [...kept.markers, VersionId] })
    }
    waiting = page.IsTruncated === true ? found.get(page.NextKeyMarker ?? '') : undefined
    for (const kept of found.values()) if (kept !== waiting) yield kept
    if (page.IsTruncated !== true) return
    next = page
  }
}
