/** S3 on the local disk: bodies as files, metadata as a journal per bucket, both under `realm.dir/s3`. */
import type { S3, ServiceOptions } from '../core/services.ts'
import { AwsError, type EmitServiceEvent, type RestResponse } from '../core/types.ts'
import { renderError } from '../http/errors.ts'
import { writeXml } from '../http/xml.ts'
import { checkedPolicy } from './bucket-config.ts'
import { readCall, type S3Environment } from './call.ts'
import { noSuchBucket, notImplemented, S3Error } from './errors.ts'
import { s3Namespace } from './object-details.ts'
import { handlerFor } from './routes.ts'
import { openStore } from './store.ts'

export interface S3Options extends ServiceOptions {
  /** Receives `Object Created` and `Object Deleted` of buckets with an EventBridgeConfiguration. */
  readonly emit: EmitServiceEvent
}

/** Opens the store in `realm.dir/s3`: buckets, objects and versions of an earlier start are there again. */
export function createS3({ realm, emit }: S3Options): S3 {
  const store = openStore(realm)
  const env: S3Environment = { realm, store, emit }
  return {
    service: {
      kind: 'rest',
      name: 's3',
      signingNames: ['s3'],
      async handle(request, context) {
        try {
          const call = readCall(env, request, context)
          const { status = 200, ...rest } = await handlerFor(call)(call)
          return { status, ...rest }
        } catch (error) {
          if (!(error instanceof AwsError)) throw error
          return errorReply(error, request.method, context.requestId)
        }
      },
    },
    createBucket(properties) {
      const { VersioningConfiguration: versioning, NotificationConfiguration: notification } = properties
      const direct = ['LambdaConfigurations', 'QueueConfigurations', 'TopicConfigurations']
      const unsupported = direct.find(name => Object.hasOwn(notification ?? {}, name))
      if (unsupported !== undefined)
        throw notImplemented(`NotificationConfiguration.${unsupported}; use EventBridgeConfiguration`)
      const bucket = store.create(properties.BucketName)
      if (versioning !== undefined)
        bucket.commit({ op: 'config', name: 'versioning', value: versioning.Status })
      const on = isEventBridgeOn(notification?.EventBridgeConfiguration)
      bucket.commit({ op: 'config', name: 'eventbridge', value: on ? 'on' : null })
      const block = properties['PublicAccessBlockConfiguration']
      if (block !== undefined) {
        const value = writeXml(
          'PublicAccessBlockConfiguration',
          block as Record<string, boolean>,
          s3Namespace,
        )
        bucket.commit({ op: 'config', name: 'publicAccessBlock', value })
      }
    },
    setBucketPolicy(name, policy) {
      const bucket = store.find(name)
      if (bucket === undefined) throw noSuchBucket(name)
      bucket.commit({ op: 'config', name: 'policy', value: checkedPolicy(JSON.stringify(policy), name) })
    },
    async close() {
      store.close()
    },
  }
}

// CloudFormation writes {EventBridgeEnabled: true}; its values may come as text.
function isEventBridgeOn(configuration: unknown): boolean {
  if (typeof configuration !== 'object' || configuration === null) return false
  const enabled: unknown = Reflect.get(configuration, 'EventBridgeEnabled')
  return enabled === undefined || String(enabled) === 'true'
}

function errorReply(error: AwsError, method: string, requestId: string): RestResponse {
  const rendered = renderError(error, 'rest-xml', requestId)
  const headers = { ...rendered.headers, ...(error instanceof S3Error ? error.headers : {}) }
  // A HEAD has no body to carry the code, and clients make do with the status.
  if (error.status === 304 || method === 'HEAD') return { status: error.status, headers }
  return { ...rendered, headers }
}
