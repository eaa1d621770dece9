import { isRetryable } from '../domain/errors.ts'
import type { Log } from '../domain/ports.ts'

export interface BatchResponse {
  batchItemFailures: { itemIdentifier: string }[]
}

/**
 * Partial batch response: a record that fails goes back alone. `run` must refuse bad input by itself; what it
 * throws counts as a failure to try again, or, when no retry can help, goes on to the dead-letter queue the same way.
 */
export async function eachRecord<R>(
  records: readonly R[],
  id: (record: R) => string,
  log: Log,
  run: (record: R) => Promise<void>,
): Promise<BatchResponse> {
  const batchItemFailures: BatchResponse['batchItemFailures'] = []
  for (const record of records) {
    try {
      await run(record)
    } catch (error) {
      log.error('RECORD_FAILED', { record: id(record), retryable: isRetryable(error), error: String(error) })
      batchItemFailures.push({ itemIdentifier: id(record) })
    }
  }
  return { batchItemFailures }
}
