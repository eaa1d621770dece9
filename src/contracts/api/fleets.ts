import * as z from 'zod'
import { bars, manifestSlot } from '../manifest.ts'
import { fleetName, hardwareName, modelName, sha256, slotName, thingName, versionNumber } from '../names.ts'
import { flagText, page, paging, question, time } from './operation.ts'

const count = z.int().min(0)
const share = z.number().min(0).max(1)

export const fleetView = z.object({
  fleet: fleetName,
  epoch: z.int(),
  counter: z.int().describe('Of the newest manifest'),
  published: z.int().describe('Highest counter that reached the broker; below `counter`: it is on its way'),
  slots: z.array(manifestSlot),
  bars,
  active: z.record(z.string(), z.string()).describe('Rollout in flight by slot'),
  keyid: z.string().optional(),
})

/** As in Edge Manager's report. A version is here while a device runs it. */
export const versionReport = z.object({
  model: modelName,
  version: versionNumber,
  devices: count,
  connected: count.describe('Heard of within their usual time'),
  offline: count,
  active: count.nullable().describe('Answered inferences in the last closed window; null: no window yet'),
  sampling: count.nullable().describe('Captured samples in it'),
  window: z.int().nullable().describe('That window'),
})
export const fleetReport = z.object({
  fleet: fleetName,
  registered: count,
  connected: count,
  silent: count,
  revoked: count,
  withoutModel: count.describe(
    'Registered devices with a slot that runs nothing, or that never said what they run',
  ),
  hardware: z.array(z.object({ hardware: hardwareName, devices: count })),
  versions: z.array(versionReport),
})
export type FleetReport = z.infer<typeof fleetReport>

export const deviceSlotView = z.object({
  bundle: sha256.nullable(),
  release: z.object({ model: modelName, version: versionNumber }).optional(),
  step: z.string(),
  code: z.string().optional(),
  at: time,
})
export const deviceView = z.object({
  thing: thingName,
  fleet: fleetName,
  hardware: hardwareName,
  runtime: z.string(),
  lastSeen: z.string().describe('ISO time; empty: only a report of it is known'),
  silent: z.boolean(),
  slots: z.record(z.string(), deviceSlotView),
  dropped: count.describe('Messages that it lost for want of room'),
  gapMs: z.number().optional().describe('Its usual time between messages'),
  revokedAt: time.optional(),
  reinstatedAt: time.optional(),
  epoch: z.int(),
  seq: z.int(),
})
export type DeviceView = z.infer<typeof deviceView>

const revocationView = z.object({
  thing: thingName,
  fleet: fleetName,
  since: time,
  reason: z.string(),
  by: z.string(),
  at: time,
  status: z.enum(['REVOKING', 'REVOKED', 'LIFTED']),
  certificates: z.array(z.string()),
})
/** What a device should run in a slot and why. */
export const placement = z.object({
  slot: slotName,
  wanted: z.object({ model: modelName, version: versionNumber, bundle: sha256 }).nullable(),
  because: z.enum(['committed', 'canary', 'pin', 'barred', 'revoked', 'nothing']),
  rollout: z.string().nullable(),
  arm: z.enum(['canary', 'control', 'between']).nullable().describe('Of the rollout in flight'),
  draw: share.nullable().describe('Its place u in the rollout: canary below the exposure'),
  runs: sha256.nullable(),
  as: z.boolean().describe('It runs what it should'),
  explanation: z.string().describe('One sentence'),
})
export const deviceRollout = z.object({
  rollout: z.string(),
  model: modelName,
  version: versionNumber,
  createdAt: time,
  status: z.string(),
  arm: z.string().nullable(),
  started: z.boolean(),
  outcome: z.string().nullable(),
  code: z.string().optional(),
})
export const deviceProblem = z.object({
  thing: thingName,
  from: z.int(),
  found: z.int(),
  until: z.int().optional(),
  evidence: z.array(
    z.object({ name: z.string(), logE: z.number(), distance: z.number(), lowerBound: z.number() }),
  ),
})
export const deviceDetail = deviceView.extend({
  revocation: revocationView.optional(),
  placements: z.array(placement),
  rollouts: z
    .array(deviceRollout)
    .describe('Of its fleet’s newest rollouts those that it had a part in, newest first'),
  problems: z.array(deviceProblem.extend({ model: modelName, version: versionNumber })),
})
export const deviceWindow = z.object({
  model: modelName,
  version: versionNumber,
  window: z.int(),
  start: time,
  inferences: count,
  errors: count,
  resets: count,
  latencyMs: z.object({ p50: z.number(), p95: z.number(), p99: z.number() }).nullable(),
  confidence: z.number().nullable().describe('Mean, 0 to 1'),
  samples: count,
  distances: z
    .record(z.string(), z.number())
    .describe(
      'Total variation distance of its own readings to the baseline, by quantity; too few are left out',
    ),
})

export const enrolmentView = z.object({
  serial: thingName,
  fleet: fleetName,
  hardware: hardwareName,
  status: z.enum(['ALLOWED', 'USED', 'BLOCKED']),
  allowedBy: z.string(),
  allowedAt: time,
  certificateId: z.string().optional(),
  publicKey: z.string().optional(),
  usedAt: time.optional(),
  claim: z.string().optional(),
  blockedAt: time.optional(),
  reason: z.string().optional(),
})

export const fleetQuestions = {
  listFleets: question({
    ...{ id: 'listFleets', path: '/v1/fleets', tag: 'Fleets', summary: 'Fleets with their newest manifest' },
    query: paging,
    answer: page('fleets', fleetView),
    example: {},
  }),
  getFleet: question({
    ...{ id: 'getFleet', path: '/v1/fleets/{fleet}', tag: 'Fleets', summary: 'One fleet' },
    answer: fleetView,
    problems: [404],
    example: { path: { fleet: 'containers' } },
  }),
  getFleetReport: question({
    ...{ id: 'getFleetReport', path: '/v1/fleets/{fleet}/report', tag: 'Fleets' },
    summary: 'How many devices are registered, connected, and run which version',
    answer: fleetReport,
    problems: [404],
    example: { path: { fleet: 'containers' } },
  }),
  listDevices: question({
    ...{ id: 'listDevices', path: '/v1/fleets/{fleet}/devices', tag: 'Devices' },
    summary: 'Devices of a fleet, in order of their names',
    description:
      '`silent=true` and `model` with `version` are read from sets of their own; other filters pass over what does not fit.',
    query: {
      ...paging,
      silent: flagText.optional(),
      hardware: hardwareName.optional(),
      model: modelName.optional().describe('With `version`: devices that run it'),
      version: z
        .string()
        .regex(/^[0-9]{1,7}$/)
        .transform(Number)
        .pipe(versionNumber)
        .optional(),
      step: z.string().min(1).max(40).optional().describe('What a slot last reported, such as `REFUSED`'),
      revoked: flagText.optional(),
    },
    answer: page('devices', deviceView),
    example: { path: { fleet: 'containers' }, query: { limit: '2' } },
  }),
  getDevice: question({
    ...{ id: 'getDevice', path: '/v1/devices/{thing}', tag: 'Devices' },
    summary: 'One device: what it runs, what it should run, and why',
    answer: deviceDetail,
    problems: [404],
    example: { path: { thing: 'containers-0001' } },
  }),
  listDeviceWindows: question({
    ...{ id: 'listDeviceWindows', path: '/v1/devices/{thing}/windows', tag: 'Devices' },
    summary: 'What a device counted in the last windows of what it runs, newest first',
    query: { model: modelName.optional().describe('Needed when it runs several') },
    answer: z.object({ windows: z.array(deviceWindow) }),
    problems: [404],
    example: { path: { thing: 'containers-0001' } },
  }),
  listEnrolments: question({
    ...{
      id: 'listEnrolments',
      path: '/v1/enrolments',
      tag: 'Devices',
      summary: 'The allow-list, in order of serials',
    },
    query: { ...paging, status: enrolmentView.shape.status.optional() },
    answer: page('enrolments', enrolmentView),
    example: { query: { limit: '2' } },
  }),
  getEnrolment: question({
    ...{
      id: 'getEnrolment',
      path: '/v1/enrolments/{serial}',
      tag: 'Devices',
      summary: 'One line of the allow-list',
    },
    answer: enrolmentView,
    problems: [404],
    example: { path: { serial: 'containers-0001' } },
  }),
}
export { revocationView }
