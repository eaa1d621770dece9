import * as z from 'zod'
import { driftEvidence } from '../drift.ts'
import { defineEvent } from '../envelope.ts'
import { modelName, versionNumber } from '../names.ts'

export const driftDetected = defineEvent(
  'DriftDetected',
  'Evidence and magnitude of drift both passed their thresholds',
  z.object({
    model: modelName,
    version: versionNumber,
    episode: z.string(),
    window: z.int().min(0),
    evidence: z.array(driftEvidence).min(1),
  }),
)
