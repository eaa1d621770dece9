import * as z from 'zod'
import { MAX_DOCUMENT_BYTES } from '../../verifier/documents.ts'
import { Refusal } from '../../verifier/refusal.ts'
import { deviceLink } from '../adapters/devices.ts'
import { bucketObjects } from '../adapters/objects.ts'
import { s3ObjectCreated } from '../contracts/aws.ts'
import { keys, type TrustRow } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Core, DeviceLink, Objects } from '../domain/ports.ts'
import { put, type Row } from '../domain/store.ts'
import { followChain } from '../domain/trust/chain.ts'
import { recordingRefusals, toDrop } from '../runtime/drops.ts'
import { fromBus, isBusEvent, parseBusEvent, parseOrReject, retryOnConflict } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

const TRUST_CHAIN_KEY = 'trust/chain.json'

export interface PublishTrustDeps extends Core {
  readonly drops: Objects
  readonly link: DeviceLink
}

/**
 * A chain of trust roots was dropped: it is walked as a device would walk it, kept, and only then published. This
 * function has no key; a chain that root keys did not sign is refused here as it would be in the field.
 */
export const publishTrust = (deps: PublishTrustDeps) => {
  const onBus = fromBus(deps, async event => {
    const { data } = parseBusEvent(event, ['CheckDue'])
    if (data.kind === 'trust') await publishCommitted(deps)
  })
  return async (event: unknown): Promise<void> => {
    if (isBusEvent(event)) return onBus(event)
    const drop = toDrop(parseOrReject(s3ObjectCreated, event).detail)
    await recordingRefusals(deps, drop, () => retryOnConflict(() => takeOver(deps, drop)))
    await retryOnConflict(() => publishCommitted(deps))
  }
}

async function takeOver(
  deps: PublishTrustDeps,
  { key, versionId, cause }: ReturnType<typeof toDrop>,
): Promise<void> {
  if (key !== TRUST_CHAIN_KEY)
    throw new InputError('BAD_KEY', `the key must be ${TRUST_CHAIN_KEY}; got "${key}"`, 'key')
  const { bytes } = await deps.drops.get(key, {
    maxBytes: MAX_DOCUMENT_BYTES,
    ...(versionId ? { versionId } : {}),
  })
  const row = await deps.store.get<TrustRow>(keys.trust())
  const next = asInputErrors(() => followChain(row?.data, bytes, deps.now()))
  if (next === undefined) return
  const { version, epoch } = next
  await deps.store.commit(
    [put(keys.trust(), next, row, { pending: { kind: 'trust', since: deps.now().toISOString() } })],
    [{ type: 'TrustRootPublished', data: { version, epoch } }],
    cause,
  )
  deps.log.info('TRUST_ROOT_ACCEPTED', { version, epoch, digest: next.digest, expires: next.expires })
}

const asInputErrors = <T>(run: () => T): T => {
  try {
    return run()
  } catch (error) {
    if (error instanceof Refusal) throw new InputError(error.code, error.message, 'chain')
    throw error
  }
}

/** Publishes what is committed and not yet out. Publishing twice is harmless: devices know the version. */
async function publishCommitted({ store, link }: PublishTrustDeps): Promise<void> {
  const row: Row<TrustRow> | undefined = await store.get<TrustRow>(keys.trust())
  if (row === undefined || row.data.published >= row.data.version) return
  await link.publishTrust(row.data.chain)
  await store.commit([put(row.key, { ...row.data, published: row.data.version }, row)])
}

export const handler = lambda({ DROP_BUCKET: z.string().min(1) }, (env, core) =>
  publishTrust({ ...core, drops: bucketObjects(env.DROP_BUCKET), link: deviceLink() }),
)
