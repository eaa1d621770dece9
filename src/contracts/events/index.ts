import { burstRequested } from './burst-requested.ts'
import { checkDue } from './check-due.ts'
import { compilationFailed } from './compilation-failed.ts'
import { compilationFinished } from './compilation-finished.ts'
import { datasetRegistered } from './dataset-registered.ts'
import { deviceDriftDetected } from './device-drift-detected.ts'
import { deviceReported } from './device-reported.ts'
import { deviceRevoked } from './device-revoked.ts'
import { deviceSilent } from './device-silent.ts'
import { driftDetected } from './drift-detected.ts'
import { harmConfirmed } from './harm-confirmed.ts'
import { inputRejected } from './input-rejected.ts'
import { labelsReceived } from './labels-received.ts'
import { labelsRequested } from './labels-requested.ts'
import { modelConfigured } from './model-configured.ts'
import { modelVersionRegistered } from './model-version-registered.ts'
import { modelVersionRejected } from './model-version-rejected.ts'
import { packageSigned } from './package-signed.ts'
import { phaseStarted } from './phase-started.ts'
import { releaseBarred } from './release-barred.ts'
import { retrainApproved } from './retrain-approved.ts'
import { retrainRequested } from './retrain-requested.ts'
import { retrainSuppressed } from './retrain-suppressed.ts'
import { reviewsOpened } from './reviews-opened.ts'
import { rolloutAborted } from './rollout-aborted.ts'
import { rolloutCommanded } from './rollout-commanded.ts'
import { rolloutCompleted } from './rollout-completed.ts'
import { rolloutHeld } from './rollout-held.ts'
import { rolloutPlanned } from './rollout-planned.ts'
import { rolloutRequested } from './rollout-requested.ts'
import { rolloutRolledBack } from './rollout-rolled-back.ts'
import { samplesAdmitted } from './samples-admitted.ts'
import { trainingFailed } from './training-failed.ts'
import { trainingStarted } from './training-started.ts'
import { trustRootPublished } from './trust-root-published.ts'
import { windowAmended } from './window-amended.ts'
import { windowClosed } from './window-closed.ts'

/** Every domain event, in the order of the loop. Rules, samples, docs and types derive from this list. */
export const eventContracts = [
  modelConfigured,
  datasetRegistered,
  inputRejected,
  trainingStarted,
  trainingFailed,
  modelVersionRegistered,
  modelVersionRejected,
  compilationFinished,
  compilationFailed,
  trustRootPublished,
  packageSigned,
  rolloutRequested,
  rolloutPlanned,
  rolloutCommanded,
  phaseStarted,
  rolloutHeld,
  rolloutCompleted,
  rolloutRolledBack,
  rolloutAborted,
  releaseBarred,
  burstRequested,
  deviceReported,
  deviceSilent,
  deviceRevoked,
  windowClosed,
  windowAmended,
  driftDetected,
  deviceDriftDetected,
  harmConfirmed,
  labelsRequested,
  reviewsOpened,
  labelsReceived,
  retrainRequested,
  retrainApproved,
  retrainSuppressed,
  samplesAdmitted,
  checkDue,
] as const

/** Facts that people and dashboards read; no function waits for them. */
export const forOperators = [
  'InputRejected',
  'TrainingStarted',
  'TrainingFailed',
  'ModelVersionRejected',
  'CompilationFailed',
  'PhaseStarted',
  'RolloutHeld',
  'RolloutRolledBack',
  'RolloutAborted',
  'RetrainSuppressed',
  'DeviceDriftDetected',
] as const satisfies readonly EventType[]

export type EventType = (typeof eventContracts)[number]['type']
export type AnyEventContract = (typeof eventContracts)[number]

export {
  checkDue,
  compilationFailed,
  compilationFinished,
  datasetRegistered,
  deviceDriftDetected,
  deviceReported,
  deviceRevoked,
  deviceSilent,
  driftDetected,
  harmConfirmed,
  inputRejected,
  labelsReceived,
  labelsRequested,
  modelConfigured,
  modelVersionRegistered,
  modelVersionRejected,
  packageSigned,
  phaseStarted,
  releaseBarred,
  retrainApproved,
  retrainRequested,
  retrainSuppressed,
  reviewsOpened,
  rolloutAborted,
  rolloutCommanded,
  rolloutCompleted,
  rolloutHeld,
  rolloutPlanned,
  rolloutRequested,
  rolloutRolledBack,
  samplesAdmitted,
  trainingFailed,
  trainingStarted,
  trustRootPublished,
  windowAmended,
  windowClosed,
}
