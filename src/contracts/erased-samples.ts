import * as z from 'zod'
import { admittedSamples } from './admitted-samples.ts'
import { sha256, timestamp } from './names.ts'

/** What is left of an erased sample. */
export const tombstone = z.strictObject({
  /** SHA-256 of the event id, which is made from the device's name. */
  eventId: sha256,
  /** Of the sample's values, as the manifests of training sets have it. */
  digest: sha256,
  erasedAt: timestamp,
  reason: z.string().min(1).max(500),
})
/** `field/{model}/{sha256}/samples.json` after something of it was erased. */
export const erasedSamples = admittedSamples.extend({
  /** Digest under which it was admitted. */
  original: sha256,
  tombstones: z.array(tombstone).min(1),
})
/** What lies under `field/{model}/{sha256}/samples.json`. */
export const storedSamples = z.union([erasedSamples, admittedSamples])
export type Tombstone = z.infer<typeof tombstone>
export type ErasedSamples = z.infer<typeof erasedSamples>
