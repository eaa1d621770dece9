import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { featureName, modelName, thingName, versionNumber } from '../names.ts'

export const deviceDriftDetected = defineEvent(
  'DeviceDriftDetected',
  'Single devices are off while the fleet is not: they want repair, and their samples are not trained on',
  z.object({
    model: modelName,
    version: versionNumber,
    window: z.int().min(0),
    /** Devices found with this window; `devices` names the first of them. */
    found: z.int().min(1),
    devices: z
      .array(
        z.object({
          thing: thingName,
          evidence: z
            .array(
              z.object({
                name: featureName,
                /** Natural logarithm of the e-value. */
                logE: z.number(),
                /** Total variation distance of the device's own readings to the baseline, and its lower bound. */
                distance: z.number().min(0).max(1),
                lowerBound: z.number().min(0).max(1),
              }),
            )
            .min(1),
        }),
      )
      .min(1)
      .max(50),
  }),
)
