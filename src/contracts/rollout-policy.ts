import * as z from 'zod'

const share = z.number().gt(0).max(1)
const rate = z.number().gt(0).lt(1)

/** One step of exposure. Times are in minutes. */
export const phasePolicy = z.strictObject({
  name: z.string().regex(/^[a-z][a-z0-9-]{0,29}$/, 'lower-case letters, digits and hyphens, at most 30'),
  /** Share of the fleet that gets the candidate from this phase on. */
  exposure: share,
  /** The exposure is raised until at least so many of the known devices are in it. */
  minDevices: z.int().min(1).default(1),
  /** Evidence is gathered at least so long before the phase may be passed. */
  bakeMinutes: z.number().min(0).max(43_200).default(0),
  /** After this time without enough evidence a person is asked; see `insufficient`. */
  deadlineMinutes: z.number().gt(0).max(43_200).default(1_440),
  /** Failure rate that passing this phase must rule out; `tolerate.failureRate` by default. */
  proves: rate.optional(),
  /** The phase starts only when a person says so. */
  approval: z.boolean().default(false),
})
export type PhasePolicy = z.infer<typeof phasePolicy>

/** UTC. A window that crosses midnight belongs to the day on which it opens. */
export const maintenanceWindow = z.strictObject({
  days: z
    .array(z.enum(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']))
    .min(1)
    .default(['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']),
  from: z.string().regex(/^([01]\d|2[0-3]):[0-5]\d$/, 'HH:MM in UTC'),
  minutes: z.int().min(1).max(1_440),
})
export type MaintenanceWindow = z.infer<typeof maintenanceWindow>

/** What counts as harm: a candidate that is proven to be beyond one of these is stopped. */
const tolerated = z.strictObject({
  /** Share of devices whose update fails, whose self-test fails, or that refuse the package. */
  failureRate: rate.default(0.05),
  /** Devices with inference errors, with watchdog resets, or silent after the update: canary against control. */
  eventRatio: z.number().min(1).max(10).default(1),
  /** Median-like inference time: canary against control, as a ratio. */
  latencyRatio: z.number().gt(1).max(100).default(1.5),
  /** How much lower the mean confidence may be. */
  confidenceDrop: rate.default(0.1),
  /** Share of answers that may differ from the champion's, in shadow mode. */
  disagreement: rate.default(0.2),
})

export const BLOCKS_PER_SECOND = 500
/** How much the fleet may ask of the cloud at a time. */
const transfer = z.strictObject({
  /** Blocks of at most 96 KiB; a phase's devices spread their starts so that they ask for no more. */
  blocksPerSecond: z.int().min(1).max(100_000).default(BLOCKS_PER_SECOND),
})

/**
 * How a new version reaches the fleet. Stop tests hold at every look with `falseStop` as the chance of stopping a
 * rollout that is within what is tolerated; passing a phase proves its `proves` with `falsePromote` as the chance of
 * being wrong.
 */
export const rolloutPolicy = z
  .strictObject({
    phases: z
      .array(phasePolicy)
      .min(1)
      .max(8)
      .default([
        phasePolicy.parse({ name: 'canary', exposure: 0.1 }),
        phasePolicy.parse({ name: 'fleet', exposure: 1 }),
      ]),
    /** The first phase begins with the candidate beside the champion for so long, its answers unused. */
    shadowMinutes: z.number().min(0).max(43_200).default(0),
    /** `minDevices` holds for every hardware, not only for all together. */
    stratify: z.boolean().default(false),
    transfer: transfer.prefault({}),
    tolerate: tolerated.prefault({}),
    falseStop: rate.max(0.2).default(0.05),
    falsePromote: rate.max(0.2).default(0.05),
    /**
     * All that can be known is known and it does not prove what the phase must prove: `hold` asks a person, `proceed`
     * goes on and says so in the record. Small fleets cannot prove small rates; the plan says what they can.
     */
    insufficient: z.enum(['hold', 'proceed']).default('hold'),
    /** The rollout starts only when a person other than the one who asked for it says so. */
    approval: z.boolean().default(false),
    /** Phases begin only inside one of these; without any, at any time. */
    windows: z.array(maintenanceWindow).max(16).default([]),
    /** Thing → `canary` or `exclude`, against the draw. */
    pins: z.record(z.string().min(1).max(128), z.enum(['canary', 'exclude'])).default({}),
  })
  .superRefine(({ phases }, context) => {
    phases.forEach(({ exposure }, i) => {
      const before = phases[i - 1]?.exposure ?? 0
      if (exposure <= before)
        context.addIssue({
          code: 'custom',
          path: ['phases', i, 'exposure'],
          message: `must be above ${before}`,
        })
    })
    if (phases.length > 0 && phases.at(-1)?.exposure !== 1)
      context.addIssue({
        code: 'custom',
        path: ['phases', phases.length - 1, 'exposure'],
        message: 'the last phase is the whole fleet: 1',
      })
    if (new Set(phases.map(p => p.name)).size !== phases.length)
      context.addIssue({ code: 'custom', path: ['phases'], message: 'two phases have one name' })
  })
export type RolloutPolicy = z.infer<typeof rolloutPolicy>
