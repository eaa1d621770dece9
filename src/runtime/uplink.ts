import { parseUntrustedJson, UnsafeJsonError } from '../../verifier/json.ts'
import {
  type Ingress,
  ingress as ingressContract,
  samplesIngress,
  type Uplink,
  type UplinkKind,
  uplinkLimits,
  uplinks,
} from '../contracts/mqtt.ts'
import { isRevoked } from '../domain/device/revoked.ts'
import { type DeviceRow, keys } from '../domain/entities.ts'
import { InputError } from '../domain/errors.ts'
import type { Core } from '../domain/ports.ts'
import { rejectInput } from '../domain/rejection.ts'
import type { Cause } from '../domain/store.ts'
import { sha256Hex } from '../domain/training/plan.ts'
import { follow, noteRefused, remark } from './chain.ts'
import { parseOrReject, retryOnConflict, rootCause } from './events.ts'

export interface Received<K extends UplinkKind> {
  readonly message: Uplink<K>
  /** From the topic, which the device's policy confines to its own name. */
  readonly thing: string
  readonly receivedAt: Date
  /** SHA-256 of the payload's bytes: tells a re-delivery from another message under the same number. */
  readonly digest: string
  readonly cause: Cause
}

/** The rule's output, whether it came by SQS (text) or straight into the function. */
export const parseIngress = (value: unknown): Ingress =>
  ingressContract.parse(typeof value === 'string' ? JSON.parse(value) : value)

/** Bytes first (length, depth, finiteness), then the schema, then whether the message is who the broker says it is. */
export function parseUplink<const K extends UplinkKind>(raw: Ingress, kinds: readonly K[]): Received<K> {
  const kind = kinds.find(k => k === raw.kind)
  if (kind === undefined)
    throw new InputError(
      'UNKNOWN_KIND',
      `"${raw.kind}" is no kind of message here; expected ${kinds.join(', ')}`,
      'topic',
    )
  const bytes = Buffer.from(raw.data, 'base64')
  const schema = kind === 'samples' ? samplesIngress : uplinks[kind]
  const message = parseOrReject(schema, untrusted(bytes, kind)) as Uplink<K>
  if (message.thing !== raw.thing || raw.client !== raw.thing) {
    throw new InputError(
      'WRONG_IDENTITY',
      `the message says "${message.thing}", the topic "${raw.thing}", the connection "${raw.client}"`,
      'thing',
    )
  }
  const digest = sha256Hex(bytes)
  return {
    message,
    thing: raw.thing,
    receivedAt: new Date(raw.receivedAt),
    digest,
    cause: rootCause('mqtt', raw.thing, String(message.epoch), String(message.seq), digest),
  }
}

function untrusted(bytes: Uint8Array, kind: UplinkKind): unknown {
  try {
    return parseUntrustedJson(bytes, uplinkLimits[kind])
  } catch (error) {
    if (error instanceof UnsafeJsonError)
      throw new InputError(error.code, `${kind}: ${error.message}`, 'payload')
    throw error
  }
}

/** Handles one message; what is refused is recorded, and nothing else in its batch suffers. */
export async function handleUplink<const K extends UplinkKind>(
  core: Core,
  value: unknown,
  kinds: readonly K[],
  run: (received: Received<K>) => Promise<void>,
): Promise<void> {
  const raw = parseIngress(value)
  try {
    const received = parseUplink(raw, kinds)
    remark({ kind: raw.kind })
    follow(received.cause)
    core.count('DeviceMessages')
    await retryOnConflict(async () => {
      await refuseRevoked(core, received)
      await run(received)
    })
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    noteRefused()
    const payload = Buffer.from(raw.data, 'base64')
    const subject = `edgeloop/v1/${raw.thing}/up/${raw.kind}`
    await rejectInput(
      core,
      { channel: 'mqtt', subject, instance: sha256Hex(payload), thing: raw.thing, payload },
      error,
    )
  }
}

/** In what is retried, so that a message and a revocation that meet are decided on the new state. */
async function refuseRevoked(core: Core, { thing, receivedAt }: Received<UplinkKind>): Promise<void> {
  const device = (await core.store.get<DeviceRow>(keys.device(thing)))?.data
  if (device === undefined || !isRevoked(device, receivedAt)) return
  throw new InputError('DEVICE_REVOKED', `${thing} is revoked since ${device.revokedAt}`, 'thing')
}

/** A message that was accepted before: the same bytes are a re-delivery, other bytes are a forgery or a lost counter. */
export function assertNotReplayed(
  before: { readonly digest: string } | undefined,
  digest: string,
  place: string,
): void {
  if (before !== undefined && before.digest !== digest) {
    throw new InputError('REPLAYED', `(thing, epoch, seq) ${place} was used before by another message`, 'seq')
  }
}
