/**
 * Limits of a stage: requests beyond them are answered with 429. API Gateway's developer guide, “Throttle requests to
 * your HTTP APIs”. AWS calls them targets; here they hold exactly, for all routes of the stage together.
 */
import type { AwsError } from '../core/types.ts'
import { type Json, number, record } from '../events/read.ts'

export interface Throttle {
  /** Whether a request may pass; takes a token when it may. */
  take(): boolean
}

/**
 * Takes the properties of AWS::ApiGatewayV2::Stage; undefined without a limit. `now` in ms. Throws what `refuse` makes
 * of a reason.
 */
export function createThrottle(
  stage: Json,
  now: () => number,
  refuse: (reason: string) => AwsError,
): Throttle | undefined {
  if (Object.keys(record(stage['RouteSettings'])).length > 0)
    throw refuse('RouteSettings is not run by the local cloud; use DefaultRouteSettings')
  const settings = record(stage['DefaultRouteSettings'])
  const read = (name: string): number | undefined => {
    const given = settings[name]
    if (given === undefined) return undefined
    const value = number(given)
    if (value === undefined || value < 0)
      throw refuse(`DefaultRouteSettings.${name} must be a number of at least 0`)
    return value
  }
  const perSecond = read('ThrottlingRateLimit')
  const burst = read('ThrottlingBurstLimit') ?? perSecond
  if (perSecond === undefined || burst === undefined) return undefined
  let tokens = burst
  let at = now()
  return {
    take() {
      const time = now()
      // A clock that was set back gives nothing, and takes nothing away.
      tokens = Math.min(burst, tokens + (Math.max(0, time - at) / 1000) * perSecond)
      at = time
      if (tokens < 1) return false
      tokens -= 1
      return true
    },
  }
}
