import * as z from 'zod'
import { featureName, modelName, thingName, timestamp } from './names.ts'

export const admittedSample = z.strictObject({
  eventId: z.string(),
  thing: thingName,
  receivedAt: timestamp,
  /** Feature values in the order of `features`, null = missing. */
  row: z.array(z.number().nullable()),
  /** Index in `classes`, or the value for regression. */
  label: z.number(),
  /** Inclusion probability under which the device sent it, and when its label came; absent before they were kept. */
  pi: z.number().gt(0).max(1).optional(),
  labelledAt: timestamp.optional(),
})
/**
 * `field/{model}/{sha256}/samples.json`: the field samples that may be trained on, written by admit-samples alone. Its
 * bytes are canonical JSON and its key is their digest.
 */
export const admittedSamples = z.strictObject({
  model: modelName,
  features: z.array(featureName),
  classes: z.array(z.string()),
  samples: z.array(admittedSample),
})
export type AdmittedSample = z.infer<typeof admittedSample>
export type AdmittedSamples = z.infer<typeof admittedSamples>
