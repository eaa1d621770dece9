import { isRetryable } from '../domain/errors.ts'
import type { Log } from '../domain/ports.ts'
import { inChain } from './chain.ts'

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
    await inChain({ record: id(record) }, async () => {
      try {
        await run(record)
      } catch (error) {
        log.error('RECORD_FAILED', { retryable: isRetryable(error), error: String(error) })
        batchItemFailures.push({ itemIdentifier: id(record) })
      }
    })
  }
  return { batchItemFailures }
}

/**
 * What some records of a batch have in common is done once for all of them; when that fails, each of them goes back.
 * @param groups by a name for the log
 */
export async function eachGroup<G extends { readonly records: readonly string[] }>(
  groups: ReadonlyMap<string, G>,
  log: Log,
  run: (group: G) => Promise<void>,
): Promise<BatchResponse['batchItemFailures']> {
  const { batchItemFailures } = await eachRecord(
    [...groups],
    ([name]) => name,
    log,
    ([, group]) => run(group),
  )
  return batchItemFailures.flatMap(({ itemIdentifier }) =>
    (groups.get(itemIdentifier)?.records ?? []).map(record => ({ itemIdentifier: record })),
  )
}
