/**
 * PLANNED: nothing is out. RUNNING: a phase's manifest is. PAUSED: as RUNNING, but no phase is passed. HELD: the
 * evidence does not suffice and a person decides. The rest are ends.
 */
export const rolloutStatuses = [
  'PLANNED',
  'RUNNING',
  'PAUSED',
  'HELD',
  'COMPLETED',
  'ROLLED_BACK',
  'ABORTED',
  'SUPERSEDED',
] as const
export type RolloutStatus = (typeof rolloutStatuses)[number]

/** By the engine or a person. `permit`: a person lets begin what was planned only. */
export const rolloutDecisionKinds = [
  'permit',
  'start',
  'activate',
  'promote',
  'complete',
  'roll-back',
  'hold',
  'pause',
  'resume',
  'abort',
  'supersede',
  'approve',
] as const
export type RolloutDecisionKind = (typeof rolloutDecisionKinds)[number]
