import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, sha256 } from '../names.ts'

export const samplesAdmitted = defineEvent(
  'SamplesAdmitted',
  'Field samples left quarantine: these and no others may be trained on',
  z.object({
    model: modelName,
    decision: z.string(),
    /** Of the object with the admitted samples. */
    digest: sha256,
    admitted: z.int().min(0),
    /** Samples that stay in quarantine, by reason code. */
    excluded: z.record(z.string(), z.int().min(1)),
    /** Distinct devices among the admitted. */
    devices: z.int().min(0),
  }),
)
