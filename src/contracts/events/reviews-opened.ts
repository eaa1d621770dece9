import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, timestamp, versionNumber } from '../names.ts'

export const reviewsOpened = defineEvent(
  'ReviewsOpened',
  'Samples of a label request are in its file and in people’s queue',
  z.object({
    model: modelName,
    version: versionNumber,
    request: z.string(),
    cause: z.string(),
    /** As in the request: samples are from then on. */
    since: timestamp,
    /** Lines of the file. The queue takes those of them that it has room for. */
    samples: z.int().min(1),
  }),
)
