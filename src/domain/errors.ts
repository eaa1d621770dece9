/**
 * One family of errors with a closed set of codes, and one table that says what each means for the caller.
 * Adapters translate AWS's errors into these; handlers never look at an SDK error.
 */
export type FailureCode =
  | 'INPUT_INVALID'
  | 'CONFLICT'
  | 'NOT_FOUND'
  | 'GONE'
  | 'DEPENDENCY'
  | 'LIMIT'
  | 'ILLEGAL_STATE'
  | 'FORBIDDEN'

interface FailurePolicy {
  /** Will the same event, delivered again, have a chance? */
  readonly retry: boolean
  readonly http: number
}
export const failurePolicy: Readonly<Record<FailureCode, FailurePolicy>> = {
  INPUT_INVALID: { retry: false, http: 400 },
  CONFLICT: { retry: true, http: 409 },
  NOT_FOUND: { retry: false, http: 404 },
  GONE: { retry: false, http: 410 },
  DEPENDENCY: { retry: true, http: 503 },
  LIMIT: { retry: true, http: 429 },
  ILLEGAL_STATE: { retry: false, http: 409 },
  FORBIDDEN: { retry: false, http: 403 },
}

export class EdgeloopError extends Error {
  readonly code: FailureCode
  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'EdgeloopError'
    this.code = code
  }
}

/** Too much at once, of somebody who is told when there is room again. */
export class LimitError extends EdgeloopError {
  /** Seconds, at least 1. */
  readonly retryAfter: number
  constructor(message: string, retryAfter: number) {
    super('LIMIT', message)
    this.retryAfter = retryAfter
  }
}

/** Messages and fields say what a stranger wrote, and are kept and answered. */
const LONGEST_MESSAGE = 1_000
const LONGEST_FIELD = 200
/** At most so many UTF-16 units, without control characters and halves of surrogate pairs. */
export const clipped = (text: string, length: number): string =>
  (text.length <= length ? text : `${text.slice(0, length - 1)}…`).replace(/\p{Cc}/gu, ' ').toWellFormed()

/** A refused input: what was wrong, in which field, and what would be right. Recorded, never retried. */
export class InputError extends EdgeloopError {
  /** Stable reason for programs, such as `MISSING_COLUMN`. */
  readonly reason: string
  readonly field: string | undefined
  constructor(reason: string, message: string, field?: string) {
    super('INPUT_INVALID', clipped(message, LONGEST_MESSAGE))
    this.name = 'InputError'
    this.reason = reason
    this.field = field === undefined ? undefined : clipped(field, LONGEST_FIELD)
  }
}

export const isRetryable = (error: unknown): boolean =>
  error instanceof EdgeloopError ? failurePolicy[error.code].retry : true
