import type { S3ObjectCreated, s3ObjectCreated } from '../contracts/aws.ts'
import { modelName } from '../contracts/names.ts'
import { EdgeloopError, InputError } from '../domain/errors.ts'
import type { Core } from '../domain/ports.ts'
import { rejectInput } from '../domain/rejection.ts'
import type { Cause } from '../domain/store.ts'
import { follow, noteRefused, remark } from './chain.ts'
import { parseOrReject, retryOnConflict, rootCause } from './events.ts'

export interface Drop {
  readonly key: string
  /** From the key: `{area}/{model}/…`. */
  readonly model: string
  readonly versionId?: string
  readonly cause: Cause
}

/**
 * Logic for objects dropped under `{area}/{model}/`: takes the key apart, gives the drop an id that follows it
 * through the loop, and keeps what is refused where an operator sees it.
 */
export const dropHandler =
  (core: Core, schema: typeof s3ObjectCreated, area: string, run: (drop: Drop) => Promise<void>) =>
  async (event: unknown): Promise<void> => {
    const { detail } = parseOrReject(schema, event)
    await runDrop(core, area, toDrop(detail), run)
  }

export const toDrop = (detail: S3ObjectCreated['detail']): Omit<Drop, 'model'> => {
  const { key, etag = '' } = detail.object
  const versionId = detail.object['version-id']
  return {
    key,
    ...(versionId ? { versionId } : {}),
    cause: rootCause('drop', detail.bucket.name, key, versionId ?? etag),
  }
}

export async function runDrop(
  core: Core,
  area: string,
  drop: Omit<Drop, 'model'>,
  run: (drop: Drop) => Promise<void>,
): Promise<void> {
  const name = drop.key.split('/')[1] ?? ''
  await recordingRefusals(core, { ...drop, model: name }, async () => {
    const model = modelName.safeParse(name)
    if (!model.success || drop.key.split('/').length < 3) {
      throw new InputError(
        'BAD_KEY',
        `the key must be ${area}/MODEL/FILE with MODEL in lower-case letters, digits and hyphens; got "${drop.key}"`,
        'key',
      )
    }
    await retryOnConflict(() => run({ ...drop, model: model.data }))
  })
}

/** Runs the logic of a drop and keeps what it refuses; everything else is thrown for a retry. */
export async function recordingRefusals(
  core: Core,
  { key, model, versionId, cause }: Omit<Drop, 'model'> & { readonly model?: string },
  run: () => Promise<void>,
): Promise<void> {
  follow(cause)
  remark({ key })
  try {
    await run()
  } catch (error) {
    const refusal = asRefusal(error)
    if (refusal === undefined) throw error
    noteRefused()
    const instance = versionId ?? cause.correlationId
    await rejectInput(
      core,
      { channel: 's3', subject: key, instance, ...(model === undefined ? {} : { model }) },
      refusal,
      cause,
    )
  }
}

/** An object that is too large, or gone before it was read, is the dropper's affair and not a fault to retry. */
function asRefusal(error: unknown): InputError | undefined {
  if (error instanceof InputError) return error
  if (!(error instanceof EdgeloopError)) return undefined
  if (error.code === 'LIMIT') return new InputError('TOO_LARGE', error.message, 'file')
  if (error.code === 'NOT_FOUND') return new InputError('GONE', error.message, 'file')
  return undefined
}
