import type { BucketRow } from '../entities.ts'

export interface BucketLimits {
  /** Tokens that come back per minute. */
  readonly perMinute: number
  /** Most tokens that there can be: how many may be taken at once after a pause. */
  readonly burst: number
}

/** The bucket after one token was taken; undefined when there is none. A bucket that is new is full. */
export function takeToken(
  bucket: BucketRow | undefined,
  now: Date,
  { perMinute, burst }: BucketLimits,
): BucketRow | undefined {
  // A clock that went back gives nothing and takes nothing.
  const minutes = bucket ? Math.max(0, now.getTime() - Date.parse(bucket.at)) / 60_000 : 0
  const tokens = bucket ? Math.min(burst, bucket.tokens + minutes * perMinute) : burst
  return tokens < 1 ? undefined : { tokens: tokens - 1, at: now.toISOString() }
}
