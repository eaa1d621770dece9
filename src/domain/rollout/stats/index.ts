/** Statistics of the rollout gates: stop at any time, promote at planned looks, and say beforehand what can be shown. */

export { type Boundary, stopBoundary, stopProbability } from './crossing.ts'
export { rateBounds, rateExceeds, rateVerdict } from './csm.ts'
export {
  type MeanPromotion,
  type MeanPromotionTest,
  meanNonInferior,
  promotionScores,
} from './mean-sequential.ts'
export type { Exceeds, Tally } from './mixture.ts'
export * from './moments.ts'
export { type Harm, type MeanTest, type MeanVerdict, MINIMUM_DEVICES, meanExceeds } from './msprt.ts'
export {
  devicesNeeded,
  fixedUpperBound,
  type PhaseShape,
  type ProofRow,
  phaseNeeded,
  phaseProof,
  phaseUpperBound,
  smallestDifferenceSeen,
  smallestRateStopped,
  smallestRatioSeen,
} from './proof.ts'
export * from './sequential.ts'
export { STOP_WEIGHTS, type StopMetric, splitAlpha } from './split.ts'
export { type ArmCounts, canaryShare, countExceeds } from './two-arm.ts'
