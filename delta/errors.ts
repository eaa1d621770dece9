export type DeltaErrorCode =
  /** The base is not the one that the delta starts from. Fetch the full package. */
  | 'BASE_MISMATCH'
  /** The delta leads to another target than the one that was asked for. */
  | 'TARGET_MISMATCH'
  /** The bytes are no delta, are cut off or damaged, or do not give the target. Fetch the full package. */
  | 'DELTA_CORRUPT'
  /** More than the caller allows. */
  | 'DELTA_LIMIT'

/** Why a delta was not made or not applied. Nothing that came out before may be used. */
export class DeltaError extends Error {
  readonly code: DeltaErrorCode
  constructor(code: DeltaErrorCode, message: string) {
    super(`delta: ${message}`)
    this.name = 'DeltaError'
    this.code = code
  }
}

export const corrupt = (message: string): DeltaError => new DeltaError('DELTA_CORRUPT', message)
