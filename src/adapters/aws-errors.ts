import { EdgeloopError, type FailureCode } from '../domain/errors.ts'

const byName: Readonly<Record<string, FailureCode>> = {
  AccessDenied: 'FORBIDDEN',
  AccessDeniedException: 'FORBIDDEN',
  NoSuchKey: 'NOT_FOUND',
  NotFound: 'NOT_FOUND',
  ResourceNotFoundException: 'NOT_FOUND',
  NotFoundException: 'NOT_FOUND',
  ConditionalCheckFailedException: 'CONFLICT',
  ValidationException: 'ILLEGAL_STATE',
}

/** The one place that looks at SDK errors. `what` says what was being done, so that the message stands alone. */
export function translate(error: unknown, what: string): EdgeloopError {
  if (error instanceof EdgeloopError) return error
  const { name = 'Error', message = String(error) } = error as { name?: string; message?: string }
  return new EdgeloopError(byName[name] ?? 'DEPENDENCY', `${what}: ${name}: ${message}`, { cause: error })
}
/** Runs an SDK call, translating what it throws. */
export async function call<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw translate(error, what)
  }
}
/** A connection on which nothing moves is given up while there is time for another attempt; all in ms. */
export const clientDefaults = {
  maxAttempts: 4,
  requestHandler: { connectionTimeout: 1_000, socketTimeout: 5_000 },
} as const
