import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { labelRequest } from './labels-requested.ts'

export const reviewsOpened = defineEvent(
  'ReviewsOpened',
  'Samples of a label request are in its file and in people’s queue',
  labelRequest.extend({
    /** Lines of the file. The queue takes those of them that it has room for. */
    samples: z.int().min(1),
  }),
)
