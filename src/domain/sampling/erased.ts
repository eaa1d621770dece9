/** What was erased must not come back: tombstones in the quarantine table, by digests, as long as a sample is kept. */
import { eventIdOwner, ownerInEventId } from '../../contracts/event-id.ts'
import { type ErasedDeviceRow, type ErasedSampleRow, keys, type SampleRow } from '../entities.ts'
import type { Key, Put } from '../store.ts'
import { sha256Hex } from '../training/plan.ts'
import { type Quarantine, sampleTtl } from './quarantine.ts'

/** An event id says the device's name, so a tombstone has only its digest. */
export const eventIdDigest = (eventId: string): string => sha256Hex(`event id\0${eventId}`)
/** Digest of a device's part in its event ids. */
export const ownerDigest = (thing: string): string => ownerDigestOf(eventIdOwner(thing, sha256Hex))
const ownerDigestOf = (owner: string): string => sha256Hex(`owner\0${owner}`)

export const tombstoneKey = (model: string, eventId: string): Key =>
  keys.erasedSample(model, ownerOf({ sample: eventId }), eventIdDigest(eventId))
const ttlFrom = (erasedAt: string): number => sampleTtl({ receivedAt: erasedAt })

export const tombstonePut = (
  model: string,
  eventId: string,
  data: Omit<ErasedSampleRow, 'version'> & { readonly version: number | undefined },
): Put<ErasedSampleRow> => {
  const { version, ...when } = data
  return {
    kind: 'put',
    key: tombstoneKey(model, eventId),
    data: { ...when, ...(version === undefined ? {} : { version }) },
    expect: 'any',
    ttl: ttlFrom(data.erasedAt),
  }
}

/** The row that makes ingest-samples look for tombstones; an earlier one that says more is not made to say less. */
export function devicePut(
  model: string,
  owner: string,
  erasedAt: string,
  before: ErasedDeviceRow | undefined,
  all: boolean,
): Put<ErasedDeviceRow> {
  const until = all ? erasedAt : before?.until
  return {
    kind: 'put',
    key: keys.erasedDevice(model, owner),
    data: until === undefined ? {} : { until },
    expect: 'any',
    ttl: ttlFrom(erasedAt),
  }
}

/** Digest of the owner behind what is to be erased. */
export const ownerOf = (what: { readonly device: string } | { readonly sample: string }): string =>
  'device' in what ? ownerDigest(what.device) : ownerDigestOf(ownerInEventId(what.sample) ?? what.sample)

/**
 * Samples of one device without those that were erased: one by its event id, all of a device up to a time by when it
 * captured them. One read for a device of which nothing was erased.
 */
export async function withoutErased(
  quarantine: Pick<Quarantine, 'get'>,
  model: string,
  thing: string,
  samples: readonly SampleRow[],
): Promise<readonly SampleRow[]> {
  const device = await quarantine.get<ErasedDeviceRow>(keys.erasedDevice(model, ownerDigest(thing)))
  if (device === undefined) return samples
  const { until } = device.data
  const left: SampleRow[] = []
  for (const sample of samples) {
    if (until !== undefined && sample.capturedAt <= until) continue
    if ((await quarantine.get(tombstoneKey(model, sample.eventId))) === undefined) left.push(sample)
  }
  return left
}

/** The tombstone of a sample that was erased. */
export async function findErased(
  quarantine: Pick<Quarantine, 'query'>,
  model: string,
  eventId: string,
): Promise<ErasedSampleRow | undefined> {
  const { pk, sk } = tombstoneKey(model, eventId)
  const [row] = await quarantine.query<ErasedSampleRow>(pk, sk, { limit: 1 })
  return row?.data
}
