import { randomBytes } from 'node:crypto'
import type { Bucket } from './bucket.ts'
import { bucketArn, type S3Call } from './call.ts'
import { checkWrite } from './conditions.ts'
import type { StoredVersion, VersionDraft } from './model.ts'

/** ISO time in whole seconds: HTTP dates carry no more, and listings must agree with them. */
export function stamp(call: S3Call): string {
  return new Date(Math.floor(call.env.realm.now().getTime() / 1000) * 1000).toISOString()
}

const newVersionId = (): string => randomBytes(24).toString('base64url')
export const isVersioned = (bucket: Bucket): boolean => bucket.state.config.get('versioning') === 'Enabled'
/** Versioning was on at some time, so responses name versions. */
export const hasVersions = (bucket: Bucket): boolean => bucket.state.config.has('versioning')

/**
 * Makes a body the current version of its key, if the call's preconditions hold at this moment, and tells the
 * event bus. No await between the check and the commit: two conditional writes cannot both win.
 */
export function commitObject(
  call: S3Call,
  bucket: Bucket,
  draft: VersionDraft,
  reason: 'PutObject' | 'CopyObject' | 'CompleteMultipartUpload',
): StoredVersion {
  try {
    checkWrite(call.headers, draft.key, bucket.current(draft.key))
  } catch (error) {
    bucket.discardBody(draft.file)
    throw error
  }
  const version: StoredVersion = {
    ...draft,
    versionId: isVersioned(bucket) ? newVersionId() : 'null',
    sequencer: call.env.store.nextSequencer(),
    lastModified: stamp(call),
    deleteMarker: false,
  }
  bucket.commit({ op: 'put', version })
  notify(call, bucket, 'Object Created', version.key, version.sequencer, reason, {
    size: version.size,
    etag: version.etag,
    ...(hasVersions(bucket) ? { 'version-id': version.versionId } : {}),
  })
  return version
}

/** What a delete did, as the response tells it. */
export interface Deletion {
  readonly deleteMarker: boolean
  readonly versionId?: string
}

/** Deletes the current object (leaving a delete marker where versioned) or one version for good. */
export function deleteVersion(
  call: S3Call,
  bucket: Bucket,
  key: string,
  versionId: string | undefined,
): Deletion {
  const versions = bucket.state.objects.get(key) ?? []
  if (versionId !== undefined) {
    const version = versions.find(candidate => candidate.versionId === versionId)
    if (version === undefined) return { deleteMarker: false, versionId }
    bucket.commit({ op: 'remove', key, versionId })
    deleted(call, bucket, key, 'Permanently Deleted', versionId)
    return { deleteMarker: version.deleteMarker, versionId }
  }
  if (!hasVersions(bucket)) {
    if (versions.length === 0) return { deleteMarker: false }
    bucket.commit({ op: 'remove', key, versionId: 'null' })
    deleted(call, bucket, key, 'Permanently Deleted', undefined)
    return { deleteMarker: false }
  }
  const marker: StoredVersion = {
    key,
    versionId: isVersioned(bucket) ? newVersionId() : 'null',
    sequencer: call.env.store.nextSequencer(),
    lastModified: stamp(call),
    deleteMarker: true,
    size: 0,
    etag: '',
    file: '',
    headers: {},
    tags: {},
  }
  bucket.commit({ op: 'put', version: marker })
  deleted(call, bucket, key, 'Delete Marker Created', marker.versionId, marker.sequencer)
  return { deleteMarker: true, versionId: marker.versionId }
}

function deleted(
  call: S3Call,
  bucket: Bucket,
  key: string,
  type: 'Permanently Deleted' | 'Delete Marker Created',
  versionId: string | undefined,
  sequencer = call.env.store.nextSequencer(),
): void {
  const object = versionId === undefined ? {} : { 'version-id': versionId }
  notify(call, bucket, 'Object Deleted', key, sequencer, 'DeleteObject', object, { 'deletion-type': type })
}

/** Shape: "Amazon S3 event notifications: EventBridge message structure" of the S3 user guide. */
function notify(
  call: S3Call,
  bucket: Bucket,
  detailType: string,
  key: string,
  sequencer: string,
  reason: string,
  object: Readonly<Record<string, unknown>>,
  more: Readonly<Record<string, unknown>> = {},
): void {
  if (!bucket.state.config.has('eventbridge')) return
  const { realm, emit } = call.env
  try {
    emit({
      source: 'aws.s3',
      detailType,
      resources: [bucketArn(bucket.name)],
      detail: {
        version: '0',
        bucket: { name: bucket.name },
        object: { key, ...object, sequencer },
        'request-id': call.context.requestId,
        requester: realm.accountId,
        'source-ip-address': '127.0.0.1',
        reason,
        ...more,
      },
    })
  } catch (error) {
    // The write has happened: a fault of the bus must not make the client believe that it has not.
    realm.log({
      level: 'error',
      service: 's3',
      message: `event for ${bucket.name}/${key} lost: ${String(error)}`,
    })
  }
}
