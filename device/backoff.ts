import type { Random } from './ports.ts'

/**
 * Full jitter: uniform in [0, min(cap, base · 2^attempt)), so that a fleet that was cut off together does not
 * come back together.
 */
export function fullJitter(random: Random, attempt: number, baseMs: number, capMs: number): number {
  return random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
}

/** Half fixed, half jitter, in [½, 1) of the step: for timeouts that must not be zero. */
export function halfJitter(random: Random, attempt: number, baseMs: number, capMs: number): number {
  return (0.5 + random() / 2) * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30))
}
