import * as z from 'zod'
import { deviceLink, iotRegistry } from '../adapters/devices.ts'
import { bucketObjects } from '../adapters/objects.ts'
import { type BlobRow, keys } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Core, DeviceLink, Objects, Registry } from '../domain/ports.ts'
import { lambda } from '../runtime/lambda.ts'
import { handleUplink } from '../runtime/uplink.ts'

export interface ServeBlobDeps extends Core {
  readonly artefacts: Objects
  readonly link: DeviceLink
  readonly registry: Registry
}

/** `blob`: one block of a package or bundle, by digest. A device gets the blobs of its own fleet only. */
export const serveBlob = (deps: ServeBlobDeps) => (event: unknown) =>
  handleUplink(deps, event, ['blob'], async ({ message, thing }) => {
    const { corr, digest, offset, length } = message.body
    const fleet = (await deps.registry.describe(thing))?.fleet
    const blob =
      fleet === undefined ? undefined : (await deps.store.get<BlobRow>(keys.blob(digest, fleet)))?.data
    const refuse = async (code: string, reason: string, field: string): Promise<never> => {
      await deps.link.answer(thing, corr, { v: 1, kind: 'error', code, message: reason })
      throw new InputError(code, reason, field)
    }
    if (blob === undefined)
      return refuse(
        'UNKNOWN_BLOB',
        `no release of the fleet of ${thing} has the blob ${digest}`,
        'body.digest',
      )
    if (offset >= blob.length)
      return refuse('RANGE', `offset ${offset} is past the end of ${blob.length} bytes`, 'body.offset')
    const bytes = await deps.artefacts.range(blob.objectKey, offset, Math.min(length, blob.length - offset))
    await deps.link.block(thing, digest, offset, bytes)
  })

export const handler = lambda({ ARTEFACT_BUCKET: z.string().min(1) }, (env, core) =>
  serveBlob({
    ...core,
    artefacts: bucketObjects(env.ARTEFACT_BUCKET),
    link: deviceLink(),
    registry: iotRegistry(core.now),
  }),
)
