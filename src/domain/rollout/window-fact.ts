import type { MetricsBody } from '../../contracts/mqtt.ts'
import type { Fact, Sum } from './evidence.ts'
import type { Rollout } from './types.ts'

/**
 * What one window of one device says about a rollout: about the candidate where it answers or runs in the shadow,
 * else about what the candidate is compared with. Undefined for a window of some other model.
 */
export function windowFact(rollout: Rollout, hardware: string, body: MetricsBody): Fact | undefined {
  const candidate = rollout.releases[hardware]?.bundle.sha256
  const champion = rollout.before[hardware]?.bundle.sha256
  const { resets } = body
  if (body.shadow !== undefined && body.shadow.bundle === candidate) {
    const { compared, disagreed, errors, confidence, latency } = body.shadow
    const values = {
      latency: latencySum(latency),
      confidence: { n: compared, sum: confidence },
      disagreement: { n: compared, sum: disagreed * 10_000 },
    }
    return { kind: 'window', errors, resets, values }
  }
  if (body.bundle !== candidate && body.bundle !== champion) return undefined
  const { errors, confidence, inferences, latency } = body
  const values = { latency: latencySum(latency), confidence: { n: inferences, sum: confidence } }
  return { kind: 'window', errors, resets, values }
}

/** Sum of ln(µs) in thousandths, each time taken in the geometric middle of its bucket [2^(b/4), 2^((b+1)/4)). */
function latencySum(buckets: MetricsBody['latency']): Sum {
  let [n, sum] = [0, 0]
  for (const [bucket, count] of Object.entries(buckets)) {
    n += count
    sum += count * Math.round(1_000 * ((Number(bucket) + 0.5) / 4) * Math.LN2)
  }
  return { n, sum }
}
