import type { ModelConfig } from '../../contracts/model-config.ts'
import type { SamplingPolicy } from '../../contracts/sampling-policy.ts'
import { canonicalJson, sha256Hex } from '../training/plan.ts'

/** What of `sampling` in model.yaml devices are told; the fleet's budget is the cloud's affair. */
export const devicePolicy = ({ audit, hard, limits }: ModelConfig['sampling']): SamplingPolicy => ({
  audit,
  ...(hard ? { hard } : {}),
  ...(limits ? { limits } : {}),
})

/** SHA-256 of the canonical JSON; samples carry its first 16 digits. */
export const policyDigest = (policy: SamplingPolicy): string => sha256Hex(canonicalJson(policy))
